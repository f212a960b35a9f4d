"""Silence while something should come: gaps between media packets, without pauses and seeks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: A gap longer than this is one that viewers see.
_STALL = 10**9


@dataclass(slots=True)
class Stalls:
    """Gaps between media packets of one session, ns.

    `longest` is -1 where there are fewer than two packets; `count` gaps are above `_STALL` and last
    `total` together; `playing` is the time in which media came, all gaps up to `_STALL` long.
    """

    longest: int = -1
    count: int = 0
    total: int = 0
    playing: int = 0


def stalls_of(times: np.ndarray, breaks: np.ndarray) -> Stalls:
    """Gaps between packets that came at `times`.

    Parameters
    ----------
    times : numpy.ndarray
        int64, ns, in any order.
    breaks : numpy.ndarray
        int64, ns, ascending: when somebody stopped or started playback. A gap with one of them
        inside is a pause, a seek or the end, and not counted.
    """
    if len(times) < 2:
        return Stalls()
    times = np.sort(times)
    gaps = np.diff(times)
    gaps = gaps[np.diff(np.searchsorted(breaks, times, "right")) == 0]
    if not len(gaps):
        return Stalls()
    long = gaps > _STALL
    total = int(gaps[long].sum())
    return Stalls(int(gaps.max()), int(long.sum()), total, int(gaps.sum()) - total)
