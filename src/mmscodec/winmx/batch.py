"""What a decode gives: tables, and on demand the fields of every kind of packet."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mmscodec._signatures import keywords
from mmscodec.blocks import blocks
from mmscodec.errors import near
from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.rows import Rows
from mmscodec.schema.vocabulary import S2C
from mmscodec.schema.winmx import BY_NAME, Packet, title, types_of
from mmscodec.schema.winmx.dtypes import ITEM_TABLES, Layout, layout
from mmscodec.winmx._codec import BatchBase

if TYPE_CHECKING:
    from mmscodec.tables import Table
    from mmscodec.winmx.findings import Findings


class Batch(BatchBase):
    """The rows of a piece of a WinMX stream.

    Arrays are one-dimensional and C-contiguous, one row a thing, over memory that the batch and
    its arrays own. Offsets count from the start of the stream, lengths are in bytes, headers
    included. Whatever is asked for later is read from the decoded buffer, which the batch keeps
    alive: it may not change while the batch is used.

    Attributes
    ----------
    packets : numpy.ndarray
        One row a frame, read-only: offset <i8, length <u4 (whole frame), type <u2, data_length <u2
        (16 bytes). On primary links the type is the first payload byte (0xFFFF without payload),
        in datagrams their byte 4, in a peer-cache reply its greeting 0x38.
    nodes : numpy.ndarray
        One row a node record: packet <i8 (row in `packets`), record <u2 (place in the packet),
        current ? (record 0 of a NodeList), ip u4 (192.0.2.1 is 0xC0000201), udp_port u2,
        tcp_port u2, free_primary_slots, free_secondary_slots, x, reserved u1 (24 bytes).
    records : numpy.ndarray
        The same records in the same order without the columns in front: 12 bytes each, as on the
        wire. Half the memory of `nodes`, and faster to get.
    faults : FaultTable
        offset (first byte that was not understood), length (bytes from there on that were not),
        code, field, packet (row in `packets` that it is in, -1 where it is in none), need, have;
        `text()` for people.
    findings : Findings
        Deviations in good rows, worked out when first asked for; `text()` for people.
    consumed : int
        Stream offset up to which whole frames were found; what follows is an unfinished tail.
    link : str
        `secondary`, `chat`, `primary`, `udp`, `cache`, `legacy`, or "" where it is not known.
    direction : str
        "C>S", "S>C", or "" where it is not known.
    start : int
        Stream offset of the first byte.
    pieces : tuple
        ((start, buffer),): where the rows lie.
    """

    __signature__ = keywords()

    direction: str = ""

    @property
    def nodes(self) -> np.ndarray:
        """One row a node record, gathered when first asked for."""
        return self.node_rows().view(Rows)

    @property
    def records(self) -> np.ndarray:
        """The 12 bytes of each node record, gathered when first asked for."""
        return self.record_rows()

    @property
    def faults(self) -> FaultTable:
        """What was wrong, in stream order: lengths, cut fields, strings without their end."""
        if "faults" not in self.cache:
            found = self.scan_faults()
            if not self.is_regular and len(self.packets):
                found = self.with_inner(found)
            extra = self.cache.get("more faults")
            if extra is not None:
                found = np.concatenate([extra, found]) if len(found) else extra
            self.cache["faults"] = found
        return fault_table(self.cache["faults"])

    def with_inner(self, found: np.ndarray) -> np.ndarray:
        """These faults and those inside packets, in order."""
        inner = self.check(*programs(self.link, self.direction))
        if self.link == "" and len(inner):
            inner = inner[~self.announces(inner["packet"])]
        if not len(inner):
            return found
        found = np.concatenate([found, inner])
        return found[np.argsort(found["offset"], kind="stable")]

    def announces(self, rows: np.ndarray) -> np.ndarray:
        """Which packets are a ClientAnnouncement: too short for the other packet of their type."""
        packets = self.packets[rows]
        return (packets["type"] == 0x13ED) & (packets["data_length"] <= 1)

    @property
    def findings(self) -> Findings:
        """Deviations from the notes in good rows, worked out when first asked for."""
        from mmscodec.winmx.findings import find

        if "findings" not in self.cache:
            self.cache["findings"] = find(self)
        return self.cache["findings"]

    @property
    def names(self) -> dict[str, int]:
        """How many packets of each kind are there, by name; unknown types by their number."""
        types, counts = np.unique(self.packets["type"], return_counts=True)
        known = types_of(self.link, self.direction)
        return {
            known[t].name if t in known else f"0x{t:04X}": n
            for t, n in zip(types.tolist(), counts.tolist())
        }

    def layout_of(self, name: str | int) -> tuple[Layout, int]:
        """The layout of a table and the packet type that fills it."""
        if isinstance(name, int):
            item = types_of(self.link, self.direction).get(name)
            if item is None:
                raise KeyError(f"no layout is known for type 0x{name:04X} on link {self.link!r}")
            return layout(item), item.mid
        if name in ITEM_TABLES:
            return layout(ITEM_TABLES[name], True), ITEM_TABLES[name].mid
        item = BY_NAME.get(name)
        if item is None:
            hint = near(name, [*BY_NAME, *ITEM_TABLES])
            raise KeyError(f"no packet is called {name!r}{hint}")
        return layout(item), item.mid

    def __getitem__(self, name: str | int) -> np.ndarray:
        """Rows of every packet of a kind, by name or type; of `SharedFile`, of every file.

        Columns: packet (row in `packets`), the fixed fields under their names (addresses as native
        u4, raw bytes as bytes, see `mmscodec.rows.Rows`), `has_` flags of optional fields,
        `NAME_offset` <i8 and `NAME_length` <u4 of fields of variable length, surplus (bytes behind
        the last field). Packets that end inside a field are left out; they have a fault. A name of
        another link gives no rows. Types known only by name have their bytes in `data`.
        """
        key = ("rows", name)
        if key not in self.cache:
            plan, mid = self.layout_of(name)
            if foreign(plan.packet, self.link, self.direction):
                rows = np.empty(0, plan.dtype)
            else:
                rows, _ = self.gather(plan, mid)
            self.cache[key] = rows.view(Rows)
        return self.cache[key]

    def column(self, name: str | int, field: str, encoding: str | None = "latin-1") -> np.ndarray:
        """One field of every packet of a kind.

        Parameters
        ----------
        name : str or int
            As in `batch[name]`.
        field : str
            A field of fixed size gives its column. A string gives an object array of str, other
            fields of variable length give an object array of bytes.
        encoding : str or None
            Of strings. The notes name none; latin-1 loses nothing, None gives bytes.
        """
        rows = self[name]
        plan, _ = self.layout_of(name)
        if rows.dtype.names and field in rows.dtype.names:
            return rows[field]
        parts = {part.name: part for part in self.parts_of(plan)}
        if field not in parts:
            raise KeyError(f"{name} has no field {field!r}{near(field, parts)}")
        if parts[field].kind in ("bytes", "array"):
            encoding = None
        out = np.empty(len(rows), object)
        for here in blocks(len(rows)):
            some = rows[here]
            out[here] = self.strings(some[f"{field}_offset"], some[f"{field}_length"], encoding)
        return out

    @staticmethod
    def parts_of(plan: Layout):
        """Fields of a layout: of the packet, or of the items in it."""
        if plan.item:
            assert plan.packet.items is not None
            return plan.packet.items.fields
        return plan.packet.fields

    def payload(self, i: int) -> memoryview:
        """Bytes of packet `i` behind its header: a read-only view of the decoded buffer."""
        row = self.packets[i]
        at = int(row["offset"]) - self.start
        length = int(row["length"])
        head = {"primary": 17, "udp": 0, "cache": 17}.get(self.link, 4)
        return memoryview(self.pieces[0][1]).cast("B")[at + head : at + length].toreadonly()

    def fields(self, i: int, encoding: str | None = "latin-1") -> dict[str, object]:
        """All fields of packet `i`, as `encode` takes them; optional ones that are absent are not.

        Raises
        ------
        KeyError
            No layout is known for its type.
        ValueError
            The packet ends inside a field.
        """
        from mmscodec.winmx.encoding import fields_of

        return fields_of(self, i, encoding)

    def table(self, name: str, *, secrets: bool = False) -> Table:
        """A table or kind of packet as Arrow columns; see `mmscodec.Capture.table`.

        Fields of variable length are text (latin-1, which loses nothing, as UTF-8) or binary.
        Credentials are an asterisk for each byte, unless `secrets` is true.
        """
        from mmscodec.winmx.arrow import batch_table

        return batch_table(self, name, secrets)

    def text(self) -> list[str]:
        """One line for each packet: offset, type, name, length."""
        return [
            f"0x{offset:x}: 0x{kind:04X} {title(self.link, kind, self.direction)} ({length} bytes)"
            for offset, kind, length in zip(
                self.packets["offset"].tolist(),
                self.packets["type"].tolist(),
                self.packets["length"].tolist(),
            )
        ]

    def __repr__(self) -> str:
        where = f", link {self.link}" if self.link else ""
        return f"<winmx.Batch: {len(self.packets)} packets, consumed {self.consumed}{where}>"

    def __reduce__(self):
        piece = bytes(self.pieces[0][1])
        more = self.cache.get("more faults")
        return _restore, (piece, self.link, self.start, self.packets, self.consumed, more,
                          np.asarray(self.scan_faults()), self.direction)  # fmt: skip


def _restore(piece, link, start, packets, consumed, more, faults, direction) -> Batch:
    batch = Batch()
    batch.adopt(piece, link, start, packets, consumed)
    batch.direction = direction
    kept = [rows for rows in (more, faults) if rows is not None and len(rows)]
    if kept:
        batch.cache["more faults"] = np.concatenate(kept)
    return batch


def foreign(item: Packet, link: str, direction: str) -> bool:
    """True for a packet that cannot come on this link, or from this side."""
    if item.one_way and (item.direction == S2C) != (direction == S2C):
        return True
    return item.link != link and not (link == "" and item.link in ("secondary", "chat"))


_PROGRAMS: dict[tuple[str, str], tuple[list[Layout], dict[int, int]]] = {}


def programs(link: str, direction: str) -> tuple[list[Layout], dict[int, int]]:
    """Layouts of all types of a link, and the place of each type's; items behind their packet."""
    if (link, direction) not in _PROGRAMS:
        layouts: list[Layout] = []
        numbers: dict[int, int] = {}
        for mid, item in types_of(link, direction).items():
            if not item.known or item.name == "NodeList" or mid < 0:
                continue
            numbers[mid] = len(layouts)
            layouts.append(layout(item))
            if item.name in {owner.name for owner in ITEM_TABLES.values()}:
                layouts.append(layout(item, True))
        _PROGRAMS[link, direction] = layouts, numbers
    return _PROGRAMS[link, direction]
