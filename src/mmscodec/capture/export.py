"""Chosen frames of a capture as a capture file of their own."""

from __future__ import annotations

import os
import struct
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from mmscodec.capture._merge import Merge
from mmscodec.capture._select import select_records
from mmscodec.capture._writer import format_records
from mmscodec.capture.mapped import MemorySource, Source
from mmscodec.capture.source import Sources
from mmscodec.errors import CaptureError
from mmscodec.schema.dtypes import RECORDS, table

PIECE = 4 << 20  # bytes of frames written at a time
SNAPLEN = 262144
FORMATS = ("pcap", "pcapng")

#: A flow for `select_records`: times in ns since 1970, both ends included.
KEYS = table(
    64, src=("V16", 0), dst=("V16", 16), src_port=("u2", 32), dst_port=("u2", 34),
    scope=("u4", 36), first=("i8", 40), last=("i8", 48), protocol=("u1", 56),
)  # fmt: skip


def write_flows(
    path: Any,
    sources: Sources,
    keys: np.ndarray,
    *,
    format: str | None = None,
    ignore_vlan: bool = False,
) -> int:
    """Write the frames of flows; see `write_records` for the file. Returns their number.

    IP fragments are written whose datagram belongs to a flow, in whatever order they came and
    whatever tunnels they are in. Of a datagram that never was whole it is the first fragment that
    says so.
    """
    merge = Merge((again(source) for source in sources), keep=True)
    rows, wanted, links = select_records(merge, np.ascontiguousarray(keys, KEYS), ignore_vlan)
    rows = rows[_with_fragments(wanted, links)]
    interfaces: list[dict[str, int]] = []
    firsts = []
    for walker in merge.kept:
        firsts.append(len(interfaces))
        interfaces += walker.interfaces if walker is not None else []
    rows["interface"] += np.array(firsts or [0], "u4")[sources.owners(rows["position"])]
    return write_records(path, sources, rows, interfaces, format=format)


def _with_fragments(wanted: np.ndarray, links: np.ndarray) -> np.ndarray:
    """`wanted`, and the rows that have fragments of the same datagrams.

    A packet that was put together from fragments may be a fragment itself, in a tunnel: so it goes
    on as long as rows are added.
    """
    wanted = wanted.copy()
    datagrams = np.zeros(int(links["datagram"].max(initial=0)) + 1, bool)
    while len(links):
        datagrams[links["datagram"][wanted[links["row"]]]] = True
        more = links["row"][datagrams[links["datagram"]]]
        if wanted[more].all():
            break
        wanted[more] = True
    return wanted


def flow_keys(raw: np.ndarray) -> np.ndarray:
    """Keys of rows of the engine's flows table, and of the way back in the same time."""
    keys = np.zeros(2 * len(raw), KEYS)
    for part, source, target in (
        (keys[: len(raw)], "src", "dst"),
        (keys[len(raw) :], "dst", "src"),
    ):
        part["src"], part["dst"] = raw[source], raw[target]
        part["src_port"], part["dst_port"] = raw[source + "_port"], raw[target + "_port"]
        part["scope"], part["protocol"] = raw["scope"], raw["transport"]
        part["first"], part["last"] = raw["first_time"], raw["last_time"]
    return keys


def again(source: Source) -> Source:
    """A source that gives the bytes of one that was read once more."""
    if not source.addressable:
        raise CaptureError(f"{source.name}: a stream is read once; open it with spool=True")
    if source.stable:
        return source
    buffer, base = source.mapping()
    found = MemorySource(buffer, source.name, base)
    found.first = source.first
    return found


