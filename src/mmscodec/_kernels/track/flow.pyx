# See flow.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.layout cimport (
    DIRECTION_TO_CLIENT, DIRECTION_TO_SERVER, DIRECTION_UNKNOWN, FAULT_BAD_CHECKSUM,
    FAULT_OVERLAP_CONFLICT, FAULT_PENDING_DROPPED, FIELD_SEQUENCE_NUMBER,
)
from mmscodec._kernels.core.table cimport table_row
from mmscodec._kernels.core.wire cimport unlikely
from mmscodec._kernels.mms.scan cimport mms_begin_at, mms_set_direction, mms_stream_init
from mmscodec._kernels.mms.state cimport fault_row_t, mms_stream_t, row_tail_t
from mmscodec._kernels.mms.stream cimport (
    mms_feed, mms_finish, mms_gap, mms_give_up, mms_undecided,
)
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP
from mmscodec._kernels.net.pieces cimport (
    CHECKSUM_UNKNOWN, RUN_DATA, RUN_GAP, RUN_OLD, run_t, tcp_release,
)
from mmscodec._kernels.net.tcp_reassembly cimport tcp_discard, tcp_end, tcp_init
from mmscodec._kernels.track.copies cimport comparison_t, copies_checksum, copies_compare
from mmscodec._kernels.track.extents cimport extents_add, extents_gap, extents_stamp
from mmscodec._kernels.track.fast_path cimport fast_leave
from mmscodec._kernels.track.flow_rows cimport flow_rows_add, flow_rows_end, flow_rows_touch
from mmscodec._kernels.track.flow_table cimport (
    STATE_DETECTING, STATE_KEPT, STATE_MMS, STATE_OTHER, STATE_WINMX,
    connection_t, detection_t, flow_t,
    sender,
)
from mmscodec._kernels.track.mended cimport mended_by
from mmscodec._kernels.track.not_mms cimport MMS_PORT, served_by
from mmscodec._kernels.track.protocol_detection cimport (
    VERDICT_MMS, VERDICT_OTHER, VERDICT_WAIT, VERDICT_WINMX_CLIENT, detect_end, detect_stream,
    detection_begin, detection_drop, detection_hold, is_winmx, looks_like_packet, verdict_t,
)
from mmscodec._kernels.track.sources cimport is_stable
from mmscodec._kernels.track.stream_pool cimport stream_pool_give, stream_pool_take
from mmscodec._kernels.track.udp_ports cimport udp_ports_read

cdef enum:
    DETECTION_BYTES = 65536  # held of one flow until it is known
    DETECTION_RUNS = 4096
    RUN_COST = 64  # bytes that note where a run lies and when it came


# ---- rows


cdef int flow_fault(tracker_t *t, const flow_fault_t *fault) noexcept nogil:
    cdef fault_row_t *row = <fault_row_t *>table_row(&t.tables.faults)
    cdef row_tail_t tail
    if row == NULL or (fault.flow >= 0 and flow_rows_touch(&t.rows, fault.flow) != 0):
        return -1
    row.offset = fault.offset
    row.length = fault.length
    row.code = fault.code
    row.field = fault.field
    row.padding = 0
    row.need = fault.need
    row.have = fault.have
    tail.time = fault.time
    tail.flow = fault.flow
    tail.direction = 0  # told by the flow, when somebody asks
    memset(tail.padding, 0, sizeof(tail.padding))
    memcpy(<uint8_t *>row + sizeof(fault_row_t), &tail, 16)
    return 0


cdef int flow_show(tracker_t *t, connection_t *c, int side) noexcept nogil:
    return -1 if flow_rows_add(&t.rows, &t.flows, c, side) < 0 else 0


cdef int flow_keep(tracker_t *t, flow_t *flow, const run_t *run) noexcept nogil:
    cdef bint first = flow.epoch != t.extents.epoch
    if extents_add(&t.extents, &t.sources, flow, run) != 0:
        return -1
    return flow_rows_touch(&t.rows, flow.row) if unlikely(first) else 0


cdef int flow_gap(tracker_t *t, flow_t *flow, const run_t *run) noexcept nogil:
    if extents_gap(&t.extents, flow.row, run) != 0:
        return -1
    return flow_rows_touch(&t.rows, flow.row)


cdef int say_copy(
    tracker_t *t, const flow_t *flow, const run_t *run, uint16_t code, int64_t bytes
) noexcept nogil:
    # so many bytes of a run differ from those of another copy
    cdef flow_fault_t fault
    fault.flow = flow.row
    fault.code = code
    fault.field = FIELD_SEQUENCE_NUMBER
    fault.offset = run.offset if run.offset > 0 else 0  # it may begin before the stream does
    fault.length = run.offset + run.length - fault.offset
    fault.need = 0
    fault.have = bytes
    fault.time = run.time
    return flow_fault(t, &fault)


