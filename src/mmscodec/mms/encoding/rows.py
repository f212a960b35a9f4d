"""Arrays of rows to packets: messages of one kind, and Data packets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from mmscodec.errors import EncodeError
from mmscodec.mms import _encode
from mmscodec.mms.encoding.pack import counted, default_of, placed_at, refuse, variable_bytes
from mmscodec.schema import dtypes, mms
from mmscodec.schema.fields import Message, Struct

_KINDS = {item.name: kind for kind, item in enumerate(mms.MESSAGES, 1)}
_DATA = mms.DATA_PACKET


def data_rows(rows: np.ndarray, payloads: Any, out: Any) -> bytes | memoryview:
    """One Data packet for each row."""
    if payloads is None:
        raise TypeError("payloads are needed for rows of Data")
    source, starts, lengths = _payload_places(payloads)
    if not len(rows) == len(starts) == len(lengths):
        raise refuse(_DATA, "Payload", f"{len(lengths)} payloads for {len(rows)} rows")
    sizes = lengths + 8
    if len(sizes) and (sizes.max() > 0xFFFF or sizes.min() < 8):
        row = int(np.argmax((sizes > 0xFFFF) | (sizes < 8)))
        raise refuse(_DATA, "PacketSize", f"payload of {lengths[row]} bytes", offset=row,
                     need=int(sizes[row]), have=0xFFFF)  # fmt: skip
    heads = np.empty(len(rows), dtypes.DATA_HEADER)
    for name in ("location_id", "play_incarnation", "af_flags"):
        _check_width(_DATA, name, rows[name], heads.dtype[name])
        heads[name] = rows[name]
    heads["packet_size"] = sizes
    return _encode.data(heads, len(heads), starts, source, out)


def _payload_places(payloads: Any) -> tuple[Any, np.ndarray, np.ndarray]:
    """Payloads as (buffer, starts, lengths), both int64."""
    if isinstance(payloads, np.ndarray) and payloads.ndim == 2:
        count, size = payloads.shape
        if payloads.dtype != np.uint8:
            raise TypeError("a 2-D array of payloads has dtype uint8")
        starts = np.arange(count, dtype=np.int64) * size
        return np.ascontiguousarray(payloads), starts, np.full(count, size, np.int64)
    if isinstance(payloads, tuple) and len(payloads) == 3 and isinstance(payloads[1], np.ndarray):
        source, starts, lengths = payloads
        return source, starts.astype(np.int64), np.asarray(lengths).astype(np.int64)
    lengths = np.fromiter((memoryview(item).nbytes for item in payloads), np.int64, len(payloads))
    return b"".join(payloads), np.cumsum(lengths) - lengths, lengths


def message_rows(
    message: Message,
    rows: np.ndarray,
    packet: bool,
    seq: Any,
    time_sent: Any,
    chunk_count: str | int,
    out: Any,
    fields: Mapping[str, Any],
) -> bytes | memoryview:
    """One packet, or bare message, for each row of one kind."""
    dtype = dtypes.ROWS[message.name]
    if rows.dtype != dtype:
        rows = _plain_rows(message, rows, dtype)
    rows = np.ascontiguousarray(rows)
    tail: Any = None
    tails: Any = None
    if message.variable:
        rows, tail, tails = _with_tails(message, rows, fields)
    elif fields:
        raise TypeError(f"{message.name} has no variable field {next(iter(fields))!r}")
    _refuse_made(message, rows, tails)
    if isinstance(chunk_count, str) and chunk_count not in ("peers", "spec"):
        raise ValueError(f"chunk_count is 'peers', 'spec' or a number, not {chunk_count!r}")
    if not isinstance(chunk_count, str) and not 0 <= chunk_count <= 0xFFFFFFFF:
        raise EncodeError(f"chunkCount: {chunk_count!r} does not fit 32 bits", field="chunkCount",
                          need=32)  # fmt: skip
    first, seqs = scalar_or_column(seq, "seq", "=u2", len(rows))
    time, times = scalar_or_column(time_sent, "timeSent", "=u8", len(rows))
    return _encode.messages(
        rows, len(rows), _KINDS[message.name], tail, tails, not packet,
        (chunk_count, first & 0xFFFF, seqs, time, times), out,
    )  # fmt: skip


def _refuse_made(message: Message, rows: np.ndarray, tails: np.ndarray | None) -> None:
    """EncodeError for the first row whose chunkLen asks for more padding than a packet may have."""
    sizes = rows["chunk_len"]
    if not len(sizes) or int(sizes.max()) * 8 <= mms.MAX_PACKET:
        return
    used = rows.dtype.itemsize + (0 if tails is None else np.diff(tails))
    whole = sizes.astype(np.int64) * 8
    made = whole - used
    bad = (made > mms.MAX_PACKET) & (whole < 0xFFFFFFF0)  # beyond it no packet can have the message
    if bad.any():
        row = int(np.argmax(bad))
        raise refuse(message, "chunkLen", f"asks for {made[row]} bytes that no value fills",
                     offset=row, need=int(made[row]), have=mms.MAX_PACKET)  # fmt: skip


def _plain_rows(message: Message, rows: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """Rows of a capture, which have more columns, cut down to the wire."""
    if rows.dtype.names is None or not set(dtype.names or ()) <= set(rows.dtype.names):
        raise TypeError(f"rows of {message.name} have dtype {dtype}")
    plain = np.empty(len(rows), dtype)
    for name in dtype.names or ():
        _check_width(message, name, rows[name], dtype[name])
        plain[name] = rows[name]
    return plain


def _check_width(struct: Struct, name: str, values: np.ndarray, wire: np.dtype) -> None:
    """EncodeError for the first row whose value is wider than the wire."""
    if wire.kind not in "iu" or values.dtype.kind not in "iu" or not len(values):
        return
    limits = np.iinfo(wire)
    bad = (values < limits.min) | (values > limits.max)
    if bad.any():
        row, bits = int(np.argmax(bad)), 8 * wire.itemsize
        raise refuse(struct, struct[name].name, f"{values[row]} does not fit {bits} bits",
                     offset=row, need=bits)  # fmt: skip


def scalar_or_column(value: Any, name: str, dtype: str, count: int) -> tuple[int, Any]:
    """(number, None) or (0, contiguous column)."""
    if np.ndim(value) == 0:
        if not 0 <= int(value) < 2**64:
            raise EncodeError(f"{name}: {value!r} is out of range", field=name)
        return int(value), None
    # a list of large integers would become floats
    column = value if isinstance(value, np.ndarray) else np.array(list(value), object)
    if column.dtype.kind not in "iuO":
        raise TypeError(f"{name} are integers, not {column.dtype}")
    if column.shape != (count,):
        raise EncodeError(f"{name}: {column.shape} values for {count} rows", field=name)
    limit = np.iinfo(dtype).max
    if count and (column.min() < 0 or column.max() > limit):
        raise EncodeError(f"{name}: a value is out of range", field=name)
    return 0, np.ascontiguousarray(column, dtype)


def _with_tails(
    message: Message, rows: np.ndarray, fields: Mapping[str, Any]
) -> tuple[np.ndarray, bytes, np.ndarray]:
    """Rows with their counts set, and the bytes of the variable fields of all rows."""
    columns: dict[str, Sequence[Any]] = {}
    for name, values in fields.items():
        if message[name] not in message.variable:
            raise TypeError(f"{message.name}.{name} belongs into the rows")
        if len(values) != len(rows):
            raise refuse(message, message[name].name, f"{len(values)} for {len(rows)} rows")
        columns[name] = values
    rows = rows.copy()
    parts: list[bytes] = []
    tails = np.zeros(len(rows) + 1, np.int64)
    for i in range(len(rows)):
        values = {name: column[i] for name, column in columns.items()}
        tail = tail_of(message, rows, i, values)
        parts.append(tail)
        tails[i + 1] = tails[i] + len(tail)
    return rows, b"".join(parts), tails


def tail_of(message: Message, rows: np.ndarray, i: int, values: Mapping[str, Any]) -> bytes:
    """Bytes of the variable fields of row i, whose counts and places are set."""
    tail = b""
    for field in message.variable:
        value = values.get(field.python_name)
        if value is None:
            value = default_of(field)
        if value is None and not field.optional:
            raise refuse(message, field.name, "needs a value", offset=i)
        data = b"" if value is None else variable_bytes(message, field, value)
        places: dict[str, Any] = {}
        if field.start:
            places = {message[field.start].python_name: len(tail) if data else 0}
            if data:
                data = placed_at(message, field, places, data, len(tail))
        tail += data
        if field.count:
            count = counted(message, field, data, places, len(tail))
            places[message[field.count].python_name] = count
        _set_counts(message, rows, i, places)
    return tail


def _set_counts(message: Message, rows: np.ndarray, i: int, counts: Mapping[str, int]) -> None:
    """Write counts and places of row i; EncodeError where they do not fit."""
    for name, count in counts.items():
        if count >> (8 * rows.dtype[name].itemsize):
            raise refuse(message, message[name].name, f"{count} is too large", offset=i)
        rows[name][i] = count
