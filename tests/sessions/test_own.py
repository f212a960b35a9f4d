"""The example server's log as truth: its sessions, captured in every way."""

import gzip
import json
import random

import numpy as np
import pytest

import mmscodec
from examples.asf_file import AsfFile
from tests.capture import build, recut
from tests.peer.record import FOLDER, RECORDINGS
from tests.sessions.test_kinds import extracted, in_order, joined

STOP, START, STRIDE = 0x00030009, 0x00030007, 0x00030028
FILES = [AsfFile(FOLDER / "media" / name) for name in ("tiny.asf", "tiny3200.asf")]
SERVED = [[bytes(packet) for packet in file.packets] for file in FILES]


def log(name):
    with gzip.open(FOLDER / "truth" / f"{name}.jsonl.gz", "rt") as lines:
        return [json.loads(line) for line in lines]


def packets_of(name):
    return recut.read(FOLDER / f"{name}.pcap")


def opened(packets, path):
    path.write_bytes(build.pcap(recut.ethernet(packets)))
    return mmscodec.open(path)


def media_sent(entries):
    """Data packets of media in the log: their tags are above those of headers."""
    return [e for e in entries if e["kind"] == "data" and e["inc"] > 8 and e["loc"] < 0xF0F0F000
            and not (e["inc"] == 0xFF and e["af"] in (0x04, 0x0C) and e["loc"] < 3)]  # fmt: skip


@pytest.mark.parametrize("name", RECORDINGS)
def test_facts_are_those_of_the_log(name):
    entries = log(name)
    cap = mmscodec.open(FOLDER / f"{name}.pcap")
    said = [bytes.fromhex(e["hex"])[36:40][::-1].hex() for e in entries if e["kind"] == "tcpmsg"]
    mids = [int(mid, 16) for mid in said]
    lost = [e for e in entries if e["kind"] == "lost"]
    rows = cap.sessions
    assert rows["lost"].sum() == len(lost) - rows["resends_delivered"].sum()
    assert rows["strides"].sum() == mids.count(STRIDE)
    starts = max(mids.count(START) - mids.count(0x00040020), 0)  # a playlist starts each entry
    moves = rows["seeks"].sum() + rows["pauses"].sum()
    assert moves == max(starts - 1, 0)
    assert len(rows) == sum(e["kind"] == "connect" for e in entries)
    assert (rows["copies"] == 1).all()
    assert (rows["unread"] == 0).all()
    pushed = [e for e in entries if e["kind"] == "data" and e["inc"] == 0xFF]
    if not pushed:
        assert rows["media_packets"].sum() == len(media_sent(entries))


def nothing_invented(cap, tmp_path):
    for _, made, packets in extracted(cap, tmp_path):
        assert any(in_order(packets, file) for file in SERVED)
        assert not made.complete or packets in SERVED
    assert (cap.sessions["media_packets"] <= 40).all()


@pytest.mark.parametrize("part", [0.15, 0.4, 0.7])
@pytest.mark.parametrize("name", RECORDINGS)
def test_begun_in_the_middle_or_cut(name, part, tmp_path):
    packets = packets_of(name)
    at = int(len(packets) * part)
    for some in (packets[at:], packets[:at]):
        nothing_invented(opened(some, tmp_path / "part.pcap"), tmp_path)


@pytest.mark.parametrize("name", RECORDINGS)
def test_one_direction(name, tmp_path):
    for way in ("dst_port", "src_port"):
        some = [packet for packet in packets_of(name) if getattr(packet, way) == 1755]
        nothing_invented(opened(some, tmp_path / "one.pcap"), tmp_path)


@pytest.mark.parametrize("name", RECORDINGS)
def test_in_other_segments(name, tmp_path):
    whole = mmscodec.open(FOLDER / f"{name}.pcap")
    files = [packets for _, _, packets in extracted(whole, tmp_path)]
    columns = ("media_packets", "seeks", "pauses", "strides", "lost", "entries", "end_reason",
               "redirected_to", "partial", "lost_at_end", "played_out")  # fmt: skip
    for packets in (recut.split(packets_of(name), 11), joined(packets_of(name))):
        cap = opened(packets, tmp_path / "cut.pcap")
        for column in columns:
            assert np.array_equal(cap.sessions[column], whole.sessions[column]), column
        assert [packets for _, _, packets in extracted(cap, tmp_path)] == files


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", RECORDINGS)
def test_with_frames_lost(name, seed, tmp_path):
    chance = random.Random(f"{name} {seed}")
    some = [packet for packet in packets_of(name) if chance.random() > 0.04 + seed * 0.08]
    cap = opened(some, tmp_path / "lossy.pcap")
    for _, made, packets in extracted(cap, tmp_path):
        assert any(set(packets) <= set(file) for file in SERVED)
        assert not made.complete or packets in SERVED


@pytest.mark.parametrize("name", RECORDINGS)
def test_replayed(name, tmp_path):
    packets = packets_of(name)
    later = recut.retimed(packets, [packet.time + 90 * 10**9 for packet in packets])
    cap = opened(packets + later, tmp_path / "twice.pcap")
    whole = mmscodec.open(FOLDER / f"{name}.pcap")
    assert len(cap.sessions) == 2 * len(whole.sessions) or (cap.sessions["copies"] == 2).all()
    nothing_invented_twice = [packets for _, _, packets in extracted(cap, tmp_path)]
    files = [packets for _, _, packets in extracted(whole, tmp_path)]
    assert all(packets in files for packets in nothing_invented_twice)
