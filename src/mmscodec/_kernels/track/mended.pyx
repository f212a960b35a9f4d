# See mended.pxd for the contract.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.search cimport lower_bound
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve, table_row
from mmscodec._kernels.net.pieces cimport CHECKSUM_GOOD, CHECKSUM_UNKNOWN
from mmscodec._kernels.track.extents cimport extents_bytes


cdef void mended_init(mended_t *m) noexcept nogil:
    memset(m, 0, sizeof(mended_t))
    table_init(&m.found, sizeof(mended_row_t))
    table_init(&m.moved, sizeof(moved_t))
    table_init(&m.bytes, 1)


cdef void mended_free(mended_t *m) noexcept nogil:
    table_free(&m.found)
    table_free(&m.moved)
    table_free(&m.bytes)


cdef int mended_move(mended_t *m, uint64_t before, uint64_t now) noexcept nogil:
    cdef moved_t *row
    if not m.wanted:
        return 0
    row = <moved_t *>table_row(&m.moved)
    if row == NULL:
        return -1
    row.now = now
    row.before = before
    return 0


cdef uint64_t mended_origin(const mended_t *m, uint64_t place) noexcept nogil:
    cdef const moved_t *rows = <const moved_t *>m.moved.data
    cdef size_t at = lower_bound(rows, m.moved.rows, sizeof(moved_t), place)
    return rows[at].before if at < m.moved.rows and rows[at].now == place else place


cdef mended_row_t *mended_note(
    mended_t *m, uint64_t place, uint64_t right, const uint8_t *damaged, const uint8_t *good,
    uint32_t length
) noexcept nogil:
    cdef mended_row_t *row = <mended_row_t *>table_row(&m.found)
    cdef uint32_t first = 0, i
    if row == NULL:
        return NULL
    while damaged[first] == good[first]:  # some byte differs
        first += 1
    while damaged[length - 1] == good[length - 1]:
        length -= 1
    row.place = place + first
    row.right = right + first
    row.length = length - first
    row.differ = 0
    row.padding = 0
    for i in range(first, length):
        row.differ += damaged[i] != good[i]
    row.offset = first
    return row


cdef bint mended_apply(
    mended_t *m, extents_t *e, const sources_t *sources, segment_t *s, uint64_t place
) noexcept nogil:
    # rows of bytes that lie in one segment begin in it; in the arena none do
    cdef size_t i = lower_bound(m.known, m.count, sizeof(mended_row_t), place)
    cdef const mended_row_t *row
    cdef const uint8_t *right
    m.checksum = CHECKSUM_UNKNOWN
    m.bytes.rows = 0
    while i < m.count and m.known[i].place - place < s.length:
        row = m.known + i
        i += 1
        right = extents_bytes(e, sources, row.right, row.length)
        if right == NULL or s.length - (row.place - place) < row.length:
            continue
        if m.bytes.rows == 0:
            if table_reserve(&m.bytes, s.length) != 0:
                return False
            memcpy(m.bytes.data, s.payload, s.length)
            m.bytes.rows = s.length
        memcpy(m.bytes.data + (row.place - place), right, row.length)
    if m.bytes.rows == 0:
        return False
    s.payload = m.bytes.data
    m.checksum = CHECKSUM_GOOD
    return True


cdef uint64_t mended_by(const mended_t *m, uint64_t place) noexcept nogil:
    cdef size_t i = lower_bound(&m.copies[0].copy, m.count, sizeof(mended_row_t), place)
    cdef uint64_t differ = 0
    while i < m.count and m.copies[i].copy == place:
        differ += m.copies[i].differ
        i += 1
    return differ
