"""Data packets over UDP that did not come: in front of the first one, in between, behind the last.

AFFlags counts from 0 for the first packet of a session, so the first arrival tells what was lost
before it; what was lost behind the last arrival shows in what the server says.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmscodec.sessions.control import MID, Control, Message
from mmscodec.sessions.entries import Entry, Segment
from mmscodec.sessions.metadata import Facts
from mmscodec.sessions.sequence import Delivery, delivery, extend
from mmscodec.sessions.session_flows import Ends

_END = MID["LinkMacToViewerReportEndOfStream"]
_PLAY = "LinkViewerToMacStartPlaying"
_STOPS = (
    MID["LinkViewerToMacStopPlaying"],
    MID[_PLAY],
    MID["LinkViewerToMacStartStriding"],
)
#: frameOffset of third-party players, who mean "to the end": 16,777.215 s.
NO_LIMIT = 0x00FFFFFF
UNUSED = (0, 0xFFFFFFFF)
FROM_A_TIME = 1e9  # positions from here on (DBL_MAX) hand over to asfOffset and locationId


@dataclass(slots=True)
class Loss:
    """What became of the numbered packets of a session."""

    delivery: Delivery = field(default_factory=Delivery)
    at_start: int = 0
    at_end: int = 0
    resends_delivered: int = 0


def loss_of(
    rows: np.ndarray, number: np.ndarray, segments: list[Segment], entries: list[Entry],
    ends: Ends, facts: Facts, data: np.ndarray, control: Control,
) -> Loss:  # fmt: skip
    """Measure the UDP packets of a session.

    Parameters
    ----------
    rows, number : numpy.ndarray
        Rows of `data` in order of arrival, and which of `segments` each is of.
    """
    out = Loss()
    if not len(rows):
        out.at_end = _all_of(entries, ends, control)
        out.delivery = delivery(np.empty(0, np.int64), out.at_end)
        return out
    places = data["location_id"][rows]
    sequence = extend(data["af_flags"][rows], places, number)
    times = data["time"][rows]
    wanted, asked = _wanted(sequence, times, facts)
    resent = _resent(sequence, times, wanted, asked)
    out.resends_delivered = len(np.unique(sequence[resent]))
    first = segments[number[0]]
    here = number == number[0]
    out.at_start = _in_front(first, sequence[here], places[here], segments, control, facts)
    behind = len(np.unique(wanted[wanted > sequence.max(initial=0)]))
    tail = number == number[-1]
    last = segments[number[-1]]
    unsent = _unsent(last, sequence[tail], places[tail], ends, control, _of(entries, last))
    out.at_end = max(behind, unsent)
    begun = facts.connected and first.request >= 0
    out.delivery = delivery(sequence, out.at_end, out.at_start, resent, begun)
    return out


def _of(entries: list[Entry], segment: Segment) -> Entry:
    return next(entry for entry in entries if any(one is segment for one in entry.segments))


def packet_count(entry: Entry) -> int:
    """Packets of the file that an entry is; 0 = not known, as of a live one."""
    known = not entry.live and entry.packet_count < 0xFFFFFFFF
    return entry.packet_count if known else 0


def first_place(record: np.void | None) -> int:
    """LocationId that a StartPlaying or StartStriding begins at, -1 where it names a time."""
    if record is None:
        return -1
    place, position = int(record["location_id"]), float(record["position"])
    if place not in UNUSED:
        return place
    if position <= 0 or (position >= FROM_A_TIME and int(record["asf_offset"]) in UNUSED):
        return 0
    return -1


def _plays_to_the_end(record: np.void, duration: float) -> bool:
    """Whether a StartPlaying names no time to stop at, or one behind the end of the file."""
    limit = int(record["frame_offset"])
    if limit == 0:
        return True
    stop = limit & 0x7FFFFFFF
    if 0 < duration < float("inf"):
        return stop >= duration * 1000
    return limit == NO_LIMIT


def _in_front(
    segment: Segment, sequence: np.ndarray, places: np.ndarray, segments: list[Segment],
    control: Control, facts: Facts,
) -> int:  # fmt: skip
    # packets in front of the first that came, of a session whose beginning was captured
    record = control.record(_PLAY, segment.request)
    if not facts.connected or segment.request < 0 or segment.request != facts.first_start:
        return 0
    low = int(sequence.min())
    place, asked = int(places[int(np.argmin(sequence))]), first_place(record)
    missing = place - asked
    if asked >= 0 and 0 <= missing < 1 << 20 and (low - missing) & 255 == 0:
        return (
            missing  # numbers and places rise together: the place says how often the byte wrapped
        )
    return low & 255


def _unsent(
    segment: Segment, sequence: np.ndarray, places: np.ndarray, ends: Ends, control: Control,
    entry: Entry,
) -> int:  # fmt: skip
    """Packets behind the last one that came, where the server says that it sent all.

    LocationId and number must have risen together: else the server left packets out on purpose.
    """
    missing = packet_count(entry) - 1 - int(places.max())
    together = (sequence - places.astype(np.int64)) & 255
    if missing <= 0 or segment.striding or (together != together[0]).any():
        return 0
    start = control.record(_PLAY, segment.request)
    if start is None or not _plays_to_the_end(start, entry.duration):
        return 0
    return missing if _says_all(segment.request, segment.incarnation, ends.messages) else 0


def _says_all(request: int, tag: int, messages: list[Message]) -> bool:
    # an EndOfStream that answers no StopPlaying came behind this start of playback
    rows = [message.row for message in messages]
    for message in messages[rows.index(request) + 1 :]:
        if message.mid in _STOPS:
            return False
        if message.mid == _END and message.ok and message.tag in (tag, -1):
            return True
    return False


def _all_of(entries: list[Entry], ends: Ends, control: Control) -> int:
    # nothing came of what the server says it played from the first packet to the end
    count = packet_count(entries[-1])
    starts = [m for m in ends.messages if m.mid == MID[_PLAY]]
    if not count or len(starts) != 1:
        return 0
    record = control.record(_PLAY, starts[0].row)
    if first_place(record) != 0 or not _plays_to_the_end(record, entries[-1].duration):
        return 0
    return count if _says_all(starts[0].row, starts[0].tag, ends.messages) else 0


def _wanted(sequence: np.ndarray, times: np.ndarray, facts: Facts) -> tuple[np.ndarray, np.ndarray]:
    # the numbers asked for and when; they are compared modulo 2^32 after moving both to a common
    # origin, since a capture may start in the middle
    when = np.array(facts.resend_times, np.int64)
    if not len(when) or not len(sequence):
        return np.empty(0, np.int64), np.empty(0, np.int64)
    wanted = np.array(facts.resends_asked, np.int64)
    at = np.clip(np.searchsorted(times, when, "right") - 1, 0, len(sequence) - 1)
    shift = np.round((wanted - sequence[at]) / 256).astype(np.int64) * 256
    if np.abs(shift).max() > 256:  # the capture does not know how often the low byte wrapped
        wanted = wanted - np.int64(np.median(shift))
    return wanted, when


def _resent(
    sequence: np.ndarray, times: np.ndarray, wanted: np.ndarray, asked: np.ndarray
) -> np.ndarray:
    # which packets have a number that had been asked for when they came
    if not len(wanted):
        return np.zeros(len(sequence), bool)
    order = np.lexsort((asked, wanted))
    numbers, first = np.unique(wanted[order], return_index=True)
    since = asked[order][first]
    at = np.minimum(np.searchsorted(numbers, sequence), len(numbers) - 1)
    return (numbers[at] == sequence) & (times >= since[at])
