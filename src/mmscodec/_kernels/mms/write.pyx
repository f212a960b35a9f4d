# Writing MMS packets from arrays; the contract stands in mms/write.pxd.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from mmscodec._kernels.core.interrupt cimport interrupted, interrupted_at
from mmscodec._kernels.core.layout cimport (
    DATA_HEADER_LEN,
    KIND_START_PLAYING,
    SEAL,
    SESSION_ID,
    TCP_HEADER_LEN,
    mms_kind_mid,
    mms_min_size,
    mms_row_size,
)
from mmscodec._kernels.core.table cimport table_row, table_t
from mmscodec._kernels.core.wire cimport (
    load_le16, load_le32, load_own32, load_own64, store_le32, store_le64,
)


cdef inline size_t fixed_len(const uint8_t *row, unsigned int kind) noexcept nogil:
    # bytes of the fixed part: only StartPlaying has optional fields, there if chunkLen says so
    cdef uint32_t chunk_len
    if kind != KIND_START_PLAYING:
        return mms_row_size[kind]
    chunk_len = load_le32(row)
    if chunk_len >= 7:
        return mms_row_size[kind]
    return 48 if chunk_len == 6 else mms_min_size[kind]


cdef inline uint64_t body_len(
    const message_rows_t *m, const uint8_t *row, size_t i, size_t *used
) noexcept nogil:
    # bytes of message i with its padding; *used = bytes of its fields
    cdef uint64_t chunk_len = load_le32(row)
    used[0] = fixed_len(row, m.kind)
    if m.tails != NULL:
        used[0] += <size_t>(m.tails[i + 1] - m.tails[i])
    return chunk_len * 8 if chunk_len else (used[0] + 7) & ~<uint64_t>7


cdef int64_t mms_measure_messages(
    const message_rows_t *m, bint bare, int *status, size_t *bad
) noexcept nogil:
    cdef size_t i, used = 0
    cdef const uint8_t *row = m.rows
    cdef uint64_t body
    cdef uint64_t total = 0 if bare else <uint64_t>TCP_HEADER_LEN * m.count
    cdef uint32_t mid
    for i in range(m.count):
        if interrupted_at(i):
            break
        bad[0] = i
        mid = load_le32(row + 4)
        if mid != 0 and mid != mms_kind_mid[m.kind]:
            status[0] = WRITE_MID
            return -1
        body = body_len(m, row, i, &used)
        if body < used:
            status[0] = WRITE_SHORT
            return -1
        if body > <uint64_t>0xFFFFFFFF - 16:
            status[0] = WRITE_LONG
            return -1
        total += body
        row += m.stride
    status[0] = WRITE_OK
    return <int64_t>total


cdef inline void write_head(
    const packet_heads_t *h, size_t i, uint64_t body, uint8_t *dst
) noexcept nogil:
    # write the TcpMessageHeader of packet i, whose messages have `body` bytes, to dst
    cdef uint32_t chunks = <uint32_t>((body + (32 if h.chunk_whole else 16)) >> 3)
    cdef uint16_t seq = h.seqs[i] if h.seqs != NULL else <uint16_t>(h.seq + i)
    if h.chunk_fixed:
        chunks = h.chunk_count
    store_le64(dst, (<uint64_t>SESSION_ID << 32) | 1)
    store_le64(dst + 8, (<uint64_t>SEAL << 32) | <uint32_t>(body + 16))
    store_le64(dst + 16, (<uint64_t>seq << 32) | chunks)
    store_le64(dst + 24, h.times[i] if h.times != NULL else h.time)


cdef size_t mms_write_messages(
    const message_rows_t *m, const packet_heads_t *h, uint8_t *dst, size_t capacity
) noexcept nogil:
    cdef size_t i, used = 0, fixed, head = 0 if h.bare else TCP_HEADER_LEN, left = capacity
    cdef const uint8_t *row = m.rows
    cdef int64_t tail = 0
    cdef uint64_t body
    for i in range(m.count):
        if interrupted_at(i):
            break
        body = body_len(m, row, i, &used)
        fixed = fixed_len(row, m.kind)
        if left < head or body > left - head or body < used or used < fixed:
            break
        if used != fixed:
            tail = m.tails[i]
            if tail < 0 or <uint64_t>tail > m.tail_size \
                    or m.tail_size - <size_t>tail < used - fixed:
                break
        if not h.bare:
            write_head(h, i, body, dst)
            dst += TCP_HEADER_LEN
        if body - used >= 8:
            memset(dst + used, 0, body - used)
        elif body != used:
            store_le64(dst + body - 8, 0)
        memcpy(dst, row, fixed)
        store_le32(dst, <uint32_t>(body >> 3))
        store_le32(dst + 4, mms_kind_mid[m.kind])
        if used != fixed:
            memcpy(dst + fixed, m.tail + tail, used - fixed)
        dst += body
        left -= head + body
        row += m.stride
    return capacity - left


