"""Numbers for addresses and for pairs of them: 64 bits of a hash.

Two that fall together cost rows that nobody needs, and no row that somebody does.
"""

from __future__ import annotations

import numpy as np

_A, _B = np.uint64(0x9FB21C651E98DF25), np.uint64(0xD6E8FEB86659FD93)
_HALF = np.uint64(32)


def _scrambled(x: np.ndarray) -> np.ndarray:
    x = (x ^ (x >> _HALF)) * _B
    x = (x ^ (x >> _HALF)) * _B
    return x ^ (x >> _HALF)


def addresses(raw: np.ndarray) -> np.ndarray:
    """Numbers of addresses, arrays of V16."""
    halves = np.ascontiguousarray(raw).view("<u8").reshape(-1, 2)
    return _scrambled(_scrambled(halves[:, 0] * _A) + halves[:, 1]).astype(np.uint64)


def pairs(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Numbers of pairs, by those of their addresses; the same both ways."""
    return _scrambled(one + other)