cdef int compare_copy(tracker_t *t, connection_t *c, int side, const run_t *run) noexcept nogil:
    # a retransmission: do its bytes agree with those that were delivered?
    cdef flow_t *flow = &c.flow[side]
    cdef comparison_t found
    if copies_compare(&t.extents, &t.sources, &t.mended, c, side, run, &found) != 0:
        return -1
    t.counters.uncompared += <uint64_t>(run.length - found.compared)
    t.counters.damaged += <uint64_t>found.damaged
    if unlikely(t.mended.count != 0):
        found.mended += <int64_t>mended_by(&t.mended, run.place)
    if found.mended != 0 and say_copy(t, flow, run, FAULT_BAD_CHECKSUM, found.mended) != 0:
        return -1
    if found.differ == 0:
        return 0
    flow.tcp.conflicts += <uint64_t>found.differ
    return say_copy(t, flow, run, FAULT_OVERLAP_CONFLICT, found.differ)


# ---- runs


cdef mms_stream_t *flow_begin_mms(tracker_t *t, flow_t *flow) noexcept nogil:
    cdef mms_stream_t *stream = stream_pool_take(&t.streams)
    if stream == NULL:
        return NULL
    mms_stream_init(stream, t.options.max_packet)
    stream.options.flow = flow.row
    stream.options.skip_payload = True
    flow.mms = stream
    return stream


cdef inline uint8_t opposite(uint8_t direction) noexcept nogil:
    # of a direction that is known, the other
    return <uint8_t>(DIRECTION_TO_SERVER + DIRECTION_TO_CLIENT) - direction


cdef uint8_t direction_of(const connection_t *c, int side) noexcept nogil:
    # who sends what this flow carries, as far as that is known before its first byte
    cdef const mms_stream_t *peer = c.flow[1 - side].mms
    cdef uint16_t port = c.dst_port if side else c.src_port
    if peer != NULL and peer.model.direction != DIRECTION_UNKNOWN:
        return opposite(peer.model.direction)
    if (c.src_port == MMS_PORT) == (c.dst_port == MMS_PORT):
        return DIRECTION_UNKNOWN
    return <uint8_t>(DIRECTION_TO_CLIENT if port == MMS_PORT else DIRECTION_TO_SERVER)


cdef void charge(tracker_t *t, mms_stream_t *stream, const run_t *run) noexcept nogil:
    # what waits behind this run counts against the ceiling of all flows
    cdef uint64_t waits = mms_undecided(stream), now = 0
    if waits > <uint64_t>run.length:
        now = stream.charged + <uint64_t>run.length + RUN_COST
    elif waits != 0:
        now = waits + RUN_COST
    t.limit.undecided += now
    t.limit.undecided -= stream.charged
    stream.charged = now


cdef int flow_give_up(tracker_t *t, flow_t *flow) noexcept nogil:
    if flow.mms == NULL or flow.mms.charged == 0:
        return 0
    t.limit.undecided -= flow.mms.charged
    flow.mms.charged = 0
    return -1 if mms_give_up(flow.mms, &t.tables) < 0 else 0


cdef int feed_mms(tracker_t *t, connection_t *c, int side, const run_t *run) noexcept nogil:
    # give a run to the MMS stream of the flow. 0, or -1 without memory
    cdef flow_t *flow = &c.flow[side]
    cdef size_t messages
    cdef int status
    cdef bint stays, fresh
    if unlikely(flow.mms == NULL):
        if flow_begin_mms(t, flow) == NULL:
            return -1
        mms_set_direction(flow.mms, direction_of(c, side))
        if not flow.tcp.syn or run.offset != 0 or run.kind == RUN_GAP:
            mms_begin_at(flow.mms, run.offset)
    if run.kind == RUN_GAP:
        status = mms_gap(flow.mms, &t.tables, <uint64_t>run.length, run.time)
        charge(t, flow.mms, run)
        return -1 if status < 0 else 0
    fresh = flow.mms.model.fresh
    messages = t.tables.messages.rows
    stays = run.memory == NULL and is_stable(&t.sources, run.place)
    status = mms_feed(flow.mms, &t.tables, run.data, <size_t>run.length, stays, run.time)
    if unlikely(mms_undecided(flow.mms) or flow.mms.charged):
        charge(t, flow.mms, run)
    if unlikely(messages != t.tables.messages.rows) and udp_ports_read(
        &t.udp_ports, &t.tables, messages, sender(c, side),
        c.scope if side else c.scope_back, flow.row
    ) != 0:
        return -1
    if unlikely(fresh and not flow.mms.model.fresh) and adopt(t, c, 1 - side, STATE_MMS) != 0:
        return -1
    return -1 if status < 0 else 0


