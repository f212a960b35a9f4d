# MMS framing ([MS-MMSP] 2.2; docs/decisions/0022): the scan of a byte stream into tables.
#
# One state per direction of a connection. Offsets in rows are stream offsets. The same scan serves
# a whole buffer (`mms_scan` with final), a decoder fed in chunks, and the segments of a capture
# (`mms_feed`), so all of them give the same rows.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.mms.state cimport data_row_t, fault_row_t, mms_stream_t, mms_tables_t

# A stream of which nothing was seen, and tables without rows; whoever calls this frees them.
cdef void mms_stream_init(mms_stream_t *s, uint32_t max_packet) noexcept nogil
cdef void mms_tables_init(mms_tables_t *t, bint capture) noexcept nogil
cdef void mms_tables_free(mms_tables_t *t) noexcept nogil

# Scan n bytes at p, which stand at stream offset s.framing.position. With `final` nothing follows.
# Returns a status; *used is the number of bytes that rows and faults cover now.
cdef int mms_scan(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint final, size_t *used
) noexcept nogil

# The first byte that comes stands at `offset` and need not begin a packet.
cdef void mms_begin_at(mms_stream_t *s, int64_t offset) noexcept nogil
# Whose bytes these are is known: DIRECTION_TO_SERVER means that no Data packet is ever believed.
cdef void mms_set_direction(mms_stream_t *s, uint8_t direction) noexcept nogil

# Is this a stream of MMS? By n bytes at p, of which the first need not begin a packet: YES = a
# header that needs no other proof at *at; WAIT = none before *at, where bytes are missing to say
# more; NO = none, and with `final` alone. The judgement of resync.pxd, without what a stream knows.
cdef int mms_detect(
    const uint8_t *p, size_t n, bint final, size_t *at, uint64_t *looked
) noexcept nogil

# parts that stream.pyx shares
cdef int mms_put_fault(mms_stream_t *s, mms_tables_t *t, const fault_row_t *fault) noexcept nogil
cdef int mms_put_data(mms_stream_t *s, mms_tables_t *t, const data_row_t *data) noexcept nogil
cdef int mms_put_message(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *m, int64_t offset, uint32_t length,
    int64_t packet
) noexcept nogil
