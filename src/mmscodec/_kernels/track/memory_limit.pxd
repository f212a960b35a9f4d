# The ceiling on what all flows together hold: who waits longest is given up first.
from libc.stdint cimport uint32_t
from mmscodec._kernels.track.tracker cimport track_t

# Something of this side is held now. 0, or -1 without memory.
cdef int wait_in_line(track_t *t, uint32_t number, int side) noexcept nogil
