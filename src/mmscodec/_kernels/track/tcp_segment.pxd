# A TCP segment, taken to its flow.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from mmscodec._kernels.track.item cimport item_t
from mmscodec._kernels.track.state cimport tracker_t

# `number` and `side` are the connection and its side. 0, or -1 without memory.
cdef int take_tcp(tracker_t *t, uint32_t number, int side, const item_t *item) noexcept nogil
# A flow holds something now: if all together hold too much, the oldest are given up. 0, or -1.
cdef int flow_holds(tracker_t *t, uint32_t number, int side) noexcept nogil
