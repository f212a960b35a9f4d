# Runs of packets in which nothing is wrong, the common case: loops of loads, compares, stores and
# prefetches, with no call and no look at the state. They stop in front of whatever is not plain,
# or when the tables are full, and leave it to the scan.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset

from mmscodec._kernels.core.layout cimport (
    SEAL, SESSION_ID, TCP_HEADER_LEN, mms_slot, mms_slot_rules,
)
from mmscodec._kernels.mms.scan cimport (
    data_row_t,
    message_row_t,
    mms_stream_t,
    mms_tables_t,
    packet_row_t,
    row_tail_t,
)
from mmscodec._kernels.mms.resync cimport NEAR
from mmscodec._kernels.core.wire cimport load_le16, load_le32, load_le64, prefetch, unlikely

cdef enum:
    DATA_AHEAD = 8  # Data packets prefetched ahead: the next ones are as long as the last one
    ANNOUNCES = 0x8000  # see mms_slot_rules
    LEAST = 0x7FFF


cdef inline int64_t arrival(const mms_stream_t *s, int64_t end) noexcept nogil:
    # when the bytes up to `end` were complete: mostly now, but some had to wait for evidence
    cdef int i
    if not unlikely(end <= s.piece_end[0]):
        return s.time
    for i in range(3):
        if end > s.piece_end[i + 1]:
            return s.piece_time[i]
    return s.piece_time[3]


cdef inline void tail_of(
    mms_stream_t *s, mms_tables_t *t, void *row, size_t size, int64_t end
) noexcept nogil:
    # time and flow behind the row, which ends at `end` in the stream, in captures
    cdef row_tail_t tail
    if t.capture:
        tail.time = arrival(s, end)
        tail.flow = s.flow
        tail.direction = s.direction
        memset(tail.padding, 0, sizeof(tail.padding))
        memcpy(<uint8_t *>row + size, &tail, 16)


cdef inline size_t run_of_data(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t pos
) noexcept nogil:
    # Data packets just like the last one: media streams consist of little else.
    cdef size_t size = s.last_size
    cdef uint64_t kind = <uint64_t>size << 48 | <uint64_t>s.last_incarnation << 32
    cdef uint32_t location = s.last_location
    cdef uint64_t header
    cdef uint8_t *row = t.data.data + t.data.rows * t.data.itemsize
    cdef size_t room = t.data.capacity - t.data.rows
    cdef size_t itemsize = t.data.itemsize
    cdef size_t rows = 0
    cdef size_t ahead = size * DATA_AHEAD
    cdef data_row_t out
    memset(&out, 0, sizeof(out))
    out.length = <uint32_t>size
    out.play_incarnation = s.last_incarnation
    while rows < room and n - pos >= size:
        header = load_le64(p + pos)
        prefetch(p + (pos + ahead if ahead < n - pos else pos))
        if header & <uint64_t>0xFFFF00FF00000000 != kind \
                or <uint32_t>(<uint32_t>header - location - 1) >= NEAR:
            break
        location = <uint32_t>header
        out.offset = s.position + <int64_t>pos
        out.location_id = location
        out.af_flags = <uint8_t>(header >> 40)
        memcpy(row, &out, sizeof(out))
        tail_of(s, t, row, sizeof(out), out.offset + <int64_t>size)
        row += itemsize
        rows += 1
        pos += size
    t.data.rows += rows
    s.last_location = location
    return pos


cdef inline size_t run_of_packets(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, size_t pos
) noexcept nogil:
    # Whole TcpMessageHeader packets whose messages tile them. Not for captures, whose rows are
    # longer.
    cdef packet_row_t *row = <packet_row_t *>t.packets.data + t.packets.rows
    cdef packet_row_t *last_row = <packet_row_t *>t.packets.data + t.packets.capacity
    cdef message_row_t *first = <message_row_t *>t.messages.data + t.messages.rows
    cdef message_row_t *out = first
    cdef size_t room = t.messages.capacity - t.messages.rows
    cdef int64_t packet = <int64_t>t.packets.rows
    cdef int64_t messages = <int64_t>t.messages.rows
    cdef int64_t base = s.position
    cdef uint64_t ceiling = s.max_packet
    cdef uint64_t head, size, total, at
    cdef uint32_t length, mid, rule
    cdef uint8_t named
    cdef const uint8_t *q
    while row != last_row and n - pos >= TCP_HEADER_LEN:
        q = p + pos
        length = load_le32(q + 8)
        total = <uint64_t>length + 16
        if load_le32(q + 4) != SESSION_ID or load_le32(q + 12) != SEAL \
                or length < 16 or length & 7 or total > ceiling \
                or n - pos < total or room < (length - 16) >> 3:
            break
        at = TCP_HEADER_LEN
        while at < total:
            head = load_le64(q + at)
            size = (head & 0xFFFFFFFFU) << 3
            mid = <uint32_t>(head >> 32)
            rule = mms_slot_rules[mms_slot(mid)]
            # one less, so that a size of 0 is too large
            if unlikely(size - 1 >= total - at or size < (rule & LEAST)):
                break
            if unlikely(rule == 0 and mid == SESSION_ID):
                break
            # without a branch, which nobody could predict; a message with a rule has 16 bytes
            named = q[at + (12 if rule else 0)]
            s.announced[named >> 6] |= <uint64_t>(rule >> 15) << (named & 63)
            out.offset = base + <int64_t>(pos + at)
            out.packet = packet
            out.length = <uint32_t>size
            out.mid = mid
            out += 1
            at += size
        if unlikely(at != total):
            out = first  # the scan looks closer at this packet
            break
        row.offset = base + <int64_t>pos
        row.first_message = messages
        row.time_sent = load_le64(q + 24)
        row.length = <uint32_t>total
        row.chunk_count = load_le32(q + 16)
        row.message_count = <uint32_t>(out - first)
        row.seq = load_le16(q + 20)
        row.mbz = load_le16(q + 22)
        messages += out - first
        room -= out - first
        first = out
        row += 1
        packet += 1
        pos += total
    if packet != <int64_t>t.packets.rows:
        s.fresh = False
    t.packets.rows = <size_t>packet
    t.messages.rows = <size_t>messages
    return pos
