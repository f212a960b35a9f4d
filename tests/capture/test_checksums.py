"""Copies of a segment that differ: the checksum says which is right, where it says anything."""

import random
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path

import pytest

import mmscodec
from mmscodec import mms
from mmscodec.schema.faults import FaultCode
from tests.capture import build, tcp_play
from tests.capture import frames as f
from tests.capture.tcp_play import Connection
from tests.capture.test_tcp_play import Pipe

CASES = Path(__file__).parents[1] / "captures" / "cases"
FORMS = (
    "whole",
    "threads",
    "pipe",
    "unspooled",
    "batches",
    "batches of a pipe",
    "unspooled batches",
)


def ones(data):
    """The sum of 16-bit words of RFC 1071."""
    data += bytes(len(data) % 2)
    total = sum(int.from_bytes(data[i : i + 2], "big") for i in range(0, len(data), 2))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def signed(inner, src, dst, how="good"):
    """A TCP segment with its checksum: right, wrong, that of an offloading card, or none."""
    pseudo = ip_address(src).packed + ip_address(dst).packed
    pseudo += (b"\0\6" + f.be16(len(inner)) if len(pseudo) == 8
               else f.be32(len(inner)) + b"\0\0\0\6")  # fmt: skip
    inner = inner[:16] + b"\0\0" + inner[18:]
    value = {"good": 0xFFFF - ones(pseudo + inner), "offload": ones(pseudo), "none": 0}
    return inner[:16] + f.be16(value.get(how, 0xBAD0)) + inner[18:]


def connection(rng, isn, sizes):
    """A connection whose server begins in MMS, so that it is known from its first segment on."""
    c = Connection(rng, 0, isn, sizes=sizes)
    ping = mms.encode("LinkMacToViewerPing")
    c.streams = c.streams[0], ping + c.streams[1]
    return c, [*c.handshake(), c.segment(True, len(ping))]


def frame(s, how="good", six=False, options=b""):
    """The frame of a segment; `how` "hurt": its checksum is that of other bytes."""
    ports = (1755, 1024) if s.down else (1024, 1755)
    client, server = (f.CLIENT6, f.SERVER6) if six else (f.CLIENT, f.SERVER)
    src, dst = (server, client) if s.down else (client, server)
    inner = f.tcp(s.payload, src_port=ports[0], dst_port=ports[1], seq=s.seq, ack=s.ack,
                  flags=s.flags, options=options)  # fmt: skip
    if how == "hurt":
        inner = signed(inner, src, dst)
        at = len(inner) - len(s.payload) // 2 - 1
        inner = inner[:at] + bytes([inner[at] ^ 0x5A]) + inner[at + 1 :]
    else:
        inner = signed(inner, src, dst, how)
    return f.ethernet(f.ip(inner, src=src, dst=dst))


def streams(raw, form):
    """(server's bytes, conflicts, codes of faults) as one form of reading has them."""
    options = {"protocols": None, "threads": 2 if form == "threads" else 1}
    piped = "pipe" in form or "unspooled" in form
    what = Pipe(raw) if piped else raw
    with mmscodec.open(what, spool="unspooled" not in form, **options) as capture:
        if "batches" not in form:
            number = capture.flows["flow"][capture.flows["src_port"] == 1755][0]
            told = capture.faults["code"][capture.faults["code"] >= FaultCode.GAP]
            return bytes(capture.stream(number)), capture.flows["conflicts"].sum(), told.tolist()
        parts, conflicts, told = {}, {}, []
        batches = list(capture.iter_batches(20))
        for batch in batches:
            conflicts |= dict(zip(batch.flows["flow"].tolist(), batch.flows["conflicts"].tolist()))
            told += batch.faults["code"][batch.faults["code"] >= FaultCode.GAP].tolist()
            for row in batch.flows[batch.flows["src_port"] == 1755]:
                first, length = batch._span(int(row["flow"]))
                if length:
                    parts[first] = bytes(batch.stream(int(row["flow"])))
        whole = bytearray(max(at + len(part) for at, part in parts.items()))
        for at, part in parts.items():
            whole[at : at + len(part)] = part
        return bytes(whole), sum(conflicts.values()), told


