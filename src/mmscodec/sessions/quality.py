"""How well a session was delivered, measured from its Data packets."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmscodec.schema.dtypes import table
from mmscodec.sessions.closing import nothing_came
from mmscodec.sessions.control import MID, Control
from mmscodec.sessions.entries import Entry, Segment
from mmscodec.sessions.epochs import restarts
from mmscodec.sessions.loss import Loss, loss_of
from mmscodec.sessions.metadata import Facts
from mmscodec.sessions.sequence import location_gaps
from mmscodec.sessions.session_flows import NO_ROWS, Ends
from mmscodec.sessions.stalls import Stalls, stalls_of

#: Rows of `cap.session_rates(i)`.
RATES = table(
    40, session=("i4", 0), entry=("i4", 4), time=("i8", 8), packets=("i8", 16), bytes=("i8", 24),
    bit_rate=("u4", 32), announced=("u4", 36),
)  # fmt: skip
_MAX_RATES = 1 << 20
_BREAKS = (
    MID["LinkViewerToMacStopPlaying"],
    MID["LinkViewerToMacStartPlaying"],
    MID["LinkViewerToMacStartStriding"],
)
_END = MID["LinkMacToViewerReportEndOfStream"]


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
    loss: Loss = field(default_factory=Loss)
    stalls: Stalls = field(default_factory=Stalls)

    @property
    def bit_rate(self) -> float:
        """Received media bit/s from the first to the last Data packet; 0 for fewer than two."""
        span = self.last_media - self.first_media
        return self.media_bytes * 8e9 / span if span > 0 else 0.0

    @property
    def playing_bit_rate(self) -> float:
        """The same over the time in which media came: without pauses, seeks and stalls."""
        playing = self.stalls.playing
        return self.media_bytes * 8e9 / playing if playing > 0 else 0.0


def measure(
    entries: list[Entry], ends: Ends, facts: Facts, data: np.ndarray, control: Control
) -> Quality:
    """Measure one session."""
    out = Quality()
    segments = [segment for entry in entries for segment in entry.segments]
    out.header_packets = sum(len(entry.header) for entry in entries)
    rows = np.concatenate([NO_ROWS, *(segment.rows for segment in segments)])
    number = np.repeat(np.arange(len(segments)), [len(segment.rows) for segment in segments])
    if len(segments):
        forward = ~np.array([segment.striding for segment in segments])[number]
        out.location_jumps, out.locations_left_out = location_gaps(
            data["location_id"][rows[forward]], _counts(segments, data)[forward]
        )
        out.media_packets = len(rows)
        out.media_bytes = int(data["length"][rows].astype(np.int64).sum()) - 8 * len(rows)
        times = data["time"][rows]
        out.first_media, out.last_media = int(times.min()), int(times.max())
        out.stalls = stalls_of(times, _breaks(ends))
    if len(ends.udp):
        order = np.argsort(rows, kind="stable")
        order = order[np.isin(rows[order], ends.udp)]
        out.loss = loss_of(
            rows[order], number[order], segments, entries, ends, facts, data, control
        )
    return out


def _counts(segments: list[Segment], data: np.ndarray) -> np.ndarray:
    # a number for each run of packets whose LocationIds are one count
    parts, count = [], 0
    for segment in segments:
        places = data["location_id"][segment.rows].astype(np.int64)
        parts.append(count + np.cumsum(restarts(places, data["af_flags"][segment.rows])))
        count = int(parts[-1][-1]) + 1
    return np.concatenate(parts)


def _breaks(ends: Ends) -> np.ndarray:
    # when playback was stopped or started, ascending
    times = [m.time for m in ends.messages if m.mid in _BREAKS or (m.mid == _END and m.hr != 1)]
    return np.sort(np.array(times, np.int64))


def session_rates(session: Any, seconds: float) -> np.ndarray:
    """`RATES` of one session: received bit rate beside the announced one over time."""
    facts, cap = session.facts, session.ends.control.cap
    going = not facts.finished and not facts.stopping
    going = going or nothing_came(session, cap._pass_flows)
    until = int(session.row["end"]) if going else -1
    return rates(session.index, session.entries, cap.data, seconds, facts, until)


def rates(
    session: int, entries: list[Entry], data: np.ndarray, seconds: float, facts: Facts,
    until: int = -1,
) -> np.ndarray:  # fmt: skip
    """Received and announced bit rate of one session, a row for each step of time and entry.

    Steps in which nothing came have a row of zeros, so that a stall is seen; there are at most
    `_MAX_RATES` rows an entry, and where there would be more, empty steps have none. An entry goes
    on up to the next one, the last one up to `until`. A playback that was started and of which
    nothing came has rows of zeros alone, of entry 0.
    """
    step = max(int(seconds * 1e9), 1)
    out = []
    played = [number for number, entry in enumerate(entries) if entry.segments]
    if not played and 0 <= facts.started_time <= until:
        return _nothing(session, facts, np.arange(facts.started_time, until + 1, step))
    starts = [int(data["time"][entries[number].rows].min()) for number in played]
    for number, first, following in zip(played, starts, [*starts[1:], until + 1]):
        entry = entries[number]
        rows = entry.rows
        times = data["time"][rows]
        ticks = (times - first) // step
        end = max(int(ticks.max()), (following - 1 - first) // step)
        there = np.arange(end + 1) if end < _MAX_RATES else np.unique(ticks)[:_MAX_RATES]
        where = np.searchsorted(there, ticks)
        inside = where < len(there)
        where, sizes = where[inside], data["length"][rows][inside].astype(np.float64) - 8
        part = np.zeros(len(there), RATES)
        part["session"], part["entry"] = session, number
        part["time"] = first + there * step
        part["packets"] = np.bincount(where, minlength=len(there))
        part["bytes"] = np.bincount(where, weights=sizes, minlength=len(there))
        part["bit_rate"] = np.minimum(part["bytes"] * 8 * (1e9 / step), 0xFFFFFFFF)
        part["announced"] = entry.bit_rate or facts.bit_rate
        out.append(part)
    return np.concatenate(out) if out else np.zeros(0, RATES)


def _nothing(session: int, facts: Facts, times: np.ndarray) -> np.ndarray:
    # rows of a time in which nothing came
    out = np.zeros(min(len(times), _MAX_RATES), RATES)
    out["session"], out["time"], out["announced"] = session, times[:_MAX_RATES], facts.bit_rate
    return out
