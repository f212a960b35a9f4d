# The files of a capture as one line of positions, and which of their bytes can be read now.
#
# A place says where bytes lie: their position in the capture or, with the highest bit set, in the
# arena of extents.pxd, which takes payload that stays nowhere (pipes, reassembled IP).
from libc.stdint cimport uint8_t, uint64_t
from mmscodec._kernels.core.table cimport table_t

cdef struct source_t:
    # one file; in order of `base`
    uint64_t base  # position of its first byte
    bint stable  # all of it stays where it is shown
    bint addressable  # its positions are good after the pass
    const uint8_t *shown  # bytes that can be read now
    uint64_t shown_from  # position of the first of them
    uint64_t shown_size

# `length` bytes at a place of an addressable source, copied to `out`; False where that fails.
ctypedef bint (*read_back_t)(
    void *context, size_t source, uint64_t place, uint64_t length, uint8_t *out
) noexcept nogil

cdef struct sources_t:
    table_t rows  # source_t
    size_t current  # the one that is walked
    read_back_t read_back  # NULL: bytes that are not shown can not be read
    void *context


cdef inline uint64_t ARENA() noexcept nogil:
    # flag of places in the arena
    return <uint64_t>1 << 63


cdef inline const source_t *current_source(const sources_t *s) noexcept nogil:
    # the source that is being read
    return <const source_t *>s.rows.data + s.current


cdef inline const source_t *source_of(const sources_t *s, uint64_t place) noexcept nogil:
    # the source of a place that is not in the arena
    cdef const source_t *rows = <const source_t *>s.rows.data
    cdef size_t low = 0, high = s.rows.rows, mid
    if place >= rows[s.current].base and (
        s.current + 1 == high or place < rows[s.current + 1].base
    ):
        return rows + s.current
    while high - low > 1:
        mid = (low + high) >> 1
        if rows[mid].base <= place:
            low = mid
        else:
            high = mid
    return rows + low


cdef inline bint is_stable(const sources_t *s, uint64_t place) noexcept nogil:
    # do the bytes at a place stay where they lie?
    return (place >> 63) == 0 and source_of(s, place).stable


cdef inline bint is_addressable(const sources_t *s, uint64_t place) noexcept nogil:
    # can the bytes at a place be found again by it?
    return (place >> 63) == 0 and source_of(s, place).addressable


cdef inline const uint8_t *shown_at(
    const sources_t *s, uint64_t place, uint64_t length
) noexcept nogil:
    # `length` bytes at a place outside of the arena, NULL where they can not be read now
    cdef const source_t *source = source_of(s, place)
    if place < source.shown_from or place - source.shown_from > source.shown_size \
            or source.shown_size - (place - source.shown_from) < length:
        return NULL
    return source.shown + (place - source.shown_from)
