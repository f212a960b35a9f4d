# WinMX frames: scan, gather and write. See winmx/scan.pxd.
from libc.string cimport memcpy
from mmscodec._kernels.core.layout cimport (
    FAULT_BAD_LENGTH, FIELD_LENGTH,
)
from mmscodec._kernels.core.table cimport table_reserve, table_row
from mmscodec._kernels.core.wire cimport (
    likely, load_le16, load_le32, prefetch, store_le32, unlikely)

cdef extern from "mmscodec_winmx_nodes.h" nogil:
    void winmx_nodes(uint8_t *dst, const uint8_t *src, uint64_t packet, int stream) noexcept
    void winmx_list(uint8_t *dst, const uint8_t *src, int stream) noexcept
    void winmx_fence() noexcept

cdef enum:
    LIST_HEADER = 0x006003A1  # type and length of a regular NodeList as one number
    AHEAD = 1024  # bytes to prefetch in front of the read position
    PIECE = 256  # frames between two looks at the headers' verdict


# ---- scan ----------------------------------------------------------------------------------------

cdef int scan_frames(
    const uint8_t *src, size_t length, int64_t base, table_t *packets, table_t *faults, scan_t *out
) noexcept nogil:
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
            row = <packet_t *>packets.data + packets.rows
            end = <packet_t *>packets.data + packets.capacity
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
    if framing == FRAMES:
        return scan_frames(src, length, base, packets, faults, out)
    if framing == TRANSFER:
        out.consumed = out.need = out.nodes = 0
        return 0
    if framing == PRIMARY or framing == LEGACY:
        return scan_other(src, length, base, framing, packets, out)
    return scan_whole(src, length, base, framing, packets, out)


# ---- node lists ----------------------------------------------------------------------------------

cdef size_t regular_run(const uint8_t *src, size_t length) noexcept nogil:
    # how many frames of 100 bytes with the header A1 03 60 00 the buffer starts with
    cdef size_t frames = length // LIST_FRAME
    cdef size_t i = 0, j
    cdef uint32_t odd
    while frames - i >= 16:  # one branch for sixteen headers
        odd = 0
        prefetch(src + i * LIST_FRAME + 4096)
        for j in range(16):
            odd |= load_le32(src + (i + j) * LIST_FRAME) ^ LIST_HEADER
        if odd:
            break
        i += 16
    while i < frames and load_le32(src + i * LIST_FRAME) == LIST_HEADER:
        i += 1
    return i


cdef inline uint8_t *room_for(table_t *table, size_t more) noexcept nogil:
    # where `more` further rows go, or NULL
    if table == NULL or table_reserve(table, more) != 0:
        return NULL
    return table.data + table.rows * table.itemsize


cdef bint verified(
    const uint8_t *src, size_t frames, table_t *records, table_t *nodes
) noexcept nogil:
    # header check and copies in one pass; whether all are right is known at the end of each PIECE
    cdef size_t done = 0, i, piece
    cdef uint32_t odd = 0
    cdef int stream = frames * LIST_SIZE >= STREAM_FROM
    cdef uint8_t *to_records = room_for(records, frames * 8)
    cdef uint8_t *to_nodes = room_for(nodes, frames * 8)
    while done < frames and odd == 0:
        piece = frames - done if frames - done < PIECE else PIECE
        for i in range(done, done + piece):
            prefetch(src + AHEAD)
            odd |= load_le32(src) ^ LIST_HEADER
            if to_records != NULL:
                winmx_list(to_records + i * LIST_SIZE, src + 4, stream)
            if to_nodes != NULL:
                winmx_nodes(to_nodes + i * 8 * sizeof(node_t), src + 4, i, stream)
            src += LIST_FRAME
        done += piece
    winmx_fence()
    if odd != 0:
        return False
    if to_records != NULL:
        records.rows += frames * 8
    if to_nodes != NULL:
        nodes.rows += frames * 8
    return True


