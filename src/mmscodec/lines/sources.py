"""Where the fields of one kind of message or packet are, as columns."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.capture.arrow import WinmxKind
from mmscodec.schema.dtypes import SEQUENCE, STREAM_ENTRY
from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.winmx import CACHE_NODE, NODE, Packet
from mmscodec.schema.winmx.dtypes import ITEM_TABLES
from mmscodec.tables import column as make
from mmscodec.tables.data import BYTES, Spans, strings

Items = tuple[np.ndarray, np.ndarray]  # ends, one more than rows; rows of a structured array


class MmsFields:
    """Fields of every message of a kind in a capture or batch of one."""

    def __init__(self, tables: Any, struct: Struct) -> None:
        self.tables, self.struct = tables, struct
        self.columns = tables._by_message

    @cached_property
    def rows(self) -> np.ndarray:
        """Fixed fields."""
        return np.asarray(self.columns.array(self.struct.name))

    @cached_property
    def _numbers(self) -> np.ndarray:
        return self.tables.rows(self.struct.name)

    def numbers(self, path: tuple[str, ...]) -> np.ndarray:
        """A fixed field."""
        return make.taken(lambda: self.rows, *path)(0, len(self.rows))

    def absent(self, field: Field) -> np.ndarray | None:
        """Where a field is missing; None = nowhere."""
        if field.needs_chunk_len:
            return self.rows["chunk_len"] < field.needs_chunk_len
        if field.variable and field.optional:
            return self._extents(field)[1] == 0
        return None

    def inside(self, path: tuple[str, ...]) -> Spans:
        """The bytes of a field of fixed size."""
        return make.inside(lambda: self.rows, path)(0, len(self.rows))

    def _extents(self, field: Field) -> tuple[np.ndarray, np.ndarray]:
        return self.columns.relative(self.struct.name, field.name, self._numbers)

    def parts(self, field: Field) -> Spans:
        """The bytes of a field of variable length."""
        start, length = self._extents(field)
        return self.columns.spans(self.columns.positions[self._numbers] + start, length)

    def items(self, field: Field) -> Items:
        """The items of a list."""
        dtype = STREAM_ENTRY if field.struct is not None else SEQUENCE
        found = self.parts(field)
        lengths = found.lengths - found.lengths % dtype.itemsize
        raw = strings(found._replace(lengths=lengths), BYTES)[2][2]
        return _ends(lengths // dtype.itemsize), np.frombuffer(raw, dtype)

    def values(self, field: Field) -> Any:
        """A field of variable length as Python objects."""
        return self.tables.column(self.struct.name, field.python_name)


class WinmxFields:
    """Fields of every packet of a kind of WinMX, from all connections."""

    def __init__(self, tables: Any, packet: Packet) -> None:
        self.tables, self.struct = tables, packet
        self.kind = WinmxKind(tables, packet.name)

    @property
    def rows(self) -> np.ndarray:
        """Fixed fields, and the row of the packet in `winmx.packets`."""
        return self.kind.rows

    def numbers(self, path: tuple[str, ...]) -> np.ndarray:
        """A fixed field."""
        return np.asarray(self.rows[path[0]])

    def absent(self, field: Field) -> None:
        """What is missing is empty or 0."""

    def inside(self, path: tuple[str, ...]) -> Spans:
        """The bytes of a field of fixed size."""
        return make.inside(lambda: self.rows, path)(0, len(self.rows))

    def parts(self, field: Field) -> Spans:
        """The bytes of a field of variable length."""
        return self.kind.parts(0, len(self.rows), field.name)

    def values(self, field: Field) -> Any:
        """A field of variable length as Python objects."""
        return _raw_values(self.parts(field))

    @cached_property
    def repeated(self) -> _Repeated | None:
        """What repeats in packets of this kind."""
        items = self.struct.items
        if items is None or items.name not in (*ITEM_TABLES, NODE.name, CACHE_NODE.name):
            return None
        return _Repeated(self.tables, self.struct, self.rows["packet"])


class _Repeated:
    """Items of packets: nodes, files of a folder."""

    def __init__(self, tables: Any, packet: Packet, owners: np.ndarray) -> None:
        assert packet.items is not None
        self.struct = packet.items
        own = packet.items.name in ITEM_TABLES
        self.kind = WinmxKind(tables, packet.items.name) if own else None
        every = self.kind.rows if self.kind is not None else tables.winmx.nodes
        # items of this kind of packet, in the order of its rows
        place = np.searchsorted(owners, every["packet"])
        mine = place < len(owners)
        mine[mine] = owners[place[mine]] == every["packet"][mine]
        self.chosen = np.flatnonzero(mine)
        self.rows = every[self.chosen]
        self.ends = _ends(np.bincount(place[mine], minlength=len(owners)))

    def numbers(self, path: tuple[str, ...]) -> np.ndarray:
        """A fixed field."""
        return np.asarray(self.rows[path[0]])

    def absent(self, field: Field) -> None:
        """What is missing is empty or 0."""

    def inside(self, path: tuple[str, ...]) -> Spans:
        """The bytes of a field of fixed size."""
        return make.inside(lambda: self.rows, path)(0, len(self.rows))

    def parts(self, field: Field) -> Spans:
        """The bytes of a field of variable length."""
        assert self.kind is not None
        found = self.kind.parts(0, len(self.kind.rows), field.name)
        which = None if found.which is None else found.which[self.chosen]
        return Spans(found.buffers, which, found.starts[self.chosen], found.lengths[self.chosen])

    def values(self, field: Field) -> list[bytes]:
        """A field of variable length of every item."""
        return _raw_values(self.parts(field))

    def value(self, field: Field, row: int) -> Any:
        """One value of one item."""
        if field.size is not None:
            return self.rows[field.python_name][row]
        found = self.parts(field)
        source = 0 if found.which is None else int(found.which[row])
        at, size = int(found.starts[row]), int(found.lengths[row])
        return bytes(memoryview(found.buffers[source]).cast("B")[at : at + size])


def _raw_values(found: Spans) -> list[bytes]:
    """Parts of buffers, a copy."""
    views = [memoryview(buffer).cast("B") for buffer in found.buffers]
    which = np.zeros(len(found.starts), int) if found.which is None else found.which
    triples = zip(which.tolist(), found.starts.tolist(), found.lengths.tolist())
    return [bytes(views[source][at : at + size]) for source, at, size in triples]


def _ends(counts: np.ndarray) -> np.ndarray:
    ends = np.zeros(len(counts) + 1, np.int64)
    np.cumsum(counts, out=ends[1:])
    return ends
