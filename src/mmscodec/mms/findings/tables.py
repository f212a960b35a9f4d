"""Where the checks of findings put what they find, and what they share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mmscodec.mms._gather import order_of
from mmscodec.mms.columns import MessageColumns
from mmscodec.schema.dtypes import FINDINGS, in_capture
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
    """The tables of one batch or capture, as the checks see them.

    `heads` are the TcpMessageHeaders of all packets (dtype `schema.dtypes.HEADER`), or None where
    their bytes are not kept. Tables of captures have a column `flow`; everything that compares
    neighbours does so inside of one flow.
    """

    def __init__(
        self,
        columns: MessageColumns,
        packets: np.ndarray,
        data: np.ndarray,
        faults: np.ndarray,
        heads: np.ndarray | None,
    ) -> None:
        self.columns = columns
        self.packets = packets
        self.messages = columns.messages
        self.data = data
        self.faults = faults
        self.heads = heads
        self.capture = "flow" in (packets.dtype.names or ())
        self._rows: dict[str, tuple[np.ndarray, np.ndarray]] = {}
        self._raw: dict[tuple[str, str], _RawField] = {}
        self._found: list[_Found] = []

    def flows(self, table: np.ndarray) -> np.ndarray:
        """Flow of each row; zeros where there is only one."""
        return table["flow"] if self.capture else np.zeros(len(table), np.int32)

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
            self._raw[key] = self._read(self.columns.positions[rows], start, extents["length"])
        return self._raw[key]

    def _read(self, positions: np.ndarray, start: np.ndarray, length: np.ndarray) -> _RawField:
        numbers: dict[bytes, int] = {}
        which = np.empty(len(positions), np.int64)
        places = (positions + start).tolist()
        lengths = length.tolist()
        pieces = self.columns.pieces
        cuts = np.searchsorted(positions, [first for first, _ in pieces]).tolist()
        for (first, piece), low, high in zip(pieces, cuts, [*cuts[1:], len(positions)]):
            view: Any = memoryview(piece).cast("B")  # type: ignore[arg-type]
            for i in range(low, high):
                at = places[i] - first
                value = bytes(view[at : at + lengths[i]])
                which[i] = numbers.setdefault(value, len(numbers))
        return _RawField(list(numbers), which, start, length)

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
        self._rows.clear()
        self._raw.clear()
        self.heads = None
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
        place[order] = np.arange(len(order), dtype=np.uint32)
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


def bits(values: np.ndarray) -> np.ndarray:
    """Wire bits of numbers as unsigned 64-bit integers."""
    if values.dtype.kind in "fi":
        return np.ascontiguousarray(values).view(f"<u{values.dtype.itemsize}").astype(np.uint64)
    return values.astype(np.uint64)


def latest_before(
    flow: np.ndarray, offset: np.ndarray, other_flow: np.ndarray, other_offset: np.ndarray
) -> np.ndarray:
    """For each row the index of the last other row before it in its flow, or -1.

    Both sides may be in any order; the index is into the other side as given.
    """
    count = len(other_flow)
    flows = np.concatenate([other_flow, flow])
    asks = np.arange(len(flows)) >= count
    # a row at the same offset as another stands before it, because only earlier ones count
    order = order_of([flows, np.concatenate([other_offset, offset]), ~asks]).astype(np.int64)
    last = np.maximum.accumulate(np.where(asks[order], -1, np.arange(len(order))))
    found = np.where(last >= 0, order[last], -1)
    found[(last >= 0) & (flows[found] != flows[order])] = -1
    out = np.empty(len(flow), np.int64)
    here = asks[order]
    out[order[here] - count] = found[here]
    return out