cdef int flow_deliver(tracker_t *t, connection_t *c, int side, run_t *run) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    if flow.state <= STATE_DETECTING:
        return detect(t, c, side, run)
    if flow.state == STATE_OTHER:
        return 0
    if flow.row < 0 and flow_show(t, c, side) != 0:
        return -1
    if run.kind == RUN_OLD:
        return compare_copy(t, c, side, run)
    if run.kind == RUN_GAP:
        if flow_gap(t, flow, run) != 0:
            return -1
    elif flow_keep(t, flow, run) != 0:
        return -1
    elif unlikely(run.mended != 0) \
            and say_copy(t, flow, run, FAULT_BAD_CHECKSUM, run.mended) != 0:
        return -1
    elif flow.state == STATE_WINMX and extents_stamp(&t.extents, flow.row, run) != 0:
        return -1
    return feed_mms(t, c, side, run) if flow.state == STATE_MMS else 0


cdef int flow_consume(tracker_t *t, connection_t *c, int side) noexcept nogil:
    cdef size_t i = 0
    cdef int status = 0
    while i < t.pool.runs.rows and status == 0:
        status = flow_deliver(t, c, side, <run_t *>t.pool.runs.data + i)
        i += 1
    tcp_release(&t.pool)
    return status


# ---- what it is


cdef int adopt(tracker_t *t, connection_t *c, int side, uint8_t state) noexcept nogil:
    # from now on the flow is wanted: what was held goes on
    cdef flow_t *flow = &c.flow[side]
    cdef detection_t *d
    cdef uint32_t i
    cdef int status = 0
    fast_leave(flow)
    if flow.state == STATE_OTHER:
        tcp_init(&flow.tcp)  # offset 0 is the next byte that comes
    elif flow.state > STATE_DETECTING:
        return 0
    flow.state = state
    if flow.packets != 0 and flow_show(t, c, side) != 0:
        return -1
    d = flow.detection
    if d == NULL:
        return 0
    for i in range(d.count):
        if status == 0:
            status = flow_deliver(t, c, side, d.runs + i)
    detection_drop(flow, &t.limit)
    return status


cdef int recognise(tracker_t *t, connection_t *c, int side, uint8_t state) noexcept nogil:
    # a flow of TCP and the one that answers it
    if adopt(t, c, side, state) != 0:
        return -1
    return adopt(t, c, 1 - side, state)


cdef inline bint begins_in_mms(
    const connection_t *c, const flow_t *flow, const run_t *run
) noexcept nogil:
    # A capture that was begun in the middle of a connection to the port of MMS, or lost its first
    # bytes: the stream itself finds its first packet, as after any gap. Until then the flow is said
    # to be of no protocol, and the other side stays what it is.
    return (c.src_port == MMS_PORT or c.dst_port == MMS_PORT) \
        and (not flow.tcp.syn or run.offset != 0)


cdef int hold(tracker_t *t, connection_t *c, int side, run_t *run) noexcept nogil:
    # until it is known what the flow is; its headers go away with the bytes that do not stay
    if run.checksum == CHECKSUM_UNKNOWN and run.kind != RUN_GAP and run.memory == NULL \
            and not is_stable(&t.sources, run.place):
        run.checksum = <uint8_t>copies_checksum(&t.sources, c, side, run.place)
    return detection_hold(c.flow[side].detection, &t.limit, &t.sources, run)


cdef int hold_copy(tracker_t *t, connection_t *c, int side, run_t *run) noexcept nogil:
    # bytes that came again are compared when those that came first are delivered
    cdef const detection_t *d = c.flow[side].detection
    if d == NULL or d.bytes > DETECTION_BYTES or d.count >= DETECTION_RUNS:
        return 0
    return hold(t, c, side, run)


