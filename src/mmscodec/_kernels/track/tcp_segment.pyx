# See tcp_segment.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.core.wire cimport likely, unlikely
from mmscodec._kernels.net.segment cimport TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, segment_t
from mmscodec._kernels.net.pieces cimport CHECKSUM_UNKNOWN, RUN_DATA, checksum_t, run_t
from mmscodec._kernels.net.tcp_reassembly cimport (
    GAP_CEILING, TCP_NEW, TCP_TENTATIVE, tcp_ack, tcp_ack_copy, tcp_advance, tcp_in_window,
    tcp_feed,
    tcp_finish, tcp_in_order, tcp_init, tcp_may_wait, tcp_waits,
)
from mmscodec._kernels.track.connection cimport connection_flags, connection_renumber
from mmscodec._kernels.track.copies cimport copies_checksum
from mmscodec._kernels.track.fast_path cimport fast_allow, fast_leave
from mmscodec._kernels.track.flow cimport (
    count_packet, flow_consume, flow_deliver, flow_give_up, flow_show, flow_unknown,
)
from mmscodec._kernels.track.flow_table cimport (
    STATE_DETECTING, STATE_KEPT, STATE_MMS, STATE_NEW, STATE_OTHER, connection_at, connection_t,
    flow_holds_bytes, flow_t,
)
from mmscodec._kernels.track.memory_limit cimport memory_limit_enter, memory_limit_oldest
from mmscodec._kernels.track.protocol_detection cimport looks_like_packet
from mmscodec._kernels.track.round_trip cimport note_ack


cdef int flow_holds(tracker_t *t, uint32_t number, int side) noexcept nogil:
    cdef connection_t *c
    cdef flow_t *flow
    cdef int64_t oldest
    cdef size_t spared
    if memory_limit_enter(&t.limit, &t.flows, number, side) != 0:
        return -1
    # a packet that has not ended is no reason to lose it while it is holes that are too many
    spared = t.limit.queue.rows
    while t.pool.held + t.limit.detecting > t.limit.ceiling \
            or t.limit.undecided > t.limit.ceiling:
        oldest = memory_limit_oldest(&t.limit)
        if oldest < 0:
            break
        c = connection_at(&t.flows, <size_t>(oldest >> 1))
        flow = &c.flow[oldest & 1]
        flow.queued = False
        if not c.live:
            continue
        if flow.state <= STATE_DETECTING:
            if flow_unknown(t, c, <int>(oldest & 1)) != 0:
                return -1
            continue
        if tcp_waits(&flow.tcp):
            if tcp_finish(&flow.tcp, &t.pool, GAP_CEILING) != 0 \
                    or flow_consume(t, c, <int>(oldest & 1)) != 0:
                return -1
        elif t.limit.undecided > t.limit.ceiling or spared == 0:
            if flow_give_up(t, flow) != 0:
                return -1
        else:
            spared -= 1
        if flow_holds_bytes(flow) and memory_limit_enter(
            &t.limit, &t.flows, <uint32_t>(oldest >> 1), <int>(oldest & 1)
        ) != 0:
            return -1
    return 0


cdef int take_in_order(
    tracker_t *t, uint32_t number, int side, const item_t *item
) noexcept nogil:
    # nothing waits, and this is the next byte
    cdef connection_t *c = connection_at(&t.flows, number)
    cdef flow_t *flow = &c.flow[side]
    cdef run_t run
    if item.segment.length == 0:
        return 0
    run.data = item.segment.payload
    run.memory = NULL
    run.place = item.place
    run.offset = flow.tcp.next
    run.length = item.segment.length
    run.time = item.time
    run.kind = RUN_DATA
    run.reason = 0
    run.checksum = t.mended.checksum
    run.mended = 0
    tcp_advance(&flow.tcp, item.segment.length)
    if unlikely(flow_deliver(t, c, side, &run) != 0):
        return -1
    return flow_holds(t, number, side) if unlikely(flow_holds_bytes(flow)) else 0


