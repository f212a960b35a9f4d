# Kernels that write into memory of the caller, told a capacity that may be smaller than what their
# input needs. Each gets memory of its own, filled with GUARD, and gives it back whole.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memset
from mmscodec._kernels.asf.gather cimport (
    flow_extents_t, gather_packets, gather_send_times, gather_t, plan_t,
)
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve, table_t
from mmscodec._kernels.mms.gather cimport messages_t, mms_gather
from mmscodec._kernels.mms.write cimport (
    message_rows_t, mms_write_data, mms_write_messages, mms_write_runs, packet_heads_t,
)
from mmscodec._kernels.winmx cimport nodes as lists_, scan as winmx

GUARD = 0xA5


def messages(
    const uint8_t[::1] rows, size_t count, unsigned int kind, const uint8_t[::1] tail,
    const int64_t[::1] tails, bint bare, size_t capacity, uint8_t[::1] out
):
    """Bytes that `mms_write_messages` says it wrote."""
    cdef message_rows_t m
    cdef packet_heads_t h
    memset(&m, 0, sizeof(m))
    memset(&h, 0, sizeof(h))
    m.rows, m.count, m.kind, m.stride = &rows[0], count, kind, rows.shape[0] // count
    m.tail, m.tail_size, m.tails = &tail[0], tail.shape[0], &tails[0]
    h.bare = bare
    return mms_write_messages(&m, &h, &out[0], capacity)


def data(
    const uint8_t[::1] heads, const int64_t[::1] starts, const uint8_t[::1] src, size_t capacity,
    uint8_t[::1] out
):
    """Bytes that `mms_write_data` says it wrote."""
    return mms_write_data(
        &heads[0], starts.shape[0], &starts[0], &src[0], src.shape[0], &out[0], capacity)


def runs(const uint8_t[::1] table, const uint8_t[::1] src, size_t capacity, uint8_t[::1] out):
    """Bytes that `mms_write_runs` says it wrote."""
    cdef table_t t
    t.data, t.rows, t.itemsize = <uint8_t *>&table[0], table.shape[0] // 16, 16
    t.capacity = t.rows
    return mms_write_runs(&t, &src[0], src.shape[0], &out[0], capacity)


def gather(
    const uint8_t[::1] src, const int64_t[::1] positions, const uint32_t[::1] lengths,
    size_t capacity, size_t stride, size_t size, uint8_t[::1] out
):
    """Status of `mms_gather`."""
    cdef messages_t messages = messages_t(
        <const uint8_t *>&positions[0], 8, <const uint8_t *>&lengths[0], 4, positions.shape[0])
    return mms_gather(&src[0], src.shape[0], 0, &messages, &out[0], capacity, stride, size)


def copy_lists(const uint8_t[::1] src, size_t frames, size_t capacity, uint8_t[::1] out):
    """Frames that `copy_lists` says it copied."""
    return lists_.copy_lists(&src[0], frames, &out[0], capacity)


def write_lists(
    const uint8_t[::1] records, size_t lists, size_t each, size_t capacity, uint8_t[::1] out
):
    """Bytes that `write_lists` says it wrote."""
    return lists_.write_lists(&records[0], lists, each, &out[0], capacity)


cdef winmx.index_t index_of(const uint8_t[::1] src, table_t *packets):
    return winmx.index_t(
        &src[0], 0, <const winmx.packet_t *>packets.data, packets.rows)


def gather_records(const uint8_t[::1] src, int framing, size_t room, uint8_t[::1] out):
    """Records that `gather_records` says it wrote."""
    cdef table_t packets, faults
    cdef winmx.scan_t found
    cdef winmx.index_t index
    table_init(&packets, sizeof(winmx.packet_t))
    table_init(&faults, sizeof(winmx.fault_t))
    try:
        if winmx.scan(&src[0], src.shape[0], 0, framing, &packets, &faults, &found) != 0:
            raise MemoryError
        index = index_of(src, &packets)
        return lists_.gather_records(&index, framing, False, &out[0], room)
    finally:
        table_free(&packets)
        table_free(&faults)


def gather_nodes(const uint8_t[::1] src, int framing, size_t total):
    """(rows counted in, rows that there was room for) of `gather_nodes`."""
    cdef table_t packets, faults, nodes
    cdef winmx.scan_t found
    cdef winmx.index_t index
    cdef size_t i, size = sizeof(winmx.node_t)
    table_init(&packets, sizeof(winmx.packet_t))
    table_init(&faults, sizeof(winmx.fault_t))
    table_init(&nodes, size)
    try:
        if winmx.scan(&src[0], src.shape[0], 0, framing, &packets, &faults, &found) != 0 \
                or table_reserve(&nodes, total + 1000) != 0:
            raise MemoryError
        memset(nodes.data, 0xA5, nodes.capacity * size)
        index = index_of(src, &packets)
        if lists_.gather_nodes(&index, framing, total, False, &nodes) != 0:
            raise MemoryError
        for i in range(total * size, nodes.capacity * size):
            if nodes.data[i] != 0xA5:
                return nodes.rows, -1
        return nodes.rows, total
    finally:
        table_free(&packets)
        table_free(&faults)
        table_free(&nodes)


def asf_packets(const uint8_t[::1] plan, uint32_t packet_size, size_t capacity, uint8_t[::1] out):
    """Packets that `gather_packets` says it wrote of a flow without extents."""
    cdef gather_t g
    cdef flow_extents_t flow
    memset(&g, 0, sizeof(g))
    memset(&flow, 0, sizeof(flow))
    g.flows, g.flow_count, g.packet_size = &flow, 1, packet_size
    return gather_packets(
        &g, <const plan_t *>&plan[0], plan.shape[0] // sizeof(plan_t), &out[0], capacity)


def asf_times(const uint8_t[::1] plan, uint32_t packet_size, size_t capacity, int64_t[::1] out):
    """Times that `gather_send_times` says it wrote."""
    cdef gather_t g
    cdef flow_extents_t flow
    memset(&g, 0, sizeof(g))
    memset(&flow, 0, sizeof(flow))
    g.flows, g.flow_count, g.packet_size = &flow, 1, packet_size
    return gather_send_times(
        &g, <const plan_t *>&plan[0], plan.shape[0] // sizeof(plan_t), &out[0], capacity)
