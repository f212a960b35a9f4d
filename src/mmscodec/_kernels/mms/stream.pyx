# Streams in pieces. See mms/stream.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memmove

from mmscodec._kernels.core.layout cimport (
    DATA_HEADER_LEN,
    FAULT_DATAGRAM_LENGTH,
    FAULT_GAP,
    FAULT_TRUNCATED,
    FAULT_UNKNOWN_STRUCTURE,
    FIELD_DATAGRAM,
    FIELD_NONE,
    FIELD_PACKET_SIZE,
    FIELD_W_NUM_PACKETS,
    RESEND_HEADER_LEN,
    RESEND_SIGNATURE,
    SEAL,
    SESSION_ID,
)
from mmscodec._kernels.mms.scan cimport (
    MMS_NO_MEMORY,
    MMS_OK,
    data_row_t,
    fault_row_t,
    mms_begin_skip,
    mms_put_data,
    mms_put_fault,
    mms_put_message,
    mms_read_data,
    mms_scan,
)
from mmscodec._kernels.core.table cimport table_free, table_reserve
from mmscodec._kernels.core.wire cimport load_le16, load_le32

cdef enum:
    STEP = 256  # least number of bytes that are added to the carry at once


cdef inline size_t carried(const mms_stream_t *s) noexcept nogil:
    return s.carry.rows - s.carry_start


cdef inline const uint8_t *carry_begin(const mms_stream_t *s) noexcept nogil:
    return s.carry.data + s.carry_start


cdef inline void drop_carry(mms_stream_t *s) noexcept nogil:
    s.carry.rows = 0
    s.carry_start = 0


cdef int own_lent(mms_stream_t *s) noexcept nogil:
    # what was lent is copied after all
    cdef int status = MMS_OK
    if s.lent_size:
        status = keep(s, s.lent, s.lent_size)
        s.lent_size = 0
    return status


cdef int join_lent(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t *taken
) noexcept nogil:
    # Lent bytes are looked at together with those behind them. *taken: how many of these n bytes
    # are done with.
    cdef size_t have = s.lent_size, used, take = missing(s, have)
    cdef int status
    taken[0] = 0
    if take > n:
        take = n
    t.joined.rows = 0
    if table_reserve(&t.joined, have + take) != 0:
        return MMS_NO_MEMORY
    memcpy(t.joined.data, s.lent, have)
    memcpy(t.joined.data + have, p, take)
    status = mms_scan(s, t, t.joined.data, have + take, False, &used)
    if status != MMS_OK:
        return status
    s.lent_size = 0
    if used >= have:
        # what is undecided lies in this piece: go on there
        taken[0] = used - have
        return MMS_OK
    taken[0] = take
    return keep(s, t.joined.data + used, have + take - used)


cdef inline size_t missing(const mms_stream_t *s, size_t have) noexcept nogil:
    # how many bytes more are worth a look
    cdef size_t take = <size_t>s.need - have if s.need > have else 0
    return take if take > STEP else <size_t>STEP


cdef int keep(mms_stream_t *s, const uint8_t *p, size_t n) noexcept nogil:
    s.carry.itemsize = 1
    if s.carry_start > 4096 and s.carry_start > s.carry.rows >> 1:
        memmove(s.carry.data, s.carry.data + s.carry_start, carried(s))
        s.carry.rows -= s.carry_start
        s.carry_start = 0
    if table_reserve(&s.carry, n) != 0:
        return MMS_NO_MEMORY
    memcpy(s.carry.data + s.carry.rows, p, n)
    s.carry.rows += n
    return MMS_OK


cdef void mms_push_free(mms_stream_t *s) noexcept nogil:
    table_free(&s.carry)
    s.carry_start = 0
    s.lent_size = 0


cdef int fault_row(
    mms_stream_t *s, mms_tables_t *t, int64_t offset, int64_t length, uint16_t code, uint16_t field,
    int64_t need, int64_t have
) noexcept nogil:
    cdef fault_row_t fault
    fault.offset = offset
    fault.length = length
    fault.code = code
    fault.field = field
    fault.padding = 0
    fault.need = need
    fault.have = have
    return mms_put_fault(s, t, &fault)


cdef int end_payload(mms_stream_t *s, mms_tables_t *t) noexcept nogil:
    # the last byte of a payload went by: a row, or a fault where a gap took some of it
    if s.payload_lost == 0:
        return mms_put_data(s, t, &s.pending)
    return fault_row(s, t, s.pending.offset, s.pending.length, FAULT_GAP, FIELD_NONE,
                     <int64_t>s.payload_lost, 0)


cdef inline void next_piece(mms_stream_t *s, int64_t time) noexcept nogil:
    # remember when the bytes came that wait in the carry
    cdef int i
    if mms_undecided(s):
        for i in range(3, 0, -1):
            s.piece_end[i] = s.piece_end[i - 1]
            s.piece_time[i] = s.piece_time[i - 1]
        s.piece_end[0] = s.position + <int64_t>mms_undecided(s)
        s.piece_time[0] = s.time
    s.time = time


