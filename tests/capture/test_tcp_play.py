"""Connections of every kind, generated: what comes out is what went in.

Each kind has many members (seeds): orders of close and handshake, initial sequence numbers that are
far, near, or wrap, copies that were renumbered, lengths that lie. The bytes are random, so a byte
says where it belongs; see `tcp_play.expected`.
"""

import random
from dataclasses import replace

import pytest

import mmscodec
from mmscodec.schema.faults import FaultCode
from tests.capture import build, tcp_play
from tests.capture.tcp_play import ACK, FIN, SYN, Connection, Segment

SEEDS = range(25)
FORMS = ("plain", "option", "threads", "pipe", "unspooled")


def opened(segments, form="plain", **options):
    # an IPv4 option keeps a frame off the fast path
    ip = {"options": b"\x01\x01\x01\x00"} if form == "option" else {}
    raw = build.pcap(tcp_play.timed(segments, **ip), magic=build.NANO)
    options |= {"protocols": None}
    if form == "threads":
        options["threads"] = 2
    elif form == "pipe":
        return mmscodec.open(Pipe(raw), **options)
    elif form == "unspooled":
        return mmscodec.open(Pipe(raw), spool=False, **options)
    return mmscodec.open(raw, **options)


class Pipe:
    """Bytes that can only be read in order, in pieces of different sizes."""

    def __init__(self, data):
        self.data, self.at, self.rng = data, 0, random.Random(len(data))

    def read(self, size):
        start = self.at
        self.at += min(size, self.rng.choice([1, 100, 5000, 50_000]))
        return self.data[start : self.at]


def agrees(segments, want=None):
    want = tcp_play.expected(segments) if want is None else want
    for form in FORMS:
        assert tcp_play.found(opened(segments, form)) == want, form
    return want


def other_isn(rng, isn, how):
    """A later initial sequence number: anywhere, near, or across the wrap."""
    if how == "near":
        return (isn + rng.choice([-1, 1]) * rng.randrange(10_000, 60 << 20)) % 2**32
    if how == "close above":
        return (isn + rng.randrange(8_000, 70_000)) % 2**32
    if how == "wrap":
        return 2**32 - rng.randrange(1, 3000)
    return (isn + rng.randrange(1 << 30, 3 << 30)) % 2**32


def isns(rng):
    return tuple(rng.choice([rng.randrange(2**32), 2**32 - 500, 0]) for _ in range(2))


@pytest.mark.parametrize("how", ["far", "near", "close above", "wrap"])
@pytest.mark.parametrize("seed", SEEDS)
def test_ports_used_again_with_a_handshake(seed, how):
    rng = random.Random(f"{seed} {how}")
    segments, isn = [], isns(rng)
    for number in range(3):
        c = Connection(rng, number, isn)
        segments += c.handshake() + c.talk() + c.close(rng.choice(["fin", "rst", "none"]))
        isn = tuple(other_isn(rng, n, how) for n in isn)
    assert len(agrees(segments)) == 6


@pytest.mark.parametrize("lost", ["syn", "syn-ack"])
@pytest.mark.parametrize("how", ["far", "near"])
@pytest.mark.parametrize("seed", SEEDS)
def test_ports_used_again_with_half_a_handshake(seed, how, lost):
    rng = random.Random(f"{seed} {how} {lost}")
    segments, isn = [], isns(rng)
    for number in range(3):
        c = Connection(rng, number, isn)
        hand = c.handshake()
        del hand[0 if lost == "syn" else 1]
        segments += hand + c.talk() + c.close(rng.choice(["fin", "rst", "none"]))
        isn = tuple(other_isn(rng, n, how) for n in isn)
    assert len(agrees(segments)) == 6


@pytest.mark.parametrize("seed", SEEDS)
def test_ports_used_again_after_a_close_without_a_handshake(seed):
    rng = random.Random(seed)
    segments, isn = [], isns(rng)
    for number in range(3):
        c = Connection(rng, number, isn)
        segments += (c.handshake() if rng.random() < 0.5 else []) + c.talk() + c.close("fin")
        isn = tuple(other_isn(rng, n, "far") for n in isn)
    assert len(agrees(segments)) == 6


