# A growing array of fixed-size rows: the one output container of all kernels.
#
# Ownership: whoever calls `table_init` calls `table_free`. Rows handed out by `table_row` are
# uninitialised and stay valid until the next call that may grow the table.
from libc.stdint cimport uint8_t
from libc.string cimport memcpy
from mmscodec._kernels.core.allocator cimport free_block, resize_block

cdef struct table_t:
    uint8_t *data
    size_t rows
    size_t capacity  # in rows
    size_t itemsize


cdef inline void table_init(table_t *t, size_t itemsize) noexcept nogil:
    # an empty table of rows of this size; it owns nothing yet
    t.data = NULL
    t.rows = 0
    t.capacity = 0
    t.itemsize = itemsize


cdef inline void table_free(table_t *t) noexcept nogil:
    # give the memory back; the table is empty and can be used again
    free_block(t.data, t.capacity * t.itemsize)
    t.data = NULL
    t.rows = 0
    t.capacity = 0


cdef inline int table_resize(table_t *t, size_t capacity) noexcept nogil:
    # 0, or -1 when there is no memory; the rows there are stay good
    cdef void *p
    cdef size_t size = capacity * t.itemsize
    if capacity > (<size_t>-1 >> 1) // t.itemsize:
        return -1
    p = resize_block(t.data, t.capacity * t.itemsize, &size)
    if p == NULL:
        return -1
    t.data = <uint8_t *>p
    t.capacity = size // t.itemsize
    return 0


cdef inline int table_reserve(table_t *t, size_t more) noexcept nogil:
    # room for `more` further rows, growing by half at least; 0 or -1
    cdef size_t want
    if t.capacity - t.rows >= more:
        return 0
    want = t.rows + more
    if want < t.rows:
        return -1
    if want < t.capacity + (t.capacity >> 1):
        want = t.capacity + (t.capacity >> 1)
    if want < 16:
        want = 16
    return table_resize(t, want)


cdef inline uint8_t *table_at(const table_t *t, size_t row) noexcept nogil:
    # where a row begins; NULL before there was room, as NULL + 0 has no meaning in C
    return t.data + row * t.itemsize if t.data != NULL else NULL


cdef inline uint8_t *table_end(const table_t *t) noexcept nogil:
    # where the next row goes, as above
    return table_at(t, t.rows)


cdef inline uint8_t *table_limit(const table_t *t) noexcept nogil:
    # where the room for rows ends, as above
    return table_at(t, t.capacity)


cdef inline void *table_row(table_t *t) noexcept nogil:
    # the next row, counted in, or NULL when there is no memory
    if t.rows == t.capacity and table_reserve(t, 1) != 0:
        return NULL
    t.rows += 1
    return t.data + (t.rows - 1) * t.itemsize
