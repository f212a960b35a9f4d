"""How well a session was delivered, measured from its Data packets."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mmscodec.schema.dtypes import table
from mmscodec.sessions.control import MID, Control
from mmscodec.sessions.ends import Ends
from mmscodec.sessions.facts import Facts
from mmscodec.sessions.media import Entry, Segment
from mmscodec.sessions.sequence import Delivery, delivery, extend, location_gaps

#: Rows of `cap.session_rates(i)`.
RATES = table(
    40, session=("i4", 0), entry=("i4", 4), time=("i8", 8), packets=("i8", 16), bytes=("i8", 24),
    bit_rate=("u4", 32), announced=("u4", 36),
)  # fmt: skip
MAX_RATES = 1 << 20
_END = MID["LinkMacToViewerReportEndOfStream"]
_STOPS = (
    MID["LinkViewerToMacStopPlaying"],
    MID["LinkViewerToMacStartPlaying"],
    MID["LinkViewerToMacStartStriding"],
)


@dataclass(slots=True)
class Quality:
    """Measured values; times in ns, -1 = not known."""

    media_packets: int = 0
    media_bytes: int = 0
    header_packets: int = 0
    first_media: int = -1
    last_media: int = -1
    location_jumps: int = 0
    locations_left_out: int = 0
    delivery: Delivery = field(default_factory=Delivery)
    lost_at_end: int = 0
    resends_delivered: int = 0

    @property
    def bit_rate(self) -> float:
        """Received media bit/s from the first to the last Data packet; 0 for fewer than two."""
        span = self.last_media - self.first_media
        return self.media_bytes * 8e9 / span if span > 0 else 0.0


def measure(
    entries: list[Entry], ends: Ends, facts: Facts, data: np.ndarray, control: Control
) -> Quality:
    """Measure one session."""
    out = Quality()
    segments = [segment for entry in entries for segment in entry.segments]
    out.header_packets = sum(len(entry.header) for entry in entries)
    if not segments:
        return out
    rows = np.concatenate([segment.rows for segment in segments])
    number = np.repeat(np.arange(len(segments)), [len(segment.rows) for segment in segments])
    forward = ~np.array([segment.striding for segment in segments])[number]
    out.location_jumps, out.locations_left_out = location_gaps(
        data["location_id"][rows[forward]], number[forward]
    )
    out.media_packets = len(rows)
    out.media_bytes = int(data["length"][rows].astype(np.int64).sum()) - 8 * len(rows)
    times = data["time"][rows]
    out.first_media, out.last_media = int(times.min()), int(times.max())
    if len(ends.udp):
        order = np.argsort(rows, kind="stable")
        order = order[np.isin(rows[order], ends.udp)]
        rows, number = rows[order], number[order]
        places = data["location_id"][rows]
        sequence = extend(data["af_flags"][rows], places, number)
        times = data["time"][rows]
        wanted = _wanted(sequence, times, facts)
        out.resends_delivered = _resent(sequence, times, wanted, facts)
        behind = len(np.unique(wanted[wanted > sequence.max(initial=0)]))
        if len(rows):
            tail = number == number[-1]
            behind = max(
                behind,
                _unsent(
                    segments[number[-1]],
                    sequence[tail],
                    places[tail],
                    ends,
                    control,
                    _packet_count(entries, segments[number[-1]]),
                ),
            )
        out.lost_at_end = behind
        out.delivery = delivery(sequence, behind)
    return out


def _packet_count(entries: list[Entry], segment: Segment) -> int:
    # of the file that a segment belongs to; 0 = not known, as of a live one
    entry = next(entry for entry in entries if any(one is segment for one in entry.segments))
    known = not entry.live and entry.packet_count < 0xFFFFFFFF
    return entry.packet_count if known else 0


def _unsent(
    segment: Segment, sequence: np.ndarray, places: np.ndarray, ends: Ends, control: Control,
    count: int,
) -> int:  # fmt: skip
    """Packets behind the last one that came, where the server says that it sent all.

    It does so by an EndOfStream that answers no StopPlaying, after a StartPlaying without an end.
    LocationId and number must have risen together: else the server left packets out on purpose.
    """
    missing = count - 1 - int(places.max())
    together = (sequence - places.astype(np.int64)) & 255
    if missing <= 0 or segment.striding or (together != together[0]).any():
        return 0
    start = control.record("LinkViewerToMacStartPlaying", segment.request)
    if start is None or start["frame_offset"]:
        return 0
    rows = [message.row for message in ends.messages]
    for message in ends.messages[rows.index(segment.request) + 1 :]:
        if message.mid in _STOPS:
            return 0
        if message.mid == _END and message.ok and message.tag in (segment.incarnation, -1):
            return missing
    return 0


def _wanted(sequence: np.ndarray, times: np.ndarray, facts: Facts) -> np.ndarray:
    # the numbers asked for; they are compared modulo 2^32 after moving both to a common origin,
    # since a capture may start in the middle
    if not facts.resends_asked or not len(sequence):
        return np.empty(0, np.int64)
    wanted = np.array(facts.resends_asked, np.int64)
    when = np.array(facts.resend_times, np.int64)
    at = np.clip(np.searchsorted(times, when, "right") - 1, 0, len(sequence) - 1)
    shift = np.round((wanted - sequence[at]) / 256).astype(np.int64) * 256
    if np.abs(shift).max() > 256:  # the capture does not know how often the low byte wrapped
        wanted = wanted - np.int64(np.median(shift))
    return wanted


def _resent(sequence: np.ndarray, times: np.ndarray, wanted: np.ndarray, facts: Facts) -> int:
    # how many of the wanted numbers came after they were asked for
    order = np.argsort(times, kind="stable")
    last = dict(zip(sequence[order].tolist(), times[order].tolist()))
    pairs = set(zip(wanted.tolist(), facts.resend_times))
    return len({number for number, time in pairs if last.get(number, -1) >= time})


def rates(
    session: int, entries: list[Entry], data: np.ndarray, seconds: float, facts: Facts
) -> np.ndarray:
    """Received and announced bit rate of one session, a row for each step of time and entry.

    Steps without a Data packet have no row.
    """
    step = max(int(seconds * 1e9), 1)
    out = []
    for number, entry in enumerate(entries):
        rows = entry.rows
        if not len(rows):
            continue
        times = data["time"][rows]
        first = int(times.min())
        ticks, where = np.unique((times - first) // step, return_inverse=True)
        ticks = ticks[:MAX_RATES]
        sizes = np.bincount(where, weights=data["length"][rows].astype(np.float64) - 8)
        part = np.zeros(len(ticks), RATES)
        part["session"], part["entry"] = session, number
        part["time"] = first + ticks * step
        part["packets"] = np.bincount(where)[: len(ticks)]
        part["bytes"] = sizes[: len(ticks)]
        part["bit_rate"] = np.minimum(part["bytes"] * 8 * (1e9 / step), 0xFFFFFFFF)
        part["announced"] = entry.bit_rate or facts.bit_rate
        out.append(part)
    return np.concatenate(out) if out else np.zeros(0, RATES)
