# Where a piece of a flow lies: in a table of the pass, or by itself, ascending by offset.
from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef struct extent_t:
    int64_t offset  # in the flow
    uint64_t place  # in the capture, or with the highest bit set in the arena of the pass
    uint32_t length
    uint32_t before  # in a table of many flows: the flow's extent before this one, counted from 1
