"""Captures begun in the middle of a connection on any port, and no port is a proof of MMS."""

import random

import pytest

import mmscodec
from mmscodec import mms
from tests.capture import build, tcp_play
from tests.capture import frames as f
from tests.mms import sessions
from tests.mms.test_framing import HOSTILE

WAYS = ("forward", "rewind", "thinned", "live", "pushed", "seeks", "unannounced")


def capture_of(stream, port, sizes, seq=5000, gaps=()):
    """The server's direction alone, without a SYN, in segments of these sizes."""
    items, at = [], 0
    while at < len(stream):
        part = stream[at : at + next(sizes)]
        inner = f.tcp(part, src_port=port, dst_port=1024, seq=(seq + at) % 2**32)
        if at not in gaps:
            items.append(f.ethernet(f.ipv4(inner, src=f.SERVER, dst=f.CLIENT)))
        at += len(part)
    return build.pcap([(tcp_play.START + i * 10**6, item) for i, item in enumerate(items)])


def of_size(size):
    while True:
        yield size


def anything(rng):
    while True:
        yield rng.randrange(1, 1461)


def rows_of(raw):
    with mmscodec.open(raw, protocols=["mms"]) as capture:
        names = ["offset", "length", "location_id", "play_incarnation"]
        return [row.item() for row in capture.data[names]], capture.messages["mid"].tolist()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(6))
def test_another_port_gives_the_rows_that_the_port_of_mms_gives(seed, way):
    rng = random.Random(f"{seed} {way}")
    whole = b"".join(unit.data for unit in sessions.server(seed, way, count=60))
    lost = total = 0
    for _ in range(6):
        stream = whole[rng.randrange(len(whole) * 3 // 4) :]
        sizes = rng.randrange(1 << 30)
        here, there = (
            rows_of(capture_of(stream, port, anything(random.Random(sizes))))
            for port in (1755, 9999)
        )
        assert set(there[0]) <= set(here[0])
        lost += len(here[0]) - len(there[0])
        total += len(here[0])
    assert total > 30
    assert lost <= total // 50


def foreign(kind, rng):
    if kind == "random":
        return rng.randbytes(90_000)
    if kind == "zeros":
        return bytes(90_000)
    if kind == "counting":
        return b"".join(i.to_bytes(4, "little") for i in range(22_000))
    if kind == "utf-16":
        return "".join(chr(rng.randrange(32, 127)) for _ in range(45_000)).encode("utf-16-le")
    if kind == "records":  # lengths that lead from one to the next, as in many formats
        return b"".join(
            rng.randbytes(6) + (len(body) + 8).to_bytes(2, "little") + body
            for body in (rng.randbytes(rng.randrange(10, 900)) for _ in range(200))
        )
    return b"GET /%d HTTP/1.1\r\nHost: example.net\r\n\r\n" * 2000 % tuple(range(2000))


@pytest.mark.parametrize("kind", ["random", "zeros", "counting", "utf-16", "records", "http"])
@pytest.mark.parametrize("seed", range(5))
def test_other_protocols_are_no_media(kind, seed):
    rng = random.Random(f"{kind} {seed}")
    raw = capture_of(foreign(kind, rng), 8080, anything(rng))
    assert rows_of(raw) == ([], [])


@pytest.mark.parametrize("port", [1755, 9999])
@pytest.mark.parametrize("size", [1400, 48])
@pytest.mark.parametrize("kind", HOSTILE)
def test_captures_look_at_a_constant_times_their_bytes(kind, size, port):
    stream = HOSTILE[kind]()[: 400 * size]
    with mmscodec.open(capture_of(stream, port, of_size(size))) as capture:
        len(capture.data)
        assert capture._engine._examined <= 160 * len(stream)


@pytest.mark.parametrize("size", [1400, 48])
@pytest.mark.parametrize("kind", HOSTILE)
def test_decoders_look_at_a_constant_times_their_bytes(kind, size):
    stream = HOSTILE[kind]()[: 400 * size]
    decoders = mms.Decoders()
    one = decoders.open()
    for at in range(0, len(stream), size):
        decoders.feed([one], [stream[at : at + size]])
    assert decoders._examined <= 80 * len(stream)


def test_what_a_detection_lets_go_is_not_looked_at_again():
    """Bytes in which every place might begin something, in ever smaller segments."""
    stream = b"\1\0\0\0\xce\xfa\x0b\xb0" * 8000
    for size in (1460, 100, 7):
        with mmscodec.open(capture_of(stream[: 4000 * size], 9999, of_size(size))) as capture:
            len(capture.data)
            assert capture._engine._examined <= 160 * len(stream)
