"""Everything a capture holds as one sequence in the order of time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.cli.fields import plain
from mmscodec.schema import faults, mms
from mmscodec.schema.fields import Struct

CHUNK = 65_536
NOTHING: Mapping[str, Any] = {}


@dataclass(slots=True)
class Event:
    """One row of a table: a message, a Data packet, a WinMX node or a fault."""

    kind: str
    name: str
    time: int
    flow: int
    offset: int
    length: int
    struct: Struct | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    row: Any = None


class Fields:
    """The fields of message rows; arrays and columns are fetched per kind, when first needed."""

    def __init__(self, capture: Any) -> None:
        self.capture = capture
        self.arrays: dict[str, Any] = {}
        self.columns: dict[tuple[str, str], Any] = {}

    @cached_property
    def rank(self) -> np.ndarray:
        """For each message row, its row in the array of its kind."""
        mid = self.capture.messages["mid"]
        rank = np.empty(len(mid), np.int64)
        for value in np.unique(mid):
            rows = np.flatnonzero(mid == value)
            rank[rows] = np.arange(len(rows))
        return rank

    def of(self, row: int, struct: Struct) -> dict[str, Any]:
        """Values of message `row` by Python name."""
        if struct.name not in self.arrays:
            self.arrays[struct.name] = self.capture[struct.name]
        array = self.arrays[struct.name]
        index = int(self.rank[row])
        if index >= len(array):
            return {}
        record = array[index]
        values = {item.python_name: plain(record[item.python_name]) for item in struct.fixed}
        for item in struct.variable:
            key = struct.name, item.python_name
            if key not in self.columns:
                self.columns[key] = self.capture.column(*key)
            values[item.python_name] = plain(self.columns[key][index])
        return values


def struct_of(mid: int) -> Struct | None:
    """The structure of a message row."""
    return mms.RESEND if mid == mms.RESEND_SIGNATURE else mms.BY_MID.get(mid)


def data_name(kind: int) -> str:
    """What a Data packet carries."""
    return {0: "Data", 1: "Data (header)", 2: "Data (packet-pair)"}.get(kind, "Data")


class Events:
    """Iterates over the rows of all tables by time; rows of equal time by flow and offset."""

    def __init__(self, capture: Any) -> None:
        self.capture = capture
        self.fields = Fields(capture)
        tables = {name: getattr(capture, name, None) for name in ("messages", "data", "faults")}
        self.tables = {name: rows for name, rows in tables.items() if rows is not None}

    def __iter__(self) -> Iterator[Event]:
        parts = list(self.tables.values())
        sizes = [len(rows) for rows in parts]
        keys = [
            np.concatenate([rows[key].astype(np.int64) for rows in parts])
            for key in ("offset", "flow", "time")
        ]
        order = np.lexsort(keys)
        starts = np.cumsum([0, *sizes])
        makers = [getattr(self, f"_{name}") for name in self.tables]
        for at in range(0, len(order), CHUNK):
            chosen = order[at : at + CHUNK]
            which = np.searchsorted(starts, chosen, "right") - 1
            for part, place in zip(which.tolist(), chosen.tolist()):
                row = place - int(starts[part])
                yield makers[part](row, parts[part][row])

    def _messages(self, row: int, item: Any) -> Event:
        mid = int(item["mid"])
        struct = struct_of(mid)
        values = self.fields.of(row, struct) if struct is not None else NOTHING
        return self._event("message", mms.message_name(mid), item, struct, values)

    def _data(self, row: int, item: Any) -> Event:
        names = ("location_id", "play_incarnation", "af_flags", "kind")
        values = {name: int(item[name]) for name in names}
        return self._event("data", data_name(values.pop("kind")), item, mms.DATA_PACKET, values)

    def _faults(self, row: int, item: Any) -> Event:
        names = ("code", "field", "offset", "length", "need", "have")
        values = {name: int(item[name]) for name in names}
        event = self._event("fault", "fault", item, None, values)
        event.row = faults.text(**values)
        return event

    @staticmethod
    def _event(kind: str, name: str, item: Any, struct: Struct | None, values: Any) -> Event:
        time, flow = int(item["time"]), int(item["flow"])
        return Event(
            kind, name, time, flow, int(item["offset"]), int(item["length"]), struct, values
        )
