"""Which Data packets belong to which file and to which request.

An entry is one ASF file: the file that was opened, or one entry of a server-side playlist. A
segment is what one StartPlaying or StartStriding brought. Over TCP the place in the stream decides;
over UDP, where nothing is ordered, the incarnation does.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mmscodec.sessions.control import MID, Control
from mmscodec.sessions.entries import MAX_ENTRIES, Asked, Entry, Segment, timeline
from mmscodec.sessions.files import HEADER, files, header_of_no_request
from mmscodec.sessions.session_flows import Ends

PACKET_PAIR = 2
#: First row, file, start of playback (None = header), rows of some Data packets over UDP.
Piece = tuple[int, Entry, Segment | None, np.ndarray]

_STRIDE = MID["LinkViewerToMacStartStriding"]
_STARTED = (
    MID["LinkMacToViewerReportStartedPlaying"],
    MID["LinkMacToViewerReportStartStriding"],
)


def entries_of(
    ends: Ends, control: Control, data: np.ndarray, payload: Callable[[int], Any]
) -> list[Entry]:
    """The files of a session, at least one; Data packets of no known request are in them too."""
    entries, asked = timeline(ends.messages, control)
    if len(ends.tcp):
        _over_tcp(entries, asked, ends, data, payload)
    if len(ends.udp):
        _over_udp(entries, asked, ends, data, payload)
    return entries


def _over_tcp(
    entries: list[Entry], asked: list[Asked], ends: Ends, data: np.ndarray,
    payload: Callable[[int], Any],
) -> None:  # fmt: skip
    rows = ends.tcp[data["kind"][ends.tcp] != PACKET_PAIR]
    offsets = data["offset"][rows]
    here = [e for e in entries if e.mark is not None and e.mark.flow == ends.server]
    home = here if entries[0].mark is not None and here else [entries[0], *here]
    marks = np.array([e.mark.offset for e in home[1:] if e.mark], np.int64)
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
        for part, more in files(rows[low:high], step[low:high], data, payload):
            if more and len(entries) >= MAX_ENTRIES:
                break
            if more:  # a StreamChange was lost, its header was not
                at += 1
                added += 1
                entries.insert(at, _like(entry))
            _fill(entries[at], part[0], part[1], data, tags, asked, payload)


def _like(entry: Entry) -> Entry:
    # another file of the same figures, with nothing in it
    return Entry(
        packet_size=entry.packet_size, bit_rate=entry.bit_rate, attributes=entry.attributes
    )


def _fill(
    entry: Entry, rows: np.ndarray, step: np.ndarray, data: np.ndarray, tags: set[int],
    asked: list[Asked], payload: Callable[[int], Any],
) -> None:  # fmt: skip
    # header and segments of a file out of its rows in stream order
    if not len(rows):
        return
    inc = data["play_incarnation"][rows]
    header = data["kind"][rows] == HEADER
    for tag in tags:
        header |= inc == tag
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
        if known is None and header_of_no_request(part, data, payload):
            entry.header = np.concatenate([entry.header, part])
            continue
        if known is not None:
            _ask(segment, known[1][_latest(known[0], int(times[part[0]]))])
        entry.segments.append(segment)


def _by_tag(asked: list[Asked]) -> dict[int, tuple[np.ndarray, list[Asked]]]:
    grouped: dict[int, list[Asked]] = {}
    for one in asked:
        grouped.setdefault(one.message.tag, []).append(one)
    return {
        tag: (np.maximum.accumulate(np.array([o.message.time for o in some], np.int64)), some)
        for tag, some in grouped.items()
    }


def _latest(times: np.ndarray, time: int) -> int:
    return max(int(np.searchsorted(times, time, "right")) - 1, 0)


def _ask(segment: Segment, one: Asked) -> None:
    segment.request = one.message.row if one.message.client else -1
    segment.striding = one.message.mid in (_STRIDE, _STARTED[1])


def _over_udp(
    entries: list[Entry], asked: list[Asked], ends: Ends, data: np.ndarray,
    payload: Callable[[int], Any],
) -> None:  # fmt: skip
    rows = ends.udp[data["kind"][ends.udp] != PACKET_PAIR]
    if not asked and len(entries) == 1:  # its control connection was not captured
        _without_control(entries, rows, data, payload)
        return
    inc, times = data["play_incarnation"][rows], data["time"][rows]
    marks = np.array([e.mark.time if e.mark else 0 for e in entries[1:]], np.int64)
    requests = _by_tag(asked)
    pieces: list[Piece] = []
    for tag in np.unique(inc).tolist():
        chosen = inc == tag
        mine, when = rows[chosen], times[chosen]
        if tag not in requests:
            which = np.searchsorted(marks, when, "right")
            for number in np.unique(which).tolist():
                part = mine[which == number]
                pieces += _unasked(entries[number], part, tag, data, payload)
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
    _settle(entries, pieces)


def _without_control(
    entries: list[Entry], rows: np.ndarray, data: np.ndarray, payload: Callable[[int], Any]
) -> None:
    # headers alone tell where a file ends
    rows = rows[np.argsort(data["time"][rows], kind="stable")]
    pieces: list[Piece] = []
    for (part, _), more in files(rows, np.zeros(len(rows), np.int64), data, payload):
        if more and len(entries) < MAX_ENTRIES:
            entries.append(Entry())
        tags = data["play_incarnation"][part]
        for tag in dict.fromkeys(tags.tolist()):
            pieces += _unasked(entries[-1], part[tags == tag], tag, data, payload)
    _settle(entries, pieces)


def _unasked(
    entry: Entry, part: np.ndarray, tag: int, data: np.ndarray, payload: Callable[[int], Any]
) -> list[Piece]:
    header = data["kind"][part] == HEADER
    if header_of_no_request(part[~header], data, payload):
        header[:] = True
    return _pieces(entry, part, header, tag, None)


def _settle(entries: list[Entry], pieces: list[Piece]) -> None:
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
    entry: Entry, part: np.ndarray, header: np.ndarray, tag: int, one: Asked | None
) -> list[Piece]:
    out: list[Piece] = []
    if header.any():
        out.append((int(part[header][0]), entry, None, part[header]))
    if not header.all():
        rows = part[~header]
        segment = Segment(rows, tag)
        if one is not None and not one.header:
            _ask(segment, one)
        out.append((int(rows[0]), entry, segment, rows))
    return out
