"""Where the checks of findings put what they find, and what they share."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mmscodec.blocks import blocks
from mmscodec.mms._gather import gather, order_of
from mmscodec.mms.columns import MessageColumns
from mmscodec.schema.dtypes import FINDINGS, HEADER, in_capture
from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.findings import FIELD_NUMBERS, FindingCode, FindingTable, Severity


class _RawField(NamedTuple):
    """A variable field of all messages of a kind, each different value once.

    `values[which[i]]` are the bytes of message i; they start `start[i]` bytes into the message.
    """

    values: list[bytes]
    which: np.ndarray
    start: np.ndarray
    length: np.ndarray

    def each(self, results: list[Any]) -> np.ndarray:
        """One result for each message from one for each different value."""
        return np.array(results)[self.which] if results else np.zeros(0, np.int64)


class _Found(NamedTuple):
    """Findings of one rule as `Tables.add` was told them: rows of 40 bytes are made at the end."""

    table: FindingTable
    code: FindingCode
    field: int
    severity: Severity | np.ndarray
    rows: np.ndarray
    place: int | np.ndarray
    seen: Any
    expected: Any

    def fill(self, out: np.ndarray) -> None:
        """Put what is known into rows of `FINDINGS`."""
        for name in ("table", "code", "field", "severity", "seen", "expected"):
            out[name] = getattr(self, name)
        out["row"] = self.rows


class Tables:
    """The tables of one batch or capture: what the checks are about, and what they found.

    Rules of single rows look at a `Part` at a time; rules between rows that may be far apart look
    at what the parts have kept for them. Tables of captures have a column `flow`; everything that
    compares neighbours does so inside of one flow.

    Parameters
    ----------
    columns : MessageColumns
        The messages and their bytes.
    packets, data, faults : numpy.ndarray
        The other tables.
    pieces : sequence of (int, bytes-like), optional
        Where the packets lie; without them rep, version, versionMinor and padding of headers are
        not looked at.
    """

    def __init__(
        self,
        columns: MessageColumns,
        packets: np.ndarray,
        data: np.ndarray,
        faults: np.ndarray,
        pieces: Any = None,
    ) -> None:
        self.columns = columns
        self.packets = packets
        self.messages = columns.messages
        self.data = data
        self.faults = faults
        self.pieces = pieces
        self.capture = "flow" in (packets.dtype.names or ())
        self._kept: dict[str, list[tuple[np.ndarray, ...]]] = {}
        self._found: list[_Found] = []

    def parts(self) -> Iterator[Part]:
        """One part at least, whose tables are empty where these are."""
        longest = max(len(self.packets), len(self.messages), len(self.data))
        return (Part(self, rows) for rows in blocks(max(longest, 1)))

    def flows(self, table: np.ndarray) -> np.ndarray:
        """Flow of each row; zeros where there is only one."""
        return table["flow"] if self.capture else np.zeros(len(table), np.int32)

    def keep(self, name: str, *columns: np.ndarray) -> None:
        """Columns of rows that rules between rows will ask for."""
        parts = self._kept.setdefault(name, [])
        if len(columns[0]) or not parts:
            parts.append(columns)

    def kept(self, name: str) -> tuple[np.ndarray, ...]:
        """Those of all parts."""
        return tuple(np.concatenate(column) for column in zip(*self._kept[name]))

    def add(
        self,
        table: FindingTable,
        rows: np.ndarray,
        code: FindingCode,
        field: tuple[Struct, str],
        severity: Severity | np.ndarray,
        seen: Any = 0,
        expected: Any = 0,
        place: int | np.ndarray | None = None,
    ) -> None:
        """Findings about `rows` of a table, one each.

        Parameters
        ----------
        field : tuple of Struct and str
            A structure, and the path of the field in it.
        place : int or array of int
            Bytes from the row's offset; default: where the field is.
        """
        struct, path = field
        if len(rows) == 0:
            return
        number = FIELD_NUMBERS[struct.name, path]
        if place is None:
            place = struct[path.partition(".")[0]].offset or 0
        if isinstance(severity, np.ndarray):
            severity = severity.astype(np.uint8)
        if len(self._source(table)) < 1 << 32:
            rows = rows.astype(np.uint32)
        self._found.append(_Found(table, code, number, severity, rows, place, seen, expected))

    def findings(self) -> np.ndarray:
        """All findings in order of flow, offset, table and field; what led to them is let go."""
        self._kept.clear()
        parts = self._found
        total = sum(len(part.rows) for part in parts)
        keys: list[np.ndarray] = [np.empty(total, np.uint64), np.empty(total, np.uint32)]
        flow = np.empty(total if self.capture else 0, np.uint32)
        at = 0
        for part in parts:
            here = slice(at, at := at + len(part.rows))
            source = self._source(part.table)
            keys[0][here] = source["offset"][part.rows] + part.place
            keys[1][here] = part.table << 16 | part.field
            if self.capture:
                flow[here] = source["flow"][part.rows]
        order: np.ndarray = order_of([flow, *keys] if self.capture else keys) if total else flow
        offsets = keys[0]
        del keys, flow
        return self._in_order(order, offsets)

    def _in_order(self, order: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        # each part is written to where its rows go, and let go
        dtype = in_capture(FINDINGS) if self.capture else FINDINGS
        raw = np.dtype((np.void, dtype.itemsize))  # as bytes: rows of columns leave out the padding
        place = np.empty(len(order), np.uint32)
        for rows in blocks(len(order)):
            place[order[rows]] = np.arange(rows.start, rows.stop, dtype=np.uint32)
        out = np.empty(len(order), raw)
        at = 0
        self._found.reverse()
        while self._found:
            part = self._found.pop()
            here = slice(at, at := at + len(part.rows))
            made = np.zeros(len(part.rows), dtype)
            part.fill(made)
            made["offset"] = offsets[here]
            if self.capture:
                source = self._source(part.table)
                for name in ("time", "flow", "direction"):
                    made[name] = source[name][part.rows]
            out[place[here]] = made.view(raw)
        return out.view(dtype)

    def _source(self, table: FindingTable) -> np.ndarray:
        """The rows that findings of a table are about."""
        return {
            FindingTable.PACKETS: self.packets,
            FindingTable.MESSAGES: self.messages,
            FindingTable.DATA: self.data,
        }[table]


class Part:
    """A block of rows of each table, as the rules of single rows see it."""

    def __init__(self, tables: Tables, rows: slice) -> None:
        columns = tables.columns
        self.tables = tables
        self.first = rows.start
        self.packets, self.messages = tables.packets[rows], tables.messages[rows]
        self.data = tables.data[rows]
        self.columns = MessageColumns(self.messages, columns.positions[rows], columns.pieces)
        self._rows: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._raw: dict[tuple[str, str], _RawField] = {}

    def heads(self) -> np.ndarray | None:
        """The 32 bytes of each packet's header, dtype `schema.dtypes.HEADER`."""
        pieces = self.tables.pieces
        if pieces is None:
            return None
        out = np.empty(len(self.packets), HEADER)
        offsets, lengths = self.packets["offset"], self.packets["length"]
        starts = [start for start, _ in pieces]
        cuts = [*np.searchsorted(offsets, starts).tolist(), len(out)]
        for (start, piece), low, high in zip(pieces, cuts, cuts[1:]):
            gather(
                piece, start, offsets[low:high], lengths[low:high], out[low:high], HEADER.itemsize
            )
        return out

    def kind(self, struct: Struct) -> tuple[np.ndarray, np.ndarray]:
        """(rows of `messages`, fixed fields) of one kind of message; read once."""
        if struct.name not in self._rows:
            columns = self.columns
            self._rows[struct.name] = columns.rows(struct.name), columns.array(struct.name)
        return self._rows[struct.name]

    def raw(self, struct: Struct, field: Field) -> _RawField:
        """The bytes of a variable field; read once. Streams repeat themselves, so values do."""
        key = struct.name, field.name
        if key not in self._raw:
            rows, _ = self.kind(struct)
            extents = self.columns.extents(struct.name, field.name)
            start = extents["offset"] - self.messages["offset"][rows]
            values, which = self.columns.values(
                self.columns.positions[rows], start, extents["length"]
            )
            self._raw[key] = _RawField(values, which, start, extents["length"])
        return self._raw[key]

    def flows(self, table: np.ndarray) -> np.ndarray:
        """As `Tables.flows`."""
        return self.tables.flows(table)

    def add(self, table: FindingTable, rows: np.ndarray, *more: Any, **named: Any) -> None:
        """As `Tables.add`; `rows` count from the first row of the part."""
        if len(rows):
            self.tables.add(table, rows + self.first, *more, **named)

    def keep(self, name: str, rows: np.ndarray, *columns: np.ndarray) -> None:
        """Flow and offset of `rows` of the messages, their row, and more columns, for later."""
        messages = self.messages
        flow, offset = self.flows(messages)[rows], messages["offset"][rows]
        self.tables.keep(name, flow, offset, rows + self.first, *columns)


