# The scan of MMS streams: one loop over handlers of one structure each. See scan.pxd for the
# contract; data.pxd, packet.pxd and resync.pxd judge, fast_scan.pxd knows the common case.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from mmscodec._kernels.core.layout cimport (
    DATA_HEADER_LEN, DIRECTION_TO_CLIENT, DIRECTION_TO_SERVER, DIRECTION_UNKNOWN,
    FAULT_BAD_CHUNK_LEN, FAULT_BAD_PACKET_SIZE, FAULT_BAD_SEAL, FAULT_SHORT_MESSAGE,
    FAULT_UNKNOWN_STRUCTURE, FIELD_CHUNK_LEN, FIELD_PACKET_SIZE, FIELD_SEAL, FIELD_SESSION_ID,
    RESEND_SIGNATURE, SEAL, SESSION_ID, mms_slot, mms_slot_rules,
)
from mmscodec._kernels.core.table cimport (
    table_end, table_free, table_init, table_reserve, table_row,
)
from mmscodec._kernels.core.tail cimport tail_init
from mmscodec._kernels.core.wire cimport load_le16, load_le32, load_le64, unlikely
from mmscodec._kernels.mms.arrivals cimport arrival, arrivals_init
from mmscodec._kernels.mms.data cimport judge_data, take_data
from mmscodec._kernels.mms.evidence cimport NO, TAIL, WAIT, YES, is_resend, wait_for
from mmscodec._kernels.mms.faults cimport fault_of, mms_begin_skip
from mmscodec._kernels.mms.fast_scan cimport (
    ANNOUNCES, LEAST, direction_of, note_senders, run_of_data, run_of_packets, tail_of,
)
from mmscodec._kernels.mms.packet cimport judge_packet, walk_t
from mmscodec._kernels.mms.resync cimport search
from mmscodec._kernels.mms.state cimport (
    MMS_NO_MEMORY, MMS_OK, MMS_STOPPED, data_row_t, fault_row_t, message_row_t, mms_stream_t,
    mms_tables_t, mms_view_t, packet_row_t, row_tail_t,
)

cdef enum:
    FAILED = 5  # there is no memory
    PASSING = 6  # the payload that begins here passes by


cdef void mms_stream_init(mms_stream_t *s, uint32_t max_packet) noexcept nogil:
    memset(s, 0, sizeof(mms_stream_t))
    tail_init(&s.tail.kept)
    arrivals_init(&s.arrivals)
    s.options.max_packet = max_packet
    s.options.flow = -1
    s.model.fresh = True


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


cdef void mms_begin_at(mms_stream_t *s, int64_t offset) noexcept nogil:
    s.framing.position = offset
    mms_begin_skip(s, offset, FAULT_UNKNOWN_STRUCTURE, FIELD_SESSION_ID, 0, 0)
    s.framing.fault_silent = True


cdef void mms_set_direction(mms_stream_t *s, uint8_t direction) noexcept nogil:
    s.model.direction = direction
    s.options.client = direction == DIRECTION_TO_SERVER


cdef int mms_detect(
    const uint8_t *p, size_t n, bint final, size_t *at, uint64_t *looked
) noexcept nogil:
    cdef int answer
    cdef mms_stream_t s
    cdef mms_view_t v
    memset(&s, 0, sizeof(s))
    s.options.max_packet = <uint32_t>-1
    v.s = &s
    v.p = p
    v.n = n
    v.base = 0
    v.need = v.wall = 0
    v.final = final
    at[0] = 0
    answer = search(&v, at, n, n)
    looked[0] += s.framing.looked
    return answer


cdef int mms_put_fault(mms_stream_t *s, mms_tables_t *t, const fault_row_t *fault) noexcept nogil:
    cdef fault_row_t *row = <fault_row_t *>table_row(&t.faults)
    if row == NULL:
        return MMS_NO_MEMORY
    row[0] = fault[0]
    if t.capture:
        put_tail(s, row)
    return MMS_OK


cdef void put_tail(mms_stream_t *s, fault_row_t *row) noexcept nogil:
    # a fault bears the time when it was found
    cdef row_tail_t tail
    tail.time = s.arrivals.time
    tail.flow = s.options.flow
    tail.direction = s.model.direction
    memset(tail.padding, 0, sizeof(tail.padding))
    memcpy(<uint8_t *>row + sizeof(fault_row_t), &tail, 16)


