"""Control messages of all sessions with the fields that every step looks at, in causal order."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mmscodec.rows import as_structures
from mmscodec.schema import mms
from mmscodec.schema.dtypes import ROWS, in_capture
from mmscodec.sessions._bulk import Control as BulkControl

MID = {item.name: item.mid for item in mms.MESSAGES} | {mms.RESEND.name: mms.RESEND_SIGNATURE}


class Message(NamedTuple):
    """One control message: row in `messages` and what most steps need of it; -1 = no such field."""

    row: int
    mid: int
    time: int
    offset: int
    flow: int
    hr: int
    incarnation: int
    file: int
    cookie: int

    @property
    def client(self) -> bool:
        """Sent by the client."""
        return self.mid >> 16 == 3 or self.mid == mms.RESEND_SIGNATURE

    @property
    def ok(self) -> bool:
        """The request succeeded: bit 31 of the HRESULT is clear."""
        return self.hr >= 0 and self.hr < 0x80000000

    @property
    def tag(self) -> int:
        """The byte by which Data packets name this request."""
        return self.incarnation & 0xFF if self.incarnation >= 0 else -1


#: Field of a message -> the column in which all of them are looked up.
_COMMON = {
    "hr": "hr",
    "play_incarnation": "incarnation",
    "dw_tcp_hdr_incarnation": "incarnation",
    "open_file_id": "file",
    "cookie": "cookie",
}
#: Kinds that a long connection says most, of which no step asks for anything else.
_NOT_KEPT = ("LinkMacToViewerPing", "LinkViewerToMacPong")


class Control:
    """The messages of a capture, and the fields of any of them by its row."""

    def __init__(self, cap: Any) -> None:
        self.cap = cap._bare()
        self.messages = cap.messages
        self._rows: dict[str, np.ndarray] = {}
        self._arrays: dict[str, np.ndarray] = {}
        self._columns: dict[tuple[str, str], Any] = {}
        # row -> where its fields stand in the array of its kind, -1 = it is too short for them
        self.place = np.full(len(self.messages), -1, np.int32)
        self._mids = self.messages["mid"].copy()
        self._present = set(np.unique(self._mids).tolist())
        self._fields = self._common({"hr", "incarnation", "cookie"})

    def _common(self, wanted: set[str]) -> dict[str, np.ndarray]:
        # fields that many messages have, one value for each message of the capture; -1 = none
        n = len(self.messages)
        out = {name: np.full(n, -1, np.int64) for name in wanted}
        for message, mid in MID.items():
            if mid not in self._present:
                continue
            rows, array = self.rows(message), self.array(message)
            self.place[rows] = np.arange(len(rows))
            for name in _COMMON.keys() & set(array.dtype.names or ()):
                if _COMMON[name] in wanted:
                    out[_COMMON[name]][rows] = array[name]
            if message in _NOT_KEPT:
                del self._arrays[message]
        return out

    @cached_property
    def _files(self) -> np.ndarray:
        # openFileId of each message, which single sessions ask for
        return self._common({"file"})["file"]

    def has(self, name: str) -> bool:
        """Whether the capture holds any message of this name."""
        return MID[name] in self._present

    def rows(self, name: str) -> np.ndarray:
        """Rows of `messages` of this kind that hold all of their fixed part."""
        if name not in self._rows:
            self._rows[name] = self.cap.rows(name)
        return self._rows[name]

    def array(self, name: str) -> np.ndarray:
        """Their fixed fields."""
        if name not in self._arrays:
            rows = self.cap[name]
            self._arrays[name] = as_structures(rows, in_capture(ROWS[name]))
        return self._arrays[name]

    def _index(self, name: str, row: int) -> int:
        of_kind = row >= 0 and self._mids[row] == MID[name]
        return int(self.place[row]) if of_kind else -1

    def record(self, name: str, row: int) -> Any:
        """Fixed fields of the message in `row`; None if it is too short for them, or another."""
        at = self._index(name, row)
        return None if at < 0 else self.array(name)[at]

    def value(self, name: str, field: str, row: int) -> Any:
        """One field of the message in `row`, strings decoded; None where it is missing."""
        at = self._index(name, row)
        if at < 0:
            return None
        return self.column(name, field)[at]

    def column(self, name: str, field: str) -> Any:
        """A field of all messages of a kind, strings decoded."""
        key = name, field
        if key not in self._columns:
            self._columns[key] = self.cap.column(name, field)
        return self._columns[key]

    @property
    def hr(self) -> np.ndarray:
        """HRESULT of each message of the capture, -1 = none."""
        return self._fields["hr"]

    def all_rows(self, name: str) -> np.ndarray:
        """Rows of `messages` of this kind, however short they are."""
        return np.flatnonzero(self._mids == MID[name])

    def log_field(self, field: str) -> np.ndarray:
        """A number of CLIENT_LOG of every LinkViewerToMacLogging."""
        log = self.array("LinkViewerToMacLogging")["log"]
        names = log.dtype.names or ()
        parts = [log[name] for name in names]
        found = [part[field] for part in parts if field in (part.dtype.names or ())]
        return log[field] if field in names else found[-1]

    def bulk(self, order: np.ndarray, bounds: np.ndarray) -> BulkControl:
        """These messages for the kernels; `order` = rows of all sessions, `bounds` of each."""
        hr, incarnation, cookie = (self._fields[name] for name in ("hr", "incarnation", "cookie"))
        return BulkControl(self.messages, hr, incarnation, cookie, order, bounds)

    def from_client(self) -> np.ndarray:
        """Of each message of the capture, whether a client sent it."""
        return (self._mids >> 16 == 3) | (self._mids == mms.RESEND_SIGNATURE)

    def in_order(self, parts: list[np.ndarray]) -> np.ndarray:
        """Rows of one session by time; of one flow always in stream order.

        Clocks jump, and the two directions may come from different files: rows of a flow keep their
        order, and a time that runs backwards in a flow counts as the latest before it.

        Parameters
        ----------
        parts : list of numpy.ndarray
            Rows of each flow, ascending.
        """
        if not parts:
            return np.empty(0, np.int64)
        times = [np.maximum.accumulate(self.messages["time"][rows]) for rows in parts]
        rows = np.concatenate(parts)
        return rows[np.lexsort((rows, np.concatenate(times)))]

    def at(self, rows: np.ndarray) -> list[Message]:
        """The messages in these rows."""
        m = self.messages
        columns = [rows, *(m[name][rows] for name in ("mid", "time", "offset", "flow"))]
        fields = self._fields
        of_kinds = fields["hr"], fields["incarnation"], self._files, fields["cookie"]
        columns += [column[rows] for column in of_kinds]
        return list(map(Message._make, zip(*(column.tolist() for column in columns))))