def bits(values: np.ndarray) -> np.ndarray:
    """Wire bits of numbers as unsigned 64-bit integers."""
    if values.dtype.kind in "fi":
        return np.ascontiguousarray(values).view(f"<u{values.dtype.itemsize}").astype(np.uint64)
    return values.astype(np.uint64)


class Places:
    """Offsets in flows, given in any order, to be asked which lie before another one."""

    def __init__(self, flow: np.ndarray, offset: np.ndarray) -> None:
        self.order = order_of([flow, offset]).astype(np.int64) if len(flow) else np.empty(0, "i8")
        self.flow, self.offset = flow[self.order], offset[self.order]

    def latest(self, flow: np.ndarray, offset: np.ndarray) -> np.ndarray:
        """For each place asked the index (as given) of the last one before it in its flow, or -1.

        One at the same offset is not before it.
        """
        first, count = self.before(flow, offset)
        there = count > first
        out = np.full(len(count), -1, np.int64)
        out[there] = self.order[count[there] - 1]
        return out

    def before(self, flow: np.ndarray, offset: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each place asked: how many are of flows before its own, and how many before it."""
        low = np.searchsorted(self.flow, flow, "left")
        if len(self.flow) and self.flow[0] == self.flow[-1]:
            inside = np.searchsorted(self.offset, offset, "left")
            return low, np.where(flow == self.flow[0], inside, low)
        first, high = low.copy(), np.searchsorted(self.flow, flow, "right")
        while (searched := low < high).any():
            middle = (low + high) >> 1
            smaller = np.zeros(len(low), bool)
            smaller[searched] = self.offset[middle[searched]] < offset[searched]
            low = np.where(smaller, middle + 1, low)
            high = np.where(searched & ~smaller, middle, high)
        return first, low