cdef int end_skip(mms_stream_t *s, mms_tables_t *t, int64_t offset) noexcept nogil:
    # write the fault that covers all bytes from where the skipping began up to `offset`
    s.framing.skipping = False
    s.framing.fault.length = offset - s.framing.fault.offset
    if s.framing.fault_silent and s.framing.fault.length == 0:
        return MMS_OK
    return mms_put_fault(s, t, &s.framing.fault)


cdef int mms_put_data(mms_stream_t *s, mms_tables_t *t, const data_row_t *data) noexcept nogil:
    cdef data_row_t *row = <data_row_t *>table_row(&t.data)
    if row == NULL:
        return MMS_NO_MEMORY
    row[0] = data[0]
    if unlikely(s.model.direction == DIRECTION_UNKNOWN):
        s.model.direction = DIRECTION_TO_CLIENT
    tail_of(s, t, row, sizeof(data_row_t), data.offset + <int64_t>data.length)
    return MMS_OK


cdef int keep_message(
    mms_stream_t *s, mms_tables_t *t, message_row_t *row, const uint8_t *m
) noexcept nogil:
    # captures keep the bytes of control messages: time, flow and place behind the row
    cdef row_tail_t tail
    cdef size_t size = row.length
    if t.arena.capacity - t.arena.rows < size and table_reserve(&t.arena, size) != 0:
        return MMS_NO_MEMORY
    if unlikely(s.model.direction == DIRECTION_UNKNOWN):
        s.model.direction = direction_of(row.mid)
    tail.time = arrival(&s.arrivals, row.offset + <int64_t>size)
    tail.flow = s.options.flow
    tail.direction = s.model.direction
    memset(tail.padding, 0, sizeof(tail.padding))
    tail.position = <int64_t>t.arena.rows
    memcpy(<uint8_t *>row + sizeof(message_row_t), &tail, sizeof(tail))
    memcpy(table_end(&t.arena), m, size)
    t.arena.rows += size
    return MMS_OK


cdef int mms_put_message(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *m, int64_t offset, uint32_t length,
    int64_t packet
) noexcept nogil:
    # the message of `length` bytes at m, of the packet with that row; -1: of none (2.2.5)
    cdef message_row_t *row = <message_row_t *>table_row(&t.messages)
    cdef fault_row_t fault
    cdef uint32_t mid = load_le32(m + 4) if packet >= 0 else <uint32_t>RESEND_SIGNATURE
    cdef uint32_t rule = mms_slot_rules[mms_slot(mid)]
    cdef uint32_t least = rule & LEAST
    if row == NULL:
        return MMS_NO_MEMORY
    row.offset = offset
    row.packet = packet
    row.length = length
    row.mid = mid
    if t.capture and keep_message(s, t, row, m) != MMS_OK:
        return MMS_NO_MEMORY
    note_senders(
        &s.model, row, <message_row_t *>(<uint8_t *>row + t.messages.itemsize), t.messages.itemsize)
    if unlikely(length < least):
        fault_of(
            &fault, offset, 0, FAULT_SHORT_MESSAGE, FIELD_CHUNK_LEN, least, length)
        return mms_put_fault(s, t, &fault)
    if rule & ANNOUNCES:
        s.model.awaited = m[12]
        s.model.announced[m[12] >> 6] |= <uint64_t>1 << (m[12] & 63)
    return MMS_OK


cdef int put_messages(
    mms_view_t *v, mms_tables_t *t, size_t at, const walk_t *w
) noexcept nogil:
    # rows of all good messages of the packet at `at`, and the fault behind them
    cdef size_t place = 32
    cdef uint32_t size
    cdef fault_row_t fault
    cdef int64_t packet = <int64_t>t.packets.rows
    cdef int64_t offset = v.base + <int64_t>at
    while place < w.good:
        size = load_le32(v.p + at + place) << 3
        if mms_put_message(
            v.s, t, v.p + at + place, offset + <int64_t>place, size, packet
        ) != MMS_OK:
            return MMS_NO_MEMORY
        place += size
    if not w.broken:
        return MMS_OK
    fault_of(
        &fault, offset + <int64_t>w.good, <int64_t>(w.total - w.good), FAULT_BAD_CHUNK_LEN,
        FIELD_CHUNK_LEN, <int64_t>w.size, <int64_t>(w.total - w.good))
    return mms_put_fault(v.s, t, &fault)


