# Flows: their rows, where their bytes lie, what protocol they are, and who gets the next run.
from libc.stdint cimport INT32_MAX, int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcmp, memcpy, memset
from mmscodec._kernels.track.udp_ports cimport read_funnels
from mmscodec._kernels.track.flow_table cimport (
    connection_t, flows_at, flows_remove, probe_t, side_t,
)
from mmscodec._kernels.mms.scan cimport (
    fault_row_t, mms_midstream, mms_stream_init, mms_stream_t, row_tail_t,
)
from mmscodec._kernels.mms.stream cimport mms_finish, mms_gap, mms_push, mms_push_free
from mmscodec._kernels.track.protocol_detection cimport (
    VERDICT_MMS, VERDICT_OTHER, VERDICT_WINMX, looks_like_packet, probe_stream, verdict_t,
)
from mmscodec._kernels.track.fast_path cimport settle
from mmscodec._kernels.net.segment cimport PROTOCOL_UDP
from mmscodec._kernels.core.table cimport table_reserve, table_row
from mmscodec._kernels.net.tcp_reassembly cimport (
    RUN_DATA, RUN_GAP, RUN_OLD, run_t, tcp_discard, tcp_finish, tcp_init, tcp_release,
)
from mmscodec._kernels.track.tracker cimport (
    FLOW_ENDED, FLOW_FIN, FLOW_MMS, FLOW_NONE, FLOW_SYN, FLOW_WINMX, SIDE_MMS, SIDE_OTHER,
    SIDE_PROBING, SIDE_WINMX, ARENA, extent_t, flow_row_t, gap_row_t, is_addressable,
    is_stable, owner_t, slot_of, source_of, source_t, stamp_t, track_t,
)
from mmscodec._kernels.core.wire cimport likely, unlikely

cdef enum:
    OLD_EXTENTS = 64  # how far back copies of retransmitted bytes are compared
    PROBE_BYTES = 65536  # held of one flow until it is known
    PROBE_RUNS = 4096
    SLAB = 64
    FAULT_OVERLAP_CONFLICT = 193
    FIELD_SEQUENCE = 134


cdef void forget_side(track_t *t, side_t *side) noexcept nogil:
    tcp_discard(&side.tcp, &t.pool)
    track_drop_probe(t, side)
    if side.mms != NULL:
        mms_push_free(side.mms)
        (<void **>side.mms)[0] = t.free_streams
        t.free_streams = side.mms
        side.mms = NULL


cdef int track_fault(
    track_t *t, int32_t flow, int64_t offset, int64_t length, uint16_t code, uint16_t field,
    int64_t need, int64_t have, int64_t time
) noexcept nogil:
    cdef fault_row_t *row = <fault_row_t *>table_row(&t.tables.faults)
    cdef row_tail_t tail
    if row == NULL or (flow >= 0 and touch(t, flow) != 0):
        return -1
    row.offset = offset
    row.length = length
    row.code = code
    row.field = field
    row.padding = 0
    row.need = need
    row.have = have
    tail.time = time
    tail.flow = flow
    tail.direction = 0  # told by the flow, when somebody asks
    memset(tail.padding, 0, sizeof(tail.padding))
    memcpy(<uint8_t *>row + sizeof(fault_row_t), &tail, 16)
    return 0


cdef int touch(track_t *t, int32_t flow) noexcept nogil:
    # something happened to a flow: the next batch has its row
    cdef owner_t *owner = <owner_t *>t.owners.data + slot_of(t, flow)
    cdef int32_t *number
    if owner.epoch == t.epoch:
        return 0
    number = <int32_t *>table_row(&t.touched)
    if number == NULL:
        return -1
    number[0] = flow
    owner.epoch = t.epoch
    return 0


