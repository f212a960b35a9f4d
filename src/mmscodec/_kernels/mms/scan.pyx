# The scan of MMS streams. See mms/scan.pxd for the contract, mms/resync.pxd for what is a header.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset

from mmscodec._kernels.core.layout cimport (
    FAULT_BAD_CHUNK_LEN,
    FAULT_BAD_MESSAGE_LENGTH,
    FAULT_BAD_PACKET_SIZE,
    FAULT_BAD_SEAL,
    FAULT_SHORT_MESSAGE,
    FAULT_TOO_LONG,
    FAULT_UNKNOWN_STRUCTURE,
    FIELD_CHUNK_LEN,
    FIELD_MESSAGE_LENGTH,
    FIELD_PACKET_SIZE,
    FIELD_SEAL,
    FIELD_SESSION_ID,
    RESEND_HEADER_LEN,
    RESEND_SIGNATURE,
    SEAL,
    SESSION_ID,
    TCP_HEADER_LEN,
    mms_slot,
    mms_slot_rules,
)
from mmscodec._kernels.mms.resync cimport (
    ASF_HEADER_GUID,
    NO,
    TAIL,
    WAIT,
    YES,
    announce,
    begins_packet,
    believe_data,
    find_header,
    is_packet_pair,
    wait_for,
)
from mmscodec._kernels.mms.fast_scan cimport (
    ANNOUNCES, LEAST, arrival, run_of_data, run_of_packets, tail_of,
)
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve, table_row
from mmscodec._kernels.core.wire cimport load_le16, load_le32, load_le64, unlikely


cdef void mms_stream_init(mms_stream_t *s, uint32_t max_packet) noexcept nogil:
    memset(s, 0, sizeof(mms_stream_t))
    s.max_packet = max_packet
    s.flow = -1
    s.fresh = True


cdef void mms_tables_init(mms_tables_t *t, bint capture) noexcept nogil:
    cdef size_t tail = 16 if capture else 0
    t.capture = capture
    table_init(&t.packets, sizeof(packet_row_t) + tail)
    table_init(&t.messages, sizeof(message_row_t) + (sizeof(row_tail_t) if capture else 0))
    table_init(&t.data, sizeof(data_row_t) + tail)
    table_init(&t.faults, sizeof(fault_row_t) + tail)
    table_init(&t.arena, 1)
    table_init(&t.joined, 1)


cdef void mms_tables_free(mms_tables_t *t) noexcept nogil:
    table_free(&t.packets)
    table_free(&t.messages)
    table_free(&t.data)
    table_free(&t.faults)
    table_free(&t.arena)
    table_free(&t.joined)


cdef void mms_midstream(mms_stream_t *s) noexcept nogil:
    mms_begin_skip(s, s.position, FAULT_UNKNOWN_STRUCTURE, FIELD_SESSION_ID, 0, 0)
    s.fault_silent = True


cdef int mms_put_fault(mms_stream_t *s, mms_tables_t *t, const fault_row_t *fault) noexcept nogil:
    cdef fault_row_t *row = <fault_row_t *>table_row(&t.faults)
    if row == NULL:
        return MMS_NO_MEMORY
    row[0] = fault[0]
    tail_of(s, t, row, sizeof(fault_row_t), <int64_t>(<uint64_t>-1 >> 1))  # when it was found
    return MMS_OK


cdef void mms_begin_skip(
    mms_stream_t *s, int64_t offset, uint16_t code, uint16_t field, int64_t need, int64_t have
) noexcept nogil:
    s.skipping = True
    s.fault_silent = False
    s.fault.offset = offset
    s.fault.length = 0
    s.fault.code = code
    s.fault.field = field
    s.fault.padding = 0
    s.fault.need = need
    s.fault.have = have


cdef inline int end_skip(mms_stream_t *s, mms_tables_t *t, int64_t offset) noexcept nogil:
    s.skipping = False
    s.fault.length = offset - s.fault.offset
    if s.fault_silent and s.fault.length == 0:
        return MMS_OK
    return mms_put_fault(s, t, &s.fault)


cdef inline uint8_t direction_of(uint32_t mid) noexcept nogil:
    # 2.2.4: who sends a message stands in the upper half of its MID
    if mid >> 16 == 3 or mid == RESEND_SIGNATURE:
        return TO_SERVER
    return TO_CLIENT if mid >> 16 == 4 else DIRECTION_UNKNOWN


