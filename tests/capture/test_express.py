"""The express lane gives the rows that the long way gives.

The same segments are captured twice: as they are, and in IPv4 packets with an option, which the
express lane does not take. Everything but the place of the bytes must be equal.
"""

import random

import numpy as np
import pytest

import mmscodec
from tests.capture import build
from tests.capture.frames import CLIENT, SERVER, ethernet, ipv4, tcp
from tests.mms.streams import data, server_stream

TABLES = ("packets", "messages", "data", "faults", "gaps")
NOP = b"\x01\x01\x01\x00"
ACK, SYN, FIN, RST = 0x10, 0x02, 0x01, 0x04


def stream_of(rng):
    """A server's bytes: packets of one size for a while, then of others, some with damage."""
    units = server_stream(rng, 30, varying=rng.random() < 0.3, fake=rng.random() < 0.3)
    size = rng.choice([40, 100, 1440, 1448, 3000])
    first = rng.randrange(1000)
    units += [data(first + i, 9, i, rng.randbytes(size)) for i in range(60)]
    if rng.random() < 0.4:
        units.insert(rng.randrange(40, len(units)), rng.randbytes(rng.randrange(1, 900)))
    if rng.random() < 0.4:
        del units[rng.randrange(40, len(units))]
    return b"".join(units)


def cut(rng, stream):
    """(offset, bytes): in segments of one size, of the size of the packets, or of any."""
    way = rng.choice(["one", "any", "packets"])
    size = rng.choice([48, 108, 536, 1448, 1456, 4344])
    at = 0
    while at < len(stream):
        if way == "any":
            size = rng.randrange(1, 3000)
        elif way == "packets" and at > len(stream) // 2:
            size = int.from_bytes(stream[at + 6 : at + 8], "little") or 1
        yield at, stream[at : at + size]
        at += size


def mishaps(rng, segments):
    """Some lost, some late, some twice, some of the packets without payload in between."""
    out = []
    for at, payload in segments:
        chance = rng.random()
        if chance < 0.02:
            continue
        out.append((at, payload, ACK))
        if chance > 0.98:
            out.append((at, payload, ACK))
        elif chance > 0.96:
            out.append((at + len(payload), b"", ACK))
        if chance > 0.95 and len(out) > 2:
            out.insert(-2, out.pop())
    return out


def conversation(rng, number):
    """Segments of one connection in order of time: (from the server, seq, ack, flags, payload)."""
    stream = stream_of(rng)
    if rng.random() < 0.3:
        stream = stream[: -rng.randrange(1, 60)]
    segments = list(cut(rng, stream))
    if rng.random() < 0.7:
        segments = mishaps(rng, segments)
    else:
        segments = [(at, payload, ACK) for at, payload in segments]
    start = rng.choice([0, 1000, 0xFFFFF000])
    out = []
    if rng.random() < 0.7:
        out += [(False, 6999, 0, SYN, b""), (True, (start - 1) & 0xFFFFFFFF, 7000, SYN | ACK, b"")]
    for i, (at, payload, flags) in enumerate(segments):
        seq = (start + at) & 0xFFFFFFFF
        out.append((True, seq, 7000, flags, payload))
        if i % 3 == 0:
            out.append((False, 7000, (seq + len(payload)) & 0xFFFFFFFF, ACK, b""))
    end = (start + len(stream)) & 0xFFFFFFFF
    ending = rng.choice(["fin", "rst", "nothing"])
    if ending != "nothing":
        out.append((True, end, 7000, ACK | (FIN if ending == "fin" else RST), b""))
    return [(number, *segment) for segment in out]


def interleaved(rng, lists):
    """One list of all, each in its own order, in runs."""
    lists = [list(reversed(items)) for items in lists]
    out = []
    while lists:
        items = rng.choice(lists)
        out += [items.pop() for _ in range(min(rng.randrange(1, 12), len(items)))]
        lists = [items for items in lists if items]
    return out


def frames(segments, options):
    for i, (number, down, seq, ack, flags, payload) in enumerate(segments):
        ends = {"src_port": 1755, "dst_port": 2000 + number}
        hosts = {"src": SERVER, "dst": CLIENT}
        if not down:
            ends = {"src_port": 2000 + number, "dst_port": 1755}
            hosts = {"src": CLIENT, "dst": SERVER}
        segment = tcp(payload, seq=seq, ack=ack, flags=flags, **ends)
        frame = ethernet(ipv4(segment, options=options, **hosts))
        yield 1_700_000_000 * 10**9 + i * 1000, frame


def capture(segments, options, **how):
    raw = build.pcap(list(frames(segments, options)), magic=build.NANO)
    return mmscodec.open(raw, **how)


def same(one, other):
    for name in TABLES:
        a, b = np.asarray(getattr(one, name)), np.asarray(getattr(other, name))
        assert len(a) == len(b), name
        for field in a.dtype.names:
            np.testing.assert_array_equal(a[field], b[field], f"{name}.{field}")
    np.testing.assert_array_equal(one.flows, other.flows)
    for flow in range(len(one.flows)):
        assert one.stream(flow) == other.stream(flow)


@pytest.mark.parametrize("seed", range(60))
def test_both_ways_give_the_same_rows(seed):
    rng = random.Random(seed)
    count = rng.choice([1, 2, 5])
    segments = interleaved(rng, [conversation(rng, i) for i in range(count)])
    short, long = capture(segments, b""), capture(segments, NOP)
    same(short, long)
    assert len(short.data) > 10


@pytest.mark.parametrize("seed", range(60, 70))
def test_with_two_threads_too(seed):
    rng = random.Random(seed)
    segments = interleaved(rng, [conversation(rng, i) for i in range(4)])
    same(capture(segments, b"", threads=2), capture(segments, NOP, threads=1))


def test_ports_used_again_leave_the_express_lane():
    """The second connection with the same addresses and ports has rows of its own."""
    rng = random.Random(7)
    media = b"".join(data(i, 4, i, bytes(92)) for i in range(50))
    media = server_stream(rng, 0)[0] + media
    pieces = [(at, media[at : at + 100]) for at in range(0, len(media), 100)]
    rows = []
    for turn, first in enumerate((100, 900_000)):
        rows += [(0, True, first - 1, 0, SYN, b"")]
        rows += [(0, True, first + at, 0, ACK, payload) for at, payload in pieces]
        rows += [(0, True, first + len(media), 0, FIN | ACK, b"")] if turn == 0 else []
    found = capture(rows, b"")
    assert len(found.flows) == 2
    assert found.data["flow"].tolist() == [0] * 50 + [1] * 50
    same(found, capture(rows, NOP))


def test_batches_of_a_live_capture():
    """Tables that start anew in the middle of packets lose nothing."""
    rng = random.Random(3)
    segments = interleaved(rng, [conversation(rng, i) for i in range(3)])
    whole = capture(segments, b"")
    parts = [np.asarray(part.data) for part in capture(segments, b"").iter_batches(rows=40)]
    assert len(parts) > 3
    np.testing.assert_array_equal(np.concatenate(parts), whole.data)