cdef size_t copy_lists(
    const uint8_t *src, size_t frames, uint8_t *dst, size_t capacity
) noexcept nogil:
    cdef size_t _i
    cdef int stream = frames * LIST_SIZE >= STREAM_FROM
    frames = min(frames, capacity // LIST_SIZE)
    for _i in range(frames):
        prefetch(src + AHEAD)
        winmx_list(dst, src + 4, stream)
        src += LIST_FRAME
        dst += LIST_SIZE
    winmx_fence()
    return frames


cdef int regular_packets(size_t frames, int64_t base, table_t *packets) noexcept nogil:
    # the index of a regular run
    cdef packet_t *row
    cdef size_t i
    if table_reserve(packets, frames) != 0:
        return -1
    row = <packet_t *>packets.data + packets.rows
    packets.rows += frames
    for i in range(frames):
        row[i].offset = base + <int64_t>(i * LIST_FRAME)
        row[i].length = LIST_FRAME
        row[i].type = NODE_LIST
        row[i].data_length = LIST_SIZE
    return 0


cdef int regular_nodes(const uint8_t *src, size_t frames, table_t *nodes) noexcept nogil:
    # the node rows of a regular run
    cdef uint8_t *row
    cdef size_t i
    cdef int stream = frames * 8 * sizeof(node_t) >= STREAM_FROM
    if table_reserve(nodes, frames * 8) != 0:
        return -1
    row = nodes.data + nodes.rows * sizeof(node_t)
    nodes.rows += frames * 8
    for i in range(frames):
        prefetch(src + AHEAD)
        winmx_nodes(row, src + 4, i, stream)
        src += LIST_FRAME
        row += 8 * sizeof(node_t)
    winmx_fence()
    return 0


cdef size_t gather_records(
    const uint8_t *src, int64_t base, int framing, const packet_t *packets, size_t count,
    bint stream, uint8_t *dst, size_t room
) noexcept nogil:
    # The 12 bytes of each record of node lists and peer-cache replies, at most `room`; how many.
    cdef const uint8_t *data
    cdef size_t i, k, records, done = 0, found, written = 0
    cdef uint32_t places[BLOCK]
    if framing == CACHE:
        return cache_records(src, base, packets, count, dst, room)
    if framing != FRAMES:
        return 0
    while done < count:
        found = find_type(packets + done, count - done, NODE_LIST, places)
        for k in range(found):
            if k + FRAMES_AHEAD < found:
                i = done + places[k + FRAMES_AHEAD]
                prefetch(src + (packets[i].offset - base))
                prefetch(src + (packets[i].offset - base) + 64)
            i = done + places[k]
            data = src + (packets[i].offset - base) + 4
            records = packets[i].data_length // NODE_SIZE
            if unlikely(records > room - written):
                records = room - written
            if likely(records == 8 and packets[i].data_length == LIST_SIZE):
                winmx_list(dst + written * NODE_SIZE, data, stream)
            elif records:  # dst is NULL where there is no room at all
                memcpy(dst + written * NODE_SIZE, data, records * NODE_SIZE)
            written += records
        done += BLOCK
    winmx_fence()
    return written


cdef inline size_t cache_records(
    const uint8_t *src, int64_t base, const packet_t *packets, size_t count, uint8_t *dst,
    size_t room
) noexcept nogil:
    # the records of each peer-cache reply (section 7.2), at most `room`; how many were written
    cdef size_t i, records, written = 0
    for i in range(count):
        records = min(cache_size(&packets[i]), room - written)
        if records:
            memcpy(
                dst + written * NODE_SIZE, src + (packets[i].offset - base) + RECORDS_FROM,
                records * NODE_SIZE)
        written += records
    return written


cdef int gather_lists(
    const uint8_t *src, int64_t base, const packet_t *packets, size_t count,
    table_t *lists, size_t *odd
) noexcept nogil:
    # the 96 bytes of every NodeList; 1 and the row in `odd` where one has not eight records
    cdef size_t i
    cdef uint8_t *dst
    for i in range(count):
        if packets[i].type != NODE_LIST:
            continue
        if packets[i].data_length != LIST_SIZE:
            odd[0] = i
            return 1
        dst = <uint8_t *>table_row(lists)
        if dst == NULL:
            return -1
        prefetch(src + (packets[i].offset - base) + AHEAD)
        memcpy(dst, src + (packets[i].offset - base) + 4, LIST_SIZE)
    return 0


cdef inline void write_node(
    node_t *row, const uint8_t *src, size_t packet, size_t record, bint current
) noexcept nogil:
    row.packet = <int64_t>packet
    row.record = <uint16_t>record
    row.current = <uint8_t>current
    row.unused = 0
    memcpy(row.wire, src, NODE_SIZE)


cdef int gather_nodes(
    const uint8_t *src, int64_t base, int framing, const packet_t *packets, size_t count,
    size_t first, size_t total, bint stream, table_t *nodes
) noexcept nogil:
    # One row for each record, at most the `total` counted; packets[0] has number `first`. 0, or -1.
    cdef node_t *row
    cdef size_t i, k, done = 0, found, room = total
    cdef uint32_t places[BLOCK]
    if table_reserve(nodes, total) != 0:
        return -1
    row = <node_t *>nodes.data + nodes.rows
    if framing == CACHE:
        for i in range(count):
            room -= write_nodes(
                row + (total - room), src + (packets[i].offset - base) + RECORDS_FROM, first + i,
                cache_size(&packets[i]), room, False)
    elif framing == FRAMES:
        while done < count:
            found = find_type(packets + done, count - done, NODE_LIST, places)
            for k in range(found):
                if k + FRAMES_AHEAD < found:
                    i = done + places[k + FRAMES_AHEAD]
                    prefetch(src + (packets[i].offset - base))
                    prefetch(src + (packets[i].offset - base) + 64)
                i = done + places[k]
                room -= list_nodes(
                    row + (total - room), src + (packets[i].offset - base) + 4, first + i,
                    packets[i].data_length, room, stream)
            done += BLOCK
        winmx_fence()
    nodes.rows += total - room
    return 0


cdef inline size_t list_nodes(
    node_t *row, const uint8_t *data, size_t packet, size_t length, size_t room, bint stream
) noexcept nogil:
    # the rows of one node list of `length` bytes, at most `room`; how many were written
    if likely(length == LIST_SIZE and room >= 8):
        winmx_nodes(<uint8_t *>row, data, packet, stream)
        return 8
    return write_nodes(row, data, packet, length // NODE_SIZE, room, True)


cdef inline size_t write_nodes(
    node_t *row, const uint8_t *data, size_t packet, size_t records, size_t room, bint list_
) noexcept nogil:
    # the rows of `records` records, at most `room`; record 0 of a list is the current primary
    cdef size_t j
    if records > room:
        records = room
    for j in range(records):
        write_node(row + j, data + j * NODE_SIZE, packet, j, list_ and j == 0)
    return records


cdef size_t write_lists(
    const uint8_t *records, size_t lists, size_t each, uint8_t *dst, size_t capacity
) noexcept nogil:
    cdef size_t size = each * NODE_SIZE
    cdef uint32_t head = NODE_LIST | (<uint32_t>size << 16)
    cdef size_t _i
    lists = min(lists, capacity // (4 + size))
    if size == LIST_SIZE:
        for _i in range(lists):
            store_le32(dst, LIST_HEADER)
            memcpy(dst + 4, records, LIST_SIZE)
            dst += LIST_FRAME
            records += LIST_SIZE
        return lists * LIST_FRAME
    for _i in range(lists):
        store_le32(dst, head)
        if size:
            memcpy(dst + 4, records, size)
        dst += 4 + size
        records += size
    return lists * (4 + size)
