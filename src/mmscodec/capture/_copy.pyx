# Copies pieces of a mapped capture into one array.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from mmscodec._buffer cimport Buffer, readable, writable
from mmscodec._kernels.core.wire cimport prefetch


cdef bint fits(
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


cdef bint copy_all(
    const uint8_t *src, uint64_t size, const uint64_t *positions, const int64_t *lengths, size_t n,
    uint64_t start, uint8_t *out, uint64_t room,
) noexcept nogil:
    # `fits` was asked, but each piece is judged by the very numbers that it is copied by
    cdef size_t i
    cdef uint64_t at, length
    for i in range(n):
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


def copy_pieces(source, start, positions, lengths, out):
    """Copy pieces of `source` into `out`, one behind the other.

    Parameters
    ----------
    source : buffer
        Its first byte is at position `start`.
    positions, lengths : contiguous arrays of uint64 and int64
        Equal in length.
    out : writable buffer
        At least as long as the sum of `lengths`.

    Raises
    ------
    IndexError
        If a piece is not inside `source`, or `out` is too short; nothing was copied.
    """
    cdef Buffer src = readable(source), pos = readable(positions), size = readable(lengths)
    cdef Buffer dst = writable(out)
    cdef uint64_t first = start
    cdef size_t n = pos.size // sizeof(uint64_t)
    cdef const uint64_t *places = <const uint64_t *>pos.data
    cdef const int64_t *sizes = <const int64_t *>size.data
    cdef bint good
    if pos.size != size.size or pos.size % sizeof(uint64_t):
        raise ValueError("positions and lengths differ in size")
    with nogil:
        good = fits(places, sizes, n, first, src.size, dst.size) and copy_all(
            src.data, src.size, places, sizes, n, first, dst.data, dst.size)
    if not good:
        raise IndexError("a piece lies outside the source")