cdef int32_t track_row(track_t *t, connection_t *c, int number) noexcept nogil:
    # the row of a flow that is wanted, made when it is first asked for; -1 without memory
    cdef side_t *side = &c.side[number]
    cdef side_t *peer = &c.side[1 - number]
    cdef flow_row_t *row
    cdef owner_t *owner
    if likely(side.row >= 0):
        return side.row
    if t.numbers == INT32_MAX:
        return -1
    owner = <owner_t *>table_row(&t.owners)
    if owner == NULL:
        return -1
    row = <flow_row_t *>table_row(&t.rows)
    if row == NULL:
        t.owners.rows -= 1
        return -1
    owner.side = (
        <uint64_t>(c - <connection_t *>t.flows.connections.data) * 2 + <uint64_t>number + 1)
    owner.epoch = owner.padding = 0
    memset(row, 0, sizeof(flow_row_t))
    memcpy(row.src, sender(c, number), 16)
    memcpy(row.dst, sender(c, 1 - number), 16)
    row.src_port = c.dst_port if number else c.src_port
    row.dst_port = c.src_port if number else c.dst_port
    row.transport = c.protocol
    row.scope = c.scope
    row.control = <int32_t>c.control - 1
    row.peer = peer.row
    side.row = row.number = t.numbers
    t.numbers += 1
    if touch(t, side.row) != 0:
        return -1
    if peer.row >= 0:
        (<flow_row_t *>t.rows.data)[slot_of(t, peer.row)].peer = side.row
    return side.row


cdef void sync_side(track_t *t, side_t *side) noexcept nogil:
    cdef flow_row_t *row
    if side.row < 0:
        return
    row = <flow_row_t *>t.rows.data + slot_of(t, side.row)
    row.protocol = FLOW_MMS if side.state == SIDE_MMS else (
        FLOW_WINMX if side.state == SIDE_WINMX else FLOW_NONE)
    row.packets = side.packets
    row.bytes = side.bytes
    row.first_time = side.first_time
    row.last_time = side.last_time
    row.length = <uint64_t>side.tcp.next
    row.gaps = side.tcp.gaps
    row.retransmissions = side.tcp.retransmissions
    row.conflicts = side.tcp.conflicts
    row.extent = side.extent if side.epoch == t.epoch else 0
    if side.mms != NULL:
        row.direction = side.mms.direction
    if side.tcp.syn:
        row.marks |= FLOW_SYN
    if side.tcp.fin >= 0:
        row.marks |= FLOW_FIN


cdef const uint8_t *track_pointer(
    const track_t *t, uint64_t place, uint64_t length
) noexcept nogil:
    # where the bytes can be read now, or NULL
    cdef const source_t *source
    if place >> 63:
        return t.bytes.data + (place & ~ARENA())
    source = source_of(t, place)
    if place < source.shown_from or place - source.shown_from > source.shown_size \
            or source.shown_size - (place - source.shown_from) < length:
        return NULL
    return source.shown + (place - source.shown_from)


cdef int track_keep(track_t *t, side_t *side, const run_t *run) noexcept nogil:
    # one more extent of a kept flow
    cdef extent_t *extent
    cdef uint64_t place = run.place
    if unlikely(t.extents.rows >= <size_t>0xFFFFFFFE):
        return -1
    if unlikely(not is_addressable(t, place)):
        place = t.bytes.rows | ARENA()
        if table_reserve(&t.bytes, <size_t>run.length) != 0:
            return -1
        memcpy(t.bytes.data + t.bytes.rows, run.data, <size_t>run.length)
        t.bytes.rows += <size_t>run.length
    extent = <extent_t *>table_row(&t.extents)
    if extent == NULL:
        return -1
    extent.offset = run.offset
    extent.place = place
    extent.length = <uint32_t>run.length
    extent.before = side.extent if side.epoch == t.epoch else 0
    side.extent = <uint32_t>t.extents.rows
    if unlikely(side.epoch != t.epoch):
        side.epoch = t.epoch
        return touch(t, side.row)
    return 0


cdef int carry_extents(
    track_t *t, side_t *side, const extent_t *old, const uint8_t *old_bytes
) noexcept nogil:
    # Tables start anew: what a row that is not complete yet needs of the extents so far goes along.
    cdef uint32_t i = side.extent, n = 0
    cdef int64_t need
    cdef extent_t *extent
    cdef size_t at = t.extents.rows, j
    settle(side)
    if side.mms == NULL or side.epoch != t.epoch:
        return 0
    need = side.mms.pending.offset if side.mms.payload_left else side.mms.position
    while i != 0 and old[i - 1].offset + old[i - 1].length > need:
        n += 1
        i = old[i - 1].before
    if n == 0:
        return 0
    if table_reserve(&t.extents, n) != 0:
        return -1
    t.extents.rows += n
    i = side.extent
    j = n
    while j:
        j -= 1
        extent = <extent_t *>t.extents.data + at + j
        extent[0] = old[i - 1]
        i = old[i - 1].before
    for j in range(n):
        extent = <extent_t *>t.extents.data + at + j
        extent.before = <uint32_t>(at + j) if j else 0
        if extent.place >> 63:
            if table_reserve(&t.bytes, extent.length) != 0:
                return -1
            memcpy(t.bytes.data + t.bytes.rows, old_bytes + (extent.place & ~ARENA()),
                   extent.length)
            extent.place = t.bytes.rows | ARENA()
            t.bytes.rows += extent.length
    side.extent = <uint32_t>t.extents.rows
    side.epoch = t.epoch + 1
    return 0


