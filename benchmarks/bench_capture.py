"""Captures to tables, beside a C walk and beside what else reads captures.

The C walk (c/capture_walk.c) reads pcap, Ethernet, IPv4 and TCP alone, looks the flow up and writes
one row a packet into memory that is there already; `ahead` prefetches. It puts nothing in order and
decodes no protocol. It finds the file in its own memory; `of the file` opens and maps it first, as
`open` does. Everything runs on the same file in the page cache.
"""

from __future__ import annotations

import ctypes
import mmap
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path

import numpy as np
import pytest

import mmscodec
from benchmarks.capture_corpus import Corpus, capture
from benchmarks.harness import MEGABYTES, Run, compiled, pointer

SLOTS = 1 << 19
AHEAD = 16
SMALL = 8  # MB for readers that take seconds a hundred MB


@lru_cache(maxsize=1)
def corpus(
    name: str,
    flows: int,
    payload: int,
    megabytes: int,
    other: bool = False,
    packet: int | None = None,
) -> Corpus:
    return capture(name, flows, payload, megabytes, other=other, packet=packet)


class Walk:
    """The C walk bound to one file in memory and its arrays."""

    def __init__(self, made: Corpus) -> None:
        self.library = compiled("capture_walk")
        self.library.capture_walk.restype = ctypes.c_size_t
        self.made = made
        self.slots = np.zeros(SLOTS * 16, np.uint8)
        self.rows = np.zeros((made.packets + 1) * 24, np.uint8)
        self.flows = np.zeros(1, np.uint64)

    def of_file(self, path: Path) -> None:
        with path.open("rb") as file:
            mapped = mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ, flags=mmap.MAP_SHARED)
        self(data=np.frombuffer(mapped, np.uint8))

    def __call__(self, ahead: int = 0, data: np.ndarray | None = None) -> None:
        count = self.library.capture_walk(
            pointer(self.made.raw if data is None else data),
            ctypes.c_size_t(self.made.raw.nbytes),
            pointer(self.slots),
            ctypes.c_size_t(SLOTS - 1),
            pointer(self.rows),
            pointer(self.flows),
            ctypes.c_size_t(ahead),
        )
        assert count == self.made.packets
        assert self.flows[0] == self.made.flows


def tables(source, made: Corpus, **options) -> mmscodec.capture.Capture:
    found = mmscodec.open(source, **options)
    assert len(found.data) == made.data
    return found


def written(made: Corpus) -> Path:
    path = Path(tempfile.gettempdir()) / f"mmscodec-{made.name}.pcap"
    made.raw.tofile(path)
    return path


CASES = {
    "media, 1 flow": (1, 1448),
    "media across segments, 1 flow": (1, 1448, False, 1440),
    "media, 1,000 flows": (1000, 1448),
    "media, 10,000 flows": (10_000, 1448),
    "small, 1 flow": (1, 100),
    "small, 10,000 flows": (10_000, 100),
    "small, 100,000 flows": (100_000, 100),
    "other traffic, 1,000 flows": (1000, 1448, True),
    "other traffic, 100,000 flows": (100_000, 100, True),
}


@pytest.mark.parametrize("name", CASES)
def bench_open(contest, name):
    flows, payload, *rest = CASES[name]
    made = corpus(name.replace(" ", "-"), flows, payload, MEGABYTES, *rest)
    path = written(made)
    walk = Walk(made)
    size, rows = made.raw.nbytes, made.packets
    found = tables(path, made)
    blocks = found._blocks
    held = sum(len(blocks[k]) * 24 for k in ("extents",)) + len(found.data) * 40
    runs = [
        Run("open, all tables", lambda: tables(path, made), size, rows),
        Run("C walk of the file", lambda: walk.of_file(path), size, rows),
        Run("C walk", walk, size, rows),
        Run("C walk, ahead", lambda: walk(AHEAD), size, rows),
    ]
    contest(
        f"{name}: {rows:,} packets, {size / 1e6:.0f} MB; tables {held / size:.1%} of the file",
        runs,
        roofs=["C walk of the file", "C walk", "C walk, ahead"],
        rounds=5,
    )
    if payload > 1000 and made.data:
        assert held < 0.05 * size
    path.unlink()


def quiet(*command: str) -> None:
    subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)


