"""WinMX packets of a capture in groups, and where their fields are."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.capture.winmx_kind import WinmxKind
from mmscodec.lines.groups import Group, Words, ways
from mmscodec.lines.sources import Fields, ends_of, raw_values
from mmscodec.lines.words import distinct
from mmscodec.schema.fields import Field
from mmscodec.schema.winmx import BY_NAME, CACHE_NODE, NODE, packet_of, title
from mmscodec.schema.winmx.base import Packet
from mmscodec.schema.winmx.dtypes import ITEM_TABLES, absent
from mmscodec.tables.data import Spans


def groups(tables: Any) -> Iterator[Group]:
    """WinMX packets: a group for each kind, one for what has no fields."""
    found = tables.winmx
    rows = np.asarray(found.packets)
    batches = [batch for _, batch in found.batches]
    counts = [len(batch.packets) for batch in batches]
    rest = np.ones(len(rows), bool)
    for name in sorted({name for batch in batches for name in batch.names}):
        packet = BY_NAME.get(name)
        if packet is None or not packet.known:
            continue
        source = WinmxFields(tables, packet)
        mine = source.rows["packet"]
        rest[mine] = False
        yield Group("message", rows[mine], Words([packet.name]), ways(rows[mine]), packet, source)
    owner = np.repeat(np.arange(len(batches)), counts)
    yield from _unread(rows, np.flatnonzero(rest), batches, owner)


def _unread(
    rows: np.ndarray, rest: np.ndarray, batches: list[Any], owner: np.ndarray
) -> Iterator[Group]:
    # packets without fields, by what they are: names are those of a link and side
    if not len(rest):
        return
    sides = [(batch.link, batch.direction) for batch in batches]
    known = list(dict.fromkeys(sides))
    side = np.array([known.index(pair) for pair in sides])[owner[rest]]
    types = rows["type"][rest].astype(np.int64)
    unique, index = distinct(side.astype(np.int64) << 32 | types)
    for number, key in enumerate(unique.tolist()):
        link, direction = known[key >> 32]
        packet = packet_of(link, key & 0xFFFFFFFF, direction)
        name = packet.name if packet else title(link, key & 0xFFFFFFFF, direction)
        mine = rest[index == number]
        yield Group("message", rows[mine], Words([name]), ways(rows[mine]), packet)


class WinmxFields(Fields):
    """Fields of every packet of a kind, from all connections."""

    def __init__(self, tables: Any, packet: Packet) -> None:
        self.tables, self.packet = tables, packet
        self.kind = WinmxKind(tables, packet.name)
        super().__init__(packet, self.kind.rows)

    def absent(self, field: Field) -> np.ndarray | None:
        """Where a field is missing; None = nowhere."""
        return absent(field, self.rows)

    def parts(self, field: Field) -> Spans:
        """The bytes of a field of variable length."""
        return self.kind.parts(0, len(self.rows), field.name)

    @cached_property
    def repeated(self) -> _Repeated | None:
        """What repeats in packets of this kind."""
        items = self.packet.items
        if items is None or items.name not in (*ITEM_TABLES, NODE.name, CACHE_NODE.name):
            return None
        return _Repeated(self.tables, self.packet, self.rows["packet"])


class _Repeated(Fields):
    """Items of packets: nodes, files of a folder."""

    def __init__(self, tables: Any, packet: Packet, owners: np.ndarray) -> None:
        assert packet.items is not None
        own = packet.items.name in ITEM_TABLES
        self.kind = WinmxKind(tables, packet.items.name) if own else None
        every = self.kind.rows if self.kind is not None else tables.winmx.nodes
        # items of this kind of packet, in the order of its rows
        place = np.searchsorted(owners, every["packet"])
        mine = place < len(owners)
        mine[mine] = owners[place[mine]] == every["packet"][mine]
        self.chosen = np.flatnonzero(mine)
        super().__init__(packet.items, every[self.chosen])
        self.ends = ends_of(np.bincount(place[mine], minlength=len(owners)))

    def absent(self, field: Field) -> np.ndarray | None:
        """Where a field is missing; None = nowhere."""
        return absent(field, self.rows)

    def parts(self, field: Field) -> Spans:
        """The bytes of a field of variable length."""
        assert self.kind is not None
        found = self.kind.parts(0, len(self.kind.rows), field.name)
        which = None if found.which is None else found.which[self.chosen]
        return Spans(found.buffers, which, found.starts[self.chosen], found.lengths[self.chosen])

    def value(self, field: Field, row: int) -> Any:
        """One value of one item."""
        if field.size is not None:
            return self.rows[field.python_name][row]
        found = self.parts(field)
        one = slice(row, row + 1)
        which = None if found.which is None else found.which[one]
        return raw_values(Spans(found.buffers, which, found.starts[one], found.lengths[one]))[0]
