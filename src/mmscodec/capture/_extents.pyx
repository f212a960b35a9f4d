# The extents of one flow out of the table of all.
from libc.stdint cimport uint32_t
from mmscodec._block cimport Block
from mmscodec._kernels.core.table cimport table_reserve
from mmscodec._kernels.track.extents cimport extent_t


def collect(Block extents, uint32_t last):
    """The extents of the flow whose last one is number `last` (from 1), first to last: a block."""
    cdef Block out = Block(sizeof(extent_t))
    cdef const extent_t *rows = <const extent_t *>extents.table.data
    cdef extent_t *target
    cdef uint32_t i = last
    cdef size_t n = 0
    while i != 0 and i <= extents.table.rows:
        n += 1
        if rows[i - 1].before >= i:  # each names an earlier one, so that the walk ends
            raise ValueError("these are not the extents of flows")
        i = rows[i - 1].before
    if table_reserve(&out.table, n) != 0:
        raise MemoryError
    out.table.rows = n
    target = <extent_t *>out.table.data
    i = last
    while n != 0 and i != 0:
        n -= 1
        target[n] = rows[i - 1]
        i = rows[i - 1].before
    return out