cdef int track_next_epoch(
    track_t *t, const extent_t *old, const uint8_t *old_bytes
) noexcept nogil:
    # The tables of extents and bytes were taken: new ones begin. 0, or -1 without memory.
    cdef owner_t *owner
    cdef size_t i, n = 0
    cdef side_t *side
    cdef int32_t *touched = <int32_t *>t.touched.data
    for i in range(t.touched.rows):
        owner = <owner_t *>t.owners.data + slot_of(t, touched[i])
        if owner.side == 0:
            continue
        side = &flows_at(&t.flows, <size_t>((owner.side - 1) >> 1)).side[(owner.side - 1) & 1]
        if carry_extents(t, side, old, old_bytes) != 0:
            return -1
        if side.epoch == t.epoch + 1:
            owner.epoch = t.epoch + 1
            touched[n] = touched[i]
            n += 1
    t.touched.rows = n
    t.epoch += 1
    return 0


cdef int compare_old(track_t *t, side_t *side, const run_t *run) noexcept nogil:
    # a retransmission: do its bytes agree with those that were delivered?
    cdef uint32_t i = side.extent if side.epoch == t.epoch else 0
    cdef int steps = 0
    cdef extent_t *extent
    cdef int64_t start, end, differ = 0
    cdef const uint8_t *known
    while i != 0 and steps < OLD_EXTENTS:
        extent = <extent_t *>t.extents.data + (i - 1)
        start = extent.offset
        end = start + extent.length
        if end <= run.offset:
            break
        if start < run.offset:
            start = run.offset
        if end > run.offset + run.length:
            end = run.offset + run.length
        known = track_pointer(t, extent.place, extent.length)
        if start < end and known != NULL:
            differ += count_differing(
                run.data + (start - run.offset), known + (start - extent.offset),
                <size_t>(end - start))
        i = extent.before
        steps += 1
    if differ == 0:
        return 0
    side.tcp.conflicts += <uint64_t>differ
    start = run.offset if run.offset > 0 else 0  # a copy may begin before the stream does
    return track_fault(
        t, side.row, start, run.offset + run.length - start, FAULT_OVERLAP_CONFLICT,
        FIELD_SEQUENCE, 0, differ, run.time)


cdef int64_t count_differing(const uint8_t *a, const uint8_t *b, size_t n) noexcept nogil:
    cdef int64_t count = 0
    cdef size_t i
    if memcmp(a, b, n) == 0:
        return 0
    for i in range(n):
        count += a[i] != b[i]
    return count


cdef int gap_row(track_t *t, side_t *side, const run_t *run) noexcept nogil:
    cdef gap_row_t *row = <gap_row_t *>table_row(&t.gaps)
    if row == NULL or touch(t, side.row) != 0:
        return -1
    row.offset = run.offset
    row.length = run.length
    row.time = run.time
    row.flow = side.row
    row.reason = run.reason
    memset(row.padding, 0, sizeof(row.padding))
    return 0


cdef int add_slab(track_t *t) noexcept nogil:
    # room for more streams; they stay where they are
    cdef size_t size = (sizeof(mms_stream_t) + 63) & ~<size_t>63, i
    cdef uint8_t *slab
    cdef void **row = <void **>table_row(&t.slabs)
    if row == NULL:
        return -1
    slab = <uint8_t *>malloc(size * SLAB)
    row[0] = slab
    if slab == NULL:
        return -1
    for i in range(SLAB):
        (<void **>(slab + (SLAB - 1 - i) * size))[0] = t.free_streams
        t.free_streams = slab + (SLAB - 1 - i) * size
    return 0


cdef mms_stream_t *stream_of(track_t *t, side_t *side) noexcept nogil:
    cdef mms_stream_t *stream
    if t.free_streams == NULL and add_slab(t) != 0:
        return NULL
    stream = <mms_stream_t *>t.free_streams
    t.free_streams = (<void **>stream)[0]
    mms_stream_init(stream, t.max_packet)
    stream.flow = side.row
    stream.skip_payload = True
    side.mms = stream
    return stream


