# Long buffers: the scan of one in pieces, of all of a stream, and of datagrams that stand one
# behind the other. All of them end early where they are `interrupted()`.
from libc.stdint cimport int64_t, uint8_t
from mmscodec._kernels.mms.state cimport mms_stream_t, mms_tables_t

cdef enum:
    MMS_BAD_LENGTH = -2

# `mms_scan`, in pieces.
cdef int mms_scan_pieces(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t n, bint final, size_t *used
) noexcept nogil
# `mms_scan` of n bytes at p that are all of a stream. Makes room for the rows beforehand.
cdef int mms_scan_large(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t n, size_t *used
) noexcept nogil
# `count` datagrams of these sizes in the `left` bytes at p; with `stop` not beyond the first fault.
# MMS_OK, MMS_NO_MEMORY, or MMS_BAD_LENGTH where one does not lie in them.
cdef int mms_scan_datagrams(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t left,
    const int64_t *sizes, size_t count, bint stop
) noexcept nogil
