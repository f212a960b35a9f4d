# See pcapfile/writer.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.wire cimport prefetch, store_le32


cdef int64_t records_size(
    const frames_t *src, const record_row_t *rows, size_t n, int form
) noexcept nogil:
    cdef size_t i
    cdef int64_t total = 0
    cdef uint64_t at
    for i in range(n):
        at = rows[i].position - src.start
        if rows[i].position < src.start or at > src.size or rows[i].caplen > src.size - at:
            return -1
        if form == FORM_PCAPNG:
            total += 32 + ((<int64_t>rows[i].caplen + 3) & ~<int64_t>3)
        else:
            total += 16 + <int64_t>rows[i].caplen
    return total


cdef inline bint lies_inside(
    const frames_t *src, const record_row_t *row, size_t need, size_t left
) noexcept nogil:
    # does the frame lie in the source, and its record in what is left of the output?
    cdef uint64_t at = row.position - src.start
    return row.position >= src.start and at <= src.size and row.caplen <= src.size - at \
        and need <= left


cdef size_t records_write_pcap(
    const frames_t *src, const record_row_t *rows, size_t n, bint nano, uint8_t *out,
    size_t capacity
) noexcept nogil:
    cdef size_t i, need, left = capacity
    cdef uint64_t time
    cdef record_row_t row
    for i in range(n):
        if i + 4 < n:
            prefetch(src.data + (rows[i + 4].position - src.start))
        row = rows[i]
        need = 16 + <size_t>row.caplen
        if not lies_inside(src, &row, need, left):
            break
        time = <uint64_t>row.time
        store_le32(out, <uint32_t>(time // 1000000000))
        store_le32(out + 4, <uint32_t>(time % 1000000000 // (1 if nano else 1000)))
        store_le32(out + 8, row.caplen)
        store_le32(out + 12, row.wire_len)
        memcpy(out + 16, src.data + (row.position - src.start), row.caplen)
        out += need
        left -= need
    return capacity - left


cdef size_t records_write_pcapng(
    const frames_t *src, const record_row_t *rows, size_t n, const uint32_t *numbers,
    int64_t origin, uint8_t *out, size_t capacity
) noexcept nogil:
    cdef size_t i, padded, need, left = capacity
    cdef uint64_t ticks
    cdef record_row_t row
    for i in range(n):
        if i + 4 < n:
            prefetch(src.data + (rows[i + 4].position - src.start))
        row = rows[i]
        padded = (<size_t>row.caplen + 3) & ~<size_t>3
        need = 32 + padded
        if not lies_inside(src, &row, need, left):
            break
        ticks = <uint64_t>row.time - <uint64_t>origin
        store_le32(out, 6)
        store_le32(out + 4, <uint32_t>need)
        store_le32(out + 8, numbers[i])
        store_le32(out + 12, <uint32_t>(ticks >> 32))
        store_le32(out + 16, <uint32_t>ticks)
        store_le32(out + 20, row.caplen)
        store_le32(out + 24, row.wire_len)
        memcpy(out + 28, src.data + (row.position - src.start), row.caplen)
        memset(out + 28 + row.caplen, 0, padded - row.caplen)
        store_le32(out + 28 + padded, <uint32_t>need)
        out += need
        left -= need
    return capacity - left
