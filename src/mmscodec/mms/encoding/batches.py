"""A decoded batch back to the bytes it came from."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.errors import EncodeError
from mmscodec.mms import _encode
from mmscodec.schema import dtypes


def encode_batch(batch: Any, out: Any = None) -> bytes | memoryview:
    """The packets and Data packets of a batch as they were; bytes that faults skipped are left out.

    One copy: neighbouring rows are moved in one piece.
    """
    if not hasattr(batch, "pieces"):
        raise TypeError("a batch is needed; the bytes of a capture are in its stream(flow)")
    messages, first, second = batch.messages, batch.packets, batch.data
    alone = messages[messages["packet"] < 0]  # RequestPacketListResend has no packet of its own
    if len(alone):
        merged = np.empty(len(alone) + len(first), dtypes.MESSAGES)
        for name in ("offset", "length"):
            merged[name] = np.concatenate([first[name], alone[name]])
        first = np.sort(merged, order="offset", kind="stable")
    pieces = batch.pieces
    if len(pieces) == 1:
        start, source = pieces[0]
        return _encode.extents(source, start, _extent_table(first), _extent_table(second), out)
    parts = []
    ends = [start for start, _ in pieces[1:]] + [np.iinfo("<i8").max]
    for (start, source), end in zip(pieces, ends):
        one, two = (_extent_table(_between(table, start, end)) for table in (first, second))
        parts.append(_encode.extents(source, start, one, two, None))
    return into(b"".join(parts), out)


def _between(table: np.ndarray, start: int, end: int) -> np.ndarray:
    low, high = np.searchsorted(table["offset"], [start, end])
    return table[low:high]


def into(data: bytes, out: Any) -> bytes | memoryview:
    """The bytes, or the part of `out` to which they were copied."""
    if out is None:
        return data
    view = memoryview(out).cast("B")
    if len(view) < len(data):
        raise EncodeError(f"out has {len(view)} bytes, {len(data)} are needed", field="out",
                          need=len(data), have=len(view))  # fmt: skip
    view[: len(data)] = data
    return view[: len(data)]


def _extent_table(table: np.ndarray) -> tuple[Any, int, int, int, int]:
    table = np.ascontiguousarray(table)
    fields: Any = table.dtype.fields
    return table, len(table), table.itemsize, fields["offset"][1], fields["length"][1]
