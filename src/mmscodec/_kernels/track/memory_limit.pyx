# See memory_limit.pxd for the contract.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memmove
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve, table_row
from mmscodec._kernels.track.flow_table cimport (
    connection_at, flow_holds_bytes, flow_t, flow_table_t,
)

cdef enum:
    QUEUED = 1
    QUEUED_SEEN = 2  # while the queue is cleared


cdef void memory_limit_init(memory_limit_t *m, uint64_t ceiling) noexcept nogil:
    table_init(&m.queue, sizeof(uint64_t))
    m.first = 0
    m.ceiling = ceiling
    m.detecting = m.undecided = 0


cdef void memory_limit_free(memory_limit_t *m) noexcept nogil:
    table_free(&m.queue)


cdef inline flow_t *queued_flow(flow_table_t *flows, uint64_t entry) noexcept nogil:
    # the flow of an entry of the queue
    return &connection_at(flows, <size_t>(entry >> 1)).flow[entry & 1]


cdef void drop_done(memory_limit_t *m, flow_table_t *flows) noexcept nogil:
    # Those that hold nothing any more leave the queue, and so do all but the last entry of a flow:
    # its connection's place was used before.
    cdef uint64_t *queue = <uint64_t *>m.queue.data
    cdef size_t i = m.queue.rows, n = m.queue.rows
    cdef flow_t *flow
    if n == 0:
        return  # and there may be no queue to point into
    while i > m.first:
        i -= 1
        flow = queued_flow(flows, queue[i])
        if flow.queued == QUEUED and flow_holds_bytes(flow):
            flow.queued = QUEUED_SEEN
            n -= 1
            queue[n] = queue[i]
        elif flow.queued == QUEUED:
            flow.queued = False
    m.queue.rows -= n
    memmove(queue, queue + n, m.queue.rows * sizeof(uint64_t))
    for i in range(m.queue.rows):
        queued_flow(flows, queue[i]).queued = QUEUED
    m.first = 0


cdef int memory_limit_enter(
    memory_limit_t *m, flow_table_t *flows, uint32_t number, int side
) noexcept nogil:
    cdef uint64_t *entry
    cdef flow_t *flow = &connection_at(flows, number).flow[side]
    if flow.queued:
        return 0
    if m.queue.rows == m.queue.capacity:
        # most have got what they waited for; if not, it grows, so that this is rare
        drop_done(m, flows)
        if table_reserve(&m.queue, m.queue.rows + 1) != 0:
            return -1
    entry = <uint64_t *>table_row(&m.queue)
    if entry == NULL:
        return -1
    entry[0] = (<uint64_t>number << 1) | <uint64_t>side
    flow.queued = QUEUED
    return 0


cdef int64_t memory_limit_oldest(memory_limit_t *m) noexcept nogil:
    cdef int64_t oldest
    if m.first == m.queue.rows:
        return -1
    oldest = <int64_t>(<uint64_t *>m.queue.data)[m.first]
    m.first += 1
    return oldest
