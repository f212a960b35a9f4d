# Records of a capture as the bytes of a new pcap or pcapng file.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
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


cdef int64_t measure(const row_t *rows, size_t n, uint64_t start, uint64_t size, int kind) noexcept:
    # bytes needed, or -1 when a record lies outside of the source
    cdef size_t i
    cdef int64_t total = 0
    cdef uint64_t at
    for i in range(n):
        at = rows[i].position - start
        if rows[i].position < start or at > size or rows[i].caplen > size - at:
            return -1
        if kind == PCAPNG:
            total += 32 + ((<int64_t>rows[i].caplen + 3) & ~<int64_t>3)
        else:
            total += 16 + <int64_t>rows[i].caplen
    return total


cdef void put_pcap(
    const uint8_t *src, uint64_t start, const row_t *rows, size_t n, bint nano, uint8_t *out
) noexcept nogil:
    cdef size_t i
    cdef uint64_t time
    for i in range(n):
        if i + 4 < n:
            prefetch(src + (rows[i + 4].position - start))
        time = <uint64_t>rows[i].time
        store_le32(out, <uint32_t>(time // 1000000000))
        store_le32(out + 4, <uint32_t>(time % 1000000000 // (1 if nano else 1000)))
        store_le32(out + 8, rows[i].caplen)
        store_le32(out + 12, rows[i].wire_len)
        memcpy(out + 16, src + (rows[i].position - start), rows[i].caplen)
        out += 16 + <size_t>rows[i].caplen


cdef void put_pcapng(
    const uint8_t *src, uint64_t start, const row_t *rows, size_t n, const uint32_t *numbers,
    int64_t origin, uint8_t *out
) noexcept nogil:
    cdef size_t i, padded
    cdef uint64_t ticks
    for i in range(n):
        if i + 4 < n:
            prefetch(src + (rows[i + 4].position - start))
        padded = (<size_t>rows[i].caplen + 3) & ~<size_t>3
        ticks = <uint64_t>rows[i].time - <uint64_t>origin
        store_le32(out, 6)
        store_le32(out + 4, <uint32_t>(32 + padded))
        store_le32(out + 8, numbers[i])
        store_le32(out + 12, <uint32_t>(ticks >> 32))
        store_le32(out + 16, <uint32_t>ticks)
        store_le32(out + 20, rows[i].caplen)
        store_le32(out + 24, rows[i].wire_len)
        memcpy(out + 28, src + (rows[i].position - start), rows[i].caplen)
        memset(out + 28 + rows[i].caplen, 0, padded - rows[i].caplen)
        store_le32(out + 28 + padded, <uint32_t>(32 + padded))
        out += 32 + padded


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
    cdef Py_buffer src, table, ids
    cdef uint64_t first = start
    cdef int64_t zero = origin, size
    cdef int form = kind
    cdef size_t n
    cdef uint8_t *out
    PyObject_GetBuffer(source, &src, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(rows, &table, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(numbers, &ids, PyBUF_SIMPLE)
            try:
                n = table.len // sizeof(row_t)
                if table.len % sizeof(row_t) or (form == PCAPNG and <size_t>ids.len != n * 4):
                    raise ValueError("rows and numbers differ in length, or are of another dtype")
                size = measure(<row_t *>table.buf, n, first, src.len, form)
                if size < 0:
                    raise IndexError("a frame lies outside of its source")
                result = PyByteArray_FromStringAndSize(NULL, size)
                out = <uint8_t *>PyByteArray_AS_STRING(result)
                with nogil:
                    if form == PCAPNG:
                        put_pcapng(
                            <uint8_t *>src.buf, first, <row_t *>table.buf, n, <uint32_t *>ids.buf,
                            zero, out,
                        )
                    else:
                        put_pcap(
                            <uint8_t *>src.buf, first, <row_t *>table.buf, n, form == PCAP_NS, out
                        )
                return result
            finally:
                PyBuffer_Release(&ids)
        finally:
            PyBuffer_Release(&table)
    finally:
        PyBuffer_Release(&src)