cdef int detect(tracker_t *t, connection_t *c, int side, run_t *run) noexcept nogil:
    # give a run to the detection of the flow, and do what it says. 0, or -1 without memory
    cdef flow_t *flow = &c.flow[side]
    cdef detection_t *d
    cdef verdict_t verdict
    if run.kind == RUN_OLD:
        return hold_copy(t, c, side, run)
    if flow.detection == NULL and t.options.want_mms and begins_in_mms(c, flow, run):
        if adopt(t, c, side, STATE_MMS) != 0:
            return -1
        return flow_deliver(t, c, side, run)
    if flow.detection == NULL and t.options.want_mms and run.kind == RUN_DATA \
            and looks_like_packet(run.data, <size_t>run.length):
        # the usual first bytes: nothing needs to be held
        if recognise(t, c, side, STATE_MMS) != 0:
            return -1
        return flow_deliver(t, c, side, run)
    d = detection_begin(flow)
    if d == NULL:
        return -1
    verdict = detect_stream(
        flow, &c.flow[1 - side], run, t.options.want_winmx, &t.counters.looked)
    if verdict == VERDICT_OTHER and flow.tcp.syn and run.offset == 0 and run.kind == RUN_DATA:
        flow.served = served_by(run.data, <size_t>run.length)
    if verdict == VERDICT_WAIT and (d.bytes > DETECTION_BYTES or d.count >= DETECTION_RUNS):
        # it waits no longer
        verdict = VERDICT_MMS if detect_end(flow, &t.counters.looked) == VERDICT_MMS \
            else VERDICT_OTHER
    if verdict == VERDICT_OTHER or (verdict == VERDICT_MMS and not t.options.want_mms):
        if flow_unknown(t, c, side) != 0:
            return -1
        return flow_deliver(t, c, side, run)  # to nobody, where the flow was set aside
    if hold(t, c, side, run) != 0:
        return -1
    if verdict == VERDICT_MMS:
        return recognise(t, c, side, STATE_MMS)
    if is_winmx(verdict):
        return recognise_winmx(t, c, side, verdict == VERDICT_WINMX_CLIENT)
    return 0


cdef int recognise_winmx(tracker_t *t, connection_t *c, int side, bint client) noexcept nogil:
    # both flows are WinMX; `client`: this side is the client. 0, or -1 without memory
    c.flow[side].direction = <uint32_t>(DIRECTION_TO_SERVER if client else DIRECTION_TO_CLIENT)
    c.flow[1 - side].direction = opposite(<uint8_t>c.flow[side].direction)
    return recognise(t, c, side, STATE_WINMX)


cdef inline bint is_lone_client(const connection_t *c, int side) noexcept nogil:
    # it began like a WinMX client, and nothing that the other side said speaks against it
    return c.flow[side].detection != NULL and c.flow[side].detection.likely \
        and c.flow[1 - side].state != STATE_OTHER


cdef int flow_unknown(tracker_t *t, connection_t *c, int side) noexcept nogil:
    if is_lone_client(c, side):  # it waited long enough
        return recognise_winmx(t, c, side, True)
    if t.options.keep_all:
        return adopt(t, c, side, STATE_KEPT)
    flow_set_aside(t, &c.flow[side])
    return 0


cdef void flow_set_aside(tracker_t *t, flow_t *flow) noexcept nogil:
    flow.state = STATE_OTHER
    flow.judged = t.udp_ports.generation
    detection_drop(flow, &t.limit)
    tcp_discard(&flow.tcp, &t.pool)


# ---- the end


cdef int flow_flush(tracker_t *t, connection_t *c, int side, uint8_t reason) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    fast_leave(flow)
    if flow.state == STATE_OTHER:
        return 0
    if tcp_end(&flow.tcp, &t.pool, reason, flow.last_time) != 0:
        return -1
    return flow_consume(t, c, side)


cdef int flow_settle(tracker_t *t, connection_t *c, int side) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    if t.options.want_mms and flow.state == STATE_DETECTING and c.protocol == PROTOCOL_TCP \
            and detect_end(flow, &t.counters.looked) == VERDICT_MMS:
        return recognise(t, c, side, STATE_MMS)
    if flow.state <= STATE_DETECTING and (t.options.keep_all or is_lone_client(c, side)):
        return flow_unknown(t, c, side)  # its end came before it was known
    return 0


cdef int say_dropped(tracker_t *t, const flow_t *flow) noexcept nogil:
    # bytes that no place in the stream could be found for
    cdef flow_fault_t fault
    fault.flow = flow.row
    fault.code = FAULT_PENDING_DROPPED
    fault.field = FIELD_SEQUENCE_NUMBER
    fault.offset = flow.tcp.next
    fault.length = 0
    fault.need = 0
    fault.have = <int64_t>flow.tcp.dropped
    fault.time = flow.last_time
    return flow_fault(t, &fault)


cdef int flow_end(tracker_t *t, flow_t *flow) noexcept nogil:
    if flow.tcp.dropped != 0 and flow.row >= 0 and say_dropped(t, flow) != 0:
        return -1
    if flow.mms != NULL and mms_finish(flow.mms, &t.tables) < 0:
        return -1
    if flow_rows_end(&t.rows, flow) != 0:
        return -1
    flow_forget(t, flow)
    return 0


cdef void flow_forget(tracker_t *t, flow_t *flow) noexcept nogil:
    tcp_discard(&flow.tcp, &t.pool)
    detection_drop(flow, &t.limit)
    if flow.mms != NULL:
        t.counters.looked += flow.mms.framing.looked
        t.limit.undecided -= flow.mms.charged
        stream_pool_give(&t.streams, flow.mms)
        flow.mms = NULL