cdef int64_t mms_measure_data(
    const uint8_t *heads, size_t count, const int64_t *starts, size_t n, size_t *bad
) noexcept nogil:
    cdef size_t i, size
    cdef int64_t total = 0
    for i in range(count):
        if interrupted_at(i):
            break
        bad[0] = i
        size = load_le16(heads + i * DATA_HEADER_LEN + 6)
        if size < DATA_HEADER_LEN or starts[i] < 0 or <uint64_t>starts[i] > n:
            return -1
        if n - <size_t>starts[i] < size - DATA_HEADER_LEN:
            return -1
        total += <int64_t>size
    return total


cdef size_t mms_write_data(
    const uint8_t *heads, size_t count, const int64_t *starts, const uint8_t *src, size_t n,
    uint8_t *dst, size_t capacity
) noexcept nogil:
    cdef size_t i, size, left = capacity
    cdef int64_t start
    for i in range(count):
        if interrupted_at(i):
            break
        size = load_le16(heads + i * DATA_HEADER_LEN + 6)
        start = starts[i]
        if size > left or size < DATA_HEADER_LEN or start < 0 or <uint64_t>start > n \
                or n - <size_t>start < size - DATA_HEADER_LEN:
            break
        memcpy(dst, heads + i * DATA_HEADER_LEN, DATA_HEADER_LEN)
        if size > DATA_HEADER_LEN:
            memcpy(dst + DATA_HEADER_LEN, src + start, size - DATA_HEADER_LEN)
        dst += size
        left -= size
    return capacity - left


cdef enum:
    LONG_RUN = 1 << 26  # bytes that are copied in one go

cdef struct run_t:
    uint64_t start
    uint64_t length


cdef inline int64_t offset_of(const extents_t *e, size_t i) noexcept nogil:
    # offset of row i in the stream it came from
    return <int64_t>load_own64(e.offsets + i * e.stride)


cdef inline bint first_is_next(
    const extents_t *a, size_t i, const extents_t *b, size_t j
) noexcept nogil:
    # does row i of `a` stand before row j of `b`?
    return i < a.count and (j == b.count or offset_of(a, i) <= offset_of(b, j))


cdef int64_t mms_join_extents(
    const extents_t *a, const extents_t *b, int64_t base, size_t n, table_t *runs
) noexcept nogil:
    # an undamaged stream is one run, so that writing it is one memcpy
    cdef size_t i = 0, j = 0
    cdef int64_t offset, total = 0
    cdef uint64_t at, stop = 0
    cdef uint32_t length
    cdef run_t *run = NULL
    while i < a.count or j < b.count:
        if interrupted_at(i + j):
            break
        if first_is_next(a, i, b, j):
            offset = offset_of(a, i)
            length = load_own32(a.lengths + i * a.stride)
            i += 1
        else:
            offset = offset_of(b, j)
            length = load_own32(b.lengths + j * b.stride)
            j += 1
        at = <uint64_t>offset - <uint64_t>base
        if offset < base or at > n or n - at < length:
            return -1
        total += length
        if run == NULL or at != stop:
            run = <run_t *>table_row(runs)
            if run == NULL:
                return -2
            run.start = at
            run.length = 0
        run.length += length
        stop = at + length
    return total


cdef size_t mms_write_runs(
    const table_t *runs, const uint8_t *src, size_t n, uint8_t *dst, size_t capacity
) noexcept nogil:
    cdef size_t row, left = capacity, done, size
    cdef const run_t *run = <const run_t *>runs.data
    for row in range(runs.rows):
        if run.length > left or run.start > n or run.length > n - run.start or interrupted_at(row):
            break
        done = 0
        while done < run.length:
            size = min(<size_t>run.length - done, <size_t>LONG_RUN)
            memcpy(dst + done, src + run.start + done, size)
            done += size
            if size == LONG_RUN and interrupted():
                return capacity - left
        dst += run.length
        left -= run.length
        run += 1
    return capacity - left
