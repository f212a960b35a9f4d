"""What a stream or a datagram on any port is: by its first bytes, or by a chain of Data packets."""

import pytest

import mmscodec
from mmscodec import mms
from tests.capture import frames as f
from tests.capture.test_not_understood import capture_of, connection
from tests.mms.streams import data

PING = mms.encode("LinkMacToViewerPing")
SYN, ACK = 2, 16


def up(payload, seq, flags=ACK):
    return f.ethernet(f.ipv4(f.tcp(payload, seq=seq, flags=flags, src_port=2000, dst_port=5000)))


def found(frames, **options):
    with mmscodec.open(capture_of(frames), **options) as capture:
        return len(capture.messages), len(capture.data), len(capture.flows)


@pytest.mark.parametrize("first", range(1, 17))
@pytest.mark.parametrize("wrong", [None, 5, 13])
def test_the_first_header_of_a_stream_may_come_in_two_segments(first, wrong):
    stream = bytearray(PING)
    if wrong is not None:
        stream[wrong] ^= 1  # the session's number, or the seal
    parts = [bytes(stream[:first]), bytes(stream[first:])]
    frames = [up(b"", 99, SYN), up(parts[0], 100), up(parts[1], 100 + first)]
    messages, _, flows = found(frames)
    assert (messages, flows) == ((1, 1) if wrong is None else (0, 0))


def chain(places, tags=None, size=300):
    tags = tags or [4] * len(places)
    return b"".join(
        data(place, tag, i, bytes([i + 1]) * size)
        for i, (place, tag) in enumerate(zip(places, tags, strict=True))
    )


CHAINS = {
    "ascends": (range(500, 512), None, True),
    "by steps of 64": (range(500, 500 + 12 * 64, 64), None, True),
    "by steps of 65": (range(500, 500 + 12 * 65, 65), None, False),
    "turns": ([500, 501] * 3, None, False),
    "stands": ([500] * 6, None, False),
    "other incarnations": (range(500, 506), [4, 5, 6, 7, 8, 9], False),
    "no incarnation": (range(500, 506), [0] * 6, False),
    "falls": (range(512, 500, -1), None, True),
    "three": (range(500, 503), None, True),
    "two": (range(500, 502), None, False),
}


@pytest.mark.parametrize("kind", CHAINS)
def test_a_stream_begun_in_the_middle_is_known_by_a_chain(kind):
    places, tags, known = CHAINS[kind]
    stream = chain(list(places), tags)
    for size in (len(stream), 308, 500):
        frames = [up(stream[at : at + size], 1 + at) for at in range(0, len(stream), size)]
        _, rows, flows = found(frames)
        assert (rows > 0) == (flows > 0) == known, size


def down(payload, port=7000):
    packet = f.udp(payload, src_port=1764, dst_port=port)
    return f.ethernet(f.ipv4(packet, protocol=17, src=f.SERVER, dst=f.CLIENT))


LIVE = 1 << 30
DATAGRAMS = {
    "live": ([LIVE, LIVE + 1, LIVE + 3, LIVE + 4], 4, True),
    "one overtakes": ([LIVE, LIVE + 2, LIVE + 1, LIVE + 3], 4, True),
    "three": ([LIVE, LIVE + 1, LIVE + 2], 0, False),
    "too far": ([LIVE, LIVE + 1, LIVE + 66, LIVE + 67], 0, False),
    "too far back": ([LIVE, LIVE + 1, LIVE - 64, LIVE - 63], 0, False),
    "as far as may be": ([LIVE, LIVE + 64, LIVE, LIVE + 64], 4, True),
    "the same": ([LIVE] * 5, 0, False),
    "of a file": ([7, 8, 9], 3, True),
}


@pytest.mark.parametrize("kind", DATAGRAMS)
def test_datagrams_that_nobody_announced_are_known_by_a_chain(kind):
    places, rows, known = DATAGRAMS[kind]
    frames = [down(data(place, 4, i, bytes(200))) for i, place in enumerate(places)]
    assert found(frames) == (0, rows, int(known))


def test_a_flow_of_datagrams_that_was_set_aside_is_asked_again_when_a_port_is_announced():
    junk = [down(b"nothing that is known", 7000)] * 3
    control = connection(
        mms.encode("LinkViewerToMacConnectFunnel", funnel_name=r"\\192.0.2.10\UDP\7001"), b""
    )
    media = [down(data(i, 4, 0, bytes(300)), 7001) for i in range(2)]
    assert found([*junk, *control, *junk, *media, *junk])[:2] == (1, 2)
