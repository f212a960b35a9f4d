# Datagrams: recognised, held, kept; see track/datagrams.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from mmscodec._kernels.track.udp_ports cimport find_port
from mmscodec._kernels.track.flow_table cimport connection_t, flows_at, probe_t, side_t
from mmscodec._kernels.mms.stream cimport mms_datagram
from mmscodec._kernels.track.protocol_detection cimport (
    VERDICT_MMS, VERDICT_OTHER, VERDICT_WAIT, is_advertisement, is_resend, probe_datagram,
    verdict_t,
)
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.track.flow cimport (
    count_packet, gap_row, hold_run, set_aside, stamp, stream_of, track_drop_probe, track_keep,
    track_row,
)
from mmscodec._kernels.net.tcp_reassembly cimport GAP_SNAPPED, RUN_DATA, run_t, tcp_init
from mmscodec._kernels.track.tracker cimport (
    SIDE_KEPT, SIDE_MMS, SIDE_NEW, SIDE_OTHER, SIDE_PROBING, SIDE_WINMX, announced_t, track_t,
)
from mmscodec._kernels.track.memory_limit cimport wait_in_line

cdef enum:
    WINMX_TRIES = 2
    WINMX_PORT = 6257  # section 11


cdef int take_udp(
    track_t *t, uint32_t where, int number, const segment_t *s, uint64_t place, int64_t time
) noexcept nogil:
    cdef connection_t *c = flows_at(&t.flows, where)
    cdef side_t *side = &c.side[number]
    cdef run_t run
    cdef announced_t *port
    cdef verdict_t verdict = VERDICT_WAIT
    count_packet(side, s, time)
    if t.want_winmx and (side.state <= SIDE_PROBING or side.state == SIDE_OTHER) \
            and not t.keep_all and may_be_winmx(c, side) and is_advertisement(s):
        set_aside(t, side)  # what was held for another reason
        tcp_init(&side.tcp)
        side.state = SIDE_WINMX
    if side.state == SIDE_OTHER and side.judged == t.generation:
        return 0
    run.data = s.payload
    run.memory = NULL
    run.place = place
    run.offset = side.tcp.next
    run.length = s.length
    run.time = time
    run.kind = RUN_DATA
    run.reason = <uint8_t>(s.wire_len != s.length)
    if side.state == SIDE_NEW and t.keep_all:
        side.state = SIDE_KEPT
    if side.state <= SIDE_PROBING or side.state == SIDE_OTHER:
        if not t.want_mms:
            verdict = VERDICT_OTHER
        elif is_resend(s):
            verdict = VERDICT_MMS
        else:
            port = find_port(t, s.dst, s.dst_port, s.scope)
            if port != NULL:
                verdict = VERDICT_MMS
                c.control = <uint32_t>(port.control + 1)
            elif side.state == SIDE_OTHER:
                verdict = VERDICT_OTHER
            else:
                if side.probe == NULL:
                    side.probe = <probe_t *>calloc(1, sizeof(probe_t))
                    if side.probe == NULL:
                        return -1
                    side.state = SIDE_PROBING
                verdict = probe_datagram(side.probe, s)
        if verdict == VERDICT_OTHER:
            set_aside(t, side)
            return 0
        if verdict == VERDICT_WAIT:
            if hold_run(t, c, side, &run) != 0:
                return -1
            side.tcp.next += s.wire_len
            return wait_in_line(t, where, number)
        if side.state == SIDE_OTHER:
            side.tcp.next = 0
            run.offset = 0
        side.state = SIDE_MMS
        if track_row(t, c, number) < 0 or give_datagrams(t, c, number) != 0:
            return -1
    return datagram(t, c, number, &run, s.wire_len)


cdef inline bint may_be_winmx(const connection_t *c, const side_t *side) noexcept nogil:
    # the first datagrams of a flow are looked at, and all on the usual port
    return side.packets <= WINMX_TRIES or c.src_port == WINMX_PORT or c.dst_port == WINMX_PORT


cdef int give_datagrams(track_t *t, connection_t *c, int number) noexcept nogil:
    cdef side_t *side = &c.side[number]
    cdef probe_t *p = side.probe
    cdef uint32_t i
    cdef int status = 0
    if p == NULL:
        return 0
    side.tcp.next = 0
    for i in range(p.count):
        if status == 0:
            status = datagram(t, c, number, p.runs + i, <uint32_t>p.runs[i].length)
    track_drop_probe(t, side)
    return status


cdef int datagram(
    track_t *t, connection_t *c, int number, run_t *run, uint32_t wire_len
) noexcept nogil:
    # a datagram of a flow that is kept; the stream of a UDP flow is its datagrams end to end
    cdef side_t *side = &c.side[number]
    cdef int64_t cut = <int64_t>wire_len - run.length
    if track_row(t, c, number) < 0:
        return -1
    run.offset = side.tcp.next
    side.tcp.next += wire_len
    if run.length != 0 and track_keep(t, side, run) != 0:
        return -1
    if side.state == SIDE_WINMX and cut <= 0 and stamp(t, side, run) != 0:
        return -1
    if side.state == SIDE_MMS:
        if side.mms == NULL:
            if stream_of(t, side) == NULL:
                return -1
            side.mms.datagrams = True
        if mms_datagram(
            side.mms, &t.tables, run.data, <size_t>run.length, wire_len, run.time
        ) < 0:
            return -1
    if cut > 0:
        run.offset += run.length
        run.length = cut
        run.reason = GAP_SNAPPED
        side.tcp.gaps += 1
        return gap_row(t, side, run)
    return 0
