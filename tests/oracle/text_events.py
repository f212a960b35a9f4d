"""Everything a capture holds as one sequence in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmscodec.capture import GAP_REASONS
from mmscodec.cli.choice import Choice
from mmscodec.schema import faults, mms
from mmscodec.schema.fields import Struct
from mmscodec.schema.findings import Severity
from mmscodec.schema.vocabulary import DIRECTIONS
from tests.oracle.text_fields import plain

CHUNK = 65_536
NO_TIME = -(1 << 63)  # of a fault that belongs to no frame
KINDS = ("messages", "data", "faults", "gaps")
_NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Event:
    """One row of a table: a message, a Data packet, a fault, a gap."""

    kind: str
    name: str
    time: int
    flow: int
    offset: int
    length: int
    struct: Struct | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    words: str = ""
    direction: str = ""


class Fields:
    """The fields of message rows; arrays and columns are fetched per kind, when first needed."""

    def __init__(self, tables: Any) -> None:
        self.tables = tables
        self.kinds: dict[str, tuple[dict[int, int], Any, dict[str, Any]]] = {}

    def of(self, row: int, struct: Struct) -> dict[str, Any]:
        """Values of message `row` by Python name; none if it is too short for them."""
        if struct.name not in self.kinds:
            self.kinds[struct.name] = self._kind(struct)
        places, array, columns = self.kinds[struct.name]
        if row not in places:
            return {}
        index = places[row]
        values = {}
        for item in struct.fixed:
            there = not item.needs_chunk_len or array["chunk_len"][index] >= item.needs_chunk_len
            values[item.python_name] = plain(array[item.python_name][index]) if there else None
        for name, column in columns.items():
            values[name] = plain(column[index])
        return values

    def _kind(self, struct: Struct) -> tuple[dict[int, int], Any, dict[str, Any]]:
        rows = self.tables.rows(struct.name).tolist()
        places = {row: index for index, row in enumerate(rows)}
        names = [item.python_name for item in struct.variable]
        columns = {name: self.tables.column(struct.name, name) for name in names}
        rows = self.tables[struct.name]
        array = {item.python_name: rows[item.python_name] for item in struct.fixed}
        return places, array, columns


def struct_of(mid: int) -> Struct | None:
    """The structure of a message row."""
    return mms.RESEND if mid == mms.RESEND_SIGNATURE else mms.BY_MID.get(mid)


def _data_name(kind: int) -> str:
    """What a Data packet carries."""
    return {0: "Data", 1: "Data (header)", 2: "Data (packet-pair)"}.get(kind, "Data")


class Events:
    """Iterates over the rows of all tables by time; rows of equal time by flow and offset.

    `tables` is a capture or a batch of one.
    """

    def __init__(
        self, tables: Any, findings: Severity | None = None, wanted: Choice | None = None
    ) -> None:
        self.wanted = wanted or Choice()
        self.fields = Fields(tables)
        self.parts = {name: np.asarray(getattr(tables, name)) for name in KINDS}
        if findings is not None:
            found = tables.findings
            self.findings = found[found["severity"] <= findings]
            self.parts["findings"] = np.asarray(self.findings)

    def __iter__(self) -> Iterator[Event]:
        parts = list(self.parts.values())
        keys = [
            np.concatenate([rows[key].astype(np.int64) for rows in parts])
            for key in ("offset", "flow", "time")
        ]
        order = np.lexsort(keys)
        self.wanted.begin(_known(keys[2]))
        if not self.wanted.everything:
            kept = np.concatenate([self.wanted.keep(rows) for rows in parts])
            order = order[kept[order]]
        starts = np.cumsum([0, *map(len, parts)])[:-1]
        makers = [getattr(self, f"_{name}") for name in self.parts]
        for at in range(0, len(order), CHUNK):
            chosen = order[at : at + CHUNK]
            which = np.searchsorted(starts, chosen, "right") - 1
            for part, row in zip(which.tolist(), (chosen - starts[which]).tolist()):
                yield makers[part](row, parts[part][row])

    def _messages(self, row: int, item: Any) -> Event:
        mid = int(item["mid"])
        struct = struct_of(mid)
        values = self.fields.of(row, struct) if struct is not None else _NOTHING
        return self._event("message", mms.message_name(mid), item, struct, values)

    def _data(self, row: int, item: Any) -> Event:
        names = ("location_id", "play_incarnation", "af_flags", "kind")
        values = {name: int(item[name]) for name in names}
        return self._event("data", _data_name(values.pop("kind")), item, mms.DATA_PACKET, values)

    def _faults(self, row: int, item: Any) -> Event:
        names = ("code", "field", "offset", "length", "need", "have")
        values = {name: int(item[name]) for name in names}
        event = self._event("fault", "fault", item, None, values)
        event.words = faults.text(*values.values(), cited=bool(item["flow"] >= 0))
        return event

    def _gaps(self, row: int, item: Any) -> Event:
        reason = GAP_REASONS.get(int(item["reason"]), "")
        event = self._event("gap", "gap", item, None, {"reason": int(item["reason"])})
        event.words = f"{event.length} bytes missing: {reason}"
        return event

    def _findings(self, row: int, item: Any) -> Event:
        severity = Severity(int(item["severity"])).name.lower()
        values = {name: int(item[name]) for name in ("row", "seen", "expected")}
        event = Event(
            "finding", severity, int(item["time"]), int(item["flow"]), int(item["offset"]), 0,
            values=values, direction=DIRECTIONS[int(item["direction"])],
        )  # fmt: skip
        event.words = self.findings[row : row + 1].text()[0].partition(f"{severity} ")[2]
        return event

    @staticmethod
    def _event(kind: str, name: str, item: Any, struct: Struct | None, values: Any) -> Event:
        time, flow = int(item["time"]), int(item["flow"])
        return Event(
            kind, name, time, flow, int(item["offset"]), int(item["length"]), struct, values,
            direction=DIRECTIONS[int(item["direction"])],
        )  # fmt: skip


def _known(times: np.ndarray) -> np.ndarray:
    return times[times != NO_TIME]
