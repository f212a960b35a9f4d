"""Files that overlap in time: one capture, record by record, as mergecap puts them together."""

import gzip
import os
import random
import resource
import shutil
import subprocess

import numpy as np
import pytest

import mmscodec
from mmscodec import capture
from mmscodec.capture._engine import Engine
from mmscodec.capture._merge import Merge
from mmscodec.capture.source import open_sources
from tests.capture import build, recut, truth

TABLES = ("flows", "packets", "messages", "data", "faults", "gaps")
NAMES = truth.NAMES
FEW = ["vlc_udp.pcap", "libmms_seek.pcap", "ffmpeg_ipv6.pcapng"]


def later(packets):
    """Packets with times of their own, so that their order is a matter of fact."""
    start = packets[0].time // 1000 * 1000
    return recut.retimed(packets, [start + i * 1000 for i in range(len(packets))])


def frames_of(name):
    return recut.ethernet(later(recut.read(truth.FOLDER / name)))


def by_direction(frames, packets):
    hosts = sorted({p.src for p in packets})
    return [[f for f, p in zip(frames, packets) if p.src == host] for host in hosts]


def parts_of(kind, name):
    frames = frames_of(name)
    if kind == "direction":
        return by_direction(frames, recut.read(truth.FOLDER / name))
    if kind == "shuffled":
        rng = random.Random(5)
        parts = [[] for _ in range(7)]
        for frame in frames:
            rng.choice(parts).append(frame)
        return parts
    if kind == "one inside":
        third = len(frames) // 3
        return [frames[:third] + frames[-third:], frames[third:-third]]
    count = int(kind)
    return [frames[i::count] for i in range(count)]


WRITERS = {
    "pcap": lambda part: build.pcap(part, magic=build.NANO),
    "pcapng": lambda part: build.pcapng(part),
    "gzip": lambda part: gzip.compress(build.pcap(part, magic=build.NANO)),
}


def as_files(folder, parts, writers):
    for i, part in enumerate(parts):
        (folder / f"{i:04}.cap").write_bytes(WRITERS[writers[i % len(writers)]](part))
    return folder


def agree(found, whole):
    for name in TABLES:
        assert np.array_equal(np.asarray(getattr(found, name)), np.asarray(getattr(whole, name)))
    for i in range(0, len(whole.data), 9):
        assert found.payload(i) == whole.payload(i)
    for flow in range(len(whole.flows)):
        assert found.stream(flow) == whole.stream(flow)


@pytest.mark.parametrize("kind", ["2", "3", "40", "direction", "shuffled", "one inside"])
@pytest.mark.parametrize("name", NAMES)
def test_tables_are_those_of_the_whole(tmp_path, name, kind):
    whole = mmscodec.open(build.pcap(frames_of(name), magic=build.NANO))
    with mmscodec.open(as_files(tmp_path, parts_of(kind, name), ["pcap"])) as found:
        agree(found, whole)
        c2s, s2c, data = truth.found(found)
    want = truth.log(name)
    assert (c2s, s2c, sorted(data)) == (want[0], want[1], sorted(want[2]))


@pytest.mark.parametrize("options", [{}, {"spool": True, "threads": 2}, {"threads": 2}])
@pytest.mark.parametrize(
    "writers", [["pcapng"], ["gzip"], ["pcap", "gzip", "pcapng"]], ids="-".join
)
@pytest.mark.parametrize("name", FEW)
def test_mapped_and_streamed_files_of_both_formats(tmp_path, name, writers, options):
    whole = mmscodec.open(build.pcap(frames_of(name), magic=build.NANO))
    with mmscodec.open(as_files(tmp_path, parts_of("shuffled", name), writers), **options) as found:
        agree(found, whole)


