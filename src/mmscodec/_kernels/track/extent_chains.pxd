# The extents of flows out of the table of all, in which each names the one before it.
#
# Inline, as one binding alone uses them. Numbers of extents count from 1, 0 = there is none.
from libc.stdint cimport int64_t, uint32_t
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.track.extents cimport extent_t


cdef inline int64_t chain_length(
    const extent_t *rows, size_t count, uint32_t last
) noexcept nogil:
    # how many extents a flow has whose last one is number `last` of `count`; -1 where they are in
    # no order
    cdef int64_t n = 0
    cdef uint32_t i = last
    while i != 0 and i <= count:
        n += 1
        if rows[i - 1].before >= i:  # each names an earlier one, so that the walk ends
            return -1
        i = rows[i - 1].before
    return n


cdef inline void chain_copy(
    const extent_t *rows, uint32_t last, extent_t *target, int64_t n
) noexcept nogil:
    # those n, first to last; somebody else may write to the table meanwhile
    cdef uint32_t i = last
    while n > 0 and i != 0:
        n -= 1
        target[n] = rows[i - 1]
        i = rows[i - 1].before if rows[i - 1].before < i else 0


cdef inline int chains_bounds(
    const extent_t *rows, size_t count, const uint32_t *lasts, size_t flows, int64_t *bounds
) noexcept nogil:
    # Where the extents of each flow begin and end, one behind the other: flows + 1 numbers from
    # bounds[0] = 0 on. 0; -1 where they are in no order; what is behind Ctrl-C is not written.
    cdef int64_t n
    cdef size_t i
    for i in range(flows):
        n = chain_length(rows, count, lasts[i])
        if n < 0:
            return -1
        bounds[i + 1] = bounds[i] + n
        if interrupted_at(i):
            break
    return 0


cdef inline void chains_copy(
    const extent_t *rows, const uint32_t *lasts, size_t flows, const int64_t *bounds,
    extent_t *target
) noexcept nogil:
    # the extents of every flow to where its bounds say; Ctrl-C ends it
    cdef size_t i
    for i in range(flows):
        if interrupted_at(i):
            return
        chain_copy(rows, lasts[i], target + bounds[i], bounds[i + 1] - bounds[i])
