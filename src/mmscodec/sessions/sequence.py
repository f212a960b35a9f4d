"""Sequence numbers of Data packets: loss, reordering and duplicates on UDP (sections 4 and 11)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(slots=True, frozen=True)
class Delivery:
    """What happened to numbered packets on their way.

    `lost` numbers were never seen, at most `longest` in a row; `reordered` packets came after a
    later one, those that were sent again when asked for not counted; `duplicates` were there
    already.
    """

    lost: int = 0
    longest: int = 0
    reordered: int = 0
    duplicates: int = 0


def extend(af_flags: np.ndarray, location_id: np.ndarray, segment: np.ndarray) -> np.ndarray:
    """32-bit sequence numbers (as int64) out of their low bytes, in order of arrival.

    Where numbers and LocationIds rise together nothing was filtered, and the LocationId says how
    far to count, over holes of any length. Elsewhere each number is the one nearest to that before
    it. At the first packet of a segment 0xFE may be followed by 0x00, which is no loss.

    Parameters
    ----------
    af_flags, location_id, segment : numpy.ndarray
        One per media packet; `segment` numbers the starts of playback.
    """
    n = len(af_flags)
    if n == 0:
        return np.empty(0, np.int64)
    flags, places = af_flags.astype(np.int64), location_id.astype(np.int64)
    nearest = ((np.diff(flags) + 128) & 255) - 128
    new = np.diff(segment) != 0
    restarted = new & (flags[:-1] == 0xFE) & (flags[1:] == 0)
    nearest[restarted] = 1
    steps = np.diff(places)
    together = ((flags - places) & 255)[1:] == ((flags - places) & 255)[:-1]
    inside = ~new
    if inside.any() and together[inside].mean() > 0.95:
        trusted = inside & together & (np.abs(steps) < 1 << 20)
        nearest = np.where(trusted, steps, nearest)
    out = np.empty(n, np.int64)
    out[0] = flags[0]
    np.cumsum(nearest, out=out[1:])
    out[1:] += flags[0]
    return out


def delivery(
    sequence: np.ndarray, behind: int = 0, before: int = 0, resent: np.ndarray | None = None,
    whole: bool = True,
) -> Delivery:  # fmt: skip
    """Loss, reordering and duplicates of extended sequence numbers in order of arrival.

    `before` numbers are known to be missing in front of the first one, `behind` after the last one;
    `resent` marks packets that came because they were asked for. Where the capture is not `whole`
    from the first packet on, numbers below that of the first arrival may have come before it.
    """
    if len(sequence) == 0:
        return Delivery(before + behind, before + behind)
    unique, first = np.unique(sequence, return_index=True)
    holes = np.diff(unique if whole else unique[unique >= sequence[0]]) - 1
    order = np.sort(first)
    fresh = sequence[order]
    late = fresh < np.maximum.accumulate(fresh)
    if resent is not None:
        late &= ~resent[order]
    return Delivery(
        lost=int(holes.sum()) + before + behind,
        longest=max(int(holes.max()) if len(holes) else 0, before, behind),
        reordered=int(late.sum()),
        duplicates=len(sequence) - len(unique),
    )


def location_gaps(location_id: np.ndarray, segment: np.ndarray) -> tuple[int, int]:
    """How often LocationId jumps forward inside a segment, and how many numbers it leaves out."""
    places = location_id.astype(np.int64) + (segment.astype(np.int64) << 32)
    if (np.diff(places) <= 0).any():
        places = np.sort(places)
    steps = np.diff(places)
    holes = steps[(steps > 1) & (np.diff(places >> 32) == 0)]
    return len(holes), int((holes - 1).sum())
