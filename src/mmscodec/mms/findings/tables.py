"""Where the checks of findings put what they find, and what they share."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

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
        self._found: list[np.ndarray] = []

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
        source = {
            FindingTable.PACKETS: self.packets,
            FindingTable.MESSAGES: self.messages,
            FindingTable.DATA: self.data,
        }[table]
        number = FIELD_NUMBERS[struct.name, path]
        if place is None:
            place = struct[path.partition(".")[0]].offset or 0
        out = np.zeros(len(rows), in_capture(FINDINGS) if self.capture else FINDINGS)
        out["table"], out["code"], out["field"] = table, code, number
        out["severity"], out["row"] = severity, rows
        out["offset"] = source["offset"][rows] + place
        out["seen"], out["expected"] = seen, expected
        if self.capture:
            for name in ("time", "flow", "direction"):
                out[name] = source[name][rows]
        self._found.append(out)

    def findings(self) -> np.ndarray:
        """All findings in order of flow, offset and table."""
        dtype = in_capture(FINDINGS) if self.capture else FINDINGS
        if not self._found:
            return np.empty(0, dtype)
        # as bytes, because concatenation would leave out the padding
        raw = np.dtype((np.void, dtype.itemsize))
        found = np.concatenate([item.view(raw) for item in self._found]).view(dtype)
        keys = [found["field"], found["table"], found["offset"]]
        return found[np.lexsort([*keys, found["flow"]] if self.capture else keys)]


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
    order = np.lexsort([~asks, np.concatenate([other_offset, offset]), flows])
    last = np.maximum.accumulate(np.where(asks[order], -1, np.arange(len(order))))
    found = np.where(last >= 0, order[last], -1)
    found[(last >= 0) & (flows[found] != flows[order])] = -1
    out = np.empty(len(flow), np.int64)
    here = asks[order]
    out[order[here] - count] = found[here]
    return out
