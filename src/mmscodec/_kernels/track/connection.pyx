# See connection.pxd for the contract.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from mmscodec._kernels.core.layout cimport FAULT_FLOW_EVICTED
from mmscodec._kernels.net.segment cimport TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, segment_t
from mmscodec._kernels.net.tcp_reassembly cimport (
    GAP_END, GAP_EVICTED, TCP_NEW, tcp_in_window, tcp_is_far,
)
from mmscodec._kernels.track.extents cimport extents_find
from mmscodec._kernels.track.fast_path cimport fast_leave
from mmscodec._kernels.track.flow cimport (
    count_packet, flow_end, flow_fault, flow_fault_t, flow_flush, flow_settle,
)
from mmscodec._kernels.track.flow_cache cimport flow_cache_forget
from mmscodec._kernels.track.not_mms cimport not_mms_note
from mmscodec._kernels.track.flow_rows cimport FLOW_CLOSED_FIRST, FLOW_RST, flow_row
from mmscodec._kernels.track.flow_table cimport (
    CLOSED_A, CLOSED_B, attempt_t, connection_at, connection_last_time, connection_t, flow_t,
    flow_table_age, flow_table_remove,
)

cdef enum:
    EVICT_PART = 16  # of all connections, at once
    MAX_ATTEMPT_PAYLOAD = 1460  # bytes kept of a SYN that has some


cdef bint is_closed(const connection_t *c, int side) noexcept nogil:
    # nothing more is to come, as far as both sides were seen
    return c.closed == (CLOSED_A | CLOSED_B) or (c.closed != 0 and c.flow[1 - side].packets == 0)


cdef inline uint32_t first_seq(const flow_t *flow) noexcept nogil:
    # sequence number of stream offset 0
    return flow.tcp.next_seq - <uint32_t>flow.tcp.next


# ---- a SYN


cdef judgement_t judge_answered(
    const connection_t *c, int side, const segment_t *s
) noexcept nogil:
    # A SYN and another one that was kept: does one answer the other?
    cdef const segment_t *kept = &c.attempt.segment
    cdef bint answers = s.tcp_flags & TCP_ACK and not kept.tcp_flags & TCP_ACK \
        and s.ack - kept.seq - 1 <= kept.wire_len
    if c.attempt.side == side:
        return CONNECTION_SAME
    if answers or (
        kept.tcp_flags & TCP_ACK and not s.tcp_flags & TCP_ACK and kept.ack == s.seq + 1
    ):
        return CONNECTION_OTHER
    return CONNECTION_SAME


cdef judgement_t judge_syn(connection_t *c, int side, const segment_t *s) noexcept nogil:
    # what a SYN, or the answer to one, says about a connection that is there
    cdef const flow_t *flow = &c.flow[side]
    cdef const flow_t *peer = &c.flow[1 - side]
    cdef bint closed = is_closed(c, side)
    cdef int32_t below
    if s.tcp_flags & TCP_ACK and peer.tcp.syn and s.ack == peer.isn + 1:
        return CONNECTION_SAME  # one more answer to the SYN that is known
    if flow.packets != 0 and s.seq == flow.isn:
        return CONNECTION_SAME
    if flow.tcp.renumbered and s.seq == flow.isn + flow.tcp.shift:
        return CONNECTION_SAME
    if c.attempt != NULL and judge_answered(c, side, s) == CONNECTION_OTHER:
        return CONNECTION_OTHER
    if flow.tcp.state == TCP_NEW:
        # the first packet of this direction, or one whose packets were not looked at
        if (flow.packets != 0 or not s.tcp_flags & TCP_ACK) and closed:
            return CONNECTION_OTHER
        return CONNECTION_SAME
    if not flow.tcp.syn:
        below = <int32_t>(first_seq(flow) - s.seq - 1)
        if below == 0 or (flow.tcp.next == 0 and not closed):
            return CONNECTION_SAME  # its own SYN, late
        if below > 0 and tcp_in_window(&flow.tcp, s.seq):
            return CONNECTION_ASKED  # perhaps its own, and the first bytes were lost
    if closed:
        return CONNECTION_OTHER
    if flow.tcp.next == 0 and flow.tcp.pieces.count == 0 and peer.tcp.next == 0:
        # another attempt, or another answer
        return CONNECTION_SAME if s.tcp_flags & TCP_ACK else CONNECTION_OTHER
    return CONNECTION_ASKED


