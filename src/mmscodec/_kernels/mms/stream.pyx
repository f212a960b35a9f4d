# Streams in pieces. See mms/stream.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy

from mmscodec._kernels.core.layout cimport (
    DATA_HEADER_LEN, FAULT_BEYOND_LIMIT, FAULT_DATAGRAM_LENGTH, FAULT_GAP, FAULT_TRUNCATED,
    FAULT_UNKNOWN_STRUCTURE,
    FIELD_DATAGRAM, FIELD_NONE, FIELD_PACKET_SIZE, FIELD_W_NUM_PACKETS, RESEND_HEADER_LEN,
    RESEND_SIGNATURE, SEAL, SESSION_ID,
)
from mmscodec._kernels.core.table cimport table_reserve
from mmscodec._kernels.core.tail cimport (
    tail_append, tail_begin, tail_clear, tail_drop, tail_free, tail_size, tail_to_front,
)
from mmscodec._kernels.core.wire cimport load_le16, load_le32
from mmscodec._kernels.mms.arrivals cimport arrivals_free, arrivals_next
from mmscodec._kernels.mms.data cimport take_data
from mmscodec._kernels.mms.faults cimport fault_of, mms_begin_skip
from mmscodec._kernels.mms.scan cimport mms_put_data, mms_put_fault, mms_put_message, mms_scan
from mmscodec._kernels.mms.state cimport MMS_NO_MEMORY, MMS_OK, fault_row_t

cdef enum:
    STEP = 256  # least number of bytes that are added to the tail buffer at once


cdef int copy_borrowed(mms_stream_t *s) noexcept nogil:
    # what was borrowed is copied after all
    cdef int status = MMS_OK
    if s.tail.borrowed_size:
        status = tail_append(&s.tail.kept, s.tail.borrowed, s.tail.borrowed_size)
        s.tail.borrowed_size = 0
    return status


cdef inline size_t missing(const mms_stream_t *s, size_t have) noexcept nogil:
    # how many bytes more are worth a look
    cdef size_t take = <size_t>s.framing.need - have if s.framing.need > have else 0
    return take if take > STEP else <size_t>STEP


cdef int feed_payload(
    mms_stream_t *s, mms_tables_t *t, size_t n, size_t *taken
) noexcept nogil:
    # n bytes of which the first ones belong to the payload that passes by
    taken[0] = n if n < s.tail.payload_left else <size_t>s.tail.payload_left
    s.tail.payload_left -= taken[0]
    s.framing.position += <int64_t>taken[0]
    return end_payload(s, t) if s.tail.payload_left == 0 else MMS_OK


cdef int feed_borrowed(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t *taken
) noexcept nogil:
    # Borrowed bytes are looked at together with those behind them. *taken: how many of these n
    # bytes are done with.
    cdef size_t have = s.tail.borrowed_size, used, take = missing(s, have)
    cdef int status
    taken[0] = 0
    if have + n < s.framing.need:
        return copy_borrowed(s)  # no look is worth it
    if take > n:
        take = n
    t.joined.rows = 0
    if table_reserve(&t.joined, have + take) != 0:
        return MMS_NO_MEMORY
    memcpy(t.joined.data, s.tail.borrowed, have)
    memcpy(t.joined.data + have, p, take)
    status = mms_scan(s, t, t.joined.data, have + take, False, &used)
    if status != MMS_OK:
        return status
    s.tail.borrowed_size = 0
    if used >= have:
        # what is undecided lies in this piece: go on there
        taken[0] = used - have
        return MMS_OK
    taken[0] = take
    return tail_append(&s.tail.kept, t.joined.data + used, have + take - used)


cdef int mms_feed_tail(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t *taken
) noexcept nogil:
    cdef size_t take = missing(s, tail_size(&s.tail.kept)), used, rest
    cdef int status
    if take > n:
        take = n
    taken[0] = take
    status = tail_append(&s.tail.kept, p, take)
    if status != MMS_OK or tail_size(&s.tail.kept) < s.framing.need:
        return status
    status = mms_scan(s, t, tail_begin(&s.tail.kept), tail_size(&s.tail.kept), False, &used)
    rest = tail_size(&s.tail.kept) - used
    if rest <= take:
        # what is undecided lies in this piece: go on there without a copy
        tail_clear(&s.tail.kept)
        taken[0] = take - rest
    else:
        s.tail.kept.start += used
    return status


cdef int mms_feed_seam(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t *taken
) noexcept nogil:
    cdef size_t step = 0
    cdef int status = MMS_OK
    taken[0] = 0
    while taken[0] < n and status == MMS_OK and tail_size(&s.tail.kept):
        status = mms_feed_tail(s, t, p + taken[0], n - taken[0], &step)
        taken[0] += step
    return status


