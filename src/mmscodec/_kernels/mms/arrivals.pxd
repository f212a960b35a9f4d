# When the bytes of a row came. A row that had to wait for evidence bears the time of the piece that
# completed it, not of the one that brought the evidence.
from libc.stdint cimport int64_t
from libc.string cimport memmove
from mmscodec._kernels.core.table cimport table_free, table_init, table_row
from mmscodec._kernels.core.wire cimport likely
from mmscodec._kernels.mms.state cimport mms_arrivals_t

cdef struct waiting_piece_t:
    int64_t end  # stream offset
    int64_t time


cdef inline void arrivals_init(mms_arrivals_t *a) noexcept nogil:
    # nothing waits
    table_init(&a.waiting, sizeof(waiting_piece_t))
    a.first = 0
    a.time = 0


cdef inline void arrivals_free(mms_arrivals_t *a) noexcept nogil:
    # give the memory back; nothing waits then
    table_free(&a.waiting)
    a.first = 0


cdef inline int arrivals_next(
    mms_arrivals_t *a, int64_t position, int64_t end, int64_t time
) noexcept nogil:
    # A new piece came at `time`; bytes up to `end` are there already, those from `position` on
    # wait. 0, or -1 without memory.
    cdef waiting_piece_t *piece = <waiting_piece_t *>a.waiting.data
    if likely(position == end):
        a.first = a.waiting.rows = 0
        a.time = time
        return 0
    while a.first < a.waiting.rows and piece[a.first].end <= position:
        a.first += 1
    if a.first > 64 and a.first > a.waiting.rows >> 1:
        a.waiting.rows -= a.first
        memmove(piece, piece + a.first, a.waiting.rows * sizeof(waiting_piece_t))
        a.first = 0
    if a.time == time:
        return 0
    piece = <waiting_piece_t *>table_row(&a.waiting)
    if piece == NULL:
        return -1
    piece.end = end
    piece.time = a.time
    a.time = time
    return 0


cdef inline int64_t arrival(mms_arrivals_t *a, int64_t end) noexcept nogil:
    # when the bytes up to `end` were complete; asked with growing ends
    cdef const waiting_piece_t *piece = <const waiting_piece_t *>a.waiting.data
    while a.first < a.waiting.rows:
        if end <= piece[a.first].end:
            return piece[a.first].time
        a.first += 1
    return a.time
