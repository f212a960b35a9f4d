import gzip
import importlib
import io
import os
import socket
import sys
import tempfile
import threading
import zlib
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from mmscodec.capture import compression, discovery, mapped
from mmscodec.capture import source as source_module
from mmscodec.capture._map import Map
from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.discovery import natural
from mmscodec.capture.source import open_sources
from mmscodec.errors import CaptureError, MissingExtraError
from mmscodec.schema.faults import FaultCode
from tests.capture import build

FRAMES = build.frames(50, size=300)
PCAP = build.pcap(FRAMES)
CONTENT = b"".join(data for _, data in FRAMES)
POSIX = pytest.mark.skipif(os.name != "posix", reason="needs pipes and sockets with descriptors")
MODES = pytest.mark.parametrize("spool", [True, False], ids=["spool", "stream"])


def read(sources):
    """Rows of all sources, and the names of their faults."""
    rows, faults = [], []
    for source in sources:
        walker = RecordReader(source)
        rows.append(walker.rows())
        faults += [FaultCode(code).name for code in walker.faults["code"].tolist()]
        walker.close()
    return np.concatenate(rows) if rows else np.empty(0), faults


def content(sources, rows):
    return sources.gather(rows["position"], rows["caplen"]).tobytes()


@pytest.fixture
def trace(tmp_path):
    path = tmp_path / "trace.pcap"
    path.write_bytes(PCAP)
    return path


def check(spec, **options):
    with open_sources(spec, **options) as sources:
        rows, faults = read(sources)
        assert rows["time"].tolist() == [time for time, _ in FRAMES]
        assert faults == []
        if sources[0].addressable:
            assert content(sources, rows) == CONTENT
        return sources


def test_a_file_is_mapped_and_not_copied(trace):
    for spec in (str(trace), trace, os.fsencode(trace).decode()):
        with open_sources(spec) as sources:
            rows, _ = read(sources)
            view = sources.view(int(rows["position"][3]), 20)
            assert view == FRAMES[3][1][:20]
            assert isinstance(view.obj, Map)
        assert bytes(view) == FRAMES[3][1][:20]  # still good after close


@MODES
def test_a_file_may_be_read_unmapped(trace, spool):
    check(trace, spool=spool, mapped=False)


@MODES
@pytest.mark.parametrize("kind", build.COMPRESSORS)
def test_compression_is_told_by_content(tmp_path, kind, spool):
    path = tmp_path / "misleading.txt"
    path.write_bytes(build.COMPRESSORS[kind](PCAP))
    check(path, spool=spool)


@MODES
@pytest.mark.parametrize("kind", build.COMPRESSORS)
def test_compressed_members_follow_each_other(tmp_path, kind, spool):
    path = tmp_path / "members"
    half = len(PCAP) // 2
    pack = build.COMPRESSORS[kind]
    first, second = pack(PCAP[:half]), pack(PCAP[half:])
    path.write_bytes(first + second)
    check(path, spool=spool)


@pytest.mark.parametrize("kind", ["gzip", "xz"])
def test_zeros_behind_compressed_data_do_no_harm(kind):
    check(build.COMPRESSORS[kind](PCAP) + bytes(512))


@pytest.mark.parametrize("kind", build.COMPRESSORS)
def test_garbage_behind_compressed_data_is_reported(kind):
    with open_sources(build.COMPRESSORS[kind](PCAP) + b"garbage, and some more") as sources:
        rows, faults = read(sources)
        assert len(rows) == len(FRAMES)
        assert faults == ["BAD_COMPRESSION"]


@MODES
@pytest.mark.parametrize("kind", build.COMPRESSORS)
def test_truncated_compressed_data_gives_what_was_good_and_a_fault(kind, spool):
    rng = np.random.default_rng(1)
    items = [(10**18 + i * 1000, rng.bytes(1000)) for i in range(400)]
    packed = build.COMPRESSORS[kind](build.pcap(items))
    for share in (0.5, 0.999):
        with open_sources(packed[: int(len(packed) * share)], spool=spool) as sources:
            rows, faults = read(sources)
            assert rows["time"].tolist() == [time for time, _ in items[: len(rows)]]
            assert "FILE_TRUNCATED" in faults
            if kind != "bz2":  # which gives nothing of an unfinished block
                assert len(rows) > 400 * share * 0.6


