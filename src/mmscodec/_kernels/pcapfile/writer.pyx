# See pcapfile/writer.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.wire cimport prefetch, store_le32


cdef inline size_t record_size(uint32_t caplen, int form) noexcept nogil:
    # bytes of a record with a frame of `caplen`
    if form == FORM_PCAPNG:
        return 32 + ((<size_t>caplen + 3) & ~<size_t>3)
    return 16 + <size_t>caplen


cdef inline bint lies_inside(const frames_t *src, const record_row_t *row) noexcept nogil:
    # does the frame lie in the source?
    cdef uint64_t at = row.position - src.start
    return row.position >= src.start and at <= src.size and row.caplen <= src.size - at


cdef int64_t records_size(
    const frames_t *src, const record_row_t *rows, size_t n, int form
) noexcept nogil:
    cdef size_t i
    cdef int64_t total = 0
    for i in range(n):
        if not lies_inside(src, rows + i):
            return -1
        total += <int64_t>record_size(rows[i].caplen, form)
    return total


cdef inline void write_pcap(
    const record_row_t *row, const uint8_t *frame, bint nano, uint8_t *out
) noexcept nogil:
    # write a record of record_size bytes to `out`
    cdef uint64_t time = <uint64_t>row.time
    store_le32(out, <uint32_t>(time // 1000000000))
    store_le32(out + 4, <uint32_t>(time % 1000000000 // (1 if nano else 1000)))
    store_le32(out + 8, row.caplen)
    store_le32(out + 12, row.wire_len)
    memcpy(out + 16, frame, row.caplen)


cdef inline void write_pcapng(
    const record_row_t *row, const uint8_t *frame, uint32_t number, int64_t origin, uint32_t size,
    uint8_t *out
) noexcept nogil:
    # write a record of `size` bytes, which is record_size, to `out`
    cdef uint64_t ticks = <uint64_t>row.time - <uint64_t>origin
    store_le32(out, 6)
    store_le32(out + 4, size)
    store_le32(out + 8, number)
    store_le32(out + 12, <uint32_t>(ticks >> 32))
    store_le32(out + 16, <uint32_t>ticks)
    store_le32(out + 20, row.caplen)
    store_le32(out + 24, row.wire_len)
    memcpy(out + 28, frame, row.caplen)
    memset(out + 28 + row.caplen, 0, size - 32 - row.caplen)
    store_le32(out + size - 4, size)


cdef size_t records_write(
    const frames_t *src, const record_row_t *rows, size_t n, const form_t *how, uint8_t *out,
    size_t capacity
) noexcept nogil:
    cdef size_t i, size, left = capacity
    cdef const uint8_t *frame
    cdef record_row_t row
    for i in range(n):
        if i + 4 < n:
            prefetch(src.data + (rows[i + 4].position - src.start))
        row = rows[i]
        size = record_size(row.caplen, how.form)
        if not lies_inside(src, &row) or size > left or interrupted_at(i):
            break
        frame = src.data + (row.position - src.start)
        if how.form == FORM_PCAPNG:
            write_pcapng(&row, frame, how.numbers[i], how.origin, <uint32_t>size, out)
        else:
            write_pcap(&row, frame, how.form == FORM_PCAP_NS, out)
        out += size
        left -= size
    return capacity - left