cdef int mms_put_data(mms_stream_t *s, mms_tables_t *t, const data_row_t *data) noexcept nogil:
    cdef data_row_t *row = <data_row_t *>table_row(&t.data)
    if row == NULL:
        return MMS_NO_MEMORY
    row[0] = data[0]
    if unlikely(s.direction == DIRECTION_UNKNOWN):
        s.direction = TO_CLIENT
    tail_of(s, t, row, sizeof(data_row_t), data.offset + <int64_t>data.length)
    return MMS_OK


cdef void mms_read_data(
    mms_stream_t *s, const uint8_t *q, size_t left, int64_t offset, data_row_t *row
) noexcept nogil:
    # the row of the Data packet at q, and what it says about those to come
    cdef uint64_t header = load_le64(q)
    row.offset = offset
    row.location_id = <uint32_t>header
    row.play_incarnation = <uint8_t>(header >> 32)
    row.af_flags = <uint8_t>(header >> 40)
    row.length = <uint32_t>(header >> 48)
    row.kind = KIND_MEDIA
    memset(row.padding, 0, sizeof(row.padding))
    if is_packet_pair(header):
        row.kind = KIND_PACKET_PAIR
        return
    if row.location_id == 0 and row.length >= 24 and left >= 24 \
            and memcmp(q + 8, ASF_HEADER_GUID, 16) == 0:
        s.header_open = True
        s.header_incarnation = row.play_incarnation
        s.header_next = 0
    if s.header_open:
        if row.play_incarnation == s.header_incarnation and row.location_id == s.header_next:
            row.kind = KIND_HEADER
            s.header_next += 1
            if row.af_flags & 0x08:  # last fragment, 14.1 S6
                s.header_open = False
        elif row.play_incarnation == s.header_incarnation:
            s.header_open = False
    s.fresh = False
    s.have_last = True
    s.last_location = row.location_id
    s.last_incarnation = row.play_incarnation
    s.last_size = row.length
    if row.length > s.largest:
        s.largest = row.length


cdef int mms_put_message(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *m, int64_t offset, uint32_t mid,
    uint32_t length, int64_t packet
) noexcept nogil:
    cdef message_row_t *row = <message_row_t *>table_row(&t.messages)
    cdef row_tail_t tail
    cdef fault_row_t fault
    cdef uint32_t rule = mms_slot_rules[mms_slot(mid)]
    cdef uint32_t least = rule & LEAST
    if row == NULL:
        return MMS_NO_MEMORY
    row.offset = offset
    row.packet = packet
    row.length = length
    row.mid = mid
    if t.capture:
        tail.time = arrival(s, offset + <int64_t>length)
        if unlikely(s.direction == DIRECTION_UNKNOWN):
            s.direction = direction_of(mid)
        tail.flow = s.flow
        tail.direction = s.direction
        memset(tail.padding, 0, sizeof(tail.padding))
        tail.position = <int64_t>t.arena.rows
        memcpy(<uint8_t *>row + sizeof(message_row_t), &tail, sizeof(tail))
        if keep(t, m, length) != MMS_OK:
            t.messages.rows -= 1
            return MMS_NO_MEMORY
    if unlikely(length < least):
        fault.offset = offset
        fault.length = 0
        fault.code = FAULT_SHORT_MESSAGE
        fault.field = FIELD_CHUNK_LEN
        fault.padding = 0
        fault.need = least
        fault.have = length
        return mms_put_fault(s, t, &fault)
    if rule & ANNOUNCES:
        announce(s, m[12])
    return MMS_OK


cdef int keep(mms_tables_t *t, const uint8_t *m, size_t size) noexcept nogil:
    if t.arena.capacity - t.arena.rows < size and table_reserve(&t.arena, size) != 0:
        return MMS_NO_MEMORY
    memcpy(t.arena.data + t.arena.rows, m, size)
    t.arena.rows += size
    return MMS_OK


