"""How a session ended: by whom, after which message, at its end or before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mmscodec.sessions.entries import Entry, Segment
from mmscodec.sessions.metadata import Facts
from mmscodec.sessions.network import CLOSED_FIRST, FIN, RST
from mmscodec.sessions.session_flows import Ends

NOBODY, BY_CLIENT, BY_SERVER = 0, 1, 2
#: Meaning of `sessions["ended_by"]`.
ENDED_BY = {NOBODY: "", BY_CLIENT: "client", BY_SERVER: "server"}
_NOT_KNOWN, ABANDONED, PLAYED_OUT = -1, 0, 1
#: Nothing came for so long behind a confirmed start: nothing will, though the capture ends there.
PATIENCE = 5 * 10**9


@dataclass(slots=True)
class _Closing:
    """`by` is a key of `ENDED_BY`; `message` a row of `messages`, the last before the end, or -1.

    `played_out` is 1 where the server said that this was the end of the file, 0 where somebody
    stopped before, -1 where the capture does not tell; `reached` the seconds of the content whose
    media came, -1 = not known.
    """

    by: int = NOBODY
    message: int = -1
    played_out: int = _NOT_KNOWN
    reached: float = -1.0


def disconnected(ends: Ends, flows: Any) -> int:
    """Time of the last segment of a connection that was seen to end, else -1.

    `flows` has columns of `cap.flows`.
    """
    mine = [flow for flow in (ends.client, ends.server) if flow >= 0]
    if not any(flows["marks"][flow] & (FIN | RST) for flow in mine):
        return -1
    return max(int(flows["last_time"][flow]) for flow in mine)


def nothing_came(session: Any, flows: Any) -> bool:
    """Whether a start was confirmed, no media came of it, and the capture would show them.

    It would not where bytes are missing, or where even the header, without which no client
    starts, went over a UDP flow that was not captured.
    """
    facts, row = session.facts, session.row
    if session.quality.media_packets or facts.started_time < 0 or row["gaps"]:
        return False
    if facts.transport == "udp" and not len(session.ends.udp) and facts.connected:
        return False
    over = facts.stopped_time >= 0 or facts.closed or disconnected(session.ends, flows) >= 0
    return over or int(row["end"]) - facts.started_time > PATIENCE


def closing_of(
    session: Any, flows: dict[str, list[int]], data: np.ndarray, ended: bool, send: np.ndarray
) -> _Closing:
    """Look at the end of a session.

    `flows` has columns of `cap.flows`; `ended` = the connection was seen to end; `send` = send
    times of all Data packets in ms, or -1.
    """
    ends, facts, entries = session.ends, session.facts, session.entries
    out = _Closing()
    if ended or facts.closed or facts.redirected:
        messages = ends.messages
        out.message = messages[-1].row if messages else -1
        out.by = _by(ends, facts, flows)
    played = [entry for entry in entries if entry.segments]
    if played:
        if facts.played_out:
            out.played_out = PLAYED_OUT
        elif ended or facts.closed or facts.stopping:
            out.played_out = ABANDONED
        out.reached = _reached(played[-1], data, send)
    return out


def _by(ends: Ends, facts: Facts, flows: dict[str, list[int]]) -> int:
    if facts.closed:
        return BY_CLIENT
    if facts.redirected:
        return BY_SERVER
    for flow, who in ((ends.client, BY_CLIENT), (ends.server, BY_SERVER)):
        if flow >= 0 and flows["marks"][flow] & CLOSED_FIRST:
            return who
    return NOBODY


def _reached(entry: Entry, data: np.ndarray, send: np.ndarray) -> float:
    segment = entry.segments[-1]
    latest = int(send[_furthest(segment, data)])
    if latest < 0:
        count = entry.packet_count
        if entry.live or not 0 < count < 0xFFFFFFFF or not 0 < entry.duration < float("inf"):
            return -1.0
        place = int(data["location_id"][segment.rows].max()) + 1
        return min(place / count, 1.0) * entry.duration
    if entry.live:
        begun = int(send[entry.segments[0].rows[0]])
        return max(latest - begun, 0) / 1000 if begun >= 0 else -1.0
    return latest / 1000


def _furthest(segment: Segment, data: np.ndarray) -> int:
    if segment.striding:
        return int(segment.rows[-1])
    return int(segment.rows[np.argmax(data["location_id"][segment.rows])])
