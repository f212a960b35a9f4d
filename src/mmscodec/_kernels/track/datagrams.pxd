# UDP: a datagram to the flow that it belongs to.
from libc.stdint cimport uint32_t
from mmscodec._kernels.track.item cimport item_t
from mmscodec._kernels.track.state cimport tracker_t

# `number` and `side` are the connection and its side. 0, or -1 without memory.
cdef int take_udp(tracker_t *t, uint32_t number, int side, const item_t *item) noexcept nogil