@MODES
@pytest.mark.parametrize("kind", build.COMPRESSORS)
def test_corrupt_compressed_data_gives_what_was_good_and_a_fault(kind, spool):
    rng = np.random.default_rng(1)
    items = [(10**18 + i * 1000, rng.bytes(1000)) for i in range(3000)]
    packed = bytearray(build.COMPRESSORS[kind](build.pcap(items)))
    at = len(packed) * 3 // 4
    packed[at : at + 2000] = bytes(2000)
    with open_sources(bytes(packed), spool=spool) as sources:
        rows, faults = read(sources)
        good = sum(time == 10**18 + i * 1000 for i, time in enumerate(rows["time"].tolist()))
        assert good >= 1500
        assert faults


@pytest.mark.parametrize("kind", ["gzip", "bz2", "xz"])
def test_every_truncation_of_a_small_compressed_file_ends(kind):
    packed = build.COMPRESSORS[kind](build.pcap(build.frames(3)))
    for cut in range(compression.MAGIC_SIZE, len(packed)):
        with open_sources([packed[:cut], b""], spool=False) as sources:
            assert read(sources)[1]


def test_a_bomb_stays_small_in_memory_and_on_disk(tmp_path):
    zeros = 100 << 20
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    bomb = packer.compress(build.pcap(FRAMES[:2]))
    for _ in range(zeros >> 20):
        bomb += packer.compress(bytes(1 << 20))
    bomb += packer.flush()
    assert len(bomb) < 1 << 20
    with open_sources(bomb, spool_directory=str(tmp_path)) as sources:
        rows, faults = read(sources)
        assert len(rows) == 2
        assert faults == ["BAD_RECORD"]
        (file,) = sources.spool.files
        if os.name == "posix":
            assert os.fstat(file.file.fileno()).st_blocks * 512 < 8 << 20
            assert list(tmp_path.iterdir()) == []  # it has no name


def test_what_is_no_capture_is_not_read_to_its_end():
    class Endless(io.RawIOBase):
        given = 0

        def readable(self):
            return True

        def readinto(self, into):
            self.given += len(into)
            into[:] = b"x" * len(into)
            return len(into)

    endless = Endless()
    with open_sources(endless, spool=False) as sources:
        faults = read(sources)[1]
    assert faults == ["UNKNOWN_STRUCTURE"]
    assert endless.given <= 4 << 20


# ---- what captures come from


@MODES
def test_file_objects_of_all_kinds(trace, spool):
    with open(trace, "rb") as file:
        check(file, spool=spool)
    with open(trace, "rb", buffering=0) as file:
        check(file, spool=spool)
    check(io.BytesIO(PCAP), spool=spool)
    with gzip.open(io.BytesIO(gzip.compress(PCAP))) as file:
        check(file, spool=spool)
    with open(trace, "rb") as file:
        check(file.fileno(), spool=spool)


def test_a_file_object_is_read_from_where_it_stands(tmp_path):
    path = tmp_path / "inside"
    path.write_bytes(b"seven b" + PCAP)
    with open(path, "rb") as file:
        file.seek(7)
        with open_sources(file) as sources:
            file.close()  # the mapping does not need it
            rows, _ = read(sources)
            assert rows["position"][0] == 40
            assert content(sources, rows) == CONTENT


def test_a_text_file_is_refused(trace):
    with (
        open(trace, encoding="latin-1") as file,
        open_sources(file) as sources,
        pytest.raises(TypeError, match="binary"),
    ):
        read(sources)


@pytest.mark.parametrize("make", [bytes, bytearray, memoryview, lambda b: np.frombuffer(b, "u1")])
def test_buffers_are_captures(make):
    check(make(PCAP))
    check(make(gzip.compress(PCAP)))


