# A stream that arrives in pieces: TCP segments of a capture, chunks of a connection, UDP datagrams.
#
# A piece is scanned where it lies. Only bytes that nothing can be said about yet are copied, to the
# tail buffer, and not even they where the piece stays; with options.skip_payload the payload of a
# Data packet just like the last one is never among them.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset
from mmscodec._kernels.core.layout cimport DATA_MEDIA
from mmscodec._kernels.mms.evidence cimport (
    flags_of, incarnation_of, plain, size_of,
)
from mmscodec._kernels.core.tail cimport tail_size
from mmscodec._kernels.mms.state cimport data_row_t, mms_stream_t, mms_tables_t

# The next n bytes; with `stays` they stay where they are as long as the stream does. Returns a
# status of mms/scan.pxd.
cdef int mms_feed(
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
# What waits for the bytes behind it is given up, with a fault, and its memory is given back.
cdef int mms_give_up(mms_stream_t *s, mms_tables_t *t) noexcept nogil
cdef void mms_stream_free(mms_stream_t *s) noexcept nogil

# The seam between two pieces. The tail buffer, in which something waits, is looked at together with
# the first of n bytes at p, no more than are needed; of these *taken are done with then. Status as
# of `mms_scan`. Bytes that are decided now stand in front of `start` until something is kept.
cdef int mms_feed_tail(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t *taken
) noexcept nogil
# The same until nothing waits, or all n bytes are done with. What was decided stands at the front
# of the tail buffer then, from where it began.
cdef int mms_feed_seam(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t *taken
) noexcept nogil


cdef inline size_t mms_undecided(const mms_stream_t *s) noexcept nogil:
    # bytes that wait for those behind them
    return tail_size(&s.tail.kept) + s.tail.borrowed_size


cdef inline int64_t mms_needed_from(const mms_stream_t *s) noexcept nogil:
    # where the bytes begin that a row which is not complete yet will need
    return s.tail.pending.offset if s.tail.payload_left else s.framing.position


# For a fast path, which takes Data packets just like the last one without the stream.

cdef inline uint64_t mms_last_header(const mms_stream_t *s) noexcept nogil:
    # header of the last Data packet as a number, 0 if there was none
    return s.model.last


cdef inline uint64_t mms_payload_left(const mms_stream_t *s) noexcept nogil:
    # bytes of a payload that are still to pass by
    return s.tail.payload_left


cdef inline bint continues(uint64_t last, uint64_t header) noexcept nogil:
    # Is a Data packet with this header just like the last one? A stream with options.skip_payload
    # believes it without a look behind it.
    return plain(last, header)


cdef inline bint mms_may_skip(const mms_stream_t *s, int64_t offset) noexcept nogil:
    # May bytes from `offset` on be taken without the stream, as payload and as packets that
    # `continues` knows?
    if s.model.last == 0 or s.model.header_open or s.framing.skipping or s.options.datagrams \
            or s.options.client or mms_undecided(s) or size_of(s.model.last) < 16 \
            or s.framing.position != offset:
        return False
    return s.tail.payload_left == 0 or (
        s.tail.payload_lost == 0 and s.tail.pending.kind == DATA_MEDIA
        and s.tail.pending.length == size_of(s.model.last)
        and s.tail.pending.location_id == <uint32_t>s.model.last)


cdef inline void mms_caught_up(
    mms_stream_t *s, int64_t position, int64_t time, uint64_t header, uint64_t left
) noexcept nogil:
    # The fast path stands at `position`, `left` bytes before the end of the Data packet with that
    # header: from here on the stream knows what it did.
    cdef data_row_t *row = &s.tail.pending
    s.framing.position = position
    s.arrivals.time = time
    s.model.last = header
    s.tail.payload_left = left
    if left == 0:
        return
    s.tail.payload_lost = 0
    memset(row, 0, sizeof(data_row_t))
    row.offset = position + <int64_t>left - size_of(header)
    row.length = size_of(header)
    row.location_id = <uint32_t>header
    row.play_incarnation = incarnation_of(header)
    row.af_flags = flags_of(header)
    row.kind = DATA_MEDIA
