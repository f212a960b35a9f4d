"""The reassembly against an oracle written from the rules alone, over damaged connections."""

import random
from collections import Counter
from dataclasses import replace

import pytest

import mmscodec
from mmscodec.schema.faults import FaultCode
from tests.capture import build, tcp_play
from tests.capture.tcp_play import SYN, Connection
from tests.capture.test_checksums import frame
from tests.capture.test_tcp_play import Pipe
from tests.oracle.tcp import BAD, GOOD, SILENT, Direction

FORMS = ("plain", "option", "threads", "pipe", "unspooled")
HOW = {GOOD: "good", BAD: "hurt", SILENT: "offload"}


def copies(rng, s, plain, contradict):
    """(segment, checksum, delay) of the whole of a segment, or of parts, that come again."""
    for _ in range(rng.choice([0, 0, 1, 2])):
        first = rng.choice([0, rng.randrange(len(s.payload))])
        size = rng.choice([len(s.payload) - first, rng.randrange(1, len(s.payload) - first + 1)])
        part = s.payload[first : first + size]
        how = plain
        if rng.random() < contradict:
            part = bytes(b ^ 0x55 for b in part)
        elif plain == GOOD and not contradict and rng.random() < 0.3:
            how = BAD
        if len(part) > 1:  # one byte again is a keep-alive
            seq = (s.seq + first) % 2**32
            again = replace(s, seq=seq, payload=part, offset=s.offset + first)
            yield again, how, rng.choice([0.1, 0.3, 0.5, 2.2, 3.5])


def damaged(seed, contradict=0.0):
    """(segment, checksum) in order of the capture: losses, copies, disorder, other cuts, damage.

    Damaged copies before good ones and behind them, either or both of them waiting behind a hole.
    """
    rng = random.Random(seed)
    isn = tuple(rng.choice([rng.randrange(2**32), 2**32 - 900, 0]) for _ in range(2))
    c = Connection(rng, 0, isn, sizes=(300, 9000))
    begun = rng.random() < 0.7
    plain = SILENT if rng.random() < 0.2 else GOOD
    calm = -1 if begun else 20
    out = [(s, plain, i - 10.0) for i, s in enumerate(c.handshake())] if begun else []
    for i, s in enumerate(c.talk()):
        chance = rng.random()
        at = i + rng.choice([0, 0, 0, 1.5, 2.5]) * (i > calm)
        if s.payload and chance < 0.03 and i > calm:
            continue
        hurt = plain == GOOD and not contradict and chance > 0.8 and i > calm and len(s.payload) > 1
        out.append((s, rng.choice([BAD, GOOD]) if hurt else plain, at))
        if chance > 0.6 and i > calm and len(s.payload) > 1:
            more = copies(rng, s, plain, contradict)
            out += [(again, how, at + delay) for again, how, delay in more]
    out.sort(key=lambda item: item[2])
    return c, [(s, checksum) for s, checksum, _ in out]


def damaged_twice(segments):
    """Whether a byte came in two damaged copies: a segment is judged as a whole, not by bytes."""
    seen = Counter((s.down, i) for s, how in segments if how == BAD for i in range(s.offset, s.end))
    return max(seen.values(), default=0) > 1


def hurt_payload(s):
    """The bytes that `test_checksums.frame` puts where a segment is hurt."""
    at = len(s.payload) - len(s.payload) // 2 - 1
    return s.payload[:at] + bytes([s.payload[at] ^ 0x5A]) + s.payload[at + 1 :]


def oracle(c, segments):
    """{whether it is the server's: (stream, gaps, conflicts)}."""
    out = {}
    for down in (False, True):
        mine = [(s, how) for s, how in segments if s.down == down]
        if not mine:
            continue
        begun = any(s.flags & SYN for s, _ in mine)
        direction = Direction(0 if begun else None)
        for s, how in mine:
            if s.payload:
                payload = hurt_payload(s) if how == BAD else s.payload
                direction.segment(s.offset + 1, payload, how)
        out[down] = (*direction.result(), direction.conflicts)
    return out


def kernels(segments, form, rows=None):
    options = b"\1\1\1\1" if form == "option" else b""
    frames = [frame(s, HOW[how], options=options) for s, how in segments]
    items = [(tcp_play.START + i * 10**6, data) for i, data in enumerate(frames)]
    raw = build.pcap(items, magic=build.NANO)
    piped = form in ("pipe", "unspooled")
    chosen = {"protocols": None, "threads": 2 if form == "threads" else 1}
    capture = mmscodec.open(Pipe(raw) if piped else raw, spool=form != "unspooled", **chosen)
    if rows is not None:
        conflicts = {}
        said = 0
        for batch in capture.iter_batches(rows):
            for row in batch.flows:
                conflicts[bool(row["src_port"] == 1755)] = int(row["conflicts"])
            said += int((batch.faults["code"] == FaultCode.BAD_CHECKSUM).sum())
        return conflicts, said
    found = {}
    for row, (stream, gaps) in zip(capture.flows, tcp_play.found(capture), strict=True):
        found[bool(row["src_port"] == 1755)] = stream, gaps, int(row["conflicts"])
    return found


@pytest.mark.parametrize("seed", range(30))
def test_kernels_and_oracle_agree_however_the_capture_is_read(seed):
    c, segments = damaged(seed, contradict=0 if seed % 3 else 0.3)
    want = oracle(c, segments)
    twice = damaged_twice(segments)
    for form in FORMS:
        found = kernels(segments, form)
        if twice:
            found = {down: (*row[:2], want[down][2]) for down, row in found.items()}
        assert found == want, form
    for form in ("plain", "pipe", "unspooled") if not twice else ():
        conflicts, _ = kernels(segments, form, 10)
        assert conflicts == {down: n for down, (_, _, n) in want.items()}, form


def test_nothing_is_lost_invented_or_unsaid():
    """Figures over many connections: every byte that was captured comes out, the rest is a gap."""
    captured = lost = invented = unsaid = believed = gaps = 0
    for seed in range(100, 140):
        c, segments = damaged(seed)
        for down, (stream, holes, _) in kernels(segments, "plain").items():
            mine = [s for s, _ in segments if s.down == down and s.payload]
            if not mine:
                continue
            begun = any(s.flags & SYN for s, _ in segments if s.down == down)
            base = 0 if begun else min(s.offset for s in mine)
            there = set().union(*(range(s.offset, s.end) for s in mine))
            missing = {base + i for at, size in holes for i in range(at, at + size)}
            captured += len(there)
            lost += len(there & missing)
            gaps += len(missing)
            for i, value in enumerate(stream, base):
                if i in missing:
                    continue
                unsaid += i not in there
                right = any(how != BAD and s.offset <= i < s.end for s, how in segments
                            if s.down == down)  # fmt: skip
                believed += right and value != c.streams[down][i]
                invented += value != c.streams[down][i] and i in there and not any(
                    s.offset <= i < s.end and hurt_payload(s)[i - s.offset] == value for s in mine
                )  # fmt: skip
    assert captured > 100_000
    assert gaps > 1000
    assert (lost, invented, unsaid, believed) == (0, 0, 0, 0)