@POSIX
@MODES
def test_pipes_and_sockets(spool):
    ends = [os.pipe(), tuple(s.detach() for s in socket.socketpair())]
    for target, source in ((1, 0), (0, 1)):
        pair = ends.pop(0)
        writer = os.fdopen(pair[target], "wb")
        thread = threading.Thread(target=lambda w=writer: (w.write(PCAP), w.close()))
        thread.start()
        check(pair[source], spool=spool)
        thread.join()
        os.close(pair[source])
    left, right = socket.socketpair()
    with left, right:
        left.sendall(PCAP)
        left.shutdown(socket.SHUT_WR)
        check(right, spool=spool)


@MODES
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
def test_standard_input(monkeypatch, spool, pack):
    class Stdin:
        buffer = io.BufferedReader(io.BytesIO(pack(PCAP)))

    monkeypatch.setattr(sys, "stdin", Stdin)
    check("-", spool=spool)


@POSIX
@MODES
def test_a_named_pipe(tmp_path, spool):
    path = tmp_path / "fifo"
    os.mkfifo(path)
    thread = threading.Thread(target=lambda: path.write_bytes(PCAP))
    thread.start()
    check(path, spool=spool)
    thread.join()


@MODES
def test_records_of_a_pipe_come_while_it_is_written(spool):
    get, put = os.pipe()
    with open_sources(get, spool=spool) as sources:
        walker = RecordReader(sources[0])
        os.write(put, build.pcap_header())
        for frame in FRAMES:
            os.write(put, build.pcap_record(frame))
            (row,) = walker.rows(1)  # would wait for ever if a block were to be filled
            assert row["time"] == frame[0]
        os.close(put)
        assert len(walker.rows()) == 0
        assert len(walker.faults) == 0
    os.close(get)


def test_a_stream_does_not_keep_what_was_walked():
    import tracemalloc

    header, record = build.pcap_header(), build.pcap_record(FRAMES[0]) * 1000

    class Long(io.RawIOBase):
        left = 200

        def read(self, size=-1):
            Long.left -= 1
            return (header if Long.left == 199 else record) if Long.left >= 0 else b""

    tracemalloc.start()
    with open_sources(Long(), spool=False) as sources:
        count, captured, _ = RecordReader(sources[0]).count()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (count, captured) == (199_000, 199_000 * 300)
    assert peak < 4 << 20


def test_a_spooled_stream_can_be_walked_again():
    with open_sources(gzip.compress(PCAP)) as sources:
        first, _ = read(sources)
        again, _ = read(sources)
        assert np.array_equal(first, again)


def test_a_full_disk_is_a_fault_and_what_was_spooled_is_good(monkeypatch):
    frames = build.frames(3000, size=2000)
    packed = gzip.compress(build.pcap(frames))
    written = []

    def full(number):
        written.append(number)
        if len(written) > 2:
            raise OSError("no space left")

    monkeypatch.setattr(mapped, "FREE_CHECK", 1)
    monkeypatch.setattr(mapped, "check_free", full)
    with open_sources(packed) as sources:
        rows, faults = read(sources)
        assert 500 < len(rows) < 3000
        assert set(faults) == {"TOO_LONG", "FILE_TRUNCATED"}
        assert content(sources, rows) == b"".join(data for _, data in frames[: len(rows)])


def test_payload_of_a_stream_is_gone():
    with open_sources(gzip.compress(PCAP), spool=False) as sources:
        rows, _ = read(sources)
        with pytest.raises(CaptureError, match="spool=True"):
            sources.view(int(rows["position"][0]), 1)


def test_an_address_is_opened_with_fsspec(trace):
    fsspec = pytest.importorskip("fsspec", reason="fsspec (extra cloud) is not installed")
    memory = fsspec.filesystem("memory")
    memory.pipe("/captures/b.pcap.gz", gzip.compress(PCAP))
    for spec in ("memory://captures/b.pcap.gz", "memory://captures/*.gz", "memory://captures"):
        check(spec)
        check(spec, spool=False)
    check(trace.as_uri())


