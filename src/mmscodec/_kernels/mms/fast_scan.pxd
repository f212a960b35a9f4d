# Runs of packets in which nothing is wrong, the common case: loops of loads, compares, stores and
# prefetches, with no call and no look at the state. They stop in front of whatever is not plain,
# or when the tables are full, and leave it to the scan. A packet is written where the header behind
# it is as it should be, so that these loops say what the judgements of data.pxd and packet.pxd say.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from mmscodec._kernels.core.table cimport table_end, table_limit
from mmscodec._kernels.core.layout cimport (
    DATA_MEDIA, DIRECTION_TO_CLIENT, DIRECTION_TO_SERVER, DIRECTION_UNKNOWN, RESEND_SIGNATURE, SEAL,
    SESSION_ID, TCP_HEADER_LEN, mms_slot, mms_slot_rules,
)
from mmscodec._kernels.core.wire cimport (
    load_le16, load_le32, load_le64, prefetch, unlikely,
)
from mmscodec._kernels.mms.arrivals cimport arrival
from mmscodec._kernels.mms.evidence cimport (
    PLAIN_STEP, flags_of, incarnation_of, is_head, linked, plain, size_of,
)
from mmscodec._kernels.mms.state cimport (
    CLIENT_SPOKE, SERVER_SPOKE, data_row_t, message_row_t, mms_model_t, mms_stream_t, mms_tables_t,
    packet_row_t, row_tail_t,
)

cdef enum:
    DATA_AHEAD = 8  # Data packets prefetched ahead: the next ones are as long as the last one
    ANNOUNCES = 0x8000  # see mms_slot_rules
    LEAST = 0x7FFF


cdef inline void tail_of(
    mms_stream_t *s, mms_tables_t *t, void *row, size_t size, int64_t end
) noexcept nogil:
    # time and flow behind the row, which ends at `end` in the stream, in captures
    cdef row_tail_t tail
    if t.capture:
        tail.time = arrival(&s.arrivals, end)
        tail.flow = s.options.flow
        tail.direction = s.model.direction
        memset(tail.padding, 0, sizeof(tail.padding))
        memcpy(<uint8_t *>row + size, &tail, 16)


cdef inline bint signed_at(const uint8_t *q, size_t left) noexcept nogil:
    # do sessionId and seal of a TcpMessageHeader stand at q, of which `left` bytes are there?
    return left >= 16 and load_le32(q + 4) == SESSION_ID and load_le32(q + 12) == SEAL


cdef inline bint border_at(const mms_stream_t *s, const uint8_t *q, size_t left) noexcept nogil:
    # `is_border` of a Data packet of the play
    cdef uint64_t header
    if left < 16:
        return False
    header = load_le64(q)
    return is_head(header) and linked(s.model.last, header) and not s.options.client


cdef inline size_t run_of_data(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t pos
) noexcept nogil:
    # Data packets just like the last one: media streams consist of little else. Returns where the
    # first one begins that is left to the scan.
    cdef size_t size = size_of(s.model.last)
    cdef uint64_t last = s.model.last, header = 0, before = last
    cdef uint8_t *row = table_end(&t.data)
    cdef size_t room = t.data.capacity - t.data.rows
    cdef size_t itemsize = t.data.itemsize
    cdef size_t rows = 0
    cdef size_t ahead = size * DATA_AHEAD
    cdef int64_t position = s.framing.position
    cdef uint8_t incarnation = incarnation_of(last)
    cdef data_row_t *out
    while rows < room and n - pos >= size:
        header = load_le64(p + pos)
        prefetch(p + (pos + ahead if ahead < n - pos else pos))
        # `plain`, but for those that go back
        if (header ^ last) & <uint64_t>0xFFFF00FF00000000 \
                or <uint32_t>(<uint32_t>header - <uint32_t>last - 1) >= PLAIN_STEP:
            break
        before = last
        last = header
        out = <data_row_t *>row  # field by field: a copy of a struct just written would wait
        out.offset = position + <int64_t>pos
        out.length = <uint32_t>size
        out.location_id = <uint32_t>header
        out.play_incarnation = incarnation
        out.af_flags = flags_of(header)
        out.kind = DATA_MEDIA
        memset(out.padding, 0, sizeof(out.padding))
        if t.capture:
            tail_of(s, t, row, sizeof(data_row_t), out.offset + <int64_t>size)
        row += itemsize
        rows += 1
        pos += size
    if rows and not s.options.skip_payload and not (n - pos >= 8 and (
        plain(last, load_le64(p + pos)) or signed_at(p + pos, n - pos)
    )):
        rows -= 1
        pos -= size
        last = before
    if rows and s.model.awaited == incarnation_of(last):
        s.model.awaited = 0
    t.data.rows += rows
    s.model.last = last
    return pos


cdef inline uint8_t direction_of(uint32_t mid) noexcept nogil:
    # 2.2.4: who sends a message stands in the upper half of its MID
    if mid >> 16 == 3 or mid == RESEND_SIGNATURE:
        return DIRECTION_TO_SERVER
    return <uint8_t>(DIRECTION_TO_CLIENT if mid >> 16 == 4 else DIRECTION_UNKNOWN)


cdef inline void note_senders(
    mms_model_t *m, const message_row_t *row, const message_row_t *end, size_t itemsize
) noexcept nogil:
    # whose messages these are: asked until it is clear that a server speaks
    m.fresh = False
    while row < end and not m.senders & SERVER_SPOKE:
        m.senders |= (row.mid >> 16 == 3) * CLIENT_SPOKE | (row.mid >> 16 == 4) * SERVER_SPOKE
        row = <const message_row_t *>(<const uint8_t *>row + itemsize)