cdef int feed_piece(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint stays, size_t *taken
) noexcept nogil:
    # nothing waits: n bytes are scanned where they lie
    cdef size_t used
    cdef int status = mms_scan(s, t, p, n, False, &used)
    taken[0] = n
    if status != MMS_OK or used == n:
        return status
    if not stays:
        return tail_append(&s.tail.kept, p + used, n - used)
    s.tail.borrowed = p + used
    s.tail.borrowed_size = n - used
    return MMS_OK


cdef inline int note_arrival(mms_stream_t *s, int64_t time) noexcept nogil:
    # bytes from here on came at this time. MMS_OK, or -1 without memory
    cdef int64_t position = s.framing.position
    return arrivals_next(
        &s.arrivals, position, position + <int64_t>mms_undecided(s), time)


cdef int mms_feed(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint stays, int64_t time
) noexcept nogil:
    cdef size_t taken = 0
    cdef int status = note_arrival(s, time)
    if s.tail.kept.start > 4096 and s.tail.kept.start > s.tail.kept.buffer.rows >> 1:
        tail_to_front(&s.tail.kept)
    while n and status == MMS_OK:
        if s.tail.payload_left:
            status = feed_payload(s, t, n, &taken)
        elif s.tail.borrowed_size:
            status = feed_borrowed(s, t, p, n, &taken)
        elif tail_size(&s.tail.kept):
            status = mms_feed_tail(s, t, p, n, &taken)
            if tail_size(&s.tail.kept) == 0:
                tail_drop(&s.tail.kept)
        else:
            status = feed_piece(s, t, p, n, stays, &taken)
        p += taken
        n -= taken
    return status


cdef void mms_stream_free(mms_stream_t *s) noexcept nogil:
    tail_free(&s.tail.kept)
    arrivals_free(&s.arrivals)
    s.tail.borrowed_size = 0


cdef int fault_row(
    mms_stream_t *s, mms_tables_t *t, int64_t offset, int64_t length, uint16_t code, uint16_t field,
    int64_t need, int64_t have
) noexcept nogil:
    # add a fault; status as of mms_put_fault
    cdef fault_row_t fault
    fault_of(&fault, offset, length, code, field, need, have)
    return mms_put_fault(s, t, &fault)


cdef int end_payload(mms_stream_t *s, mms_tables_t *t) noexcept nogil:
    # the last byte of a payload went by: a row, or a fault where a gap took some of it
    if s.tail.payload_lost == 0:
        return mms_put_data(s, t, &s.tail.pending)
    return fault_row(s, t, s.tail.pending.offset, s.tail.pending.length, FAULT_GAP, FIELD_NONE,
                     <int64_t>s.tail.payload_lost, 0)


cdef uint64_t size_of_head(const mms_stream_t *s, const uint8_t *q, size_t n) noexcept nogil:
    # bytes of the packet that begins at q, 0 if its header is not all there or is none
    if n >= 16 and load_le32(q + 4) == SESSION_ID and load_le32(q + 12) == SEAL:
        return <uint64_t>load_le32(q + 8) + 16
    return load_le16(q + 6) if n >= DATA_HEADER_LEN and not s.options.client else 0


cdef int drain(mms_stream_t *s, mms_tables_t *t) noexcept nogil:
    # decide about the tail as if the stream ended here
    cdef size_t used = 0
    cdef int status = copy_borrowed(s)
    if status == MMS_OK and (tail_size(&s.tail.kept) or s.framing.skipping):
        status = mms_scan(s, t, tail_begin(&s.tail.kept), tail_size(&s.tail.kept), True, &used)
        s.tail.kept.start += used
    return status


cdef int gap_behind_tail(mms_stream_t *s, mms_tables_t *t, uint64_t length) noexcept nogil:
    # `length` bytes are lost behind what waits: that ends, or is a packet with a hole in it
    cdef uint64_t total
    cdef size_t have
    cdef int status = drain(s, t)
    if status != MMS_OK:
        return status
    have = tail_size(&s.tail.kept)
    if have == 0 or s.tail.payload_left:
        tail_drop(&s.tail.kept)
        return MMS_OK
    total = size_of_head(s, tail_begin(&s.tail.kept), have)
    if total > have:
        s.tail.pending.offset = s.framing.position
        s.tail.pending.length = <unsigned int>total
        s.tail.payload_left = total - have
        s.tail.payload_lost = 0
    else:
        mms_begin_skip(s, s.framing.position, FAULT_GAP, FIELD_NONE, <int64_t>length, 0)
    s.framing.position += <int64_t>have
    tail_drop(&s.tail.kept)
    return MMS_OK