cdef int put_packet(
    mms_view_t *v, mms_tables_t *t, size_t at, const walk_t *w
) noexcept nogil:
    # all rows of the packet at `at`, or none where memory runs out
    cdef size_t messages = t.messages.rows, faults = t.faults.rows, arena = t.arena.rows
    cdef const uint8_t *q = v.p + at
    cdef packet_row_t *row
    if put_messages(v, t, at, w) != MMS_OK or table_reserve(&t.packets, 1) != 0:
        t.messages.rows = messages
        t.faults.rows = faults
        t.arena.rows = arena
        return MMS_NO_MEMORY
    row = <packet_row_t *>table_row(&t.packets)
    v.s.model.fresh = False
    row.offset = v.base + <int64_t>at
    row.first_message = <int64_t>messages
    row.time_sent = load_le64(q + 24)
    row.length = <uint32_t>w.total
    row.chunk_count = load_le32(q + 16)
    row.message_count = <uint32_t>(t.messages.rows - messages)
    row.seq = load_le16(q + 20)
    row.mbz = load_le16(q + 22)
    tail_of(v.s, t, row, sizeof(packet_row_t), row.offset + <int64_t>w.total)
    return MMS_OK


cdef int handle_packet(mms_view_t *v, mms_tables_t *t, size_t *at) noexcept nogil:
    # the TcpMessageHeader packet at *at, of which 16 bytes are there
    cdef walk_t w
    cdef int answer = judge_packet(v, at[0], &w)
    if answer != YES:
        return answer
    if put_packet(v, t, at[0], &w) != MMS_OK:
        return FAILED
    at[0] += <size_t>w.total
    return YES


cdef int handle_resend(mms_view_t *v, mms_tables_t *t, size_t *at) noexcept nogil:
    # RequestPacketListResend, on UDP alone (2.2.5)
    cdef size_t total = 0
    cdef int answer = is_resend(v, at[0], &total)
    if answer == WAIT:
        return WAIT
    if answer == NO or v.n - at[0] < total:
        return TAIL if v.final else wait_for(v, at[0] + total)
    if mms_put_message(
        v.s, t, v.p + at[0], v.base + <int64_t>at[0], <uint32_t>total, -1
    ) != MMS_OK:
        return FAILED
    at[0] += total
    return YES


cdef void refuse_data(mms_view_t *v, size_t at, bint sure, size_t better) noexcept nogil:
    # begin the fault of what is no Data packet, or one whose size is wrong
    cdef const uint8_t *q = v.p + at
    cdef int64_t offset = v.base + <int64_t>at
    cdef uint16_t size = load_le16(q + 6)
    if sure and better:
        mms_begin_skip(
            v.s, offset, FAULT_BAD_PACKET_SIZE, FIELD_PACKET_SIZE, <int64_t>(better - at), size)
    elif size < DATA_HEADER_LEN:
        mms_begin_skip(
            v.s, offset, FAULT_BAD_PACKET_SIZE, FIELD_PACKET_SIZE, DATA_HEADER_LEN, size)
    else:
        mms_begin_skip(
            v.s, offset, FAULT_UNKNOWN_STRUCTURE, FIELD_SESSION_ID,
            <int64_t><uint64_t>SESSION_ID, load_le32(q + 4))


cdef int handle_data(
    mms_view_t *v, mms_tables_t *t, size_t *at, size_t *better
) noexcept nogil:
    # a Data packet at *at, if it is one; 8 bytes are there
    cdef bint sure
    cdef data_row_t row
    cdef const uint8_t *q = v.p + at[0]
    cdef size_t left = v.n - at[0]
    cdef size_t total = load_le16(q + 6)
    cdef int answer = judge_data(v, at[0], &sure, better)
    if answer == NO:
        refuse_data(v, at[0], sure, better[0])
    if answer != YES:
        return answer
    if left < total:
        # believed by its header alone
        take_data(&v.s.model, q, left, v.base + <int64_t>at[0], &v.s.tail.pending)
        v.s.tail.payload_left = total - left
        v.s.tail.payload_lost = 0
        at[0] = v.n
        return PASSING
    take_data(&v.s.model, q, left, v.base + <int64_t>at[0], &row)
    if mms_put_data(v.s, t, &row) != MMS_OK:
        return FAILED
    at[0] += total
    return YES


