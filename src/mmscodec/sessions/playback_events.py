"""Seeks, pauses and strides: what each start of playback was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmscodec.sessions.control import MID, Control, Message
from mmscodec.sessions.entries import Entry
from mmscodec.sessions.loss import first_place

_STRIDE = MID["LinkViewerToMacStartStriding"]
_PLAY = "LinkViewerToMacStartPlaying"
_STARTS = (MID[_PLAY], _STRIDE)
_STOP = MID["LinkViewerToMacStopPlaying"]
_NEW_FILE = (MID["LinkMacToViewerReportStreamChange"], MID["LinkMacToViewerReportOpenFile"])


@dataclass(slots=True)
class _Moves:
    """How often each happened, and the row in `messages` of the first start of playback."""

    seeks: int = 0
    pauses: int = 0
    strides: int = 0
    first_start: int = -1
    first_start_time: int = -1


@dataclass(slots=True)
class _Played:
    # the last packet of a start of playback, and the usual distance of its LocationIds
    place: int
    flags: int
    step: int


def moves_of(
    messages: list[Message], control: Control, entries: list[Entry], data: np.ndarray
) -> _Moves:
    """Tell a seek from a pause by where the Data packets went on."""
    out = _Moves()
    by_request = {
        segment.request: segment.rows for entry in entries for segment in entry.segments
        if segment.request >= 0
    }  # fmt: skip
    before: _Played | None = None  # what came of the last start
    begun = stopped = False
    for message in messages:
        if message.mid in _NEW_FILE and message.ok:
            before, begun = None, False
        elif message.mid == _STOP:
            stopped = True
        elif message.mid in _STARTS:
            if out.first_start < 0:
                out.first_start, out.first_start_time = message.row, message.time
            rows = by_request.get(message.row)
            if message.mid == _STRIDE:
                out.strides += 1
            elif begun and by_request:  # without any Data there is no telling
                on = _goes_on(before, rows, data, control.record(_PLAY, message.row))
                out.pauses += on is True and stopped
                out.seeks += on is False
            if rows is not None:
                before = _last(rows, data)
            elif message.mid == _STRIDE:
                before = None
            begun, stopped = True, False
    return out


def _last(rows: np.ndarray, data: np.ndarray) -> _Played:
    places = data["location_id"][rows].astype(np.int64)
    steps = np.diff(places[-64:])
    steps = steps[steps > 0]
    at = int(np.argmax(places))
    return _Played(
        int(places[at]), int(data["af_flags"][rows[at]]), int(steps.max()) if len(steps) else 1
    )


def _goes_on(
    before: _Played | None, rows: np.ndarray | None, data: np.ndarray, asked: np.void | None
) -> bool | None:
    """Whether the first packet of a start is the next one that the server had to send.

    Nothing was skipped if LocationId rose by as much as the running number, which counts what was
    sent: packets lost at the seam make no seek of a pause. Where the number does not count so (or
    the server thins the stream), the step must be one that the stream had before. A start of which
    nothing came is judged by the place that it asks for; None = that cannot be told.
    """
    if rows is None or before is None:
        place = first_place(asked)
        if before is not None and place > 0:
            return place == before.place + 1
        return False if place else None
    first = rows[int(np.argmin(data["location_id"][rows[:64]]))]
    rise = int(data["location_id"][first]) - before.place
    flags = int(data["af_flags"][first])
    counted = (flags - before.flags) & 255
    if before.flags == 0xFE and flags == 0:
        counted = 1  # a new start leaves 0xFF out
    if rise <= 0:
        return False
    if before.step == 1 and 0 < counted < 128:
        return rise & 255 == counted
    return rise <= before.step