@pytest.mark.parametrize("name", FEW)
def test_rows_of_batches_and_of_streams_without_a_spool(tmp_path, name):
    whole = mmscodec.open(build.pcap(frames_of(name), magic=build.NANO))
    place = as_files(tmp_path, parts_of("3", name), ["gzip", "pcap"])
    rows, payload = [], []
    with mmscodec.open(place, spool=False) as found:
        for batch in found.iter_batches(rows=100):
            rows += batch.data[["offset", "location_id", "time"]].tolist()
            payload += [bytes(batch.payload(i)) for i in range(len(batch.data))]
    assert rows == whole.data[["offset", "location_id", "time"]].tolist()
    assert payload == [bytes(whole.payload(i)) for i in range(len(whole.data))]


def test_links_may_differ_from_file_to_file(tmp_path):
    packets = later(recut.read(truth.FOLDER / "vlc_udp.pcap"))
    whole = mmscodec.open(build.pcap(recut.ethernet(packets), magic=build.NANO))
    names = []
    for i, link in enumerate(("raw", "ppp", "cooked2")):
        number, wrap = recut.LINKS[link]
        part = [(p.time, wrap(p.datagram)) for p in packets[i::3]]
        names.append(tmp_path / f"{link}.pcap")
        names[-1].write_bytes(build.pcap(part, linktype=number, magic=build.NANO))
    with mmscodec.open(names) as found:
        agree(found, whole)
        found.write_pcap(tmp_path / "out.pcapng")
    with mmscodec.open(tmp_path / "out.pcapng") as again:
        agree(again, whole)


def merged(parts):
    """What mergecap does, by hand."""
    heads = [list(part) for part in parts]
    while any(heads):
        first = min((head[0][0], i) for i, head in enumerate(heads) if head)[1]
        yield heads[first].pop(0)


@pytest.mark.parametrize("seed", range(20))
def test_disorder_within_a_file_stays(tmp_path, seed):
    rng = random.Random(seed)
    times = [rng.randrange(60) * 1000 for _ in range(300)]
    if seed % 2:
        times.sort()
    frames = [(time, bytes([i & 255, i >> 8]) * 30) for i, time in enumerate(times)]
    parts = [[] for _ in range(rng.choice([2, 3, 9]))]
    for frame in frames:
        rng.choice(parts).append(frame)
    parts.sort(key=lambda part: part[0][0])
    with open_sources(as_files(tmp_path, parts, ["pcap", "gzip"])) as sources:
        got = [
            (int(row["time"]), sources.view(int(row["position"]), int(row["caplen"])).tobytes())
            for row in Merge(sources).rows()
        ]
    assert got == list(merged(parts))


@pytest.mark.skipif(shutil.which("mergecap") is None, reason="mergecap is not installed")
def test_mergecap_gives_the_same_order(tmp_path):
    rng = random.Random(3)
    parts = [
        [(rng.randrange(10**6) * 1000, rng.randbytes(60)) for _ in range(200)] for _ in range(5)
    ]
    for part in parts:
        part[50:] = sorted(part[50:])
    parts.sort(key=lambda part: part[0][0])
    names = [str(tmp_path / f"{i}.pcap") for i in range(5)]
    for name, part in zip(names, parts):
        with open(name, "wb") as file:
            file.write(build.pcap(part))
    out = tmp_path / "merged"
    # it does not survive a preloaded sanitizer
    env = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    subprocess.run(["mergecap", "-F", "pcap", "-w", out, *names], check=True, env=env, timeout=300)
    ours, theirs = capture.records(names).rows, capture.records(out).rows
    assert ours["time"].tolist() == theirs["time"].tolist()


