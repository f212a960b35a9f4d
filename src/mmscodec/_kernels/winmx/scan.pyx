# WinMX frames: from bytes to one row a packet. See winmx/scan.pxd.
from mmscodec._kernels.core.interrupt cimport interrupted, interrupted_at
from mmscodec._kernels.core.layout cimport (
    FAULT_BAD_LENGTH, FIELD_LENGTH,
)
from mmscodec._kernels.core.table cimport table_end, table_limit, table_reserve, table_row
from mmscodec._kernels.core.wire cimport (
    load_le16, load_le32, prefetch, store_le32, unlikely)

cdef enum:
    PIECE = 4 << 20  # bytes between two looks for Ctrl-C


cdef int scan_frames(
    const uint8_t *src, size_t length, int64_t base, table_t *packets, table_t *faults, scan_t *out
) noexcept nogil:
    # the common case: headers of 4 bytes. As scan
    cdef const uint8_t *p = src
    cdef const uint8_t *limit = src + length
    cdef size_t size, nodes = 0
    cdef uint32_t head
    cdef packet_t *row
    cdef packet_t *end
    cdef int status = 0
    row = end = NULL
    base -= <int64_t><size_t>src  # so that a pointer becomes an offset by one addition
    out.need = 4
    while limit - p >= 4:
        head = load_le32(p)
        size = <size_t>(head >> 16) + 4
        if <size_t>(limit - p) < size:
            out.need = size
            break
        prefetch(p + AHEAD)
        if unlikely(row == end):  # the rows reserved are used up: 100 bytes a row is usual
            if table_reserve(packets, <size_t>(limit - p) // LIST_FRAME + 1) != 0:
                status = -1
                break
            row = <packet_t *>table_end(packets)
            end = <packet_t *>table_limit(packets)
            packets.rows = packets.capacity
        row.offset = base + <int64_t><size_t>p
        row.length = <uint32_t>size
        store_le32(<uint8_t *>&row.type, head)  # type and data_length in one store
        row += 1
        # whether the next frame is a list is anybody's guess: count without a branch
        nodes += <size_t>(head == LIST_HEADER) << 3
        if unlikely(((head & 0xFFFF) == NODE_LIST) & (head != LIST_HEADER)):
            nodes += (head >> 16) // NODE_SIZE
            if (head >> 16) % NODE_SIZE and add_fault(
                faults, <size_t>(row - <packet_t *>packets.data) - 1,
                base + <int64_t><size_t>(p + size - (head >> 16) % NODE_SIZE),
                (head >> 16) % NODE_SIZE, FAULT_BAD_LENGTH, FIELD_LENGTH,
                ((head >> 16) // NODE_SIZE + 1) * NODE_SIZE, head >> 16,
            ) != 0:
                status = -1
                break
        p += size
    if row != NULL:
        packets.rows = <size_t>(row - <packet_t *>packets.data)
    out.consumed = <size_t>(p - src)
    out.nodes = nodes
    return status


cdef int scan_pieces(
    const uint8_t *src, size_t length, int64_t base, table_t *packets, table_t *faults, scan_t *out
) noexcept nogil:
    # As scan_frames; a piece is longer than any frame
    cdef size_t done = 0, nodes = 0
    if table_reserve(packets, length // LIST_FRAME + 1) != 0:
        return -1
    while length - done > PIECE:
        if scan_frames(src + done, PIECE, base + <int64_t>done, packets, faults, out) != 0:
            return -1
        done += out.consumed
        nodes += out.nodes
        if interrupted():
            return 0
    if scan_frames(src + done, length - done, base + <int64_t>done, packets, faults, out) != 0:
        return -1
    out.consumed += done
    out.nodes += nodes
    return 0


cdef int scan_other(
    const uint8_t *src, size_t length, int64_t base, int framing, table_t *packets, scan_t *out
) noexcept nogil:
    # primary links (17-byte header) and WPNP 2.x (length first): control traffic, a few rows
    cdef size_t pos = 0, size
    cdef packet_t *row
    cdef size_t header = PRIMARY_HEADER if framing == PRIMARY else 2
    out.need = header
    out.nodes = 0
    out.consumed = 0
    while length - pos >= header:
        if framing == PRIMARY:
            size = <size_t>src[pos + 15] + PRIMARY_HEADER
        else:
            size = <size_t>load_le16(src + pos) + 4
        if length - pos < size:
            out.need = size
            break
        row = <packet_t *>table_row(packets)
        if row == NULL:
            return -1
        row.offset = base + <int64_t>pos
        if interrupted_at(packets.rows):
            return 0
        row.length = <uint32_t>size
        if framing == PRIMARY:
            row.type = NO_TYPE
            if size > PRIMARY_HEADER:
                row.type = src[pos + PRIMARY_HEADER]
            row.data_length = <uint16_t>(size - PRIMARY_HEADER)
        else:
            row.type = load_le16(src + pos + 2)
            row.data_length = <uint16_t>(size - 4)
        pos += size
        out.consumed = pos
    return 0


cdef int scan_whole(
    const uint8_t *src, size_t length, int64_t base, int framing, table_t *packets, scan_t *out
) noexcept nogil:
    # the buffer is one thing: a datagram or a peer-cache reply
    cdef packet_t *row
    out.consumed = 0
    out.nodes = 0
    out.need = 5 if framing == DATAGRAM else CACHE_REPLY
    if length < (out.need if framing == DATAGRAM else RECORDS_FROM + NODE_SIZE):
        return 0
    row = <packet_t *>table_row(packets)
    if row == NULL:
        return -1
    row.offset = base
    if framing == DATAGRAM:
        row.length = <uint32_t>length
        row.type = src[4]
        row.data_length = <uint16_t>(length if length < 0xFFFF else 0xFFFF)
    else:
        out.nodes = min((length - RECORDS_FROM) // NODE_SIZE, <size_t>10)
        length = RECORDS_FROM + out.nodes * NODE_SIZE
        row.length = <uint32_t>length
        row.type = src[0]
        row.data_length = <uint16_t>(length - 17)
    out.consumed = length
    return 0


cdef int scan(
    const uint8_t *src, size_t length, int64_t base, int framing,
    table_t *packets, table_t *faults, scan_t *out
) noexcept nogil:
    if length == 0:  # there may be no address then, and NULL + 0 has no meaning in C
        src = <const uint8_t *>out
    if framing == FRAMES:
        return scan_pieces(src, length, base, packets, faults, out)
    if framing == TRANSFER:
        out.consumed = out.need = out.nodes = 0
        return 0
    if framing == PRIMARY or framing == LEGACY:
        return scan_other(src, length, base, framing, packets, out)
    return scan_whole(src, length, base, framing, packets, out)


cdef int scan_streams(
    const streams_t *streams, int framing, table_t *packets, table_t *faults, int64_t *ends,
    size_t *nodes
) noexcept nogil:
    cdef scan_t found
    cdef size_t i
    nodes[0] = 0
    for i in range(streams.count):
        if scan(
            streams.src + streams.starts[i], <size_t>streams.lengths[i], streams.starts[i],
            framing, packets, faults, &found,
        ) != 0:
            return -1
        ends[2 * i], ends[2 * i + 1] = <int64_t>found.consumed, <int64_t>found.need
        nodes[0] += found.nodes
    return 0


cdef int check_packets(
    const packet_t *packets, size_t count, int64_t start, size_t size, int framing, checked_t *out
) noexcept nogil:
    # a packet's place is judged before its length is used
    cdef size_t i
    cdef uint64_t at
    cdef const packet_t *row
    out.nodes = 0
    for i in range(count):
        if interrupted_at(i):
            return 0
        row = &packets[i]
        out.row = i
        at = <uint64_t>row.offset - <uint64_t>start
        if row.offset < start or at > size or size - at < row.length:
            return PACKET_OUTSIDE
        if framing == FRAMES:
            if row.length != <uint32_t>row.data_length + 4:
                return PACKET_OTHER_LENGTH
            if row.type == NODE_LIST:
                out.nodes += row.data_length // NODE_SIZE
        elif framing == CACHE:
            if row.length != <uint32_t>row.data_length + 17:
                return PACKET_OTHER_LENGTH
            out.nodes += cache_size(row)
    return 0
