"""Which Data packets belong to which file and to which request: spec section 11.

An entry is one ASF file: the file that was opened, or one entry of a server-side playlist. A
segment is what one StartPlaying or StartStriding brought. Over TCP the place in the stream decides;
over UDP, where nothing is ordered, the incarnation does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

import numpy as np

from mmscodec.sessions.control import MID, Control, Message
from mmscodec.sessions.ends import NO_ROWS, Ends

MEDIA, HEADER, PACKET_PAIR = 0, 1, 2
MAX_ENTRIES = 10_000
LIVE = 0x06000000  # BROADCAST and LIVE

_OPENED = MID["LinkMacToViewerReportOpenFile"]
_CHANGE = MID["LinkMacToViewerReportStreamChange"]
_READ = MID["LinkViewerToMacReadBlock"]
_PLAY = MID["LinkViewerToMacStartPlaying"]
_STRIDE = MID["LinkViewerToMacStartStriding"]
_STARTED = (
    MID["LinkMacToViewerReportStartedPlaying"],
    MID["LinkMacToViewerReportStartStriding"],
)


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
    header: np.ndarray = field(default_factory=lambda: NO_ROWS)  # rows of `data`
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
class _Asked:
    # a ReadBlock or Start*: what Data packets with its tag are
    message: Message
    entry: int
    header: bool


def entries_of(
    ends: Ends, control: Control, data: np.ndarray, payload: Callable[[int], Any]
) -> list[Entry]:
    """The files of a session, at least one; Data packets of no known request are in them too."""
    entries, asked = _timeline(ends.messages, control)
    if len(ends.tcp):
        _over_tcp(entries, asked, ends, data, payload)
    if len(ends.udp):
        _over_udp(entries, asked, ends, data)
    return entries


def _timeline(messages: list[Message], control: Control) -> tuple[list[Entry], list[_Asked]]:
    entries = [Entry()]
    asked: list[_Asked] = []
    for message in messages:
        if message.mid in (_OPENED, _CHANGE) and message.ok and len(entries) < MAX_ENTRIES:
            if entries[0].mark is not None or asked:
                entries.append(Entry())
            _describe(entries[-1], message, control)
        elif message.mid in (_READ, _PLAY, _STRIDE) and message.incarnation >= 0:
            asked.append(_Asked(message, len(entries) - 1, message.mid == _READ))
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
    else:
        row = control.record("LinkMacToViewerReportStreamChange", message.row)
        entry.packet_size = int(row["cb_packet_size"])
        entry.header_size = int(row["cb_header_size"])
        entry.bit_rate = int(row["dw_bit_rate"])


def _over_tcp(
    entries: list[Entry], asked: list[_Asked], ends: Ends, data: np.ndarray,
    payload: Callable[[int], Any],
) -> None:  # fmt: skip
    rows = ends.tcp[data["kind"][ends.tcp] != PACKET_PAIR]
    offsets = data["offset"][rows]
    here = [e for e in entries if e.mark is not None and e.mark.flow == ends.server]
    marks = np.array([e.mark.offset for e in here[1:] if e.mark], np.int64)
    home = here or entries[:1]
    which = np.searchsorted(marks, offsets, "right") if len(home) > 1 else np.zeros(len(rows), int)
    starts = [m.offset for m in ends.messages if m.mid in _STARTED and m.flow == ends.server]
    step = np.searchsorted(np.sort(np.array(starts, np.int64)), offsets, "right")
    tags = {one.message.tag for one in asked if one.header}
    tags -= {one.message.tag for one in asked if not one.header}
    index = {id(e): i for i, e in enumerate(entries)}
    added = 0
    cuts = np.searchsorted(which, np.arange(len(home) + 1)).tolist()
    for number, entry in enumerate(home):
        low, high = cuts[number], cuts[number + 1]
        at = index[id(entry)] + added
        for part, more in _files(rows[low:high], step[low:high], data, payload):
            target = entry
            if more:  # a StreamChange was lost, its header was not
                if len(entries) >= MAX_ENTRIES:
                    break
                target = Entry(packet_size=entry.packet_size, bit_rate=entry.bit_rate)
                at += 1
                added += 1
                entries.insert(at, target)
            _fill(target, part[0], part[1], data, tags, asked)


def _files(
    rows: np.ndarray, step: np.ndarray, data: np.ndarray, payload: Callable[[int], Any]
) -> list[tuple[tuple[np.ndarray, np.ndarray], bool]]:
    # cut where another header than the first begins behind media
    heads = np.flatnonzero((data["kind"][rows] == HEADER) & (data["location_id"][rows] == 0))
    media = np.flatnonzero(data["kind"][rows] == MEDIA)
    cuts = []
    if len(heads) > 1 and len(media):
        last = bytes(payload(int(rows[heads[0]])))
        for head in heads[heads > media[0]].tolist():
            now = bytes(payload(int(rows[head])))
            if now != last and head > heads[0]:
                cuts.append(head)
            last = now
    bounds = [0, *cuts, len(rows)]
    return [
        ((rows[low:high], step[low:high]), number > 0)
        for number, (low, high) in enumerate(pairwise(bounds))
    ]


def _fill(
    entry: Entry, rows: np.ndarray, step: np.ndarray, data: np.ndarray, tags: set[int],
    asked: list[_Asked],
) -> None:  # fmt: skip
    # header and segments of a file out of its rows in stream order
    if not len(rows):
        return
    inc = data["play_incarnation"][rows]
    header = (data["kind"][rows] == HEADER) | np.isin(inc, list(tags))
    entry.header = np.concatenate([entry.header, rows[header]])
    rows, inc, step = rows[~header], inc[~header], step[~header]
    if not len(rows):
        return
    new = np.flatnonzero((inc[1:] != inc[:-1]) | (step[1:] != step[:-1])) + 1
    times = data["time"]
    plays = _by_tag([one for one in asked if not one.header])
    for part in np.split(rows, new):
        tag = int(data["play_incarnation"][part[0]])
        segment = Segment(part, tag)
        known = plays.get(tag)
        if known is not None:
            _ask(segment, known[1][_latest(known[0], int(times[part[0]]))])
        entry.segments.append(segment)


def _by_tag(asked: list[_Asked]) -> dict[int, tuple[np.ndarray, list[_Asked]]]:
    grouped: dict[int, list[_Asked]] = {}
    for one in asked:
        grouped.setdefault(one.message.tag, []).append(one)
    return {
        tag: (np.maximum.accumulate(np.array([o.message.time for o in some], np.int64)), some)
        for tag, some in grouped.items()
    }


def _latest(times: np.ndarray, time: int) -> int:
    return max(int(np.searchsorted(times, time, "right")) - 1, 0)


def _ask(segment: Segment, one: _Asked) -> None:
    segment.request = one.message.row
    segment.striding = one.message.mid == _STRIDE


def _over_udp(entries: list[Entry], asked: list[_Asked], ends: Ends, data: np.ndarray) -> None:
    rows = ends.udp[data["kind"][ends.udp] != PACKET_PAIR]
    inc, times = data["play_incarnation"][rows], data["time"][rows]
    marks = np.array([e.mark.time if e.mark else 0 for e in entries[1:]], np.int64)
    requests = _by_tag(asked)
    pieces: list[tuple[int, Entry, Segment | None, np.ndarray]] = []
    for tag in np.unique(inc).tolist():
        chosen = inc == tag
        mine, when = rows[chosen], times[chosen]
        if tag not in requests:
            which = np.searchsorted(marks, when, "right")
            for number in np.unique(which).tolist():
                part = mine[which == number]
                header = data["kind"][part] == HEADER
                pieces += _pieces(entries[number], part, header, tag, None)
            continue
        starts, some = requests[tag]
        which = np.maximum(np.searchsorted(starts, when, "right") - 1, 0)
        order = np.argsort(which, kind="stable")
        found, first = np.unique(which[order], return_index=True)
        for number, part in zip(found.tolist(), np.split(mine[order], first[1:])):
            one = some[number]
            kind = data["kind"][part]
            header = kind == HEADER
            if one.header:
                header = np.ones(len(part), bool)
            pieces += _pieces(entries[one.entry], part, header, tag, one)
    pieces.sort(key=lambda piece: piece[0])
    headers: dict[int, list[np.ndarray]] = {}
    for _, entry, segment, part in pieces:
        if segment is None:
            headers.setdefault(id(entry), []).append(part)
        else:
            entry.segments.append(segment)
    for entry in entries:
        entry.header = np.concatenate([entry.header, *headers.get(id(entry), ())])


def _pieces(
    entry: Entry, part: np.ndarray, header: np.ndarray, tag: int, one: _Asked | None
) -> list[tuple[int, Entry, Segment | None, np.ndarray]]:
    out: list[tuple[int, Entry, Segment | None, np.ndarray]] = []
    if header.any():
        out.append((int(part[header][0]), entry, None, part[header]))
    if not header.all():
        rows = part[~header]
        segment = Segment(rows, tag)
        if one is not None and not one.header:
            _ask(segment, one)
        out.append((int(rows[0]), entry, segment, rows))
    return out
