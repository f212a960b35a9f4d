# Pieces of one long buffer, copied one behind the other.
from libc.stdint cimport int64_t, uint8_t, uint64_t

# Do n pieces lie in `size` bytes, of which the first is at position `start`, and fit into `room`?
cdef bint pieces_fit(
    const uint64_t *positions, const int64_t *lengths, size_t n, uint64_t start, uint64_t size,
    uint64_t room,
) noexcept nogil
# Writes those pieces of `src` to `out`. They fit, unless somebody has changed the numbers since:
# then False, and no byte outside of `room` was written.
cdef bint pieces_copy(
    const uint8_t *src, uint64_t size, const uint64_t *positions, const int64_t *lengths, size_t n,
    uint64_t start, uint8_t *out, uint64_t room,
) noexcept nogil