cdef int mms_give_up(mms_stream_t *s, mms_tables_t *t) noexcept nogil:
    cdef int status = drain(s, t)
    cdef size_t have = tail_size(&s.tail.kept)
    if status == MMS_OK and have and s.tail.payload_left == 0:
        mms_begin_skip(
            s, s.framing.position, FAULT_BEYOND_LIMIT, FIELD_NONE,
            <int64_t>size_of_head(s, tail_begin(&s.tail.kept), have), <int64_t>have)
        s.framing.position += <int64_t>have
    tail_free(&s.tail.kept)
    return status


cdef int mms_gap(mms_stream_t *s, mms_tables_t *t, uint64_t length, int64_t time) noexcept nogil:
    cdef int status
    if length == 0:
        return MMS_OK
    status = note_arrival(s, time)
    if status == MMS_OK and s.tail.payload_left == 0:
        status = gap_behind_tail(s, t, length)
    if status != MMS_OK:
        return status
    if s.tail.payload_left:
        s.tail.payload_lost += length
        if length <= s.tail.payload_left:
            # the hole lies inside of one packet: where the next one begins is still known
            s.tail.payload_left -= length
            s.framing.position += <int64_t>length
            return end_payload(s, t) if s.tail.payload_left == 0 else MMS_OK
        s.tail.payload_left = 0
        mms_begin_skip(
            s, s.tail.pending.offset, FAULT_GAP, FIELD_NONE, <int64_t>s.tail.payload_lost, 0)
    elif not s.framing.skipping:
        mms_begin_skip(s, s.framing.position, FAULT_GAP, FIELD_NONE, <int64_t>length, 0)
    s.framing.position += <int64_t>length
    return MMS_OK


cdef int mms_finish(mms_stream_t *s, mms_tables_t *t) noexcept nogil:
    cdef int status = MMS_OK
    cdef uint64_t have
    if s.tail.payload_left == 0:
        status = drain(s, t)
        if status != MMS_OK or not t.capture:
            return status
    if s.tail.payload_left:
        have = s.tail.pending.length - s.tail.payload_left - s.tail.payload_lost
        status = fault_row(s, t, s.tail.pending.offset, <int64_t>have, FAULT_TRUNCATED,
                           FIELD_PACKET_SIZE, s.tail.pending.length, <int64_t>have)
        s.tail.payload_left = 0
    elif tail_size(&s.tail.kept):
        have = tail_size(&s.tail.kept)
        status = fault_row(s, t, s.framing.position, <int64_t>have, FAULT_TRUNCATED, FIELD_NONE,
                           <int64_t>size_of_head(s, tail_begin(&s.tail.kept), have), <int64_t>have)
        tail_drop(&s.tail.kept)
    return status


cdef bint is_resend(const uint8_t *p, size_t n) noexcept nogil:
    # whether a datagram has the whole header of a RequestPacketListResend
    return n >= RESEND_HEADER_LEN and load_le32(p) == RESEND_SIGNATURE


cdef int put_datagram(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, int64_t offset
) noexcept nogil:
    # the row of a datagram with sound lengths
    cdef data_row_t row
    if is_resend(p, n):
        return mms_put_message(
            s, t, p, offset, RESEND_HEADER_LEN + 4 * <unsigned int>load_le16(p + 10), -1)
    take_data(&s.model, p, n, offset, &row)
    return mms_put_data(s, t, &row)


cdef int mms_datagram(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t wire_n, int64_t time
) noexcept nogil:
    cdef int64_t offset = s.framing.position
    cdef uint64_t total
    cdef uint16_t field = FIELD_PACKET_SIZE
    cdef int status
    s.arrivals.time = time
    s.framing.position += <int64_t>wire_n
    if is_resend(p, n):
        total = RESEND_HEADER_LEN + 4 * <uint64_t>load_le16(p + 10)
        field = FIELD_W_NUM_PACKETS
    elif n >= DATA_HEADER_LEN and p[4] != 0:
        total = load_le16(p + 6)
    else:  # incarnation 0 is never sent
        return fault_row(s, t, offset, <int64_t>n, FAULT_UNKNOWN_STRUCTURE, FIELD_DATAGRAM,
                         DATA_HEADER_LEN, <int64_t>n)
    if total < DATA_HEADER_LEN or total > n:
        return fault_row(s, t, offset, <int64_t>n, FAULT_DATAGRAM_LENGTH, field, <int64_t>total,
                         <int64_t>n)
    status = put_datagram(s, t, p, n, offset)
    if status == MMS_OK and total < wire_n:
        status = fault_row(s, t, offset + <int64_t>total, <int64_t>(wire_n - total),
                           FAULT_DATAGRAM_LENGTH, field, <int64_t>total, <int64_t>wire_n)
    return status
