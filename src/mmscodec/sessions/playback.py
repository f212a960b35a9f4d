"""When the ASF packets of a session were to be sent, and what that did to the player's buffer."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np

from mmscodec.asf import describe
from mmscodec.asf._write import key_frames
from mmscodec.errors import MmsCodecError
from mmscodec.schema.dtypes import table
from mmscodec.sessions.buffer import BufferLevel, buffer_of, content_over_time, together
from mmscodec.sessions.entries import Entry, Segment
from mmscodec.sessions.headers import header_bytes
from mmscodec.sessions.metadata import Facts

MS = 1_000_000  # ns
#: Rows of `cap.session_buffer(i)`.
_BUFFER = table(16, time=("i8", 0), level=("i8", 8))
LOOKED_AT = 1000  # packets in which a key frame is looked for
_MOST_PREROLL = 1 << 62


@dataclass(slots=True)
class Playback:
    """`preroll` in ns, -1 = not known; `first_key` ns from the first media packet to the first that
    begins a key frame of a video stream, -1 where there is none."""

    preroll: int = -1
    first_key: int = -1
    level: BufferLevel = field(default_factory=BufferLevel)


def playback_of(cap: Any, entries: list[Entry], facts: Facts, send: np.ndarray) -> Playback:
    """Look at the packets of one session; `send` = the send times of its capture."""
    played = [entry for entry in entries if entry.segments]
    if not played:
        return Playback()
    preroll, video = _header(cap, played[0])
    out = Playback(preroll, first_key(cap, played[0].segments[0], video) if video else -1)
    if preroll <= 0:
        return out
    levels = []
    last = played[-1].segments[-1]
    for entry in played:
        for segment in entry.segments:
            if not segment.striding:
                ended = segment is not last or facts.played_out
                levels.append(_level(cap.data, segment, send, preroll, ended))
    out.level = together(levels)
    return out


def buffer_levels(cap: Any, entries: list[Entry], send: np.ndarray) -> np.ndarray:
    """What the player's buffer held over time: rows of `_BUFFER`, one for each media packet."""
    played = [entry for entry in entries if entry.segments]
    preroll = _header(cap, played[0])[0] if played else -1
    parts = []
    for segment in (one for entry in played for one in entry.segments):
        if preroll > 0 and not segment.striding:
            sent, arrival = _in_time(cap.data, segment, send)
            part = np.zeros(len(sent), _BUFFER)
            part["time"], part["level"] = arrival, content_over_time(sent, arrival, preroll)
            parts.append(part)
    return np.concatenate(parts) if parts else np.zeros(0, _BUFFER)


def _level(
    data: np.ndarray, segment: Segment, send: np.ndarray, preroll: int, ended: bool
) -> BufferLevel:
    return buffer_of(*_in_time(data, segment, send), preroll, ended)


def _in_time(data: np.ndarray, segment: Segment, send: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # send times and arrivals in ns, in order of arrival
    rows = segment.rows[send[segment.rows] >= 0]
    arrival = data["time"][rows]
    order = np.argsort(arrival, kind="stable")
    return send[rows][order] * MS, arrival[order]


def _header(cap: Any, entry: Entry) -> tuple[int, int]:
    # preroll in ns, and the video streams as bits
    if not len(entry.header):
        return -1, 0
    try:
        return described(header_bytes(cap, entry))
    except MmsCodecError:
        return -1, 0


@lru_cache(64)
def described(header: bytes) -> tuple[int, int]:
    """Preroll in ns, -1 = not known, and the video streams as bits."""
    found = describe(header)
    video = sum(1 << stream.number for stream in found.streams if stream.kind == "video")
    return min(round(found.preroll * 1000) * MS, _MOST_PREROLL) or -1, video


def first_key(cap: Any, segment: Segment, video: int) -> int:
    """ns from the first packet of a start to one that begins a key frame of `video` streams."""
    times = cap.data["time"]
    for row in segment.rows[:LOOKED_AT].tolist():
        if key_frames(cap.payload(row)) & video:
            return max(int(times[row]) - int(times[segment.rows[0]]), 0)
    return -1
