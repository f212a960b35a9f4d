"""Numbering that begins again: which packets of a file have LocationIds that are one sequence."""

from __future__ import annotations

import numpy as np

from mmscodec.sessions.entries import Entry

#: A packet that is sent again is not older than so many others: no server keeps more.
_RESENT = 4096


def epochs_of(entry: Entry, data: np.ndarray, live: bool) -> np.ndarray:
    """The epoch of each packet of `entry.rows`, from 0 on.

    Within one start of playback a server goes forward; where the numbers fall and go on from
    there, it counts anew, and places before and after cannot be compared. Between starts of an
    on-demand file a fall is a seek back; of a live source it is a new count.
    """
    parts = []
    epoch, last = 0, -1
    for segment in entry.segments:
        places = data["location_id"][segment.rows].astype(np.int64)
        again = np.zeros(len(places), bool)
        if not segment.striding:
            again = restarts(places, data["af_flags"][segment.rows])
        own = np.cumsum(again)
        if live and int(places[0]) <= last:
            epoch += 1
        base = epoch if live or not own[-1] else epoch + 1
        parts.append(np.where(own > 0, base + own, base if live or own[-1] else 0))
        epoch = max(epoch, int(parts[-1].max()))
        last = int(places[own == own[-1]].max())
    return np.concatenate(parts) if parts else np.empty(0, np.int64)


def restarts(places: np.ndarray, flags: np.ndarray) -> np.ndarray:
    """Where LocationId falls and goes on from there, in order of arrival: bool.

    A packet that was sent again, or overtaken, falls too, but the next one is back where the
    stream was, or it keeps its distance to the running number in AFFlags. Numbers that fall more
    often than they rise are those of a rewind.
    """
    out = np.zeros(len(places), bool)
    steps = np.diff(places)
    falls = steps < 0
    if not falls.any() or falls.sum() * 2 > len(steps):
        return out
    apart = (flags.astype(np.int64) - places) & 255
    counts = bool((np.diff(apart)[~falls] == 0).mean() > 0.9) if (~falls).any() else False
    at = np.flatnonzero(falls) + 1
    before = places[at - 1]
    after = np.minimum(at + 1, len(places) - 1)
    stays = (places[after] < before) & (places[after] >= places[at])
    if counts:
        stays &= (apart[at] != apart[at - 1]) | (before - places[at] > _RESENT)
    out[at[stays]] = True
    return out
