"""NumPy dtypes of WinMX tables, and the programs that gather a type's rows."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from functools import cache

import numpy as np

from mmscodec.frozen import Frozen
from mmscodec.schema.dtypes import table
from mmscodec.schema.winmx import FIELD_NUMBERS, PACKETS
from mmscodec.schema.winmx.base import Field, Packet, Part

#: A node record as it stands on the wire, 12 bytes.
RECORD = np.dtype(
    [
        ("ip", ">u4"), ("udp_port", "<u2"), ("tcp_port", "<u2"), ("free_primary_slots", "u1"),
        ("free_secondary_slots", "u1"), ("x", "u1"), ("reserved", "u1"),
    ]
)  # fmt: skip

#: Rows of `batch.nodes`: the record behind the packet it came in.
NODES = np.dtype(
    {
        "names": ["packet", "record", "current", *(RECORD.names or ())],
        "formats": [
            "=i8",
            "=u2",
            "?",
            *(RECORD[name].newbyteorder("=") for name in RECORD.names or ()),
        ],
        "offsets": [0, 8, 10, 12, 16, 18, 20, 21, 22, 23],
        "itemsize": 24,
    }
)

#: Rows of `batch.faults`: those of all protocols with the packet that each is in, or -1.
FAULT_ROWS = table(
    40, offset=("i8", 0), length=("i8", 8), code=("u2", 16), field=("u2", 18), packet=("i4", 20),
    need=("i8", 24), have=("i8", 32),
)  # fmt: skip

#: Rows of `batch.packets`.
PACKET_ROWS = table(16, offset=("i8", 0), length=("u4", 8), type=("u2", 12), data_length=("u2", 14))

_NUMBERS = {"u8": "u1", "u16": "<u2", "u32": "<u4", "ipv4": "=u4"}
_VARIABLE = {"cstr": 1, "ansi": 2, "bytes": 3, "array": 3, "quoted": 5}
_FIXED, _IPV4 = 0, 6
_OP = struct.Struct("=BBHHHII")


class Layout(Frozen):
    """How the rows of one kind of packet, or of the items in it, come about.

    Attributes
    ----------
    packet : Packet
    item : bool
        True for the items that repeat inside the packet.
    dtype : numpy.dtype
        Of the rows: packet, item, fixed fields, `has_` flags, extents (offset, length) of the
        others, surplus (bytes behind the last field).
    ops : bytes
        The program for the kernel.
    repeat : int
        First operation that repeats; as many as there are operations where none does.
    """

    packet: Packet
    item: bool
    dtype: np.dtype
    ops: bytes
    repeat: int
    names: tuple[str, ...]


def absent(part: Field, rows: np.ndarray | np.void) -> np.ndarray | None:
    """Where rows of a layout lack a field (bool, one a row); None: no row can lack it."""
    if part.optional:
        return rows[f"has_{part.name}"] == 0
    if isinstance(part, Part) and part.when:
        value = rows[part.when]
        if part.otherwise:
            return (value == 0) | (value == part.equals)
        return value != part.equals
    return None


def part_dtype(part: Field) -> np.dtype:
    """Numbers as on the wire, addresses as native u32, raw bytes as V."""
    return np.dtype(_NUMBERS.get(part.kind, f"V{part.size}"))


def columns(parts: Iterable[Field], prefix: str = "") -> list[tuple[str, np.dtype]]:
    """Columns of a row: flags and fixed fields in wire order, then extents."""
    fixed: list[tuple[str, np.dtype]] = []
    extents: list[tuple[str, np.dtype]] = []
    for part in parts:
        if part.optional:
            fixed.append((f"has_{part.name}", np.dtype("u1")))
        if part.size is None:
            extents.append((prefix + f"{part.name}_offset", np.dtype("=i8")))
            extents.append((prefix + f"{part.name}_length", np.dtype("=u4")))
        else:
            fixed.append((prefix + part.name, part_dtype(part)))
    return [*fixed, *extents]


@cache
def layout(item: Packet, repeated: bool = False) -> Layout:
    """The layout of a packet, or of the items that repeat in it."""
    parts: tuple[Field, ...] = item.fields
    repeat = len(parts)
    names: list[tuple[str, np.dtype]] = [("packet", np.dtype("=i8"))]
    if repeated:
        assert item.items is not None
        before = parts[:-1]
        repeat = len(before)
        parts = (*before, *item.items.fields)
        names += [("item", np.dtype("=u4")), *columns(before, "_"), *columns(parts[repeat:])]
    else:
        names += [*columns(parts), ("surplus", np.dtype("=u4"))]
    dtype = np.dtype(names)
    ops = []
    for number, part in enumerate(parts):
        prefix = "_" if number < repeat and repeated else ""
        ops.append(operation(part, dtype, prefix))
    return Layout(
        item, repeated, dtype, b"".join(ops), repeat, tuple(p.name for p in parts[repeat:])
        if repeated else tuple(p.name for p in parts),
    )  # fmt: skip


def operation(part: Field, dtype: np.dtype, prefix: str = "") -> bytes:
    """One field as an `op_t` of the kernel."""
    fields = dtype.fields
    assert fields is not None
    at = {name: value[1] for name, value in fields.items()}
    kind = {"ipv4": _IPV4}.get(part.kind, _FIXED) if part.size else _VARIABLE[part.kind]
    size = part.size or 0
    flag = value = cond = 0
    if part.optional:
        flag, cond = 1, at[f"has_{part.name}"]
    if part.count:
        kind, cond = 4, at[part.count]
    if isinstance(part, Part) and part.when:
        flag, value, cond = 3 if part.otherwise else 2, part.equals, at[part.when]
    if part.kind == "quoted" and isinstance(part, Part):
        value = part.equals
    dst = at[prefix + (part.name if part.size is not None else f"{part.name}_offset")]
    return _OP.pack(kind, flag, size, value, FIELD_NUMBERS[part.name], dst, cond)


#: Packets whose items have a table of their own, by the name of that table.
ITEM_TABLES = {
    item.items.name: item for item in PACKETS if item.items and item.name == "ShareFolder"
}