cdef int take_any(tracker_t *t, uint32_t number, int side, const item_t *item) noexcept nogil:
    # whatever segment it is, through reassembly
    cdef connection_t *c = connection_at(&t.flows, number)
    cdef flow_t *flow = &c.flow[side]
    cdef segment_t copy
    cdef const segment_t *s = connection_renumber(t, flow, &item.segment, &copy)
    cdef checksum_t checksum = <checksum_t>t.mended.checksum
    cdef int status
    if s.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST):
        connection_flags(t, c, side, s)
    if checksum == CHECKSUM_UNKNOWN and tcp_may_wait(&flow.tcp, s):
        checksum = copies_checksum(&t.sources, c, side, item.place)
    status = tcp_feed(&flow.tcp, &t.pool, s, item.place, item.stable, item.time, checksum)
    if flow_consume(t, c, side) != 0 or status != 0:
        return -1
    if tcp_waits(&flow.tcp) or flow.detection != NULL:
        c.holding = 1
        fast_leave(&c.flow[1 - side])  # its acknowledgments are to be looked at
    return flow_holds(t, number, side) if flow_holds_bytes(flow) else 0


cdef int acknowledge(
    tracker_t *t, const flow_t *flow, flow_t *peer, const item_t *item
) noexcept nogil:
    # An acknowledgment counts where its own segment stands in its stream. That of a copy with other
    # sequence numbers is of the copy of the other stream.
    cdef const segment_t *s = &item.segment
    if not s.tcp_flags & TCP_ACK or s.tcp_flags & TCP_RST:
        return 0
    if flow.tcp.state == TCP_NEW or tcp_in_window(&flow.tcp, s.seq):
        return tcp_ack(&peer.tcp, &t.pool, s.ack, item.time)
    if flow.tcp.renumbered and tcp_in_window(&flow.tcp, s.seq - flow.tcp.shift):
        return tcp_ack_copy(&peer.tcp, &t.pool, s.ack, item.time)
    return 0


cdef int take_ack(tracker_t *t, connection_t *c, int side, const item_t *item) noexcept nogil:
    # what does this flow's acknowledgment say about the other, which waits or has yet to begin?
    cdef flow_t *flow = &c.flow[side]
    cdef flow_t *peer = &c.flow[1 - side]
    cdef int status = acknowledge(t, flow, peer, item)
    if flow_consume(t, c, 1 - side) != 0 or status != 0:
        return -1
    c.holding = <uint8_t>(
        tcp_waits(&flow.tcp) or tcp_waits(&peer.tcp) or flow.detection != NULL
    )
    return 0


cdef int take_tcp(tracker_t *t, uint32_t number, int side, const item_t *item) noexcept nogil:
    cdef connection_t *c = connection_at(&t.flows, number)
    cdef flow_t *flow = &c.flow[side]
    cdef const segment_t *s = &item.segment
    cdef int status
    fast_leave(flow)
    if flow.packets == 0 and not s.tcp_flags & TCP_SYN:
        flow.isn = s.seq - 1
    count_packet(flow, s, item.time)
    if flow.state == STATE_OTHER:
        if likely(not looks_like_packet(s.payload, s.length)) or not t.options.want_mms:
            if unlikely(s.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)):
                connection_flags(t, c, side, s)
            if c.attempt == NULL:
                fast_allow(t, flow)
            return 0
        flow.state = STATE_NEW
        tcp_init(&flow.tcp)
    if flow.row < 0 and (
        t.options.keep_all or STATE_MMS <= flow.state <= STATE_KEPT
    ) and flow_show(t, c, side) != 0:
        return -1
    if s.wire_len == 0 and s.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST | TCP_ACK) == TCP_ACK:
        note_ack(flow, &c.flow[1 - side], s, item.time)
    if likely(tcp_in_order(&flow.tcp, s)):
        status = take_in_order(t, number, side, item)
    else:
        status = take_any(t, number, side, item)
    if unlikely(status != 0):
        return -1
    if unlikely(c.holding or c.flow[1 - side].tcp.state <= TCP_TENTATIVE) \
            and take_ack(t, c, side, item) != 0:
        return -1
    if not c.holding and c.attempt == NULL:
        fast_allow(t, flow)
    return 0
