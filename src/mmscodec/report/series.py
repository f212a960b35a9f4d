"""Charts of one session as columns of numbers; times are us from its start."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

_STEPS = (1, 2, 5)
_LEAST_STEP = 0.1  # seconds of one step of a bit rate


def thinned(values: np.ndarray, points: int) -> np.ndarray:
    """Indices of at most `points` values: the least and the greatest of each bucket, in order."""
    if len(values) <= points:
        return np.arange(len(values))
    buckets = max(points // 2, 1)
    size = -(-len(values) // buckets)
    filled = np.concatenate([values, np.repeat(values[-1:], -len(values) % size)])
    cut = filled.reshape(-1, size)
    first = np.arange(len(cut)) * size
    both = np.stack([first + cut.argmin(axis=1), first + cut.argmax(axis=1)])
    return np.unique(np.minimum(both, len(values) - 1))


def step_of(seconds: float, points: int) -> float:
    """A round length of time that gives at most so many steps."""
    least = max(seconds / max(points, 1), _LEAST_STEP)
    scale = 10.0 ** math.floor(math.log10(least))
    return next((n * scale for n in _STEPS if n * scale >= least * 0.999), 10 * scale)


def _micros(times: np.ndarray, start: int) -> list[int]:
    """Times in ns as whole us from `start` on."""
    return ((np.asarray(times, np.int64) - start) // 1000).tolist()


def rates(capture: Any, session: Any, points: int) -> dict[str, Any] | None:
    """Received and announced bit rate; None where nothing was played."""
    start, end = int(session.row["start"]), int(session.row["end"])
    step = step_of((end - start) / 1e9, points)
    found = capture.session_rates(session.index, step)[:points]
    if not len(found):
        return None
    announced = found["announced"]
    same = (announced == announced[0]).all()
    return {
        "step": step, "t": _micros(found["time"], start), "received": found["bit_rate"].tolist(),
        "announced": announced[:1].tolist() if same else announced.tolist(),
    }  # fmt: skip


def buffer(capture: Any, session: Any, points: int) -> dict[str, Any] | None:
    """What the player's buffer held, in ms; None where the capture does not say."""
    found = capture.session_buffer(session.index)
    if not len(found):
        return None
    chosen = found[thinned(found["level"], points)]
    return {
        "t": _micros(chosen["time"], int(session.row["start"])),
        "level": (chosen["level"] // 1_000_000).tolist(),
        "preroll": int(session.row["preroll"]) // 1_000_000,
    }


def locations(capture: Any, session: Any, points: int) -> dict[str, Any] | None:
    """LocationIds as they came, and those between them that did not come."""
    start, data = int(session.row["start"]), capture.data
    parts, holes = [], []
    for segment in (one for entry in session.entries for one in entry.segments):
        rows = segment.rows[np.argsort(data["time"][segment.rows], kind="stable")]
        parts.append(rows)
        if not segment.striding:
            holes.append(_holes(data["location_id"][rows].astype(np.int64), data["time"][rows]))
    if not parts:
        return None
    rows = np.concatenate(parts)
    chosen = rows[thinned(data["location_id"][rows].astype(np.int64), points)]
    gone = np.concatenate([np.zeros((0, 3), np.int64), *holes])
    longest = np.sort(np.argsort(gone[:, 1] - gone[:, 2], kind="stable")[:points])
    return {
        "t": _micros(data["time"][chosen], start), "id": data["location_id"][chosen].tolist(),
        "gone_t": _micros(gone[longest, 0], start), "gone_from": gone[longest, 1].tolist(),
        "gone_to": gone[longest, 2].tolist(), "gone": len(gone),
    }  # fmt: skip


def _holes(places: np.ndarray, times: np.ndarray) -> np.ndarray:
    # (n, 3): when the packet behind a hole first came, the first and the last that did not come
    unique, first = np.unique(places, return_index=True)
    at = np.flatnonzero(np.diff(unique) > 1)
    return np.stack([times[first[at + 1]], unique[at] + 1, unique[at + 1] - 1], axis=1)
