# See core/copy.pxd.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.wire cimport prefetch


cdef bint pieces_fit(
    const uint64_t *positions, const int64_t *lengths, size_t n, uint64_t start, uint64_t size,
    uint64_t room,
) noexcept nogil:
    cdef size_t i
    cdef uint64_t at
    for i in range(n):
        if positions[i] < start or lengths[i] < 0:
            return False
        at = positions[i] - start
        if at > size or <uint64_t>lengths[i] > size - at or <uint64_t>lengths[i] > room:
            return False
        room -= <uint64_t>lengths[i]
    return True


cdef bint pieces_copy(
    const uint8_t *src, uint64_t size, const uint64_t *positions, const int64_t *lengths, size_t n,
    uint64_t start, uint8_t *out, uint64_t room,
) noexcept nogil:
    # `pieces_fit` was asked, but each piece is judged by the very numbers that it is copied by
    cdef size_t i
    cdef uint64_t at, length
    for i in range(n):
        if interrupted_at(i):
            return True
        if i + 4 < n:
            prefetch(src + (positions[i + 4] - start))
        at = positions[i] - start
        length = <uint64_t>lengths[i]
        if at > size or length > size - at or length > room:
            return False
        if length != 0:
            memcpy(out, src + at, <size_t>length)
        out += length
        room -= length
    return True