@pytest.mark.parametrize("begun", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_syn_of_a_connection_late(seed, begun):
    rng = random.Random(f"{seed} {begun}")
    c = Connection(rng, 0, isns(rng))
    hand = c.handshake()
    segments = (hand if begun else []) + c.talk()
    for _ in range(rng.randrange(1, 3)):
        segments.insert(rng.randrange(len(segments) // 2, len(segments)), rng.choice(hand[:2]))
    segments += c.close(rng.choice(["fin", "rst"]))
    for _ in range(rng.randrange(1, 4)):
        segments.append(rng.choice(hand))
    segments.append(c.segment(rng.random() < 0.5, 0))
    segments.append(rng.choice(segments[-6:]))
    want = tcp_play.expected(segments)
    assert len(want) == 2
    agrees(segments, want)


@pytest.mark.parametrize("both", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_one_connection_in_two_copies_with_other_numbers(seed, both):
    """A firewall gave one direction, or both, other sequence numbers; both sides were captured."""
    rng = random.Random(f"{seed} {both}")
    c = Connection(rng, 0, isns(rng))
    shift = [rng.randrange(1 << 28, 15 << 28) if both else 0, rng.randrange(1 << 28, 15 << 28)]
    segments = []
    for i, s in enumerate(c.handshake() + c.talk() + c.close(rng.choice(["fin", "none"]))):
        s = replace(s, at=i)
        segments.append(s)
        if i < 3:
            continue  # the handshake was captured on one side alone
        lag = rng.choice([0.5, 1.5, 3.5, 9.5])
        seq, ack = (s.seq + shift[s.down]) % 2**32, (s.ack + shift[not s.down]) % 2**32
        segments.append(replace(s, at=i + lag, seq=seq, ack=ack))
    segments.sort(key=lambda s: s.at)
    want = agrees(segments)
    assert len(want) == 2
    assert opened(segments).flows["gaps"].tolist() == [0, 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_cut_copies_and_whole_ones(seed):
    """Some segments came without their payload, or with a part of it, and once more whole."""
    rng = random.Random(seed)
    c = Connection(rng, 0, isns(rng))
    segments = []
    for i, s in enumerate(c.handshake() + c.talk() + c.close(rng.choice(["fin", "none"]))):
        s = replace(s, at=i)
        segments.append(s)
        if s.payload and rng.random() < 0.4:
            have = rng.choice([0, rng.randrange(len(s.payload))])
            cut = replace(s, payload=s.payload[:have], wire=len(s.payload))
            segments.append(replace(cut, at=i + rng.choice([-0.25, 0.5, 2.5])))
    segments.sort(key=lambda s: s.at)
    want = agrees(segments)
    assert not any(gaps for _, gaps in want)


@pytest.mark.parametrize("seed", SEEDS)
def test_lengths_beyond_the_frame_on_anything(seed):
    """Segments that claim more than they had, whatever it is; the bytes come with others."""
    rng = random.Random(seed)
    c = Connection(rng, 0, isns(rng), sizes=(400, 2500))
    segments = []
    for s in c.handshake() + c.talk():
        if rng.random() < 0.2 and not (s.flags & (SYN | FIN) and s.payload):
            s = replace(s, wire=len(s.payload) + rng.choice([1, 40, 4108]))
        segments.append(s)
    want = [(c.streams[0], []), (c.streams[1], [])]
    parts = {s.down: s for s in segments if s.payload}
    assert len(parts) == 2
    # what a claim of the last segment says is not in the file, and nothing stands behind it
    agrees(segments, want)


@pytest.mark.parametrize("snap", [0, 20, 200])
@pytest.mark.parametrize("seed", range(8))
def test_a_snapshot_length_leaves_the_gaps_that_it_made(seed, snap):
    rng = random.Random(f"{seed} {snap}")
    c = Connection(rng, 0, isns(rng))
    segments = [
        replace(s, payload=s.payload[:snap], wire=len(s.payload))
        for s in c.handshake() + c.talk() + c.close("fin")
    ]
    out = []
    for down in (False, True):
        stream, gaps = bytearray(c.streams[down]), []
        for s in segments:
            if s.down == down and s.wire > len(s.payload):
                stream[s.end : s.offset + s.wire] = bytes(s.wire - len(s.payload))
                if gaps and sum(gaps[-1]) == s.end:
                    gaps[-1] = gaps[-1][0], gaps[-1][1] + s.wire - len(s.payload)
                else:
                    gaps.append((s.end, s.wire - len(s.payload)))
        out.append((bytes(stream), gaps))
    agrees(segments, out)


@pytest.mark.parametrize("acked", [True, False])
@pytest.mark.parametrize("seed", SEEDS)
def test_jumps_of_a_stream_are_gaps(seed, acked):
    """More is missing than any window holds; the other side has it, or the stream goes on there."""
    rng = random.Random(f"{seed} {acked}")
    isn = isns(rng)
    at, segments, pieces, gaps = 0, [], [], []
    segments += Connection(rng, 0, isn).handshake()
    for _ in range(4):
        if pieces:
            jump = rng.randrange(65 << 20, 900 << 20)
            gaps.append((at, jump))
            at += jump
        for _ in range(1 if acked and rng.random() < 0.5 else 3):
            payload = rng.randbytes(rng.randrange(20, 200))
            seq, ack = (isn[1] + 1 + at) % 2**32, (isn[0] + 1) % 2**32
            segments.append(Segment(True, seq, ack, ACK, payload))
            pieces.append((at, payload))
            at += len(payload)
            if acked:
                upto = rng.choice([0, len(payload)])
                segments.append(Segment(False, ack, (seq + upto) % 2**32, ACK))
    for form in FORMS:
        cap = opened(segments, form)
        flow = cap.flows["src_port"].tolist().index(1755)
        mine = cap.gaps[cap.gaps["flow"] == flow]
        assert list(zip(mine["offset"].tolist(), mine["length"].tolist())) == gaps, form
        for offset, payload in pieces:
            assert bytes(cap.read(flow, offset, len(payload))) == payload


@pytest.mark.parametrize("seed", SEEDS)
def test_a_start_below_the_first_segment(seed):
    """A capture that begins in the middle of a burst whose first bytes come again."""
    rng = random.Random(seed)
    c = Connection(rng, 0, isns(rng), sizes=(100, 3000))
    c.sent = [50, 1000]
    late = c.segment(True, rng.randrange(20, 300))
    burst = [c.segment(True, rng.randrange(1, 100)) for _ in range(rng.randrange(5, 14))]
    want = late.seq
    wish = Segment(False, c.seq(False, 50), want, ACK, b"", 0, 50)
    place = rng.randrange(min(len(burst), 7))  # before eight segments are there
    segments = [*burst[:place], wish, *burst[place:], late, c.segment(True, 500)]
    sides = tcp_play.expected(segments)
    agrees(segments, sides)


@pytest.mark.parametrize("seed", SEEDS)
def test_losses_copies_and_disorder_of_two_connections_in_turn(seed):
    rng = random.Random(seed)
    segments, isn = [], isns(rng)
    for number in range(2):
        c = Connection(rng, number, isn)
        talk = []
        for i, s in enumerate(c.talk()):
            chance = rng.random()
            if s.payload and chance < 0.05 and i > 12:
                continue
            talk.append(replace(s, at=i + (rng.choice([1.5, 2.5]) if chance > 0.9 else 0)))
            if chance > 0.85:
                talk.append(replace(s, at=i + 3.5))
        talk.sort(key=lambda s: s.at)
        segments += c.handshake() + talk + c.close("fin")
        isn = tuple(other_isn(rng, n, rng.choice(["far", "near"])) for n in isn)
    agrees(segments)


def conflicts_of(segments, form, rows=None):
    """Differing bytes, and rows that say so, of each flow; of the batches together."""
    cap = opened(segments, form)
    if rows is None:
        code = FaultCode.OVERLAP_CONFLICT
        said = [(f["flow"], f["offset"], f["have"]) for f in cap.faults if f["code"] == code]
        return dict(zip(cap.flows["flow"].tolist(), cap.flows["conflicts"].tolist())), sorted(said)
    last, said = {}, []
    for batch in cap.iter_batches(rows):
        last |= dict(zip(batch.flows["flow"].tolist(), batch.flows["conflicts"].tolist()))
        found = batch.faults[batch.faults["code"] == FaultCode.OVERLAP_CONFLICT]
        said += [(f["flow"], f["offset"], f["have"]) for f in found]
    assert cap.counts["uncompared"] == 0
    return last, sorted(said)


@pytest.mark.parametrize("size", [300, 1400])
@pytest.mark.parametrize("seed", range(4))
def test_copies_that_differ_are_found_however_the_capture_is_read(seed, size):
    """The same rows and sums, whole and in batches of any size, and as many as were made."""
    rng = random.Random(f"{seed} {size}")
    segments, made = [], 0
    for number in range(2):
        c = Connection(rng, number, isns(rng), sizes=(100, 60_000))
        segments += c.handshake()
        recent = []
        while c.sent[1] < len(c.streams[1]):
            segments.append(c.segment(True, rng.randrange(2, size)))
            recent.append(segments[-1])
            if rng.random() < 0.3:
                old = rng.choice(recent[-60:])
                if len(old.payload) > 1:
                    bad = rng.randrange(1, len(old.payload))
                    other = bytes(b ^ 1 for b in old.payload[:bad]) + old.payload[bad:]
                    segments.append(replace(old, payload=other))
                    made += bad
        segments += c.close("fin")
    plain = conflicts_of(segments, "plain")
    assert sum(plain[0].values()) == made > 1000
    for form in FORMS:
        assert conflicts_of(segments, form) == plain, form
        if form != "threads":
            for rows in (1, 10, 100, 10_000):
                assert conflicts_of(segments, form, rows) == plain, (form, rows)


def test_what_is_not_compared_is_counted():
    """Copies of what is farther back than extents are kept are not compared, and counted."""
    c = Connection(random.Random(3), 0, (1, 2), sizes=(0, 100_000))
    first = [c.segment(True, 500) for _ in range(200)]
    cap = opened([*c.handshake(), *first, first[0], first[199]])
    assert cap.counts["uncompared"] == 500


def test_memory_for_comparison_has_a_ceiling_and_what_it_costs_is_counted():
    rng = random.Random(5)
    c = Connection(rng, 0, (1, 2), sizes=(0, 400_000))
    segments = c.handshake()
    for i in range(270):
        segments.append(c.segment(True, 1400))
        if i % 10 == 9:
            old = segments[-8]
            segments.append(replace(old, payload=bytes(len(old.payload))))
    for limit, lost in ((256 << 20, False), (64 << 10, True)):
        cap = opened(segments, "unspooled", max_held=limit)
        for _ in cap.iter_batches(1):
            pass
        assert (cap.counts["uncompared"] > 0) == lost
