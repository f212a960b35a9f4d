"""Who sends a flow: by what it says, by what its peer says, else by who began."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.schema.vocabulary import Direction

_SYN = 1  # in `marks`


def flow_directions(raw: np.ndarray, peers: np.ndarray) -> np.ndarray:
    """The direction of each flow (u1, a key of `capture.DIRECTIONS`).

    Parameters
    ----------
    raw : numpy.ndarray
        `RAW_FLOWS` rows; their direction is 0 unless an MMS message or a Data packet told it.
    peers : numpy.ndarray
        Index of the row of the other direction, -1 where it was not captured.
    """
    out = raw["direction"].copy()
    ask = np.flatnonzero((out == 0) & (peers >= 0))
    other = peers[ask]
    told = raw["direction"][other]
    began = raw["marks"][ask] & _SYN != 0
    time, number = raw["first_time"], raw["flow"]
    first = (time[ask] < time[other]) | ((time[ask] == time[other]) & (number[ask] < number[other]))
    up, down = Direction.TO_SERVER, Direction.TO_CLIENT
    out[ask] = np.where(told != 0, up + down - told, np.where(began, np.where(first, up, down), 0))
    return out


def fill_directions(rows: Any, found: np.ndarray, directions: np.ndarray) -> Any:
    """`rows`, those without a direction with that of their flow, whose index is in `found`."""
    ask = np.flatnonzero((rows["direction"] == 0) & (found >= 0))
    rows["direction"][ask] = directions[found[ask]]
    return rows
