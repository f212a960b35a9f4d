# Datagrams: recognised, held, kept; see datagrams.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.mms.stream cimport mms_datagram
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.pieces cimport CHECKSUM_UNKNOWN, RUN_DATA, run_t
from mmscodec._kernels.net.tcp_reassembly cimport GAP_SNAPPED, tcp_init
from mmscodec._kernels.track.extents cimport extents_stamp
from mmscodec._kernels.track.flow cimport (
    count_packet, flow_begin_mms, flow_gap, flow_keep, flow_set_aside, flow_show,
)
from mmscodec._kernels.track.flow_table cimport (
    STATE_DETECTING, STATE_KEPT, STATE_MMS, STATE_OTHER, STATE_WINMX, connection_at,
    connection_t, detection_t, flow_t,
)
from mmscodec._kernels.track.protocol_detection cimport (
    VERDICT_MMS, VERDICT_OTHER, VERDICT_WAIT, detect_datagram, detection_begin, detection_drop,
    detection_hold, is_advertisement, is_resend, verdict_t,
)
from mmscodec._kernels.track.tcp_segment cimport flow_holds
from mmscodec._kernels.track.udp_ports cimport udp_port_t, udp_ports_find

cdef enum:
    WINMX_TRIES = 2
    WINMX_PORT = 6257  # section 11 of docs/spec/winmx.md


cdef inline bint is_undecided(const flow_t *flow) noexcept nogil:
    # may the datagrams of the flow still be recognised?
    return flow.state <= STATE_DETECTING or flow.state == STATE_OTHER


cdef inline bint may_be_winmx(const connection_t *c, const flow_t *flow) noexcept nogil:
    # the first datagrams of a flow are looked at, and all on the usual port
    return flow.packets <= WINMX_TRIES or c.src_port == WINMX_PORT or c.dst_port == WINMX_PORT


cdef verdict_t judge(
    tracker_t *t, connection_t *c, flow_t *flow, const segment_t *s
) noexcept nogil:
    # is it MMS? WAIT without a detection: no memory
    cdef udp_port_t *port
    if not t.options.want_mms:
        return VERDICT_OTHER
    if is_resend(s):
        return VERDICT_MMS
    port = udp_ports_find(&t.udp_ports, s.dst, s.dst_port, s.scope)
    if port != NULL:
        c.control = <uint32_t>(port.control + 1)
        return VERDICT_MMS
    if flow.state == STATE_OTHER:
        return VERDICT_OTHER
    if detection_begin(flow) == NULL:
        return VERDICT_WAIT
    return detect_datagram(flow.detection, s)


cdef int datagram(
    tracker_t *t, connection_t *c, int side, run_t *run, uint32_t wire_len
) noexcept nogil:
    # a datagram of a flow that is kept; the stream of a UDP flow is its datagrams end to end
    cdef flow_t *flow = &c.flow[side]
    cdef int64_t cut = <int64_t>wire_len - run.length
    if flow_show(t, c, side) != 0:
        return -1
    run.offset = flow.tcp.next
    flow.tcp.next += wire_len
    if run.length != 0 and flow_keep(t, flow, run) != 0:
        return -1
    if flow.state == STATE_WINMX and cut <= 0 and extents_stamp(
        &t.extents, flow.row, run
    ) != 0:
        return -1
    if flow.state == STATE_MMS:
        if flow.mms == NULL:
            if flow_begin_mms(t, flow) == NULL:
                return -1
            flow.mms.options.datagrams = True
        if mms_datagram(
            flow.mms, &t.tables, run.data, <size_t>run.length, wire_len, run.time
        ) < 0:
            return -1
    if cut > 0:
        run.offset += run.length
        run.length = cut
        run.reason = GAP_SNAPPED
        flow.tcp.gaps += 1
        return flow_gap(t, flow, run)
    return 0


cdef int give_held(
    tracker_t *t, connection_t *c, int side, uint8_t state
) noexcept nogil:
    # it is known what the flow is: what was held goes on
    cdef flow_t *flow = &c.flow[side]
    cdef detection_t *d = flow.detection
    cdef uint32_t i
    cdef int status = 0
    flow.tcp.next = 0
    flow.state = state
    if flow_show(t, c, side) != 0:
        return -1
    if d == NULL:
        return 0
    for i in range(d.count):
        if status == 0:
            status = datagram(t, c, side, d.runs + i, <uint32_t>d.runs[i].length)
    detection_drop(flow, &t.limit)
    return status


cdef int take_udp(tracker_t *t, uint32_t number, int side, const item_t *item) noexcept nogil:
    cdef connection_t *c = connection_at(&t.flows, number)
    cdef flow_t *flow = &c.flow[side]
    cdef const segment_t *s = &item.segment
    cdef run_t run
    cdef verdict_t verdict
    cdef uint8_t state
    count_packet(flow, s, item.time)
    if t.options.want_winmx and is_undecided(flow) \
            and may_be_winmx(c, flow) and is_advertisement(s):
        flow_set_aside(t, flow)  # what was held for another reason
        tcp_init(&flow.tcp)
        flow.state = STATE_WINMX
    if flow.state == STATE_OTHER and flow.judged == t.udp_ports.generation:
        return 0
    run.data = s.payload
    run.memory = NULL
    run.place = item.place
    run.offset = flow.tcp.next
    run.length = s.length
    run.time = item.time
    run.kind = RUN_DATA
    run.reason = <uint8_t>(s.wire_len != s.length)
    run.checksum = CHECKSUM_UNKNOWN
    run.mended = 0
    if is_undecided(flow):
        verdict = judge(t, c, flow, s)
        if verdict == VERDICT_OTHER and not t.options.keep_all:
            flow_set_aside(t, flow)
            return 0
        if verdict == VERDICT_WAIT:
            if flow.detection == NULL or detection_hold(
                flow.detection, &t.limit, &t.sources, &run
            ) != 0:
                return -1
            flow.tcp.next += s.wire_len
            return flow_holds(t, number, side)
        state = STATE_KEPT if verdict == VERDICT_OTHER else STATE_MMS
        if give_held(t, c, side, state) != 0:
            return -1
    return datagram(t, c, side, &run, s.wire_len)
