# See asf/gather.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.asf.fields cimport packet_fields_t
from mmscodec._kernels.asf.packet cimport (
    PACKET_FILLER, PACKET_TORN, PACKET_UNMENDED, PACKET_WHOLE, packet_fields,
    packet_filler, packet_mend, packet_state_t,
)
from mmscodec._kernels.core.extent cimport extent_t
from mmscodec._kernels.core.wire cimport load_le16, load_le32

cdef enum:
    PACKET_HEAD = 48  # bytes in which the fields of a packet stand: at most 16, 2, 12 and 6

cdef extern from * nogil:
    """
    #define MMSCODEC_FAR ((int64_t)1 << 62)
    """
    const int64_t FAR "MMSCODEC_FAR"  # no stream is as long


cdef inline bint row_fits(const gather_t *g, const plan_t *row) noexcept nogil:
    # may the row be used: a filler, or a packet of a flow that is there, of no more than
    # packet_size
    return row.source == FILLER or (
        row.source < g.flow_count and row.length <= g.packet_size and -FAR < row.offset < FAR
    )


cdef size_t gather_check(const gather_t *g, const plan_t *rows, size_t count) noexcept nogil:
    cdef size_t i
    for i in range(count):
        if not row_fits(g, rows + i):
            return i
    return count


cdef size_t gather_packets(
    gather_t *g, const plan_t *rows, size_t count, uint8_t *out, size_t capacity
) noexcept nogil:
    cdef size_t i
    cdef plan_t row
    count = min(count, capacity // g.packet_size)
    for i in range(count):
        row = rows[i]  # judged as it is used: the plan is an array that others may write to
        if not row_fits(g, &row):
            return i
        g.counts[<size_t>one_packet(g, &row, out + i * g.packet_size)] += 1
    return count


cdef size_t gather_send_times(
    gather_t *g, const plan_t *rows, size_t count, int64_t *sends, size_t capacity
) noexcept nogil:
    cdef uint8_t head[PACKET_HEAD]
    cdef packet_fields_t at
    cdef plan_t row
    cdef size_t i
    count = min(count, capacity)
    for i in range(count):
        row = rows[i]
        if not row_fits(g, &row):
            return i
        sends[i] = -1
        row.length = min(row.length, <uint32_t>PACKET_HEAD)
        if row.source != FILLER and copy_bytes(g, &row, head) == 0 \
                and packet_fields(head, row.length, &at) == 0 and head[at.flags + 1] & 0xC0 == 0x40:
            sends[i] = load_le32(head + at.times)
    return count


cdef size_t gather_bytes(
    gather_t *g, const plan_t *rows, size_t count, uint8_t *out, size_t capacity
) noexcept nogil:
    cdef plan_t row
    cdef size_t i
    for i in range(count):
        row = rows[i]
        if row.source == FILLER or not row_fits(g, &row) or row.length > capacity:
            return i
        copy_bytes(g, &row, out)
        out += row.length
        capacity -= row.length
    return count


cdef packet_state_t one_packet(gather_t *g, const plan_t *row, uint8_t *p) noexcept nogil:
    # write the packet of a row to p, which has packet_size bytes; what became of it
    cdef packet_fields_t at
    cdef packet_state_t state = PACKET_WHOLE
    if row.source == FILLER:  # sent when the packet before it was
        packet_filler(p, g.packet_size, <uint32_t>g.last_send if g.last_send >= 0 else 0)
        return PACKET_FILLER
    if copy_bytes(g, row, p) != 0:
        state = PACKET_TORN
    if packet_fields(p, row.length, &at) == 0:
        note_times(g, load_le32(p + at.times), load_le16(p + at.times + 4))
        if row.length < g.packet_size and state == PACKET_WHOLE:
            state = packet_mend(p, row.length, g.packet_size, &at)
    elif row.length < g.packet_size and state == PACKET_WHOLE:
        state = PACKET_UNMENDED
    if row.length < g.packet_size and (state == PACKET_UNMENDED or state == PACKET_TORN):
        memset(p + row.length, 0, g.packet_size - row.length)
    return state


cdef inline void note_times(gather_t *g, int64_t send, int64_t duration) noexcept nogil:
    # widen the span of send times in `g` by a packet's
    if g.first_send < 0:
        g.first_send = send
    g.last_send = max(g.last_send, send)
    g.last_end = max(g.last_end, send + duration)


cdef const uint8_t *find_place(gather_t *g, uint64_t place, uint64_t length) noexcept nogil:
    # where `length` bytes lie in memory, or NULL
    cdef size_t low = 0, high = g.span_count, mid
    cdef const span_t *span
    if g.span_near < high and place >= g.spans[g.span_near].place \
            and place - g.spans[g.span_near].place < g.spans[g.span_near].size:
        low = g.span_near + 1
        high = low
    while low < high:
        mid = (low + high) >> 1
        if g.spans[mid].place <= place:
            low = mid + 1
        else:
            high = mid
    if low == 0:
        return NULL
    g.span_near = low - 1
    span = g.spans + low - 1
    place -= span.place
    if place > span.size or span.size - place < length:
        return NULL
    return span.data + place


cdef size_t find_extent(const flow_extents_t *flow, int64_t at) noexcept nogil:
    # index of the first extent that ends behind `at`: usually the last one found, or the next
    cdef const extent_t *rows = flow.rows
    cdef size_t i = flow.last_span, low = 0, high = flow.count, mid
    if i < high and rows[i].offset <= at:
        if rows[i].offset + rows[i].length > at:
            return i
        i += 1
        if i < high and rows[i].offset <= at and rows[i].offset + rows[i].length > at:
            return i
    while low < high:
        mid = (low + high) >> 1
        if rows[mid].offset + rows[mid].length <= at:
            low = mid + 1
        else:
            high = mid
    return low


cdef int copy_bytes(gather_t *g, const plan_t *row, uint8_t *out) noexcept nogil:
    # the bytes of a row; 0, or -1 where some are missing, which are 0 then
    cdef flow_extents_t *flow = g.flows + row.source
    cdef const extent_t *extent
    cdef const uint8_t *found
    cdef int64_t at = row.offset, end = row.offset + row.length, start, stop
    cdef size_t i = find_extent(flow, at)
    cdef int result = 0
    while at < end:
        if i >= flow.count or flow.rows[i].offset >= end:
            memset(out + (at - row.offset), 0, <size_t>(end - at))
            return -1
        extent = flow.rows + i
        start = max(extent.offset, at)
        stop = min(extent.offset + extent.length, end)
        if stop <= start:  # extents that do not ascend
            i += 1
            continue
        if start > at:
            memset(out + (at - row.offset), 0, <size_t>(start - at))
            result = -1
        found = find_place(
            g, extent.place + <uint64_t>(start - extent.offset), <uint64_t>(stop - start)
        )
        if found != NULL:
            memcpy(out + (start - row.offset), found, <size_t>(stop - start))
        else:
            memset(out + (start - row.offset), 0, <size_t>(stop - start))
            result = -1
        flow.last_span = i
        at = stop
        i += 1
    return result
