# Connections: where one begins and where it ends.
from libc.stdint cimport uint8_t, uint32_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.track.flow_table cimport connection_t
from mmscodec._kernels.track.state cimport tracker_t

# Is this SYN the first segment of another connection with the same addresses and ports?
cdef bint connection_reopens(const connection_t *c, int side, const segment_t *s) noexcept nogil
# What the SYN, FIN or RST of a segment says about its connection.
cdef void connection_flags(
    tracker_t *t, connection_t *c, int side, const segment_t *s
) noexcept nogil
# All that its flows hold is delivered, and they end. 0, or -1 without memory.
cdef int connection_finish(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil
# The same, and the connection leaves the table.
cdef int connection_end(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil
# Too many connections: those that were silent for longest end. 0, or -1 without memory.
cdef int connection_evict(tracker_t *t) noexcept nogil