def test_a_missing_package_names_its_extra(monkeypatch, tmp_path):
    missing = {"lz4.frame", "backports.zstd", "compression.zstd", "fsspec.core", "isal.igzip_lib"}

    real = importlib.import_module

    def absent(name, package=None):
        if name in missing:
            raise ImportError(name)
        return real(name, package)

    monkeypatch.setattr(importlib, "import_module", absent)
    for magic, package in ((b"\x28\xb5\x2f\xfd", "zstd"), (b"\x04\x22\x4d\x18", "lz4")):
        with pytest.raises(MissingExtraError, match=package) as caught:
            open_sources(magic + bytes(20))
        assert caught.value.extra == "compress"
    with pytest.raises(MissingExtraError, match=r"mmscodec\[cloud\]"):
        open_sources("s3://bucket/key")
    check(gzip.compress(PCAP))  # the interpreter's own serves as well


# ---- several files


def rotated(folder, pieces=7):
    """Files whose names do not sort by time; every second one compressed."""
    step = -(-len(FRAMES) // pieces)
    names = []
    for i in range(pieces):
        data = build.pcap(FRAMES[i * step : (i + 1) * step])
        name = folder / f"trace.pcap{pieces - i}"
        name.write_bytes(gzip.compress(data) if i % 2 else data)
        names.append(name)
    return names[::-1]


@MODES
def test_rotated_files_are_one_capture_in_order_of_time(tmp_path, spool):
    names = rotated(tmp_path)
    for spec in (names, iter(names), tmp_path, str(tmp_path / "trace.pcap*")):
        with open_sources(spec, spool=spool) as sources:
            rows, faults = read(sources)
            assert rows["time"].tolist() == [time for time, _ in FRAMES]
            assert faults == []
            assert len(set(rows["position"].tolist())) == len(rows)
            if spool:
                assert content(sources, rows) == CONTENT
                assert content(sources, rows[::-1]) == b"".join(d for _, d in FRAMES[::-1])


def test_other_files_of_a_folder_are_left_out_and_said(tmp_path):
    rotated(tmp_path)
    (tmp_path / "notes.txt").write_text("not a capture")
    (tmp_path / "empty").write_bytes(b"")
    (tmp_path / ".hidden").write_bytes(PCAP)
    (tmp_path / "folder").mkdir()
    with open_sources(tmp_path) as sources:
        assert len(sources) == 7
        assert dict(sources.skipped) == {
            str(tmp_path / "empty"): "empty",
            str(tmp_path / "notes.txt"): "text",
        }


def test_a_named_file_that_is_no_capture_is_a_fault_among_others(tmp_path, trace):
    other = tmp_path / "other"
    other.write_bytes(b"snoop\0\0\0" + bytes(100))
    with open_sources([trace, other]) as sources:
        rows, faults = read(sources)
        assert len(rows) == len(FRAMES)
        assert faults == ["UNKNOWN_STRUCTURE"]
    with pytest.raises(CaptureError, match="snoop"):
        open_sources(other)


def test_wrong_paths_are_refused_in_words(tmp_path):
    with pytest.raises(FileNotFoundError, match="No such file"):
        open_sources(tmp_path / "none.pcap")
    with pytest.raises(CaptureError, match="no capture in"):
        open_sources(tmp_path)
    with pytest.raises(CaptureError, match="no capture in"):
        open_sources([])
    with pytest.raises(TypeError, match="float"):
        open_sources(1.5)
    with pytest.raises(TypeError, match="read"):
        open_sources([object()])


def test_an_empty_file_is_a_fault(tmp_path):
    path = tmp_path / "empty.pcap"
    path.write_bytes(b"")
    with open_sources(path) as sources:
        assert read(sources)[1] == ["FILE_TRUNCATED"]


def test_many_files_need_few_descriptors(tmp_path, monkeypatch):
    frames = build.frames(300)
    for i, frame in enumerate(frames):
        (tmp_path / f"{i}.pcap").write_bytes(build.pcap([frame]))
    with open_sources(tmp_path) as sources:
        before = len(os.listdir("/proc/self/fd")) if os.path.isdir("/proc/self/fd") else 0
        rows, _ = read(sources)
        assert content(sources, rows) == b"".join(data for _, data in frames)
        if before:
            assert len(os.listdir("/proc/self/fd")) - before <= 40
        assert [sources.locate(int(p))[0].name for p in rows["position"]] == [
            str(tmp_path / f"{i}.pcap") for i in range(300)
        ]


def test_sources_read_side_by_side_do_not_mix(tmp_path):
    names = rotated(tmp_path)
    with open_sources([gzip.compress(PCAP), gzip.compress(PCAP), *names]) as sources:
        walkers = [RecordReader(source) for source in sources]
        parts = [[] for _ in walkers]
        for _ in range(60):
            for part, walker in zip(parts, walkers):
                part.append(walker.rows(1))
        packed = [part for part, source in zip(parts, sources) if source.name == "memory"]
        assert len(packed) == 2
        for part in packed:
            assert content(sources, np.concatenate(part)) == CONTENT


def test_a_file_that_changed_is_refused_when_it_is_opened_again():
    with tempfile.TemporaryDirectory() as folder:  # not shared with the same test in a thread
        trace = Path(folder) / "trace.pcap"
        trace.write_bytes(PCAP)
        with open_sources(trace) as sources:
            trace.replace(trace.with_suffix(".old"))
            trace.write_bytes(build.pcap(FRAMES[:1]))
            rows, _ = read(sources)  # what was opened
            assert content(sources, rows) == CONTENT
            sources[0].release()
            with pytest.raises(CaptureError, match="changed"):
                read(sources)


def test_large_files_are_shown_in_windows(tmp_path, monkeypatch):
    monkeypatch.setattr(mapped, "WINDOW", 4096)
    monkeypatch.setattr(mapped, "KEEP", 8192)
    path = tmp_path / "large.pcap"
    path.write_bytes(PCAP)
    check(path)


def test_pieces_outside_a_source_are_refused(trace):
    with open_sources(trace) as sources:
        size = len(PCAP)
        assert sources.view(size, 0) == b""
        for position, length in ((size - 1, 2), (size, 1), (size + 70000, 1), (0, -1)):
            with pytest.raises(IndexError):
                sources.view(position, length)
        for position, length in ((size - 1, 2), (size + 1, 0), (size, 2**62)):
            with pytest.raises(IndexError):
                sources.gather([position], [length])
        with pytest.raises(IndexError):
            sources.locate(-1)
        assert sources.gather([], []).tobytes() == b""


def test_numbers_in_names_count():
    names = ["t10.pcap", "t9.pcap", "t9b.pcap", "s11.pcap"]
    assert sorted(names, key=natural) == ["s11.pcap", "t9.pcap", "t9b.pcap", "t10.pcap"]


def test_closing_twice_is_fine(trace):
    sources = open_sources([trace, gzip.compress(PCAP)])
    next(iter(sources))
    sources.close()
    sources.close()


@POSIX
@pytest.mark.parametrize("spool", [True, False])
def test_a_file_cut_while_it_is_read_ends_early_where_it_is_not_mapped(tmp_path, spool):
    # large enough that it is not read in one go; the process would end if it were mapped
    frames = build.frames(4000, size=1000)
    path = tmp_path / "trace.pcap"
    path.write_bytes(build.pcap(frames))
    with mmscodec.open(path, protocols=None, mapped=False, spool=spool) as cap:
        os.truncate(path, 2_000_000)
        assert 1000 < cap.counts["records"] < 2000
        assert [int(row["code"]) for row in cap.faults if row["flow"] == -1][-1] == 128


@pytest.mark.parametrize("how", ["directory", "pattern", "list"])
def test_more_files_than_may_be_mapped(tmp_path, monkeypatch, how):
    for module in (discovery, source_module):
        monkeypatch.setattr(module, "MAPS", 5)
    for i, frame in enumerate(FRAMES):
        (tmp_path / f"{i:03}.pcap").write_bytes(build.pcap([frame]))
    names = {"directory": tmp_path, "pattern": f"{tmp_path}/*", "list": sorted(tmp_path.iterdir())}
    with open_sources(names[how]) as sources:
        mapped_now = [source for source in sources.sources if source.map is not None]
        assert len(mapped_now) <= 5 < len(sources)
        rows, _ = read(sources)
        assert content(sources, rows) == CONTENT