def test_interfaces_and_comments_of_merged_files(tmp_path):
    frames = build.frames(6)
    for i, resolution in ((0, 6), (1, 9)):
        scale = 1000 if i == 0 else 1
        body = build.section() + build.interface(tsresol=resolution)
        for frame in frames[i::2]:
            note = build.option(1, f"{frame[0]}".encode())
            body += build.enhanced(frame, ticks=frame[0] // scale, options=note)
        (tmp_path / f"{i}.pcapng").write_bytes(body)
    found = capture.records(tmp_path)
    assert found.rows["time"].tolist() == [time for time, _ in frames]
    assert [item["tsresol"] for item in found.interfaces] == [6, 9]
    assert found.rows["interface"].tolist() == [0, 1] * 3
    texts = sorted((row, text) for row, _, _, text in found.comments)
    assert texts == [(i, f"{time}") for i, (time, _) in enumerate(frames)]


def test_faults_of_every_file_are_reported(tmp_path):
    frames = build.frames(40)
    for i in range(4):
        raw = build.pcap(frames[i::4])
        (tmp_path / f"{i}.pcap").write_bytes(raw[:-7] if i in (1, 3) else raw)
    found = capture.records(tmp_path)
    assert len(found) == 38
    assert len(found.faults) == 2
    with mmscodec.open(tmp_path) as cap:
        assert [fault["code"] for fault in cap.faults] == [128, 128]
        assert cap.counts["records"] == 38


def test_hundreds_of_streams_at_a_time_are_bounded_and_reported(tmp_path):
    count = 150
    frames = build.frames(count * 4)
    for i in range(count):
        (tmp_path / f"{i:03}.pcap.gz").write_bytes(gzip.compress(build.pcap(frames[i::count])))
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(200, hard), hard))
    try:
        found = capture.records(tmp_path)
        with mmscodec.open(tmp_path, protocols=None) as cap:
            assert cap.counts["records"] == len(frames)
            late = cap.faults[cap.faults["code"] == 132]
            assert any("files overlap" in line for line in cap.faults.text())
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert sorted(found.rows["time"].tolist()) == [time for time, _ in frames]
    assert 0 < len(late) <= count - 64


def test_thousands_of_mapped_files_at_a_time(tmp_path):
    count = 1500
    frames = build.frames(count * 2)
    for i in range(count):
        (tmp_path / f"{i:04}.pcap").write_bytes(build.pcap(frames[i::count]))
    found = capture.records(tmp_path)
    assert found.rows["time"].tolist() == [time for time, _ in frames]


def test_files_without_records_are_no_hindrance(tmp_path):
    frames = build.frames(10)
    parts = [[], frames[::2], [], frames[1::2]]
    found = capture.records(as_files(tmp_path, parts, ["pcap"]))
    assert found.rows["time"].tolist() == [time for time, _ in frames]


def test_open_file_objects_are_merged(tmp_path):
    frames = build.frames(10)
    place = as_files(tmp_path, [frames[::2], frames[1::2]], ["pcap"])
    with open(place / "0000.cap", "rb") as one, open(place / "0001.cap", "rb") as two:
        found = capture.records([two, one])
    assert found.rows["time"].tolist() == [time for time, _ in frames]


def test_pipes_follow_each_other_as_given():
    frames = build.frames(10)
    streams = [Stream(build.pcap(frames[1::2])), Stream(build.pcap(frames[::2]))]
    found = capture.records(streams)
    assert found.rows["time"].tolist() == [time for time, _ in frames[1::2] + frames[::2]]


class Stream:
    def __init__(self, data):
        self.data = data

    def read(self, size):
        out, self.data = self.data[:size], self.data[size:]
        return out


def test_files_beyond_those_that_stay_mapped(tmp_path):
    parts = parts_of("3", "libmms_seek.pcap") + parts_of("40", "vlc_udp.pcap")
    place = as_files(tmp_path, parts, ["pcap", "gzip", "pcap"])
    with open_sources(place) as sources:
        tables = []
        for limit in (1 << 15, 2, 0):
            engine = Engine()
            engine.run(Merge(sources, max_stable=limit))
            engine.finish()
            blocks = engine.drain()
            tables.append(
                {name: bytes(blocks[name]) for name in ("messages", "data", "control", "extents")}
            )
    assert len(tables[0]["data"]) > 0
    assert tables[0] == tables[1] == tables[2]
