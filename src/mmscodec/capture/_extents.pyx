# The extents of flows out of the table of all.
from libc.stdint cimport int64_t, uint32_t
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, raise_interrupt, readable, writable
from mmscodec._kernels.core.table cimport table_reserve
from mmscodec._kernels.track.extent_chains cimport (
    chain_copy, chain_length, chains_bounds, chains_copy,
)
from mmscodec._kernels.track.extents cimport extent_t

import numpy as np


def collect(Block extents, uint32_t last):
    """The extents of the flow whose last one is number `last` (from 1), first to last: a block."""
    cdef Block out = Block(sizeof(extent_t))
    cdef const extent_t *rows = <const extent_t *>extents.table.data
    cdef int64_t n = chain_length(rows, extents.table.rows, last)
    if n < 0:
        raise ValueError("these are not the extents of flows")
    if table_reserve(&out.table, <size_t>n) != 0:
        raise MemoryError
    out.table.rows = <size_t>n
    chain_copy(rows, last, <extent_t *>out.table.data, n)
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
    cdef size_t count = extents.table.rows, flows = held.size // sizeof(uint32_t)
    cdef int status
    with nogil:
        status = chains_bounds(rows, count, last, flows, bound)
    raise_interrupt()
    if status != 0:
        raise ValueError("these are not the extents of flows")
    if table_reserve(&out.table, <size_t>bound[flows]) != 0:
        raise MemoryError
    out.table.rows = <size_t>bound[flows]
    with nogil:
        chains_copy(rows, last, flows, bound, <extent_t *>out.table.data)
    raise_interrupt()
    return out, bounds
