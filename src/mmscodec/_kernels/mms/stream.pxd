# A stream that arrives in pieces: TCP segments of a capture, chunks of a connection, UDP datagrams.
#
# A piece is scanned where it lies. Only bytes that nothing can be said about yet are copied, to
# s.carry, and not even they where the piece stays; with s.skip_payload the payload of a Data packet
# is never among them.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from mmscodec._kernels.mms.scan cimport mms_stream_t, mms_tables_t

# The next n bytes; with `stays` they stay where they are as long as the stream does. Returns a
# status of mms/scan.pxd.
cdef int mms_push(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint stays, int64_t time
) noexcept nogil
# `length` bytes of the stream are lost.
cdef int mms_gap(mms_stream_t *s, mms_tables_t *t, uint64_t length, int64_t time) noexcept nogil
# Nothing will follow. In a capture a packet that did not end becomes a fault.
cdef int mms_finish(mms_stream_t *s, mms_tables_t *t) noexcept nogil
# One whole UDP datagram; wire_n is more than n where the capture cut it.
cdef int mms_datagram(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t wire_n, int64_t time
) noexcept nogil
cdef void mms_push_free(mms_stream_t *s) noexcept nogil


cdef inline size_t mms_undecided(const mms_stream_t *s) noexcept nogil:
    # bytes that wait for those behind them
    return s.carry.rows - s.carry_start + s.lent_size
