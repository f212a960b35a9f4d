# UDP ports that clients announced, by address.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from mmscodec._kernels.track.flow_table cimport connection_t
from mmscodec._kernels.track.tracker cimport announced_t, track_t

cdef announced_t *find_port(
    track_t *t, const uint8_t *address, uint16_t port, uint32_t scope
) noexcept nogil
cdef int read_funnels(track_t *t, connection_t *c, int side, size_t first) noexcept nogil
