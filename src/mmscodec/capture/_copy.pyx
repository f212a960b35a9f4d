# Copies pieces of a mapped capture into one array.
from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
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


cdef void copy_all(
    const uint8_t *src, const uint64_t *positions, const int64_t *lengths, size_t n,
    uint64_t start, uint8_t *out,
) noexcept nogil:
    cdef size_t i
    for i in range(n):
        if i + 4 < n:
            prefetch(src + (positions[i + 4] - start))
        if lengths[i] != 0:
            memcpy(out, src + (positions[i] - start), <size_t>lengths[i])
        out += lengths[i]


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
    cdef Py_buffer src, pos, size, dst
    cdef uint64_t first = start
    cdef size_t n
    cdef bint good
    PyObject_GetBuffer(source, &src, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(positions, &pos, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(lengths, &size, PyBUF_SIMPLE)
            try:
                PyObject_GetBuffer(out, &dst, PyBUF_WRITABLE)
                try:
                    n = pos.len // sizeof(uint64_t)
                    if pos.len != size.len or pos.len % sizeof(uint64_t):
                        raise ValueError("positions and lengths differ in size")
                    with nogil:
                        good = fits(
                            <uint64_t *>pos.buf, <int64_t *>size.buf, n, first, src.len, dst.len
                        )
                        if good:
                            copy_all(
                                <uint8_t *>src.buf, <uint64_t *>pos.buf, <int64_t *>size.buf, n,
                                first, <uint8_t *>dst.buf,
                            )
                    if not good:
                        raise IndexError("a piece lies outside the source")
                finally:
                    PyBuffer_Release(&dst)
            finally:
                PyBuffer_Release(&size)
        finally:
            PyBuffer_Release(&pos)
    finally:
        PyBuffer_Release(&src)
