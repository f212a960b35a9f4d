"""Rows of MMS whose bytes were damaged on the way: those of the good copy, where there is one."""

import random
from dataclasses import replace

import pytest

import mmscodec
from mmscodec import mms
from mmscodec.schema.faults import FaultCode
from tests.capture import build, tcp_play
from tests.capture import frames as f
from tests.capture.tcp_play import ACK, Connection, Segment
from tests.capture.test_checksums import frame, signed
from tests.capture.test_tcp_play import Pipe
from tests.mms.streams import data, server_stream

FORMS = {
    "plain": {},
    "threads": {"threads": 2},
    "pipe": {},
    "all flows": {"protocols": None},
}
TABLES = ("packets", "messages", "data", "gaps")


def play(rng):
    """A connection of MMS, its segments, and where packets begin in the server's stream."""
    c = Connection(rng, 0, (5, 2**32 - 999))
    units = server_stream(rng, 30, varying=rng.random() < 0.5)
    client = mms.encode("LinkViewerToMacConnect", subscriber_name="NSPlayer/9.0")
    c.streams = client, b"".join(units)
    out = [*c.handshake(), c.segment(False, len(client))]
    while c.sent[1] < len(c.streams[1]):
        out.append(c.segment(True, rng.choice([1460, 1460, rng.randrange(40, 1460)])))
        if rng.random() < 0.3:
            out.append(c.segment(False, 0))
    return c, out, [sum(map(len, units[:i])) for i in range(len(units))]


def damaged(s, spots, how):
    """The frame of a segment with other bytes at some stream offsets, and the right checksum."""
    good = frame(s)
    if how == "good":
        return good
    at = len(good) - len(s.payload)
    out = bytearray(good)
    for bit, spot in enumerate(spots):  # a bit each, so that no two cancel in the checksum
        if s.offset <= spot < s.end:
            out[at + spot - s.offset] ^= 1 << bit
    return bytes(out)


def captures(seed):
    """(with damage, the same without it, damaged segments) as pcap files."""
    rng = random.Random(seed)
    _, segments, begins = play(rng)
    # the header of a packet, its lengths, or any byte
    spots = [rng.choice(begins) + rng.choice([3, 5, 6, 7, 9, 34, 40]) for _ in range(4)]
    spots += [rng.randrange(segments[-1].end) for _ in range(3)]
    hurt, good, late, count = [], [], [], 0
    for s in segments:
        bad = s.down and any(s.offset <= spot < s.end for spot in spots)
        hurt.append(damaged(s, spots, "hurt" if bad else "good"))
        good.append(frame(s))
        count += bad
        if bad:
            parts = [s]
            if rng.random() < 0.4:  # cut anew, or together with what stood in front of it
                cut = rng.randrange(1, len(s.payload))
                first = replace(s, payload=s.payload[:cut])
                second = replace(s, seq=(s.seq + cut) % 2**32, payload=s.payload[cut:],
                                 offset=s.offset + cut)  # fmt: skip
                parts = [first, second]
            late += [(len(hurt) + rng.randrange(6), frame(part)) for part in parts]
        for due, again in [item for item in late if item[0] <= len(hurt)]:
            late.remove((due, again))
            hurt.append(again)
            good.append(again)
    for _, again in late:
        hurt.append(again)
        good.append(again)
    pcaps = (
        build.pcap([(tcp_play.START + i * 10**6, raw) for i, raw in enumerate(frames)])
        for frames in (hurt, good)
    )
    return *pcaps, count


def rows(raw, form):
    what = Pipe(raw) if form == "pipe" else raw
    with mmscodec.open(what, **FORMS[form]) as cap:
        told = cap.faults[cap.faults["code"] == FaultCode.BAD_CHECKSUM]
        others = cap.faults[cap.faults["code"] != FaultCode.BAD_CHECKSUM]
        tables = {name: getattr(cap, name).tolist() for name in TABLES}
        tables["faults"] = others.tolist()
        tables["fields"] = cap["LinkMacToViewerReportStartedPlaying"].tolist()
        flows = cap.flows.copy()
        flows["faults"] = 0
        tables["flows"] = flows.tolist()
        streams = [bytes(cap.stream(flow)) for flow in range(len(cap.flows))]
        payloads = [bytes(cap.payload(i)) for i in range(len(cap.data))]
        return tables, streams, payloads, len(told)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(12))