cdef int feed_mms(track_t *t, connection_t *c, int number, const run_t *run) noexcept nogil:
    cdef side_t *side = &c.side[number]
    cdef size_t messages
    cdef int status
    cdef bint stays
    if unlikely(side.mms == NULL):
        if stream_of(t, side) == NULL:
            return -1
        if not side.tcp.syn or run.offset != 0:
            side.mms.position = run.offset
            mms_midstream(side.mms)
        elif run.kind == RUN_GAP:
            mms_midstream(side.mms)
    if run.kind == RUN_GAP:
        return -1 if mms_gap(side.mms, &t.tables, <uint64_t>run.length, run.time) < 0 else 0
    messages = t.tables.messages.rows
    stays = run.memory == NULL and is_stable(t, run.place)
    status = mms_push(side.mms, &t.tables, run.data, <size_t>run.length, stays, run.time)
    if unlikely(messages != t.tables.messages.rows) and read_funnels(t, c, number, messages) != 0:
        return -1
    return -1 if status < 0 else 0


cdef int stamp(track_t *t, side_t *side, const run_t *run) noexcept nogil:
    cdef stamp_t *row = <stamp_t *>table_row(&t.stamps)
    if row == NULL:
        return -1
    row.end = run.offset + run.length
    row.time = run.time
    row.flow = side.row
    row.padding = 0
    return 0


cdef int deliver(track_t *t, connection_t *c, int number, run_t *run) noexcept nogil:
    # the next run of a flow, to whoever wants it
    cdef side_t *side = &c.side[number]
    if side.state <= SIDE_PROBING:
        return probe(t, c, number, run)
    if side.state == SIDE_OTHER:
        return 0
    if side.row < 0 and track_row(t, c, number) < 0:
        return -1
    if run.kind == RUN_GAP:
        if gap_row(t, side, run) != 0:
            return -1
    elif run.kind == RUN_OLD:
        return compare_old(t, side, run)
    elif track_keep(t, side, run) != 0:
        return -1
    elif side.state == SIDE_WINMX and stamp(t, side, run) != 0:
        return -1
    return feed_mms(t, c, number, run) if side.state == SIDE_MMS else 0


cdef int consume(track_t *t, connection_t *c, int number) noexcept nogil:
    # all runs that the reassembly put into the pool
    cdef size_t i = 0
    cdef int status = 0
    while i < t.pool.runs.rows and status == 0:
        status = deliver(t, c, number, <run_t *>t.pool.runs.data + i)
        i += 1
    tcp_release(&t.pool)
    return status


cdef void track_drop_probe(track_t *t, side_t *side) noexcept nogil:
    cdef probe_t *p = side.probe
    cdef uint32_t i
    if p == NULL:
        return
    t.probed -= p.bytes
    for i in range(p.count):
        free(p.runs[i].memory)
    free(p.runs)
    free(p)
    side.probe = NULL


cdef int hold_run(track_t *t, connection_t *c, side_t *side, run_t *run) noexcept nogil:
    # keep a run until the flow is known; its bytes are copied where they would go away
    cdef probe_t *p = side.probe
    cdef run_t *runs
    cdef uint32_t capacity
    cdef void *memory
    if p.count == p.capacity:
        capacity = p.capacity * 2 if p.capacity else 2
        runs = <run_t *>realloc(p.runs, capacity * sizeof(run_t))
        if runs == NULL:
            return -1
        p.runs = runs
        p.capacity = capacity
    p.runs[p.count] = run[0]
    if run.kind == RUN_DATA:
        if run.memory != NULL:
            run.memory = NULL
        elif not is_stable(t, run.place):
            memory = malloc(<size_t>run.length)
            if memory == NULL:
                return -1
            memcpy(memory, run.data, <size_t>run.length)
            p.runs[p.count].memory = memory
            p.runs[p.count].data = <const uint8_t *>memory
        p.bytes += <uint32_t>(run.length + sizeof(run_t))
        t.probed += <uint64_t>(run.length + sizeof(run_t))
    p.count += 1
    return 0


