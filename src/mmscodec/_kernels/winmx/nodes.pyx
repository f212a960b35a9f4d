# Node lists and peer-cache replies: gather and write. See winmx/nodes.pxd.
from libc.string cimport memcpy
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.table cimport table_end, table_reserve, table_row
from mmscodec._kernels.core.wire cimport likely, load_be32, load_le32, prefetch, store_le32
from mmscodec._kernels.winmx.packets_of_type cimport (
    begin_packets, frame_of, next_packet, packets_of_type_t)
from mmscodec._kernels.winmx.scan cimport (
    AHEAD, CACHE, FRAMES, LIST_FRAME, LIST_HEADER, LIST_SIZE, NODE_LIST, NODE_SIZE, RECORDS_FROM,
    STREAM_FROM, cache_size, node_t, packet_t)

cdef extern from "mmscodec_winmx_nodes.h" nogil:
    void winmx_nodes(uint8_t *dst, const uint8_t *src, uint64_t packet, int stream) noexcept
    void winmx_list(uint8_t *dst, const uint8_t *src, int stream) noexcept
    void winmx_fence() noexcept


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
        if odd or interrupted_at(i + 15):
            break
        i += 16
    while i < frames and load_le32(src + i * LIST_FRAME) == LIST_HEADER:
        i += 1
    return i


cdef size_t copy_lists(
    const uint8_t *src, size_t frames, uint8_t *dst, size_t capacity
) noexcept nogil:
    cdef size_t i
    cdef int stream = frames * LIST_SIZE >= STREAM_FROM
    frames = min(frames, capacity // LIST_SIZE)
    for i in range(frames):
        if interrupted_at(i):
            break
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
    row = <packet_t *>table_end(packets)
    packets.rows += frames
    for i in range(frames):
        if interrupted_at(i):
            break
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
    row = table_end(nodes)
    nodes.rows += frames * 8
    for i in range(frames):
        if interrupted_at(i):
            break
        prefetch(src + AHEAD)
        winmx_nodes(row, src + 4, i, stream)
        src += LIST_FRAME
        row += 8 * sizeof(node_t)
    winmx_fence()
    return 0


cdef size_t gather_records(
    const index_t *index, int framing, bint stream, uint8_t *dst, size_t room
) noexcept nogil:
    cdef packets_of_type_t lists
    cdef const packet_t *packet
    cdef size_t records, written = 0
    if framing == CACHE:
        return cache_records(index, dst, room)
    if framing != FRAMES:
        return 0
    begin_packets(&lists, index, NODE_LIST)
    while next_packet(&lists):
        packet = &index.packets[lists.number]
        records = min(packet.data_length // <size_t>NODE_SIZE, room - written)
        if likely(records == 8 and packet.data_length == LIST_SIZE):
            winmx_list(dst + written * NODE_SIZE, frame_of(index, packet) + 4, stream)
        elif records:  # dst is NULL where there is no room at all
            memcpy(dst + written * NODE_SIZE, frame_of(index, packet) + 4, records * NODE_SIZE)
        written += records
    winmx_fence()
    return written


cdef size_t cache_records(const index_t *index, uint8_t *dst, size_t room) noexcept nogil:
    # the records of each peer-cache reply (section 7.2), at most `room`; how many were written
    cdef const packet_t *packet
    cdef size_t i, records, written = 0
    for i in range(index.count):
        packet = &index.packets[i]
        records = min(cache_size(packet), room - written)
        if records:
            memcpy(
                dst + written * NODE_SIZE, frame_of(index, packet) + RECORDS_FROM,
                records * NODE_SIZE)
        written += records
    return written


cdef int gather_lists(const index_t *index, table_t *lists, size_t *odd) noexcept nogil:
    cdef packets_of_type_t found
    cdef const packet_t *packet
    cdef uint8_t *dst
    begin_packets(&found, index, NODE_LIST)
    while next_packet(&found):
        packet = &index.packets[found.number]
        if packet.data_length != LIST_SIZE:
            odd[0] = found.number
            return 1
        dst = <uint8_t *>table_row(lists)
        if dst == NULL:
            return -1
        memcpy(dst, frame_of(index, packet) + 4, LIST_SIZE)
    return 0


cdef int gather_nodes(
    const index_t *index, int framing, size_t total, bint stream, table_t *nodes
) noexcept nogil:
    cdef node_t *row
    cdef node_t *end
    if total == 0:
        return 0
    if table_reserve(nodes, total) != 0:
        return -1
    row = <node_t *>table_end(nodes)
    end = row + total
    if framing == CACHE:
        nodes.rows += cache_nodes(index, row, end)
    elif framing == FRAMES:
        nodes.rows += list_nodes(index, row, end, stream)
    return 0


cdef size_t cache_nodes(const index_t *index, node_t *row, node_t *end) noexcept nogil:
    # the node rows of each peer-cache reply from `row` on, none behind `end`; how many
    cdef const packet_t *packet
    cdef size_t i, written = 0
    for i in range(index.count):
        packet = &index.packets[i]
        written += write_nodes(
            row + written, end, frame_of(index, packet) + RECORDS_FROM, i, cache_size(packet))
    return written


cdef size_t list_nodes(
    const index_t *index, node_t *row, node_t *end, bint stream
) noexcept nogil:
    # the node rows of each node list from `row` on, none behind `end`; how many
    cdef packets_of_type_t lists
    cdef const packet_t *packet
    cdef node_t *first = row
    cdef size_t records
    begin_packets(&lists, index, NODE_LIST)
    while next_packet(&lists):
        packet = &index.packets[lists.number]
        if likely(packet.data_length == LIST_SIZE and end - row >= 8):
            winmx_nodes(<uint8_t *>row, frame_of(index, packet) + 4, lists.number, stream)
            row += 8
            continue
        records = write_nodes(
            row, end, frame_of(index, packet) + 4, lists.number,
            packet.data_length // <size_t>NODE_SIZE)
        if records:
            row.current = 1  # record 0 is the sender
        row += records
    winmx_fence()
    return <size_t>(row - first)


cdef inline size_t write_nodes(
    node_t *row, node_t *end, const uint8_t *data, size_t packet, size_t records
) noexcept nogil:
    # the rows of `records` records at `data`, none behind `end`; how many
    cdef size_t j
    records = min(records, <size_t>(end - row))
    for j in range(records):
        row[j].packet = <int64_t>packet
        row[j].record = <uint16_t>j
        row[j].current = row[j].unused = 0
        row[j].ip = load_be32(data + j * NODE_SIZE)
        memcpy(row[j].rest, data + j * NODE_SIZE + 4, NODE_SIZE - 4)
    return records


cdef size_t write_lists(
    const uint8_t *records, size_t lists, size_t each, uint8_t *dst, size_t capacity
) noexcept nogil:
    cdef size_t size = each * NODE_SIZE
    cdef uint32_t head = NODE_LIST | (<uint32_t>size << 16)
    cdef size_t i
    lists = min(lists, capacity // (4 + size))
    if size == LIST_SIZE:
        for i in range(lists):
            if interrupted_at(i):
                break
            store_le32(dst, LIST_HEADER)
            memcpy(dst + 4, records, LIST_SIZE)
            dst += LIST_FRAME
            records += LIST_SIZE
        return lists * LIST_FRAME
    for i in range(lists):
        if interrupted_at(i):
            break
        store_le32(dst, head)
        if size:
            memcpy(dst + 4, records, size)
        dst += 4 + size
        records += size
    return lists * (4 + size)
