# The ceiling on what all flows together hold: who waits longest is given up first.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.track.flow_table cimport flow_table_t

cdef struct memory_limit_t:
    table_t queue  # uint64_t number * 2 + side of flows that hold something, oldest first
    size_t first
    uint64_t ceiling  # bytes
    uint64_t detecting  # bytes held until their flow is recognised
    uint64_t undecided  # bytes of packets that have not ended, with what notes their segments

# Nothing is held.
cdef void memory_limit_init(memory_limit_t *m, uint64_t ceiling) noexcept nogil
cdef void memory_limit_free(memory_limit_t *m) noexcept nogil
# A flow holds something now. 0, or -1 without memory.
cdef int memory_limit_enter(
    memory_limit_t *m, flow_table_t *flows, uint32_t number, int side
) noexcept nogil
# The flow that has been in the queue for longest, number * 2 + side; it leaves. -1: there is none.
cdef int64_t memory_limit_oldest(memory_limit_t *m) noexcept nogil