def by_dpkt(path: Path, packets: int) -> None:
    import dpkt

    flows, seen = {}, 0
    with path.open("rb") as file:
        for _, frame in dpkt.pcap.Reader(file):
            ip = dpkt.ethernet.Ethernet(frame).data
            segment = ip.data
            key = ip.src, segment.sport, ip.dst, segment.dport
            flows[key] = flows.get(key, 0) + len(segment.data)
            seen += 1
    assert seen == packets


def by_scapy(path: Path, packets: int) -> None:
    from scapy.layers.inet import IP, TCP
    from scapy.layers.l2 import Ether  # noqa: F401  the link type
    from scapy.utils import PcapReader

    flows, seen = {}, 0
    with PcapReader(str(path)) as reader:
        for packet in reader:
            segment = packet[TCP]
            key = packet[IP].src, segment.sport, packet[IP].dst, segment.dport
            flows[key] = flows.get(key, 0) + len(segment.payload)
            seen += 1
    assert seen == packets


def rivals(path: Path, made: Corpus) -> list[Run]:
    size, rows = made.raw.nbytes, made.packets
    runs = [
        Run("dpkt, flows by hand", lambda: by_dpkt(path, rows), size, rows),
        Run("scapy, flows by hand", lambda: by_scapy(path, rows), size, rows),
    ]
    commands = {
        "tshark, frame numbers": ("tshark", "-r", str(path), "-T", "fields", "-e", "frame.number"),
        "tcpdump, to a file": ("tcpdump", "-r", str(path), "-w", "/dev/null"),
        "tcpflow (C++), streams": ("tcpflow", "-r", str(path), "-o", tempfile.mkdtemp()),
    }
    for name, command in commands.items():
        if shutil.which(command[0]):
            runs.append(Run(name, lambda command=command: quiet(*command), size, rows))
    return runs


@pytest.mark.parametrize("payload", [1448, 100])
def bench_rivals(contest, payload):
    made = corpus(f"rivals-{payload}", 10, payload, SMALL)
    path = written(made)
    ours = Run("open, all tables", lambda: tables(path, made), made.raw.nbytes, made.packets)
    contest(
        f"readers, {payload}-byte payloads, {made.packets:,} packets",
        [ours, *rivals(path, made)],
        roofs=["open, all tables"],
        rounds=2,
    )
    path.unlink()


def at_once(walks: list[Walk]) -> None:
    """What the machine gives to a second thread: walks that share nothing but the file."""
    with ThreadPoolExecutor(len(walks)) as pool:
        list(pool.map(lambda walk: walk(AHEAD), walks))


@pytest.mark.parametrize("payload", [1448, 100])
def bench_threads(contest, payload):
    made = corpus(f"threads-{payload}", 1000, payload, MEGABYTES)
    path = written(made)
    size, rows = made.raw.nbytes, made.packets
    walks = [Walk(made), Walk(made)]
    runs = [
        Run("two threads", lambda: tables(path, made, threads=2), size, rows),
        Run("one thread", lambda: tables(path, made, threads=1), size, rows),
        Run("two C walks, ahead, at once", lambda: at_once(walks), 2 * size, 2 * rows),
        Run("one C walk, ahead", lambda: walks[0](AHEAD), size, rows),
    ]
    roofs = ["one thread", "one C walk, ahead"]
    contest(f"threads, {payload}-byte payloads", runs, roofs=roofs, rounds=5)
    path.unlink()


def bench_memory(contest):
    """Memory of a process that makes all tables, above that of one that only opens the file."""
    code = (
        "import sys, mmscodec\n"
        "found = mmscodec.open(sys.argv[1])\n"
        "len(sys.argv) > 2 and len(found.data)\n"
        "lines = open('/proc/self/status').read().splitlines()\n"
        "print(next(line.split()[1] for line in lines if line.startswith('RssAnon')))\n"
    )
    made = corpus("memory", 1000, 1448, MEGABYTES)
    path = written(made)
    before, after = (
        int(subprocess.check_output([sys.executable, "-c", code, str(path), *more])) * 1024
        for more in ([], ["tables"])
    )
    used = (after - before) / made.raw.nbytes
    runs = [Run("open, all tables", lambda: tables(path, made), made.raw.nbytes, made.packets)]
    contest(f"memory: {used:.1%} of a media capture of {made.raw.nbytes / 1e6:.0f} MB", runs)
    assert used < 0.08
    path.unlink()
