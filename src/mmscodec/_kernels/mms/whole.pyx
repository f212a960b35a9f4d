# See mms/whole.pxd.
from libc.stdint cimport int64_t, uint8_t
from mmscodec._kernels.core.interrupt cimport BYTES_BETWEEN, interrupted
from mmscodec._kernels.core.table cimport table_resize, table_t
from mmscodec._kernels.mms.scan cimport mms_scan
from mmscodec._kernels.mms.stream cimport mms_datagram

cdef enum:
    SAMPLE = 1 << 18  # bytes


cdef inline void expect(table_t *table, size_t seen, size_t n) noexcept nogil:
    # no memory for a guess is no error
    cdef double rows = 1.05 * <double>table.rows * <double>n / <double>seen
    if rows * <double>table.itemsize < 1e15 and rows > <double>table.capacity:
        table_resize(table, <size_t>rows)


cdef int mms_scan_pieces(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t n, bint final, size_t *used
) noexcept nogil:
    # a piece of which nothing could be decided is looked at again with twice as many bytes
    cdef size_t piece = BYTES_BETWEEN, taken
    cdef int status
    used[0] = 0
    while n - used[0] > piece:
        status = mms_scan(stream, tables, p + used[0], piece, False, &taken)
        used[0] += taken
        if status != 0 or interrupted():
            return status
        piece = BYTES_BETWEEN if taken else piece * 2
    status = mms_scan(stream, tables, p + used[0], n - used[0], final, &taken)
    used[0] += taken
    return status


cdef int mms_scan_large(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t n, size_t *used
) noexcept nogil:
    # A large buffer: look at its beginning to make room for all rows at once, because growing a
    # table again and again costs more than filling it.
    cdef size_t rest
    cdef int status = 0
    used[0] = 0
    if n > 4 * SAMPLE:
        status = mms_scan(stream, tables, p, SAMPLE, False, used)
        if status == 0 and used[0] > 0:
            expect(&tables.packets, used[0], n)
            expect(&tables.messages, used[0], n)
            expect(&tables.data, used[0], n)
    if status == 0:
        status = mms_scan_pieces(stream, tables, p + used[0], n - used[0], True, &rest)
        used[0] += rest
    return status


cdef int mms_scan_datagrams(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t left,
    const int64_t *sizes, size_t count, bint stop
) noexcept nogil:
    cdef size_t i, since = 0
    cdef int64_t size
    cdef int status
    for i in range(count):
        size = sizes[i]
        since += <size_t>size + 256  # a datagram costs something by itself
        if since > BYTES_BETWEEN:
            since = 0
            if interrupted():
                return 0
        if size < 0 or <size_t>size > left:
            return MMS_BAD_LENGTH
        status = mms_datagram(stream, tables, p, <size_t>size, <size_t>size, 0)
        if status != 0 or (stop and tables.faults.rows):
            return status
        p += size
        left -= <size_t>size
    return 0