def test_rows_are_those_of_the_good_copies(seed, form):
    hurt, good, count = captures(seed)
    *found, told = rows(hurt, form)
    *want, none = rows(good, form)
    assert none == 0
    assert told >= count > 0
    assert found == want


def test_where_nothing_was_decoded_the_capture_is_not_read_twice():
    """Damage inside of a payload: every row is right as it is."""
    rng = random.Random(1)
    c = Connection(rng, 0, (5, 77))
    units = [data(i, 9, i, rng.randbytes(1000)) for i in range(20)]
    c.streams = b"", mms.encode("LinkMacToViewerPing") + b"".join(units)
    out = c.handshake()
    while c.sent[1] < len(c.streams[1]):
        out.append(c.segment(True, 500))
    s = next(s for s in out if s.down and s.offset > 5000)
    spot = next(i for i in range(s.offset, s.end) if (i - 40) % 1008 > 100)
    frames = [frame(x) for x in out]
    at = out.index(s)
    frames[at] = damaged(s, [spot], "hurt")
    frames.insert(at + 3, frame(s))
    raw = build.pcap([(tcp_play.START + i * 10**6, raw) for i, raw in enumerate(frames)])
    seen = []
    with mmscodec.open(raw, progress=seen.append) as cap:
        assert len(cap.data) == 20
        assert bytes(cap.stream(0)) == c.streams[1]
        assert cap.counts["records"] == len(frames)
        assert cap.faults["code"].tolist() == [FaultCode.BAD_CHECKSUM]


@pytest.mark.parametrize("form", ["whole", "batches"])
@pytest.mark.parametrize("seed", range(6))
def test_bytes_that_detection_holds_are_judged_too(seed, form):
    """A stream begun in the middle on a port that says nothing, of which nothing is kept."""
    rng = random.Random(seed)
    stream = b"".join(data(i, 9, i, rng.randbytes(700)) for i in range(40))[300:]
    c = Connection(rng, 0, (5, 77))
    out = []
    for at in range(0, len(stream), 500):
        seq = (c.isn[1] + 1 + at) % 2**32
        out.append(Segment(True, seq, 6, ACK, stream[at : at + 500], 0, at))

    def moved(s, spots=()):  # to other ports
        inner = bytearray(damaged(s, spots, "hurt")[34:])
        inner[0:2] = (4000).to_bytes(2, "big")
        plain = bytearray(frame(s)[34:])
        plain[0:2] = (4000).to_bytes(2, "big")
        right = signed(bytes(plain), f.SERVER, f.CLIENT)
        head = frame(s)[:34]
        return head + bytes(inner[:16]) + right[16:18] + bytes(inner[18:])

    frames = []
    for i, s in enumerate(out):
        late = rng.random() < 0.5 and i
        if late:  # the right one first
            frames += [moved(s), moved(s, [s.offset + 100])]
        elif rng.random() < 0.5 and i:
            frames += [moved(s, [s.offset + 100]), moved(s)]
        else:
            frames.append(moved(s))
    raw = build.pcap([(tcp_play.START + i * 10**6, raw) for i, raw in enumerate(frames)])
    with mmscodec.open(Pipe(raw), spool=False) as cap:
        parts = list(cap.iter_batches(1)) if form == "batches" else [cap]
        assert sum(len(part.data) for part in parts) >= 38
        assert not any(part.flows["conflicts"].any() for part in parts)
        codes = [code for part in parts for code in part.faults["code"].tolist()]
        assert FaultCode.OVERLAP_CONFLICT not in codes
        assert FaultCode.BAD_CHECKSUM in codes
        assert cap.counts["damaged"] > 0
        if form == "whole":
            assert bytes(cap.stream(0)) == stream
