# The extents of flows out of the table of all.
from libc.stdint cimport int64_t, uint32_t
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, raise_interrupt, readable, writable
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.table cimport table_reserve
from mmscodec._kernels.track.extents cimport extent_t

import numpy as np


cdef int64_t count_extents(const extent_t *rows, size_t count, uint32_t last) noexcept nogil:
    # how many a flow has whose last one is number `last` (from 1, 0 = none); -1 where they are in
    # no order
    cdef int64_t n = 0
    cdef uint32_t i = last
    while i != 0 and i <= count:
        n += 1
        if rows[i - 1].before >= i:  # each names an earlier one, so that the walk ends
            return -1
        i = rows[i - 1].before
    return n


cdef void copy_extents(
    const extent_t *rows, uint32_t last, extent_t *target, int64_t n
) noexcept nogil:
    # those n, first to last; somebody else may write to the table meanwhile
    cdef uint32_t i = last
    while n > 0 and i != 0:
        n -= 1
        target[n] = rows[i - 1]
        i = rows[i - 1].before if rows[i - 1].before < i else 0


def collect(Block extents, uint32_t last):
    """The extents of the flow whose last one is number `last` (from 1), first to last: a block."""
    cdef Block out = Block(sizeof(extent_t))
    cdef const extent_t *rows = <const extent_t *>extents.table.data
    cdef int64_t n = count_extents(rows, extents.table.rows, last)
    if n < 0:
        raise ValueError("these are not the extents of flows")
    if table_reserve(&out.table, <size_t>n) != 0:
        raise MemoryError
    out.table.rows = <size_t>n
    copy_extents(rows, last if n else 0, <extent_t *>out.table.data, n)
    return out


def collect_all(Block extents, lasts):
    """The extents of flows: a block of them, flow after flow and each first to last, and bounds.

    `lasts` (uint32) has the number of the last extent of each flow, from 1 on, 0 = it has none.
    Those of flow i are rows bounds[i] to bounds[i + 1] (int64).
    """
    numbers = np.ascontiguousarray(lasts, np.uint32)
    bounds = np.zeros(len(numbers) + 1, np.int64)
    cdef Block out = Block(sizeof(extent_t))
    cdef Buffer held = readable(numbers), room = writable(bounds)
    cdef const uint32_t *last = <const uint32_t *>held.data
    cdef int64_t *bound = <int64_t *>room.data
    cdef const extent_t *rows = <const extent_t *>extents.table.data
    cdef size_t count = extents.table.rows, flows = held.size // sizeof(uint32_t), i
    cdef int64_t n = 0
    with nogil:
        for i in range(flows):
            n = count_extents(rows, count, last[i])
            if n < 0 or interrupted_at(i):
                break
            bound[i + 1] = bound[i] + n
    raise_interrupt()
    if n < 0:
        raise ValueError("these are not the extents of flows")
    if table_reserve(&out.table, <size_t>bound[flows]) != 0:
        raise MemoryError
    out.table.rows = <size_t>bound[flows]
    with nogil:
        for i in range(flows):
            if interrupted_at(i):
                break
            copy_extents(
                rows, last[i], <extent_t *>out.table.data + bound[i], bound[i + 1] - bound[i])
    raise_interrupt()
    return out, bounds
