# Memory of tables that many streams need for a short while: who needs none gives it to the next.
from mmscodec._kernels.core.table cimport table_free, table_init, table_row, table_t

cdef enum:
    SPARE_ROOM = 1 << 16  # bytes that one of them may have
    SPARE_ALWAYS = 1 << 20  # bytes of all that are always kept
    SPARE_A_STREAM = 16  # and bytes for each stream that is open

cdef struct spare_t:
    table_t blocks  # table_t, each without rows
    size_t size  # bytes of all


cdef inline void spare_init(spare_t *s) noexcept nogil:
    # nothing is spare
    table_init(&s.blocks, sizeof(table_t))
    s.size = 0


cdef inline void spare_free(spare_t *s) noexcept nogil:
    # give the memory back
    cdef size_t i
    for i in range(s.blocks.rows):
        table_free(<table_t *>s.blocks.data + i)
    table_free(&s.blocks)
    s.size = 0


cdef inline void spare_lend(spare_t *s, table_t *t) noexcept nogil:
    # a table without memory gets some, where some is spare
    if t.data == NULL and s.blocks.rows:
        s.blocks.rows -= 1
        t[0] = (<table_t *>s.blocks.data)[s.blocks.rows]
        s.size -= t.capacity * t.itemsize


cdef inline void spare_take(spare_t *s, table_t *t, size_t streams) noexcept nogil:
    # the memory of a table whose rows nobody needs; no more is kept than for so many streams
    cdef size_t size = t.capacity * t.itemsize
    cdef table_t *row
    t.rows = 0
    if t.data == NULL:
        return
    if size > SPARE_ROOM or s.size + size > SPARE_ALWAYS + SPARE_A_STREAM * streams:
        table_free(t)
        return
    row = <table_t *>table_row(&s.blocks)
    if row == NULL:
        table_free(t)
        return
    row[0] = t[0]
    s.size += size
    table_init(t, t.itemsize)