cdef inline uint8_t *messages_of(
    const uint8_t *q, uint64_t total, int64_t offset, int64_t packet, uint8_t *row,
    row_tail_t *tail
) noexcept nogil:
    # Rows of the messages of the packet of `total` bytes at q, which begins at `offset` and is row
    # `packet`; there is room for them. The row behind the last, or NULL where they do not tile it
    # or one of them says something about the stream, as a few in a session do.
    # `tail`, or NULL, stands behind each row; it comes with the position of the packet.
    cdef uint64_t head, size, at = TCP_HEADER_LEN
    cdef uint32_t mid, rule
    cdef int64_t position = tail.position - TCP_HEADER_LEN if tail != NULL else 0
    cdef message_row_t *out
    while at < total:
        head = load_le64(q + at)
        size = (head & 0xFFFFFFFFU) << 3
        mid = <uint32_t>(head >> 32)
        rule = mms_slot_rules[mms_slot(mid)]
        # one less, so that a size of 0 is too large
        if unlikely(size - 1 >= total - at or size < (rule & LEAST)):
            return NULL
        if unlikely(rule & ANNOUNCES or (rule == 0 and mid == SESSION_ID)):
            return NULL
        out = <message_row_t *>row
        out.offset = offset + <int64_t>at
        out.packet = packet
        out.length = <uint32_t>size
        out.mid = mid
        row += sizeof(message_row_t)
        if tail != NULL:
            if unlikely(tail.direction == DIRECTION_UNKNOWN):
                tail.direction = direction_of(mid)
            tail.position = position + <int64_t>at
            memcpy(row, tail, sizeof(row_tail_t))
            row += sizeof(row_tail_t)
        at += size
    return row


cdef inline void put_packet_row(
    packet_row_t *row, const uint8_t *q, uint64_t total, int64_t offset, int64_t first,
    size_t count
) noexcept nogil:
    # the row of the packet of `total` bytes at q, whose `count` messages begin with row `first`
    row.offset = offset
    row.first_message = first
    row.time_sent = load_le64(q + 24)
    row.length = <uint32_t>total
    row.chunk_count = load_le32(q + 16)
    row.message_count = <uint32_t>count
    row.seq = load_le16(q + 20)
    row.mbz = load_le16(q + 22)


cdef inline bint next_is_known(
    const mms_stream_t *s, const uint8_t *q, size_t left, bint *signed_here
) noexcept nogil:
    # does a packet that is no surprise begin at q? *signed_here: a TcpMessageHeader
    signed_here[0] = signed_at(q, left)
    return signed_here[0] or border_at(s, q, left)


cdef inline void keep_packet(
    mms_tables_t *t, uint8_t *row, const uint8_t *q, uint64_t total, const row_tail_t *tail
) noexcept nogil:
    # time and flow behind the row of a packet, its messages into the arena, which has room
    memcpy(row + sizeof(packet_row_t), tail, 16)
    memcpy(table_end(&t.arena), q + TCP_HEADER_LEN, <size_t>total - TCP_HEADER_LEN)
    t.arena.rows += <size_t>total - TCP_HEADER_LEN


cdef inline size_t run_of_packets(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t pos, bint kept
) noexcept nogil:
    # Whole TcpMessageHeader packets whose messages tile them, each in front of another one. `kept`:
    # with time and flow behind the rows and the messages in the arena, as of captures; no byte
    # waits. A constant, so that there are two loops.
    cdef uint8_t *row = table_end(&t.packets)
    cdef uint8_t *last_row = table_limit(&t.packets)
    cdef uint8_t *first = table_end(&t.messages)
    cdef uint8_t *out
    cdef size_t itemsize = sizeof(message_row_t) + (sizeof(row_tail_t) if kept else 0)
    cdef size_t room = t.messages.capacity - t.messages.rows, count, begin = pos
    cdef int64_t packet = <int64_t>t.packets.rows, messages = <int64_t>t.messages.rows
    cdef int64_t base = s.framing.position
    cdef uint64_t total, ceiling = s.options.max_packet
    cdef uint32_t length
    cdef uint8_t direction = s.model.direction
    cdef const uint8_t *q
    cdef row_tail_t tail
    # of no bytes there may be no address, and NULL + 0 has no meaning in C
    cdef bint signed_here = n - pos >= 16 and signed_at(p + pos, n - pos)
    memset(&tail, 0, sizeof(tail))
    tail.time = s.arrivals.time
    tail.flow = s.options.flow
    tail.direction = direction
    while signed_here and row != last_row:
        q = p + pos
        length = load_le32(q + 8)
        total = <uint64_t>length + 16
        if length < 16 or length & 7 or total > ceiling \
                or n - pos < total or room < (length - 16) >> 3 \
                or (kept and t.arena.capacity - t.arena.rows < total):
            break
        if not next_is_known(s, q + total, n - pos - total, &signed_here):
            break
        tail.position = <int64_t>t.arena.rows
        out = messages_of(q, total, base + <int64_t>pos, packet, first, &tail if kept else NULL)
        if unlikely(out == NULL):
            break  # the scan looks closer at this packet
        direction = tail.direction
        count = <size_t>(out - first) // itemsize
        put_packet_row(<packet_row_t *>row, q, total, base + <int64_t>pos, messages, count)
        if kept:
            keep_packet(t, row, q, total, &tail)
        row += sizeof(packet_row_t) + (16 if kept else 0)
        messages += <int64_t>count
        room -= count
        first = out
        packet += 1
        pos += total
    if pos != begin:
        s.model.direction = direction
        note_senders(
            &s.model, <message_row_t *>table_end(&t.messages), <message_row_t *>first, itemsize)
    t.packets.rows = <size_t>packet
    t.messages.rows = <size_t>messages
    return pos
