# See connection.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.core.layout cimport FAULT_FLOW_EVICTED
from mmscodec._kernels.net.segment cimport TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, segment_t
from mmscodec._kernels.net.tcp_reassembly cimport GAP_EVICTED, TCP_NEW, tcp_believable
from mmscodec._kernels.track.flow cimport flow_end, flow_fault, flow_fault_t, flow_flush
from mmscodec._kernels.track.flow_cache cimport flow_cache_forget
from mmscodec._kernels.track.flow_rows cimport FLOW_RST, flow_row
from mmscodec._kernels.track.flow_table cimport (
    CLOSED_A, CLOSED_B, connection_at, connection_t, flow_t, flow_table_age, flow_table_remove,
)

cdef enum:
    EVICT_PART = 16  # of all connections, at once


cdef bint is_closed(const connection_t *c, int side) noexcept nogil:
    return c.closed == (CLOSED_A | CLOSED_B) or (c.closed != 0 and c.flow[1 - side].packets == 0)


cdef bint connection_reopens(const connection_t *c, int side, const segment_t *s) noexcept nogil:
    cdef const flow_t *flow = &c.flow[side]
    cdef const flow_t *peer = &c.flow[1 - side]
    cdef uint32_t seq = s.seq + 1
    if s.tcp_flags & TCP_ACK and peer.tcp.syn and s.ack == peer.isn + 1:
        return False  # one more answer to the SYN that is known
    if flow.tcp.state == TCP_NEW:
        # the first packet of this direction, or one whose packets were not looked at
        return (flow.packets != 0 or not s.tcp_flags & TCP_ACK) and is_closed(c, side)
    if flow.tcp.syn and seq == flow.isn + 1:
        return False
    if is_closed(c, side):
        return True
    if not flow.tcp.syn and flow.tcp.next == 0:
        return False  # its own SYN, late
    if flow.tcp.next == 0 and flow.tcp.pending == 0 and peer.tcp.next == 0 \
            and not s.tcp_flags & TCP_ACK:
        return True  # another attempt
    return not tcp_believable(&flow.tcp, seq)


cdef void connection_flags(
    tracker_t *t, connection_t *c, int side, const segment_t *s
) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    if s.tcp_flags & TCP_SYN and not s.tcp_flags & TCP_RST:
        if not flow.tcp.syn:
            flow.isn = s.seq
        c.flow[1 - side].tcp.awaited = True
    if s.tcp_flags & TCP_FIN:
        c.closed |= CLOSED_B if side else CLOSED_A
    if s.tcp_flags & TCP_RST and (
        flow.tcp.state == TCP_NEW or tcp_believable(&flow.tcp, s.seq) or s.seq == 0
    ):
        c.closed = CLOSED_A | CLOSED_B
        if flow.row >= 0:
            flow_row(&t.rows, flow.row).marks |= FLOW_RST


cdef int connection_finish(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil:
    # both flows are flushed first: the last bytes of one may tell what the other is
    cdef connection_t *c = connection_at(&t.flows, number)
    if flow_flush(t, c, 0, reason) != 0 or flow_flush(t, c, 1, reason) != 0:
        return -1
    return -1 if flow_end(t, &c.flow[0]) != 0 or flow_end(t, &c.flow[1]) != 0 else 0


cdef int connection_end(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil:
    if connection_finish(t, number, reason) != 0:
        return -1
    flow_cache_forget(&t.cache, connection_at(&t.flows, number))
    flow_table_remove(&t.flows, number)
    t.reshaped = True
    return 0


cdef int say_evicted(tracker_t *t, const flow_t *flow) noexcept nogil:
    cdef flow_fault_t fault
    fault.flow = flow.row
    fault.code = FAULT_FLOW_EVICTED
    fault.field = 0
    fault.offset = flow.tcp.next
    fault.length = 0
    fault.need = <int64_t>t.options.max_flows
    fault.have = <int64_t>t.flows.count
    fault.time = t.counters.last_time
    return flow_fault(t, &fault)


cdef int connection_evict(tracker_t *t) noexcept nogil:
    # what was closed lacks nothing
    cdef int64_t age = flow_table_age(&t.flows, EVICT_PART)
    cdef size_t i
    cdef connection_t *c
    cdef int side
    for i in range(t.flows.connections.rows):
        c = connection_at(&t.flows, i)
        if not c.live or c.flow[0].last_time > age or c.flow[1].last_time > age:
            continue
        for side in range(2):
            if not is_closed(c, side) and c.flow[side].row >= 0 \
                    and say_evicted(t, &c.flow[side]) != 0:
                return -1
        t.counters.evicted += not is_closed(c, 0)
        if connection_end(t, <uint32_t>i, GAP_EVICTED) != 0:
            return -1
    return 0
