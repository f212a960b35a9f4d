# Copies pieces of a mapped capture into one array.
from libc.stdint cimport int64_t, uint64_t
from mmscodec._buffer cimport Buffer, raise_interrupt, readable, writable
from mmscodec._kernels.core.copy cimport pieces_copy, pieces_fit


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
        good = pieces_fit(places, sizes, n, first, src.size, dst.size) and pieces_copy(
            src.data, src.size, places, sizes, n, first, dst.data, dst.size)
    raise_interrupt()
    if not good:
        raise IndexError("a piece lies outside the source")
