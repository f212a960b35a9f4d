"""Some rows of an array in Arrow's layout, and 8-bit text by an encoding that is named."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from mmscodec.tables import data as arrow
from mmscodec.tables.data import Data, Spans, Type


def taken(kind: Type, made: Data, rows: np.ndarray) -> Data:
    """The rows with these indices."""
    length, nulls, (bits, *buffers), children, words = made
    nulls, bits = arrow.validity(~_flags(bits, length)[rows]) if nulls else (0, None)
    count, form = len(rows), kind.format
    if form == "+s":
        parts = zip(kind.children, children, strict=True)
        columns = tuple(taken(child, data, rows) for (_, child), data in parts)
        return count, nulls, (bits,), columns, words
    if form == "+l":
        starts, lengths = _extents(buffers[0], rows)
        ends = np.concatenate([[0], np.cumsum(lengths)])
        items = np.arange(ends[-1]) + np.repeat(starts - ends[:-1], lengths)
        inner = taken(kind.children[0][1], children[0], items)
        return count, nulls, (bits, ends.astype(np.int32)), (inner,), words
    if form in ("u", "z"):
        found = Spans([buffers[1]], None, *_extents(buffers[0], rows))
        return count, nulls, (bits, *arrow.strings(found, arrow.BYTES)[2][1:]), (), words
    if form == "vz":
        views = np.frombuffer(buffers[0], "V16", length)[rows]
        return count, nulls, (bits, np.ascontiguousarray(views), *buffers[1:]), (), words
    if form == "b":
        packed = np.packbits(_flags(buffers[0], length)[rows], bitorder="little")
        return count, nulls, (bits, packed), (), words
    return count, nulls, (bits, np.ascontiguousarray(buffers[0][rows])), (), words


def _flags(bits: Any, length: int) -> np.ndarray:
    raw = np.frombuffer(bits, np.uint8)
    return np.unpackbits(raw, count=length, bitorder="little").astype(bool)


def _extents(ends: Any, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    offsets = np.frombuffer(ends, np.int32).astype(np.int64)
    return offsets[rows], offsets[rows + 1] - offsets[rows]


def decoded(parts: Spans, nul: str, charset: str, absent: np.ndarray | None) -> Data:
    r"""Text of parts in an encoding of Python; a byte that it has not is ``\xNN``.

    `nul` "first" ends it at the first NUL.
    """
    _, _, (_, offsets, raw), _, _ = arrow.strings(parts, arrow.BYTES, "", None, absent)
    whole, ends = bytes(raw), offsets.tolist()
    known: dict[bytes, str] = {}
    out: list[str | None] = []
    for start, end in pairwise(ends):
        piece = whole[start:end]
        if nul == "first":
            piece = piece.partition(b"\0")[0]
        if piece not in known:
            known[piece] = piece.decode(charset, "backslashreplace")
        out.append(known[piece])
    if absent is not None:
        out = [None if gone else text for text, gone in zip(out, absent.tolist())]
    return arrow.utf8(out)