@pytest.mark.parametrize("six", [False, True])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("seed", range(4))
def test_the_copy_with_the_right_checksum_is_kept(seed, form, six):
    """Segments hurt on the way, and sent again: later, or before the hurt copy comes."""
    rng = random.Random(seed)
    c, begin = connection(rng, (5, 2**32 - 999), (100, 30_000))
    options = b"\x01\x01\x08\x0a" + bytes(8) if seed % 2 else b""
    out = [frame(s, six=six) for s in begin]
    mended = 0
    late = []
    while c.sent[1] < len(c.streams[1]):
        s = c.segment(True, rng.randrange(20, 400))
        chance = rng.random()
        good, hurt = frame(s, six=six, options=options), frame(s, "hurt", six, options)
        first, second = (hurt, good) if chance < 0.2 else (good, hurt)
        out.append(first)
        mended += chance < 0.2
        if chance < 0.4:
            late.append((len(out) + rng.randrange(1, 8), second))
        for due, again in [item for item in late if item[0] <= len(out)]:
            late.remove((due, again))
            out.append(again)
    out += [again for _, again in late]
    raw = build.pcap([(tcp_play.START + i * 10**6, data) for i, data in enumerate(out)])
    found, conflicts, told = streams(raw, form)
    assert found == c.streams[1]
    assert conflicts == 0
    assert told == [FaultCode.BAD_CHECKSUM] * mended
    assert mended > 3


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("how", ["offload", "none", "wrong"])
def test_a_side_whose_checksums_are_all_wrong_is_read_as_ever(form, how):
    """The first copy is kept, and the others are conflicts, whatever their checksums are."""
    rng = random.Random(how)
    c, begin = connection(rng, (5, 77), (100, 9000))
    out = [frame(s, how) for s in begin]
    other = 0
    while c.sent[1] < len(c.streams[1]):
        s = c.segment(True, 250)
        out.append(frame(s, how))
        if rng.random() < 0.3:
            out.append(frame(replace(s, payload=bytes(b ^ 1 for b in s.payload)), how))
            other += len(s.payload)
    raw = build.pcap([(tcp_play.START + i * 10**6, data) for i, data in enumerate(out)])
    found, conflicts, told = streams(raw, form)
    assert found == c.streams[1]
    assert conflicts == other > 0
    assert set(told) == {FaultCode.OVERLAP_CONFLICT}


def test_two_right_copies_that_differ_are_a_conflict():
    c = Connection(random.Random(1), 0, (5, 77), sizes=(0, 300))
    s = c.segment(True, 300)
    other = replace(s, payload=bytes(300))
    out = [frame(t) for t in [*c.handshake(), s, other]]
    raw = build.pcap([(tcp_play.START + i * 10**6, data) for i, data in enumerate(out)])
    assert streams(raw, "whole")[0] == c.streams[1]
    assert streams(raw, "whole")[2] == [FaultCode.OVERLAP_CONFLICT]


def test_case_of_a_bad_checksum_then_a_good_one(tmp_path):
    with mmscodec.open(CASES / "bad-checksum-then-good.pcap") as capture:
        assert capture.flows["conflicts"].tolist() == [0, 0]
        assert [code for code in capture.faults["code"] if code >= FaultCode.GAP] == [
            FaultCode.BAD_CHECKSUM
        ]
        capture.write_asf(0, tmp_path / "mended.asf")
    with mmscodec.open(CASES / "vlan-tag-one-way.pcap", ignore_vlan=True) as capture:
        capture.write_asf(0, tmp_path / "sound.asf")
    assert (tmp_path / "mended.asf").read_bytes() == (tmp_path / "sound.asf").read_bytes()


@pytest.mark.parametrize("waiting", [True, False])
@pytest.mark.parametrize("form", ["whole", "unspooled"])
def test_work_for_copies_that_differ_is_bounded_by_the_bytes_that_come(form, waiting):
    """Of long segments two bytes come again and again, and differ each time."""
    rng = random.Random(3)
    c, out = connection(rng, (5, 77), (100, 400_000))
    lost = c.segment(True, 10)
    frames = [frame(s) for s in ([*out] if waiting else [*out, lost])]
    long = [c.segment(True, 60_000) for _ in range(6)]
    for s in long:  # all of it is damaged, where parts can be put right
        whole = frame(s)
        size = len(s.payload)
        frames.append(whole[:-size] + rng.randbytes(size) if waiting else whole)
    for i in range(3000):
        s = long[i % 6]
        first = 10 + 4 * (i // 6)
        part = s.payload[first : first + 2] if waiting else rng.randbytes(2)
        again = replace(s, seq=(s.seq + first) % 2**32, payload=part)
        frames.append(frame(again))
    raw = build.pcap([(tcp_play.START + i * 10**6, data) for i, data in enumerate(frames)])
    what = Pipe(raw) if form == "unspooled" else raw
    with mmscodec.open(what, spool=form != "unspooled", protocols=None) as capture:
        conflicts = int(capture.flows["conflicts"].sum())
        assert conflicts > 0 or (waiting and form == "whole")
        assert capture._engine._examined <= (16 << 20) + 2 * 60_000 + 160 * len(raw)