cdef int mms_push(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint stays, int64_t time
) noexcept nogil:
    cdef size_t take
    cdef size_t used
    cdef size_t rest
    cdef int status
    next_piece(s, time)
    while n:
        if s.payload_left:
            take = n if n < s.payload_left else <size_t>s.payload_left
            s.payload_left -= take
            s.position += <int64_t>take
            p += take
            n -= take
            if s.payload_left == 0:
                status = end_payload(s, t)
                if status != MMS_OK:
                    return status
        elif s.lent_size:
            status = join_lent(s, t, p, n, &take)
            if status != MMS_OK:
                return status
            p += take
            n -= take
        elif carried(s):
            take = missing(s, carried(s))
            if take > n:
                take = n
            status = keep(s, p, take)
            if status != MMS_OK:
                return status
            status = mms_scan(s, t, carry_begin(s), carried(s), False, &used)
            if status != MMS_OK:
                return status
            rest = carried(s) - used
            if rest <= take:
                # what is undecided lies in this piece: go on there without a copy
                drop_carry(s)
                p += take - rest
                n -= take - rest
            else:
                s.carry_start += used
                p += take
                n -= take
        else:
            status = mms_scan(s, t, p, n, False, &used)
            if status != MMS_OK:
                return status
            if used == n:
                return MMS_OK
            if stays:
                s.lent = p + used
                s.lent_size = n - used
                return MMS_OK
            return keep(s, p + used, n - used)
    return MMS_OK


cdef uint64_t size_of_head(const uint8_t *q, size_t n) noexcept nogil:
    # bytes of the packet that begins at q, 0 if its header is not all there
    if n >= 16 and load_le32(q + 4) == SESSION_ID and load_le32(q + 12) == SEAL:
        return <uint64_t>load_le32(q + 8) + 16
    return load_le16(q + 6) if n >= DATA_HEADER_LEN else 0


cdef int drain(mms_stream_t *s, mms_tables_t *t) noexcept nogil:
    # decide about the carry as if the stream ended here
    cdef size_t used = 0
    cdef int status = own_lent(s)
    if status == MMS_OK and (carried(s) or s.skipping):
        status = mms_scan(s, t, carry_begin(s), carried(s), True, &used)
        s.carry_start += used
    return status


cdef int mms_gap(mms_stream_t *s, mms_tables_t *t, uint64_t length, int64_t time) noexcept nogil:
    cdef uint64_t total
    cdef size_t have
    cdef int status
    if length == 0:
        return MMS_OK
    next_piece(s, time)
    if s.payload_left == 0:
        status = drain(s, t)
        if status != MMS_OK:
            return status
        have = carried(s)
        if have and s.payload_left == 0:
            total = size_of_head(carry_begin(s), have)
            if total > have:
                s.pending.offset = s.position
                s.pending.length = <uint32_t>total
                s.payload_left = total - have
                s.payload_lost = 0
            else:
                mms_begin_skip(s, s.position, FAULT_GAP, FIELD_NONE, <int64_t>length, 0)
            s.position += <int64_t>have
        drop_carry(s)
    if s.payload_left:
        s.payload_lost += length
        if length <= s.payload_left:
            # the hole lies inside of one packet: where the next one begins is still known
            s.payload_left -= length
            s.position += <int64_t>length
            return end_payload(s, t) if s.payload_left == 0 else MMS_OK
        s.payload_left = 0
        mms_begin_skip(s, s.pending.offset, FAULT_GAP, FIELD_NONE, <int64_t>s.payload_lost, 0)
    elif not s.skipping:
        mms_begin_skip(s, s.position, FAULT_GAP, FIELD_NONE, <int64_t>length, 0)
    s.position += <int64_t>length
    return MMS_OK


cdef int mms_finish(mms_stream_t *s, mms_tables_t *t) noexcept nogil:
    cdef int status = MMS_OK
    cdef uint64_t have
    if s.payload_left == 0:
        status = drain(s, t)
        if status != MMS_OK or not t.capture:
            return status
    if s.payload_left:
        have = s.pending.length - s.payload_left - s.payload_lost
        status = fault_row(s, t, s.pending.offset, <int64_t>have, FAULT_TRUNCATED,
                           FIELD_PACKET_SIZE, s.pending.length, <int64_t>have)
        s.payload_left = 0
    elif carried(s):
        status = fault_row(s, t, s.position, <int64_t>carried(s), FAULT_TRUNCATED, FIELD_NONE,
                           <int64_t>size_of_head(carry_begin(s), carried(s)), <int64_t>carried(s))
        drop_carry(s)
    return status


cdef int mms_datagram(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t wire_n, int64_t time
) noexcept nogil:
    cdef int64_t offset = s.position
    cdef uint64_t total
    cdef uint16_t field
    cdef data_row_t row
    cdef int status
    s.time = time
    s.position += <int64_t>wire_n
    if n >= RESEND_HEADER_LEN and load_le32(p) == RESEND_SIGNATURE:
        total = RESEND_HEADER_LEN + 4 * <uint64_t>load_le16(p + 10)
        field = FIELD_W_NUM_PACKETS
    elif n >= DATA_HEADER_LEN:
        total = load_le16(p + 6)
        field = FIELD_PACKET_SIZE
    else:
        return fault_row(s, t, offset, <int64_t>n, FAULT_UNKNOWN_STRUCTURE, FIELD_DATAGRAM,
                         DATA_HEADER_LEN, <int64_t>n)
    if total < DATA_HEADER_LEN or total > n:
        return fault_row(s, t, offset, <int64_t>n, FAULT_DATAGRAM_LENGTH, field, <int64_t>total,
                         <int64_t>n)
    if field == FIELD_W_NUM_PACKETS:
        status = mms_put_message(s, t, p, offset, RESEND_SIGNATURE, <uint32_t>total, -1)
    else:
        mms_read_data(s, p, n, offset, &row)
        status = mms_put_data(s, t, &row)
    if status == MMS_OK and total < wire_n:
        status = fault_row(s, t, offset + <int64_t>total, <int64_t>(wire_n - total),
                           FAULT_DATAGRAM_LENGTH, field, <int64_t>total, <int64_t>wire_n)
    return status
