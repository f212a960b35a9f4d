# UDP: a datagram to the flow that it belongs to.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.track.tracker cimport track_t

# `where` and `number` are the connection and its side. 0, or -1 without memory.
cdef int take_udp(
    track_t *t, uint32_t where, int number, const segment_t *s, uint64_t place, int64_t time
) noexcept nogil
