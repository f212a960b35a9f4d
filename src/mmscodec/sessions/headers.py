"""ASF file headers out of their fragments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmscodec.errors import TruncatedError
from mmscodec.sessions.entries import Entry
from mmscodec.sessions.session_flows import NO_ROWS

LAST = 0x08
MAX_HEADER = 16 << 20


@dataclass(slots=True, eq=False)
class _Fragments:
    """Rows of `data` of one header in order; `complete` if none is missing up to the last."""

    rows: np.ndarray
    complete: bool


def fragments(entry: Entry, data: np.ndarray) -> _Fragments:
    """The header of an entry: the first complete one if it was asked for several times.

    Fragments are ordered by LocationId, duplicates dropped, and the one with AFFlags bit 0x08, or
    the announced length, ends them.
    """
    if entry.joined is None:
        entry.joined = _fragments(entry, data)
    return entry.joined


def _fragments(entry: Entry, data: np.ndarray) -> _Fragments:
    best = _Fragments(NO_ROWS, False)
    tags = data["play_incarnation"][entry.header]
    for tag in dict.fromkeys(tags.tolist()):
        found = _one(entry.header[tags == tag], entry.header_size, data)
        if found.complete:
            return found
        if len(found.rows) > len(best.rows):
            best = found
    return best


def _one(rows: np.ndarray, size: int, data: np.ndarray) -> _Fragments:
    places, first = np.unique(data["location_id"][rows], return_index=True)
    whole = int(np.flatnonzero(np.append(places, -1) != np.arange(len(places) + 1))[0])
    rows = rows[first[:whole]]
    if not len(rows):
        return _Fragments(NO_ROWS, False)
    last = np.flatnonzero(data["af_flags"][rows] & LAST)
    if len(last):
        return _Fragments(rows[: last[0] + 1], True)
    total = int((data["length"][rows].astype(np.int64) - 8).sum())
    return _Fragments(rows, 0 < size <= total)


def complete_headers(entries: list[Entry], data: np.ndarray) -> list[tuple[int, int]]:
    """Time and row of the Data packet that completed each header."""
    out = []
    for entry in entries:
        if len(entry.header):
            found = fragments(entry, data)
            if found.complete:
                row = int(found.rows[np.argmax(data["time"][found.rows])])
                out.append((int(data["time"][row]), row))
    return out


def header_bytes(cap: Any, entry: Entry) -> bytes:
    """The ASF file header of an entry: its fragments joined.

    Raises
    ------
    TruncatedError
        No fragment, or not all of them, were captured.
    """
    return joined(cap, fragments(entry, cap.data).rows)


def joined(cap: Any, rows: np.ndarray) -> bytes:
    """The same of rows of `cap.data` that are the fragments of a header, in order."""
    if not len(rows):
        raise TruncatedError("its ASF header was not captured")
    if int(cap.data["length"][rows].astype(np.int64).sum()) > MAX_HEADER:
        raise TruncatedError(f"its ASF header has more than {MAX_HEADER} bytes")
    return complete(b"".join(bytes(cap.payload(int(row))) for row in rows))


def complete(header: bytes) -> bytes:
    """A header of joined fragments, if it has the bytes that it announces."""
    size = int.from_bytes(header[16:24], "little") if len(header) >= 24 else 0
    if not 24 <= size <= len(header):
        raise TruncatedError(
            f"its ASF header is not complete: {len(header)} of {size} bytes captured",
            need=size, have=len(header),
        )  # fmt: skip
    return header