cdef int give_held(track_t *t, connection_t *c, int number) noexcept nogil:
    # the flow is wanted: what was held goes on
    cdef side_t *side = &c.side[number]
    cdef probe_t *p = side.probe
    cdef uint32_t i
    cdef int status = 0
    if p == NULL:
        return 0
    for i in range(p.count):
        if status == 0:
            status = deliver(t, c, number, p.runs + i)
    track_drop_probe(t, side)
    return status


cdef int track_adopt(track_t *t, connection_t *c, int number, uint8_t state) noexcept nogil:
    # from now on the flow is wanted
    cdef side_t *side = &c.side[number]
    settle(side)
    if side.state == SIDE_OTHER:
        tcp_init(&side.tcp)  # offset 0 is the next byte that comes
    if side.state > SIDE_PROBING and side.state != SIDE_OTHER:
        return 0
    side.state = state
    if side.packets != 0 and track_row(t, c, number) < 0:
        return -1
    return give_held(t, c, number)


cdef int recognise(track_t *t, connection_t *c, int number, uint8_t state) noexcept nogil:
    # a flow and the one that answers it
    if track_adopt(t, c, number, state) != 0:
        return -1
    if c.protocol == PROTOCOL_UDP:
        return 0
    return track_adopt(t, c, 1 - number, state)


cdef void set_aside(track_t *t, side_t *side) noexcept nogil:
    side.state = SIDE_OTHER
    side.judged = t.generation
    track_drop_probe(t, side)
    tcp_discard(&side.tcp, &t.pool)


cdef int probe(track_t *t, connection_t *c, int number, run_t *run) noexcept nogil:
    cdef side_t *side = &c.side[number]
    cdef verdict_t verdict
    if run.kind == RUN_OLD:
        return 0
    if side.probe == NULL and t.want_mms and run.kind == RUN_DATA \
            and looks_like_packet(run.data, <size_t>run.length):
        # the usual first bytes: nothing needs to be held
        if recognise(t, c, number, SIDE_MMS) != 0:
            return -1
        return deliver(t, c, number, run)
    if side.probe == NULL:
        side.probe = <probe_t *>calloc(1, sizeof(probe_t))
        if side.probe == NULL:
            return -1
        side.state = SIDE_PROBING
    verdict = probe_stream(side, run, t.want_winmx)
    if verdict == VERDICT_MMS and not t.want_mms:
        verdict = VERDICT_OTHER
    if verdict == VERDICT_OTHER or side.probe.bytes > PROBE_BYTES \
            or side.probe.count >= PROBE_RUNS:
        set_aside(t, side)
        return 0
    if hold_run(t, c, side, run) != 0:
        return -1
    if verdict == VERDICT_MMS:
        return recognise(t, c, number, SIDE_MMS)
    if verdict == VERDICT_WINMX:
        return recognise(t, c, number, SIDE_WINMX)
    return 0


cdef int flush_side(track_t *t, connection_t *c, int number, uint8_t reason) noexcept nogil:
    settle(&c.side[number])
    if c.side[number].state == SIDE_OTHER:
        return 0
    if tcp_finish(&c.side[number].tcp, &t.pool, reason) != 0:
        return -1
    return consume(t, c, number)


cdef int end_side(track_t *t, connection_t *c, int number) noexcept nogil:
    # nothing more of this flow will come
    cdef side_t *side = &c.side[number]
    if side.mms != NULL and mms_finish(side.mms, &t.tables) < 0:
        return -1
    sync_side(t, side)
    if side.row >= 0:
        if touch(t, side.row) != 0:
            return -1
        (<owner_t *>t.owners.data)[slot_of(t, side.row)].side = 0
        (<flow_row_t *>t.rows.data)[slot_of(t, side.row)].marks |= FLOW_ENDED
        t.ended += 1
    forget_side(t, side)
    return 0


cdef int finish_connection(track_t *t, uint32_t number, uint8_t reason) noexcept nogil:
    # both sides are flushed first: the last bytes of one may tell what the other is
    cdef connection_t *c = flows_at(&t.flows, number)
    if flush_side(t, c, 0, reason) != 0 or flush_side(t, c, 1, reason) != 0:
        return -1
    return -1 if end_side(t, c, 0) != 0 or end_side(t, c, 1) != 0 else 0


cdef int end_connection(track_t *t, uint32_t number, uint8_t reason) noexcept nogil:
    if finish_connection(t, number, reason) != 0:
        return -1
    flows_remove(&t.flows, number)
    t.reshaped = True
    return 0