cdef int handle_signature(
    mms_view_t *v, mms_tables_t *t, size_t *at, size_t *better
) noexcept nogil:
    # sessionId stands where it has to in a TcpMessageHeader
    cdef const uint8_t *q = v.p + at[0]
    if v.n - at[0] < 16:
        return TAIL if v.final else wait_for(v, at[0] + 16)
    if load_le32(q + 12) == SEAL:
        return handle_packet(v, t, at)
    if load_le32(q) & 0x00FFFFFF != 1:
        return handle_data(v, t, at, better)
    mms_begin_skip(
        v.s, v.base + <int64_t>at[0], FAULT_BAD_SEAL, FIELD_SEAL, SEAL, load_le32(q + 12))
    return NO


cdef inline int handle(
    mms_view_t *v, mms_tables_t *t, size_t *at, size_t *better
) noexcept nogil:
    # What begins at *at: YES = rows were written and *at stands behind it; NO = a fault has begun,
    # and ends at *better if that is not 0.
    better[0] = 0
    if v.n - at[0] < 8:
        return TAIL if v.final else wait_for(v, at[0] + 8)
    if load_le32(v.p + at[0] + 4) == SESSION_ID:
        return handle_signature(v, t, at, better)
    if v.s.options.datagrams and load_le32(v.p + at[0]) == RESEND_SIGNATURE:
        return handle_resend(v, t, at)
    return handle_data(v, t, at, better)


cdef int after_fault(
    mms_view_t *v, mms_tables_t *t, size_t *at, size_t better
) noexcept nogil:
    # A fault has begun at *at: where does it end? MMS_STOPPED where the caller wants no more.
    cdef int status
    if v.s.options.stop_at_fault:
        status = end_skip(v.s, t, v.base + <int64_t>at[0])
        return MMS_STOPPED if status == MMS_OK else status
    if better == 0:
        at[0] += 1
        return MMS_OK
    at[0] = better
    return end_skip(v.s, t, v.base + <int64_t>at[0])


cdef inline size_t run_of_all(mms_view_t *v, mms_tables_t *t, size_t at) noexcept nogil:
    # all packets from `at` on that fast_scan.pxd knows; returns where the first other one begins
    cdef size_t begin
    while True:
        if not t.capture:
            at = run_of_packets(v.s, t, v.p, v.n, at, False)
        elif v.s.arrivals.first == v.s.arrivals.waiting.rows:
            at = run_of_packets(v.s, t, v.p, v.n, at, True)
        begin = at
        if v.s.model.last and not v.s.model.header_open and not v.s.options.client:
            at = run_of_data(v.s, t, v.p, v.n, at)
        if at == begin:
            return at


cdef int scan_loop(mms_view_t *v, mms_tables_t *t, size_t *at) noexcept nogil:
    # from structure to structure; *at = where nothing more can be said
    cdef mms_stream_t *s = v.s
    cdef size_t better, faults = t.faults.rows
    cdef int answer, status = MMS_OK
    while status == MMS_OK:
        if unlikely(s.framing.skipping):
            answer = search(v, at, v.n, v.n)
            if answer == WAIT:
                break
            status = end_skip(s, t, v.base + <int64_t>at[0])
            if answer == NO or status != MMS_OK:
                break
        at[0] = run_of_all(v, t, at[0])
        answer = handle(v, t, at, &better)
        if answer == NO:
            status = after_fault(v, t, at, better)
        elif answer == FAILED:
            status = MMS_NO_MEMORY
        elif answer != YES:
            break
        elif unlikely(s.options.stop_at_fault and t.faults.rows != faults):
            status = MMS_STOPPED
    return status


cdef int mms_scan(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint final, size_t *used
) noexcept nogil:
    cdef mms_view_t v
    cdef size_t at = 0
    cdef int status
    v.s = s
    v.p = p
    v.n = n
    v.base = s.framing.position
    v.need = v.wall = 0
    v.final = final
    status = scan_loop(&v, t, &at)
    used[0] = at
    s.framing.position = v.base + <int64_t>at
    s.framing.need = v.need - at if v.need > at else 0
    return status
