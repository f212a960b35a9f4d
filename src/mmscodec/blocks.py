"""Work over many rows in blocks, so that a signal (Ctrl-C) is seen between two of them.

One step of NumPy over ten million rows takes as long as it takes: the interpreter looks for signals
only behind it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

#: Rows of a block. Its columns fit into the caches; of a step over it a millisecond is much.
BLOCK = 1 << 16


def blocks(count: int) -> Iterator[slice]:
    """The slices of `BLOCK` rows that cover `count` rows."""
    for low in range(0, count, BLOCK):
        yield slice(low, min(low + BLOCK, count))


def joined(parts: Sequence[np.ndarray], dtype: np.dtype) -> np.ndarray:
    """Rows of several tables of one dtype as one new array, copied block by block."""
    out = np.empty(sum(map(len, parts)), dtype)
    whole = np.dtype((np.void, dtype.itemsize))  # as bytes: fields need not be looked at
    target = out.view(whole)
    at = 0
    for part in parts:
        rows = np.ascontiguousarray(part, dtype).view(whole)
        for here in blocks(len(rows)):
            target[at : at + here.stop - here.start] = rows[here]
            at += here.stop - here.start
    return out
