"""Requests and their responses: the columns that come of all of them."""

from __future__ import annotations

import numpy as np

from mmscodec.schema.dtypes import table
from mmscodec.sessions.control import MID
from mmscodec.sessions.entries import Entry

#: Rows of `cap.exchanges`.
EXCHANGES = table(
    96, session=("i4", 0), match=("u1", 4), request_mid=("u4", 8), response_mid=("u4", 12),
    request=("i8", 16), response=("i8", 24), time=("i8", 32), latency=("i8", 40), hr=("i8", 48),
    incarnation=("i8", 56), responses=("i8", 64), data=("i8", 72), data_latency=("i8", 80),
)  # fmt: skip

#: Meaning of `exchanges["match"]`.
MATCHES = {0: "none", 1: "identifier", 2: "order"}

_PING, _CONNECT = MID["LinkMacToViewerPing"], MID["LinkViewerToMacConnect"]
_READ = MID["LinkViewerToMacReadBlock"]
_STARTS = (MID["LinkViewerToMacStartPlaying"], MID["LinkViewerToMacStartStriding"])


def figures(exchanges: np.ndarray, sessions: int) -> dict[str, np.ndarray]:
    """Columns of `cap.sessions` out of all exchanges; latencies in ns, -1 = not known."""
    of, pings = exchanges["session"], exchanges["request_mid"] == _PING
    silent = exchanges["response"] < 0
    asked = (exchanges["request"] >= 0) & ~pings

    def count(chosen: np.ndarray) -> np.ndarray:
        return np.bincount(of[chosen], minlength=sessions)

    trips = np.flatnonzero(pings & (exchanges["latency"] >= 0))
    latency, whose = exchanges["latency"][trips], of[trips]
    number = np.bincount(whose, minlength=sessions)
    out = {
        "requests": count(asked), "unanswered": count(asked & silent),
        "pings": count(pings), "unanswered_pings": count(pings) - number,
        "connect_time": np.full(sessions, -1, np.int64),
    }  # fmt: skip
    connects = np.flatnonzero(exchanges["request_mid"] == _CONNECT)[::-1]  # the first one stays
    out["connect_time"][of[connects]] = exchanges["latency"][connects]
    for name in ("ping_min", "ping_mean", "ping_max"):
        out[name] = np.full(sessions, -1, np.int64)
    if len(trips):
        there = np.flatnonzero(number)
        first = np.searchsorted(whose, there)
        out["ping_min"][there] = np.minimum.reduceat(latency, first)
        out["ping_max"][there] = np.maximum.reduceat(latency, first)
        out["ping_mean"][there] = np.add.reduceat(latency, first) // number[there]
    return out


def fill_data(exchanges: np.ndarray, entries: list[Entry], data: np.ndarray) -> None:
    """Write the first Data packet that each ReadBlock and Start* of one session brought."""
    found = np.full(len(exchanges), -1, np.int64)
    times, tags = data["time"], data["play_incarnation"]
    segments = [one for entry in entries for one in entry.segments if one.request >= 0]
    if segments:
        requests, first = np.unique([one.request for one in segments], return_index=True)
        rows = np.array([int(segments[i].rows[0]) for i in first.tolist()], np.int64)
        mine = np.flatnonzero(np.isin(exchanges["request_mid"], _STARTS))
        at = np.minimum(np.searchsorted(requests, exchanges["request"][mine]), len(requests) - 1)
        known = requests[at] == exchanges["request"][mine]
        found[mine[known]] = rows[at[known]]
    heads = np.concatenate([np.empty(0, np.int64), *(entry.header for entry in entries)])
    heads = heads[np.argsort(times[heads], kind="stable")]
    reads = np.flatnonzero(exchanges["request_mid"] == _READ) if len(heads) else heads
    for tag in np.unique(tags[heads]).tolist() if len(reads) else ():
        some = heads[tags[heads] == tag]
        mine = reads[exchanges["incarnation"][reads] & 0xFF == tag]
        at = np.searchsorted(times[some], exchanges["time"][mine])
        came = at < len(some)
        found[mine[came]] = some[at[came]]
    there = np.flatnonzero(found >= 0)
    exchanges["data"][there] = found[there]
    exchanges["data_latency"][there] = times[found[there]] - exchanges["time"][there]
