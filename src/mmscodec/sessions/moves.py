"""Seeks, pauses and strides: what each start of playback was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mmscodec.sessions.control import MID, Control, Message
from mmscodec.sessions.media import Entry

_NAMES = {
    MID["LinkViewerToMacStartPlaying"]: "LinkViewerToMacStartPlaying",
    MID["LinkViewerToMacStartStriding"]: "LinkViewerToMacStartStriding",
}
_STOP = MID["LinkViewerToMacStopPlaying"]
_NEW_FILE = (MID["LinkMacToViewerReportStreamChange"], MID["LinkMacToViewerReportOpenFile"])
#: A start this many packets from where playback stopped went on there.
NEAR_PACKETS = 2


@dataclass(slots=True)
class Moves:
    """How often each happened, and the row in `messages` of the first start of playback."""

    seeks: int = 0
    pauses: int = 0
    strides: int = 0
    first_start: int = -1
    first_start_time: int = -1


def moves_of(
    messages: list[Message], control: Control, entries: list[Entry], data: np.ndarray
) -> Moves:
    """Tell a seek from a pause by where the Data packets went on."""
    out = Moves()
    by_request = {
        segment.request: segment for entry in entries for segment in entry.segments
        if segment.request >= 0
    }  # fmt: skip
    playing: int | None = None  # LocationId that came last, -1 = none yet
    stopped = False
    for message in messages:
        if message.mid in _NEW_FILE and message.ok:
            playing = None
        elif message.mid == _STOP:
            stopped = True
        elif message.mid in _NAMES:
            if out.first_start < 0:
                out.first_start, out.first_start_time = message.row, message.time
            segment = by_request.get(message.row)
            places = data["location_id"][segment.rows] if segment is not None else None
            if message.mid == MID["LinkViewerToMacStartStriding"]:
                out.strides += 1
            elif playing is not None:
                if places is not None and playing >= 0:
                    goes_on = -NEAR_PACKETS <= int(places[0]) - playing - 1 <= NEAR_PACKETS
                else:
                    goes_on = False
                out.pauses += goes_on and stopped
                out.seeks += not goes_on
            playing = int(places[-1]) if places is not None and len(places) else -1
            stopped = False
    return out
