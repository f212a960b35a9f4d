"""The reassembly against an oracle written from the rules alone, over damaged connections."""

import random
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


def damaged(seed):
    """(segment, checksum) in order of the capture: losses, copies, disorder, other cuts, damage."""
    rng = random.Random(seed)
    isn = tuple(rng.choice([rng.randrange(2**32), 2**32 - 900, 0]) for _ in range(2))
    c = Connection(rng, 0, isn, sizes=(300, 9000))
    begun = rng.random() < 0.7
    offload = rng.random() < 0.4
    # segments that wait behind a hole are not judged by their checksums: hurt ones come in order
    hurting = not offload and rng.random() < 0.5
    plain = SILENT if offload else GOOD
    out = [(s, plain, i - 10.0) for i, s in enumerate(c.handshake())] if begun else []
    for i, s in enumerate(c.talk()):
        chance = rng.random()
        at = i + rng.choice([0, 0, 0, 1.5, 2.5]) * (i > 20 and not hurting)
        if s.payload and chance < 0.03 and i > 20 and not hurting:
            continue
        if len(s.payload) > 1 and chance < 0.10 and i > 20 and hurting:
            out.append((s, BAD, i))  # hurt on the way, the right one comes at once
            out.append((s, plain, i + 0.25))
            continue
        out.append((s, plain, at))
        if s.payload and chance > 0.80 and i > 20:
            first = rng.randrange(len(s.payload))
            size = rng.randrange(1, len(s.payload) - first + 1)
            part = s.payload[first : first + size]
            if chance > 0.92 and len(part) > 1:
                part = bytes(b ^ 0x55 for b in part)
            seq = (s.seq + first) % 2**32
            again = replace(s, seq=seq, payload=part, offset=s.offset + first)
            out.append((again, plain, at + rng.choice([0.5, 3.5])))
    out.sort(key=lambda item: item[2])
    return c, [(s, checksum) for s, checksum, _ in out]


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


@pytest.mark.parametrize("seed", range(40))
def test_kernels_and_oracle_agree_however_the_capture_is_read(seed):
    c, segments = damaged(seed)
    want = oracle(c, segments)
    for form in FORMS:
        assert kernels(segments, form) == want, form
    for form in ("plain", "pipe", "unspooled"):
        conflicts, _ = kernels(segments, form, 10)
        assert conflicts == {down: n for down, (_, _, n) in want.items()}, form


def test_nothing_is_lost_invented_or_unsaid():
    """Figures over many connections: every byte that was captured comes out, the rest is a gap."""
    captured = lost = invented = unsaid = gaps = 0
    for seed in range(100, 160):
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
                invented += value != c.streams[down][i] and i in there and not any(
                    s.offset <= i < s.end and s.payload[i - s.offset] == value for s in mine
                )  # fmt: skip
    assert captured > 100_000
    assert gaps > 1000
    assert (lost, invented, unsaid) == (0, 0, 0)