def write_records(
    path: Any,
    sources: Sources,
    rows: np.ndarray,
    interfaces: Sequence[Mapping[str, int]] = (),
    *,
    format: str | None = None,
) -> int:
    """Write records to a new capture file, with their own times, lengths and link types.

    Parameters
    ----------
    path : path or binary file object
        A path is replaced when the file is complete.
    sources : Sources
        Where the frames are.
    rows : array of `dtypes.RECORDS`
        The records, in the order in which they are written.
    interfaces : sequence of mapping
        As `RecordReader.interfaces`, by the numbers in `rows`: what is known of FCS bytes.
    format : {"pcap", "pcapng"}, optional
        Default: pcap, in nanoseconds where microseconds do not do; pcapng where link types are
        mixed or times do not fit.

    Returns
    -------
    int
        Number of records written.
    """
    if format not in (None, *FORMATS):
        raise ValueError(f"format is one of {FORMATS}, not {format!r}")
    rows = np.ascontiguousarray(rows, RECORDS)
    kinds, numbers = _link_kinds(rows, interfaces)
    fits = len(rows) == 0 or (rows["time"].min() >= 0 and rows["time"].max() < 2**32 * 10**9)
    plain = len(kinds) <= 1 and bool(fits)
    if format == "pcap" and not plain:
        raise ValueError("pcap holds one link type, and times from 1970 to 2106: use pcapng")
    longest = max(SNAPLEN, int(rows["caplen"].max(initial=0)))
    if plain and format != "pcapng":
        kind = int((rows["time"] % 1000 != 0).any())
        head = _pcap_head(kind, longest, *(kinds[0] if kinds else (1, 0)))
        origin = 0
    else:
        kind = 2
        origin = min(int(rows["time"].min()), 0) // 10**9 if len(rows) else 0
        head = pcapng_head(kinds, origin)
    pieces = _formatted(sources, rows, kind, numbers, origin * 10**9)
    if hasattr(path, "write"):
        path.write(head)
        for piece in pieces:
            path.write(piece)
        return len(rows)
    part = Path(os.fspath(path) + ".part")
    try:
        with part.open("wb") as file:
            file.write(head)
            for piece in pieces:
                file.write(piece)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return len(rows)


def _link_kinds(
    rows: np.ndarray, interfaces: Sequence[Mapping[str, int]]
) -> tuple[list[tuple[int, int]], np.ndarray]:
    """(link type, flags) that occur, and the number of its own for each record."""
    flags = np.array([item["link_flags"] for item in interfaces] or [0], np.uint64)
    index = np.minimum(rows["interface"], len(flags) - 1)
    both = rows["linktype"].astype(np.uint64) | flags[index]
    values, numbers = np.unique(both, return_inverse=True)
    kinds = [(value & 0xFFFF, value & 0xFFFF0000) for value in values.tolist()]
    return kinds, numbers.astype(np.uint32)


def _pcap_head(nano: int, snaplen: int, linktype: int, flags: int) -> bytes:
    """The header of a pcap file."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    return struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snaplen, linktype | flags)


def pcapng_head(kinds: Iterable[tuple[int, int]], origin: int) -> bytes:
    """Section header and interfaces, times in ns from `origin` (seconds since 1970) on."""
    out = struct.pack("<IIIHHqI", 0x0A0D0D0A, 28, 0x1A2B3C4D, 1, 0, -1, 28)
    for linktype, flags in kinds:
        options = struct.pack("<HHBxxx", 9, 1, 9)
        if origin:
            options += struct.pack("<HHq", 14, 8, origin)
        if flags & 0x04000000:
            options += struct.pack("<HHBxxx", 13, 1, (flags >> 28) * 2)
        options += bytes(4)
        size = 20 + len(options)
        out += struct.pack("<IIHHI", 1, size, linktype, 0, 0) + options + struct.pack("<I", size)
    return out


def _formatted(
    sources: Sources, rows: np.ndarray, kind: int, numbers: np.ndarray, origin: int
) -> Iterable[bytearray]:
    """The records as bytes, a few MiB at a time."""
    owners = sources.owners(rows["position"])
    pieces = (np.cumsum(rows["caplen"], dtype=np.int64) + 32 * np.arange(len(rows))) // PIECE
    changed = np.flatnonzero((np.diff(owners) != 0) | (np.diff(pieces) != 0)) + 1
    for first, last in pairwise([0, *changed.tolist(), len(rows)]):
        if first == last:
            continue
        buffer, start = sources.mapping(int(owners[first]))
        yield format_records(buffer, start, rows[first:last], kind, numbers[first:last], origin)
