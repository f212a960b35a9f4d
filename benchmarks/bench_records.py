"""Records of capture files: mapped, compressed, piped; beside a walk written by hand in C."""

import bz2
import ctypes
import gzip
import lzma
import os
import shutil
import subprocess
import tempfile
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import pytest

from benchmarks.harness import MEGABYTES, Run, compiled, memcpy, pointer
from mmscodec import capture
from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.readers import widen
from mmscodec.capture.source import open_sources
from tests.capture import build

SIZES = {"media frames": 1502, "small frames": 64}
TIME = 1_700_000_000 * 10**9


@lru_cache
def folder() -> Path:
    made = tempfile.TemporaryDirectory(prefix="mmscodec-bench-")
    folder.kept = made  # type: ignore[attr-defined]
    return Path(made.name)


@lru_cache
def corpus(name: str, form: str) -> tuple[Path, int]:
    """A file of MMSCODEC_BENCH_MB MB, and the number of its records; times go on by 10 us."""
    size = SIZES[name]
    if form == "pcap":
        head, one = build.pcap_header(), build.pcap_record((TIME, bytes(size)))
        low = slice(4, 8)
    else:
        head, one = build.section() + build.interface(), build.enhanced((TIME, bytes(size)))
        low = slice(16, 20)
    count = (MEGABYTES << 20) // len(one)
    rows = np.tile(np.frombuffer(one, np.uint8), count).reshape(count, len(one))
    ticks = rows[:, low].copy().view("<u4")[:, 0] + (np.arange(count) % 90_000 * 10)
    rows[:, low] = ticks.astype("<u4").view(np.uint8).reshape(count, 4)
    path = folder() / f"{name}.{form}".replace(" ", "-")
    path.write_bytes(head + rows.tobytes())
    return path, count


def counted(source) -> tuple[int, int, int]:
    return RecordReader(source).count()


def c_count(function, data: np.ndarray, out: np.ndarray) -> int:
    function(pointer(data), ctypes.c_size_t(len(data)), pointer(out))
    return int(out[0])


@pytest.mark.parametrize("name", SIZES)
def bench_walk(contest, name):
    """The walk alone, over a mapping that is there: how far from a C loop."""
    path, count = corpus(name, "pcap")
    ng_path, ng_count = corpus(name, "pcapng")
    c = compiled("records")
    with open_sources(path) as sources, open_sources(ng_path) as ng:
        data = np.frombuffer(sources[0].mapping()[0], np.uint8)
        other = ng[0].mapping()[0]
        sums = np.zeros(3, np.uint64)
        table = np.zeros((count, 32), np.uint8)
        c.rows_ahead.restype = ctypes.c_size_t
        plain = partial(c_count, c.count_plain, data, sums)
        ahead = partial(c_count, c.count_ahead, data, sums)
        size = len(data)
        for run in (plain, ahead):
            assert run() == count
        assert counted(sources[0]) == (count, *sums[1:].tolist())
        assert counted(ng[0])[0] == ng_count
        rows = RecordReader(sources[0]).rows()
        c.rows_ahead(pointer(data), ctypes.c_size_t(size), pointer(table))
        assert rows.tobytes() == table.tobytes()
        contest(
            f"records of pcap, {name}, {MEGABYTES} MB mapped and warm",
            [
                Run("count", partial(counted, sources[0]), size, count),
                Run("count, pcapng", partial(counted, ng[0]), len(other), ng_count),
                Run("rows", lambda: RecordReader(sources[0]).rows(), size, count),
                Run("C count", plain, size, count),
                Run("C count with prefetch", ahead, size, count),
                Run(
                    "C rows with prefetch",
                    lambda: c.rows_ahead(pointer(data), ctypes.c_size_t(size), pointer(table)),
                    size,
                    count,
                ),
                memcpy(data),
            ],
            roofs=["C count", "C count with prefetch", "memcpy"],
        )


def from_path(path, count: int, **options) -> None:
    with open_sources(path, **options) as sources:
        assert sum(RecordReader(source).count()[0] for source in sources) == count


def from_pipe(path: Path, count: int, spool: bool) -> None:
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as cat:
        from_path(cat.stdout, count, spool=spool)


def bytes_of_pipe(path: Path) -> None:
    """What the pipe itself takes: its bytes into one buffer, in pieces as large as ours."""
    buffer = bytearray(1 << 20)
    with subprocess.Popen(["cat", str(path)], stdout=subprocess.PIPE) as cat:
        widen(cat.stdout)
        while cat.stdout.readinto1(buffer):
            pass


@pytest.mark.parametrize("name", SIZES)
def bench_open(contest, name):
    """From a path or a pipe to the last record, opening included."""
    path, count = corpus(name, "pcap")
    size = path.stat().st_size
    runs = [
        Run("file", partial(from_path, path, count), size, count),
        Run("file, not mapped, stream", partial(from_path, path, count, mapped=False, spool=False),
            size, count),
        Run("pipe, stream", partial(from_pipe, path, count, False), size, count),
        Run("pipe, spool", partial(from_pipe, path, count, True), size, count),
        Run("pipe, bytes alone", partial(bytes_of_pipe, path), size, 0),
        Run("table of records", lambda: capture.records(path), size, count),
        Run("read()", lambda: path.read_bytes(), size, 0),
    ]  # fmt: skip
    if shutil.which("tcpdump"):
        command = ["tcpdump", "-r", str(path), "-w", os.devnull]
        runs.append(
            Run("tcpdump -w", lambda: subprocess.run(command, check=True, capture_output=True),
                size, count)
        )  # fmt: skip
    contest(
        f"open a pcap, {name}, {MEGABYTES} MB",
        runs,
        roofs=["read()", "pipe, bytes alone"],
        rounds=3,
    )


@lru_cache
def packed(kind: str) -> tuple[bytes, int, int]:
    """A capture of noise and text, half each, compressed; its size and number of records."""
    rng = np.random.default_rng(7)
    text = b"what a capture holds besides media is mostly text that says the same again; " * 20
    frames = [
        (TIME + i * 1000, (rng.bytes(730) + text)[:1460]) for i in range((MEGABYTES << 16) // 1476)
    ]
    data = build.pcap(frames)
    levels = {
        "gzip": lambda: gzip.compress(data, 6),
        "bz2": lambda: bz2.compress(data, 1),
        "xz": lambda: lzma.compress(data, preset=0),
    }
    return levels.get(kind, lambda: build.COMPRESSORS[kind](data))(), len(data), len(frames)


@pytest.mark.parametrize("kind", build.COMPRESSORS)
def bench_compressed(contest, kind):
    """Compressed captures: a sixteenth of the usual size, as some of them are slow."""
    data, size, count = packed(kind)
    contest(
        f"{kind} to records, {size >> 20} MB",
        [
            Run("spool", partial(from_path, data, count), size, count),
            Run("stream", partial(from_path, data, count, spool=False), size, count),
        ],
        rounds=3,
    )


@lru_cache
def many(count: int) -> Path:
    place = folder() / f"many-{count}"
    place.mkdir()
    one = build.pcap([(TIME, bytes(1000))] * 20)
    for i in range(count):
        (place / f"{i}.pcap").write_bytes(one)
    return place


def bench_many_files(contest):
    """The constant cost of a file: finding, peeking, ordering, mapping."""
    count = 2000
    place = many(count)
    contest(
        f"{count} small files in a folder",
        [Run("open and walk", partial(from_path, place, count * 20), 0, count)],
        rounds=3,
    )