cdef int scan_packet(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *q, size_t left, int64_t offset, bint final,
    int *answer
) noexcept nogil:
    # The TcpMessageHeader packet at q, whose sessionId and seal are right; at least 16 bytes are
    # there. *answer: YES = rows written; WAIT; TAIL; NO = the fault is in s.
    cdef uint32_t length = load_le32(q + 8)
    cdef uint64_t total = <uint64_t>length + 16
    cdef uint64_t at = TCP_HEADER_LEN
    cdef uint64_t size = 0
    cdef uint64_t seen
    cdef uint32_t mid
    cdef size_t rows = t.messages.rows
    cdef size_t faults = t.faults.rows
    cdef size_t arena = t.arena.rows
    cdef int64_t packet = <int64_t>t.packets.rows
    cdef packet_row_t *row
    cdef fault_row_t fault
    cdef bint broken = False
    cdef int status
    answer[0] = NO
    if length < 16 or length & 7:
        mms_begin_skip(s, offset, FAULT_BAD_MESSAGE_LENGTH, FIELD_MESSAGE_LENGTH, 16, length)
        return MMS_OK
    if total > s.max_packet:
        mms_begin_skip(
            s, offset, FAULT_TOO_LONG, FIELD_MESSAGE_LENGTH, s.max_packet, <int64_t>total
        )
        return MMS_OK
    if left < total and not final:
        answer[0] = wait_for(s, total)
        return MMS_OK
    seen = total if left >= total else left
    while at < total:
        if seen < at + 8:
            break  # only in a tail
        size = <uint64_t>load_le32(q + at) << 3
        mid = load_le32(q + at + 4)
        if size == 0 or size > total - at:
            broken = True
            break
        if unlikely(mid == SESSION_ID and seen - at >= 16 and load_le32(q + at + 12) == SEAL):
            # the next packet begins here: this one is shorter than it says
            drop_rows(t, rows, faults, arena)
            mms_begin_skip(
                s, offset, FAULT_BAD_MESSAGE_LENGTH, FIELD_MESSAGE_LENGTH, <int64_t>at - 16, length
            )
            return MMS_OK
        if seen - at < size:
            break
        status = mms_put_message(s, t, q + at, offset + <int64_t>at, mid, <uint32_t>size, packet)
        if status != MMS_OK:
            drop_rows(t, rows, faults, arena)
            return status
        at += size
    if broken:
        # Is it the length of the packet that is wrong, or that of the message? What stands behind
        # the packet tells.
        if left < total + 16 and not final:
            drop_rows(t, rows, faults, arena)
            answer[0] = wait_for(s, total + 16)
            return MMS_OK
        if left < total or (left > total and not begins_packet(s, q + total, left - total)):
            drop_rows(t, rows, faults, arena)
            mms_begin_skip(
                s, offset, FAULT_BAD_CHUNK_LEN, FIELD_CHUNK_LEN,
                <int64_t>size, <int64_t>(total - at)
            )
            return MMS_OK
        fault.offset = offset + <int64_t>at
        fault.length = <int64_t>(total - at)
        fault.code = FAULT_BAD_CHUNK_LEN
        fault.field = FIELD_CHUNK_LEN
        fault.padding = 0
        fault.need = <int64_t>size
        fault.have = <int64_t>(total - at)
        status = mms_put_fault(s, t, &fault)
        if status != MMS_OK:
            drop_rows(t, rows, faults, arena)
            return status
    elif left < total:
        drop_rows(t, rows, faults, arena)
        answer[0] = TAIL
        return MMS_OK
    row = <packet_row_t *>table_row(&t.packets)
    if row == NULL:
        drop_rows(t, rows, faults, arena)
        return MMS_NO_MEMORY
    s.fresh = False
    row.offset = offset
    row.first_message = <int64_t>rows
    row.time_sent = load_le64(q + 24)
    row.length = <uint32_t>total
    row.chunk_count = load_le32(q + 16)
    row.message_count = <uint32_t>(t.messages.rows - rows)
    row.seq = load_le16(q + 20)
    row.mbz = load_le16(q + 22)
    tail_of(s, t, row, sizeof(packet_row_t), offset + <int64_t>total)
    answer[0] = YES
    return MMS_STOPPED if broken and s.stop_at_fault else MMS_OK


cdef inline void drop_rows(
    mms_tables_t *t, size_t messages, size_t faults, size_t arena
) noexcept nogil:
    t.messages.rows = messages
    t.faults.rows = faults
    t.arena.rows = arena


cdef int scan_resend(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *q, size_t left, int64_t offset, bint final,
    int *answer
) noexcept nogil:
    # RequestPacketListResend, on UDP alone (2.2.5)
    cdef uint64_t total
    if left < RESEND_HEADER_LEN:
        answer[0] = TAIL if final else wait_for(s, RESEND_HEADER_LEN)
        return MMS_OK
    total = RESEND_HEADER_LEN + 4 * <uint64_t>load_le16(q + 10)
    if left < total:
        answer[0] = TAIL if final else wait_for(s, total)
        return MMS_OK
    answer[0] = YES
    return mms_put_message(s, t, q, offset, RESEND_SIGNATURE, <uint32_t>total, -1)


