"""The files of a session, and what was asked of the server, in the order of its messages."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmscodec.sessions.control import MID, Control, Message
from mmscodec.sessions.session_flows import NO_ROWS

MAX_ENTRIES = 10_000
LIVE = 0x06000000  # BROADCAST and LIVE

_OPENED = MID["LinkMacToViewerReportOpenFile"]
_CHANGE = MID["LinkMacToViewerReportStreamChange"]
_READ = MID["LinkViewerToMacReadBlock"]
_PLAY = MID["LinkViewerToMacStartPlaying"]
_STRIDE = MID["LinkViewerToMacStartStriding"]
_CONFIRMS = {
    MID["LinkMacToViewerReportReadBlock"]: _READ,
    MID["LinkMacToViewerReportStartedPlaying"]: _PLAY,
    MID["LinkMacToViewerReportStartStriding"]: _STRIDE,
}


@dataclass(slots=True, eq=False)
class Segment:
    """Data packets of one start of playback, in order of arrival."""

    rows: np.ndarray
    incarnation: int
    request: int = -1  # row in `messages`
    striding: bool = False


@dataclass(slots=True, eq=False)
class Entry:
    """One ASF file of a session."""

    mark: Message | None = None  # ReportOpenFile or StreamChange
    packet_size: int = 0
    header_size: int = 0
    bit_rate: int = 0
    packet_count: int = 0
    attributes: int = 0
    duration: float = 0.0
    header: np.ndarray = field(default_factory=lambda: NO_ROWS)  # rows of `data`
    joined: Any = None  # what `headers.fragments` made of them
    segments: list[Segment] = field(default_factory=list)

    @property
    def live(self) -> bool:
        """Its packets have no numbers that begin at 0, and no known end."""
        return bool(self.attributes & LIVE)

    @property
    def rows(self) -> np.ndarray:
        """Rows of all media packets."""
        return np.concatenate([NO_ROWS, *(segment.rows for segment in self.segments)])


@dataclass(slots=True, eq=False)
class Asked:
    """A ReadBlock or Start*, or its report alone: what Data packets with its tag are."""

    message: Message
    entry: int
    header: bool


def timeline(messages: list[Message], control: Control) -> tuple[list[Entry], list[Asked]]:
    """Files opened, at least one, and requests for headers and media.

    A report whose request was not captured stands for it: it has the same incarnation.
    """
    entries = [Entry()]
    asked: list[Asked] = []
    known: set[tuple[int, int]] = set()
    for message in messages:
        if message.mid in (_OPENED, _CHANGE) and message.ok and len(entries) < MAX_ENTRIES:
            # the file before a change was there, though its opening may not have been captured
            if entries[0].mark is not None or asked or message.mid == _CHANGE:
                entries.append(Entry())
            _describe(entries[-1], message, control)
        elif message.mid in (_READ, _PLAY, _STRIDE) and message.incarnation >= 0:
            known.add((message.mid, message.incarnation))
            asked.append(Asked(message, len(entries) - 1, message.mid == _READ))
        elif message.mid in _CONFIRMS and message.incarnation >= 0 and message.ok:
            mid = _CONFIRMS[message.mid]
            if (mid, message.incarnation) not in known:
                asked.append(Asked(message, len(entries) - 1, mid == _READ))
    return entries, asked


def _describe(entry: Entry, message: Message, control: Control) -> None:
    entry.mark = message
    if message.mid == _OPENED:
        row = control.record("LinkMacToViewerReportOpenFile", message.row)
        entry.packet_size = int(row["file_packet_size"])
        entry.header_size = int(row["file_header_size"])
        entry.bit_rate = int(row["file_bit_rate"])
        entry.packet_count = int(row["file_packet_count"])
        entry.attributes = int(row["file_attributes"])
        entry.duration = float(row["file_duration"])
    else:
        row = control.record("LinkMacToViewerReportStreamChange", message.row)
        entry.packet_size = int(row["cb_packet_size"])
        entry.header_size = int(row["cb_header_size"])
        entry.bit_rate = int(row["dw_bit_rate"])