# ---- any other segment


cdef bint proves_attempt(connection_t *c, int side, const segment_t *s) noexcept nogil:
    # does the segment go on behind the SYN that was kept, or acknowledge it?
    cdef const segment_t *kept = &c.attempt.segment
    cdef const flow_t *flow = &c.flow[c.attempt.side]
    cdef uint32_t behind = kept.seq + 1
    if c.attempt.answer_only or not s.tcp_flags & TCP_ACK or behind == flow.tcp.next_seq:
        return False
    if c.attempt.side == side:
        return s.seq - behind <= kept.wire_len
    return s.ack - behind <= kept.wire_len


cdef inline bint is_renumbered(const flow_t *flow, const segment_t *s) noexcept nogil:
    # by what is known of a copy of the stream with other sequence numbers
    return flow.tcp.renumbered and not tcp_is_far(&flow.tcp, s.seq - flow.tcp.shift)


cdef bint is_stranger(const connection_t *c, int side, const segment_t *s) noexcept nogil:
    # data after the close that neither a window nor a retransmission explains
    cdef const flow_t *flow = &c.flow[side]
    if s.wire_len == 0 or flow.tcp.state == TCP_NEW or not is_closed(c, side):
        return False
    if tcp_is_far(&flow.tcp, s.seq):
        # equal bytes would prove nothing: sessions begin alike
        return not is_renumbered(flow, s)
    return flow.tcp.fin >= 0 and flow.tcp.next + <int32_t>(s.seq - flow.tcp.next_seq) \
        > flow.tcp.fin + 1


cdef bint find_renumbered(tracker_t *t, flow_t *flow, const segment_t *s) noexcept nogil:
    # Does a segment far away belong to a copy of the stream with other sequence numbers?
    cdef int64_t offset
    if is_renumbered(flow, s):
        return True
    offset = extents_find(&t.extents, &t.sources, flow, s.payload, s.length)
    if offset < 0:
        return False
    flow.tcp.renumbered = True
    flow.tcp.shift = s.seq - (flow.tcp.next_seq - <uint32_t>(flow.tcp.next - offset))
    return True


cdef judgement_t connection_judge(
    tracker_t *t, connection_t *c, int side, const segment_t *s
) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    if s.tcp_flags & TCP_RST:
        return CONNECTION_SAME
    if s.tcp_flags & TCP_SYN:
        return judge_syn(c, side, s)
    if c.attempt != NULL:
        if proves_attempt(c, side, s):
            return CONNECTION_OTHER
        if c.attempt.side == side and s.wire_len != 0 and s.seq == flow.tcp.next_seq:
            connection_drop_attempt(c)  # the stream goes on where it was
    if is_stranger(c, side, s):
        connection_drop_attempt(c)
        return CONNECTION_OTHER
    return CONNECTION_SAME


cdef const segment_t *connection_renumber(
    tracker_t *t, flow_t *flow, const segment_t *s, segment_t *copy
) noexcept nogil:
    if not tcp_is_far(&flow.tcp, s.seq) or s.tcp_flags & (TCP_SYN | TCP_RST) \
            or not find_renumbered(t, flow, s):
        return s
    copy[0] = s[0]
    copy.seq -= flow.tcp.shift
    return copy


# ---- attempts


cdef void connection_drop_attempt(connection_t *c) noexcept nogil:
    free(c.attempt)
    c.attempt = NULL