cdef int mms_scan(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint final, size_t *used
) noexcept nogil:
    cdef size_t pos = 0
    cdef size_t left
    cdef const uint8_t *q
    cdef uint32_t word
    cdef uint64_t total
    cdef int answer
    cdef int status = MMS_OK
    cdef size_t faults = t.faults.rows
    cdef data_row_t row
    cdef int64_t base = s.position
    s.need = 0
    while True:
        if unlikely(s.skipping):
            answer = find_header(s, p, n, &pos, n, False, final)
            if answer == WAIT:
                break
            status = end_skip(s, t, base + <int64_t>pos)
            if status != MMS_OK or answer == NO:
                break
        if s.stop_at_fault and t.faults.rows != faults:
            status = MMS_STOPPED
            break
        if not t.capture:
            pos = run_of_packets(s, t, p, n, pos)
        if s.have_last and not s.header_open:
            pos = run_of_data(s, t, p, n, pos)
        left = n - pos
        if left < 8:
            wait_for(s, 8)
            break
        q = p + pos
        word = load_le32(q + 4)
        if word == SESSION_ID:
            if left < 16:
                wait_for(s, 16)
                break
            if load_le32(q + 12) == SEAL:
                status = scan_packet(s, t, q, left, base + <int64_t>pos, final, &answer)
                if status != MMS_OK and answer != YES:
                    break
                if answer == YES:
                    pos += <uint64_t>load_le32(q + 8) + 16
                    if status != MMS_OK:
                        break
                    continue
                if answer != NO:
                    break
                if s.stop_at_fault:
                    status = end_skip(s, t, base + <int64_t>pos)
                    status = MMS_STOPPED if status == MMS_OK else status
                    break
                pos += 1
                continue
            if load_le32(q) & 0x00FFFFFF == 1:
                mms_begin_skip(
                    s, base + <int64_t>pos, FAULT_BAD_SEAL, FIELD_SEAL, SEAL, load_le32(q + 12)
                )
                answer = NO
            else:
                answer = believe_data(s, q, left, final)
        elif s.datagrams and load_le32(q) == RESEND_SIGNATURE:
            status = scan_resend(s, t, q, left, base + <int64_t>pos, final, &answer)
            if status != MMS_OK or answer != YES:
                break
            pos += RESEND_HEADER_LEN + 4 * <size_t>load_le16(q + 10)
            continue
        else:
            answer = believe_data(s, q, left, final)
        if answer == YES:
            total = load_le16(q + 6)
            if left >= total:
                mms_read_data(s, q, left, base + <int64_t>pos, &row)
                status = mms_put_data(s, t, &row)
                if status != MMS_OK:
                    break
                pos += total
                continue
            if s.skip_payload:
                mms_read_data(s, q, left, base + <int64_t>pos, &s.pending)
                s.payload_left = total - left
                s.payload_lost = 0
                pos = n
            else:
                wait_for(s, total)
            break
        if answer != NO:
            break
        if not s.skipping:
            if load_le16(q + 6) < 8:
                mms_begin_skip(
                    s, base + <int64_t>pos, FAULT_BAD_PACKET_SIZE, FIELD_PACKET_SIZE,
                    8, load_le16(q + 6)
                )
            else:
                mms_begin_skip(
                    s, base + <int64_t>pos, FAULT_UNKNOWN_STRUCTURE, FIELD_SESSION_ID,
                    <int64_t><uint64_t>SESSION_ID, word
                )
        if s.stop_at_fault:
            status = end_skip(s, t, base + <int64_t>pos)
            status = MMS_STOPPED if status == MMS_OK else status
            break
        pos += 1
    used[0] = pos
    s.position = base + <int64_t>pos
    return status


cdef int mms_gather(
    const uint8_t *src, size_t n, int64_t base, const uint8_t *positions, size_t position_stride,
    const uint8_t *lengths, size_t length_stride, size_t count, uint8_t *dst, size_t stride,
    size_t size
) noexcept nogil:
    cdef size_t i
    cdef int64_t position
    cdef uint32_t length
    cdef size_t at
    for i in range(count):
        memcpy(&position, positions + i * position_stride, 8)
        memcpy(&length, lengths + i * length_stride, 4)
        position -= base
        if position < 0 or <uint64_t>position > n or n - <size_t>position < length:
            return -1
        at = <size_t>position
        if length >= size:
            memcpy(dst, src + at, size)
        else:
            memcpy(dst, src + at, length)
            memset(dst + length, 0, size - length)
        dst += stride
    return 0
