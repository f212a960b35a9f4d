# Records of a capture as the bytes of a new pcap or pcapng file.
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._buffer cimport Buffer, readable
from mmscodec._kernels.core.wire cimport prefetch, store_le32

cdef struct row_t:
    # a row of `dtypes.RECORDS`
    int64_t time
    uint64_t position
    uint32_t caplen
    uint32_t wire_len
    uint32_t linktype
    uint32_t interface_id

cdef enum:
    PCAP_US = 0
    PCAP_NS = 1
    PCAPNG = 2


cdef struct frames_t:
    # where the frames lie: the byte at `data` is at position `start`
    const uint8_t *data
    uint64_t start
    uint64_t size


cdef int64_t measure(const frames_t *src, const row_t *rows, size_t n, int kind) noexcept nogil:
    # bytes needed, or -1 when a record lies outside of the source
    cdef size_t i
    cdef int64_t total = 0
    cdef uint64_t at
    for i in range(n):
        at = rows[i].position - src.start
        if rows[i].position < src.start or at > src.size or rows[i].caplen > src.size - at:
            return -1
        if kind == PCAPNG:
            total += 32 + ((<int64_t>rows[i].caplen + 3) & ~<int64_t>3)
        else:
            total += 16 + <int64_t>rows[i].caplen
    return total


cdef inline bint lies_inside(
    const frames_t *src, const row_t *row, size_t need, size_t left
) noexcept nogil:
    # does the frame lie in the source, and its record in what is left of the output?
    cdef uint64_t at = row.position - src.start
    return row.position >= src.start and at <= src.size and row.caplen <= src.size - at \
        and need <= left


cdef size_t put_pcap(
    const frames_t *src, const row_t *rows, size_t n, bint nano, uint8_t *out, size_t capacity
) noexcept nogil:
    # bytes written: up to the first record that does not fit, should the rows have been changed
    cdef size_t i, need, left = capacity
    cdef uint64_t time
    cdef row_t row
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


cdef size_t put_pcapng(
    const frames_t *src, const row_t *rows, size_t n, const uint32_t *numbers, int64_t origin,
    uint8_t *out, size_t capacity
) noexcept nogil:
    # as `put_pcap`
    cdef size_t i, padded, need, left = capacity
    cdef uint64_t ticks
    cdef row_t row
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


def format_records(source, start, rows, kind, numbers, origin):
    """Records as bytes of a file, without its header.

    Parameters
    ----------
    source : buffer
        The frames; its first byte is at position `start`.
    rows : contiguous array of `dtypes.RECORDS`
    kind : int
        0 pcap in microseconds, 1 pcap in nanoseconds, 2 pcapng; all little-endian.
    numbers : contiguous array of uint32
        pcapng: interface number of each record.
    origin : int
        pcapng: ns that are taken from each time.

    Returns
    -------
    bytearray

    Raises
    ------
    IndexError
        If a frame is not inside `source`.
    """
    cdef Buffer held = readable(source), table = readable(rows), ids = readable(numbers)
    cdef frames_t src = frames_t(held.data, start, held.size)
    cdef int64_t zero = origin, size
    cdef int form = kind
    cdef size_t n = table.size // sizeof(row_t), written
    cdef const row_t *row = <const row_t *>table.data
    cdef uint8_t *out
    if table.size % sizeof(row_t) or (form == PCAPNG and ids.size != n * 4):
        raise ValueError("rows and numbers differ in length, or are of another dtype")
    size = measure(&src, row, n, form)
    if size < 0:
        raise IndexError("a frame lies outside of its source")
    result = PyByteArray_FromStringAndSize(NULL, size)
    out = <uint8_t *>PyByteArray_AS_STRING(result)
    with nogil:
        if form == PCAPNG:
            written = put_pcapng(&src, row, n, <const uint32_t *>ids.data, zero, out, <size_t>size)
        else:
            written = put_pcap(&src, row, n, form == PCAP_NS, out, <size_t>size)
    if written != <size_t>size:
        raise IndexError("the rows changed while they were written")
    return result
