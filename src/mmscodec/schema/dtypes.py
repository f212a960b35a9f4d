"""NumPy dtypes of messages and tables; the only schema file that needs NumPy.

The dtype of a message is its fixed part on the wire, packed and little-endian, optional fields
included, so that decoding is a copy of `itemsize` bytes. Table dtypes are what kernels write.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np

from mmscodec.schema import mms
from mmscodec.schema.fields import Field, Struct

_NUMBERS = {
    "u8": "u1",
    "u16": "<u2",
    "u32": "<u4",
    "u64": "<u8",
    "i16": "<i2",
    "f64": "<f8",
    "ipv4": "<u4",
}


def field_dtype(field: Field) -> np.dtype:
    """Dtype of one field of fixed size: numbers, `S` for ANSI text, `V` for raw bytes."""
    if field.kind == "struct" and field.struct is not None:
        return struct_dtype(field.struct)
    if field.kind in _NUMBERS:
        return np.dtype(_NUMBERS[field.kind])
    return np.dtype(f"{'S' if field.kind == 'ansi' else 'V'}{field.size}")


@cache
def struct_dtype(struct: Struct) -> np.dtype:
    """Packed dtype of the fixed part of a structure, fields under their Python names."""
    return np.dtype([(field.python_name, field_dtype(field)) for field in struct.fixed])


#: Rows of `batch[name]`, by message name.
ROWS: Mapping[str, np.dtype] = {
    item.name: struct_dtype(item) for item in (*mms.MESSAGES, mms.RESEND)
}

HEADER = struct_dtype(mms.TCP_MESSAGE_HEADER)
DATA_HEADER = struct_dtype(mms.DATA_PACKET)
STREAM_ENTRY = struct_dtype(mms.STREAM_SWITCH_ENTRY)
SEQUENCE = np.dtype("<u4")  # one entry of RequestPacketListResend


def table(itemsize: int, **columns: tuple[str, int]) -> np.dtype:
    """Dtype of a table: name = (format, offset); columns as kernels write them, in native order."""
    return np.dtype(
        {
            "names": list(columns),
            "formats": [np.dtype(kind).newbyteorder("=") for kind, _ in columns.values()],
            "offsets": [offset for _, offset in columns.values()],
            "itemsize": itemsize,
        }
    )


FAULTS = table(
    40, offset=("i8", 0), length=("i8", 8), code=("u2", 16), field=("u2", 18),
    need=("i8", 24), have=("i8", 32),
)  # fmt: skip

RECORDS = table(
    32, time=("i8", 0), position=("u8", 8), caplen=("u4", 16), wire_len=("u4", 20),
    linktype=("u4", 24), interface=("u4", 28),
)  # fmt: skip

PACKETS = table(
    40, offset=("i8", 0), first_message=("i8", 8), time_sent=("u8", 16), length=("u4", 24),
    chunk_count=("u4", 28), message_count=("u4", 32), seq=("u2", 36), mbz=("u2", 38),
)  # fmt: skip

MESSAGES = table(24, offset=("i8", 0), packet=("i8", 8), length=("u4", 16), mid=("u4", 20))

DATA = table(
    24, offset=("i8", 0), length=("u4", 8), location_id=("u4", 12), play_incarnation=("u1", 16),
    af_flags=("u1", 17), kind=("u1", 18),
)  # fmt: skip

FINDINGS = table(
    40, table=("u1", 0), severity=("u1", 1), code=("u2", 2), field=("u2", 4), row=("i8", 8),
    offset=("i8", 16), seen=("u8", 24), expected=("u8", 32),
)  # fmt: skip


@cache
def in_capture(dtype: np.dtype) -> np.dtype:
    """The table dtype with time, flow and direction behind each row.

    time (i8) is ns since 1970, flow (i4) a row in flows, direction (u1) 0 where it is unknown, 1 to
    the server, 2 to the client. The rows grow by 16 bytes, the last 3 of which are padding.
    """
    size = dtype.itemsize
    fields: Mapping = dtype.fields or {}
    return np.dtype(
        {
            "names": [*fields, "time", "flow", "direction"],
            "formats": [*(item[0] for item in fields.values()), "=i8", "=i4", "u1"],
            "offsets": [*(item[1] for item in fields.values()), size, size + 8, size + 12],
            "itemsize": size + 16,
        }
    )


@cache
def kept(dtype: np.dtype) -> np.dtype:
    """`in_capture` and behind it position (i8): where the bytes of the row are kept."""
    base = in_capture(dtype)
    fields: Mapping[str, Any] = base.fields or {}
    return np.dtype(
        {
            "names": [*fields, "position"],
            "formats": [*(item[0] for item in fields.values()), "=i8"],
            "offsets": [*(item[1] for item in fields.values()), base.itemsize],
            "itemsize": base.itemsize + 8,
        }
    )