cdef int connection_keep_attempt(
    connection_t *c, int side, const segment_t *s, int64_t time
) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    cdef attempt_t *attempt
    cdef uint32_t kept = s.length if s.length <= MAX_ATTEMPT_PAYLOAD else 0
    cdef uint8_t *payload
    connection_drop_attempt(c)
    attempt = <attempt_t *>malloc(sizeof(attempt_t) + kept)
    if attempt == NULL:
        return -1
    payload = <uint8_t *>attempt + sizeof(attempt_t)
    memcpy(payload, s.payload, kept)
    attempt.segment = s[0]
    attempt.segment.payload = payload
    attempt.segment.length = kept
    attempt.time = time
    attempt.before = flow.last_time
    attempt.side = <uint8_t>side
    attempt.answer_only = <uint8_t>(
        not flow.tcp.syn and <int32_t>(first_seq(flow) - s.seq - 1) > 0
    )
    c.attempt = attempt
    fast_leave(&c.flow[0])
    fast_leave(&c.flow[1])
    count_packet(flow, s, time)
    return 0


cdef int connection_replace(
    tracker_t *t, uint32_t number, attempt_t **attempt
) noexcept nogil:
    cdef connection_t *c = connection_at(&t.flows, number)
    cdef flow_t *flow
    attempt[0] = c.attempt
    c.attempt = NULL
    if attempt[0] != NULL:
        # the SYN is the other connection's
        flow = &c.flow[attempt[0].side]
        flow.packets -= 1
        flow.bytes -= attempt[0].segment.wire_len
        flow.last_time = attempt[0].before
    return connection_end(t, number, GAP_END)


# ---- the end


cdef void connection_flags(
    tracker_t *t, connection_t *c, int side, const segment_t *s
) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    cdef bint in_window = flow.tcp.state == TCP_NEW or tcp_in_window(&flow.tcp, s.seq)
    cdef bint open = c.closed == 0
    if s.tcp_flags & TCP_SYN and not s.tcp_flags & TCP_RST:
        if not flow.tcp.syn:
            flow.isn = s.seq
        c.flow[1 - side].tcp.awaited = True
    if s.tcp_flags & TCP_FIN and in_window:
        c.closed |= <uint8_t>(CLOSED_B if side else CLOSED_A)
    if s.tcp_flags & TCP_RST and (in_window or s.seq == 0):
        c.closed = CLOSED_A | CLOSED_B
        if flow.row >= 0:
            flow_row(&t.rows, flow.row).marks |= FLOW_RST
    if open and c.closed != 0 and flow.row >= 0:
        flow_row(&t.rows, flow.row).marks |= FLOW_CLOSED_FIRST


cdef int connection_finish(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil:
    # both flows are flushed first: the last bytes of one may tell what the other is
    cdef connection_t *c = connection_at(&t.flows, number)
    if flow_flush(t, c, 0, reason) != 0 or flow_flush(t, c, 1, reason) != 0:
        return -1
    if flow_settle(t, c, 0) != 0 or flow_settle(t, c, 1) != 0:
        return -1
    not_mms_note(&t.not_mms, c)
    return -1 if flow_end(t, &c.flow[0]) != 0 or flow_end(t, &c.flow[1]) != 0 else 0


cdef int connection_end(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil:
    if connection_finish(t, number, reason) != 0:
        return -1
    connection_drop_attempt(connection_at(&t.flows, number))
    flow_cache_forget(&t.cache, connection_at(&t.flows, number))
    flow_table_remove(&t.flows, number)
    t.reshaped = True
    return 0


cdef int say_evicted(tracker_t *t, const flow_t *flow) noexcept nogil:
    # add the fault of a flow that was given up. 0, or -1 without memory
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
        if not c.live or connection_last_time(c) > age:
            continue
        for side in range(2):
            if not is_closed(c, side) and c.flow[side].row >= 0 \
                    and say_evicted(t, &c.flow[side]) != 0:
                return -1
        t.counters.evicted += not is_closed(c, 0)
        if connection_end(t, <uint32_t>i, GAP_EVICTED) != 0:
            return -1
    return 0
