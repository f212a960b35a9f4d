# The end of one chunk of a stream that waits for the next one: the one tail buffer of all decoders.
#
# Bytes are appended behind those that wait, and leave at the front. Whoever calls `tail_init` calls
# `tail_free`. Pointers are good until something is appended.
from libc.stdint cimport uint8_t
from libc.string cimport memcpy, memmove
from mmscodec._kernels.core.table cimport (
    table_at, table_end, table_free, table_init, table_reserve, table_t,
)

cdef enum:
    KEPT_ROOM = 1 << 16  # bytes that an empty buffer may have

cdef struct tail_t:
    table_t buffer  # bytes; those that wait stand from `start` on
    size_t start


cdef inline void tail_init(tail_t *t) noexcept nogil:
    # an empty buffer; it owns nothing yet
    table_init(&t.buffer, 1)
    t.start = 0


cdef inline void tail_free(tail_t *t) noexcept nogil:
    # give the memory back; the buffer is empty and can be used again
    table_free(&t.buffer)
    t.start = 0


cdef inline size_t tail_size(const tail_t *t) noexcept nogil:
    # bytes that wait
    return t.buffer.rows - t.start


cdef inline const uint8_t *tail_begin(const tail_t *t) noexcept nogil:
    # the first of them; NULL before there was one
    return table_at(&t.buffer, t.start)


cdef inline int tail_append(tail_t *t, const uint8_t *p, size_t n) noexcept nogil:
    # n bytes more that wait. 0, or -1 without memory
    if table_reserve(&t.buffer, n) != 0:
        return -1
    memcpy(table_end(&t.buffer), p, n)
    t.buffer.rows += n
    return 0


cdef inline void tail_clear(tail_t *t) noexcept nogil:
    # nothing waits any more; what waited can still be read at `t.buffer.data`
    t.buffer.rows = 0
    t.start = 0


cdef inline void tail_drop(tail_t *t) noexcept nogil:
    # nothing waits any more and nobody reads what did; a large buffer is given back
    if t.buffer.capacity > KEPT_ROOM:
        table_free(&t.buffer)
    tail_clear(t)


cdef inline void tail_to_front(tail_t *t) noexcept nogil:
    # what waits stands at the beginning of the buffer then
    cdef size_t have = tail_size(t)
    if have:
        memmove(t.buffer.data, tail_begin(t), have)
    t.buffer.rows = have
    t.start = 0
