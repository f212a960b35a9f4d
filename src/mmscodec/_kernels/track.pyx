# The pass: frames in, segments to their connections. See track.pxd for the contract.
from libc.stdint cimport INT64_MIN, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memset
from mmscodec._kernels.announce cimport find_port
from mmscodec._kernels.cursor cimport NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT
from mmscodec._kernels.flows cimport (
    CLOSED_A, CLOSED_B, connection_t, flows_add, flows_age, flows_at, flows_clear, flows_find,
    flows_free, flows_init, flows_prefetch, probe_t, side_of, side_t,
)
from mmscodec._kernels.mms cimport mms_stream_t, mms_tables_free, mms_tables_init
from mmscodec._kernels.mms_push cimport mms_datagram
from mmscodec._kernels.network cimport (
    network_finish, network_free, network_init, network_more,
)
from mmscodec._kernels.probe cimport (
    VERDICT_MMS, VERDICT_OTHER, VERDICT_WAIT, is_resend, looks_like_packet, probe_datagram,
    verdict_t,
)
from mmscodec._kernels.quick cimport quick_data
from mmscodec._kernels.segment cimport (
    PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, record_t, segment_t,
)
from mmscodec._kernels.sides cimport (
    consume, deliver, end_connection, finish_connection, forget_side, gap_row, hold_run, set_aside,
    stream_of, sync_side, track_drop_probe, track_fault, track_keep, track_row,
)
from mmscodec._kernels.table cimport table_free, table_init, table_row
from mmscodec._kernels.tcp cimport (
    GAP_CEILING, GAP_END, GAP_EVICTED, GAP_SNAPPED, RUN_DATA, TCP_NEW, run_t, tcp_ack,
    tcp_advance, tcp_believable, tcp_finish, tcp_in_order, tcp_init, tcp_pool_free,
    tcp_pool_init, tcp_push,
)
from mmscodec._kernels.wire cimport likely, prefetch, unlikely

cdef enum:
    BATCH = 32  # segments whose connections are fetched side by side
    EVICT_PART = 16
    FAULT_FLOW_EVICTED = 195


cdef int track_init(track_t *t, uint64_t seed) noexcept nogil:
    memset(t, 0, sizeof(track_t))
    t.want_mms = True
    t.max_flows = 1 << 18
    t.held_total = 256 << 20
    t.max_packet = 1 << 20
    t.epoch = 1
    t.last_time = INT64_MIN
    network_init(&t.network, seed)
    mms_tables_init(&t.tables, True)
    table_init(&t.chosen, sizeof(chosen_t))
    table_init(&t.rows, sizeof(flow_row_t))
    table_init(&t.owners, sizeof(uint64_t))
    table_init(&t.extents, sizeof(extent_t))
    table_init(&t.gaps, sizeof(gap_row_t))
    table_init(&t.stamps, sizeof(stamp_t))
    table_init(&t.bytes, 1)
    table_init(&t.sources, sizeof(source_t))
    table_init(&t.waiting, sizeof(uint64_t))
    table_init(&t.announced, sizeof(announced_t))
    table_init(&t.slabs, sizeof(void *))
    if flows_init(&t.flows, seed) != 0 or tcp_pool_init(&t.pool) != 0:
        return -1
    t.pool.random ^= <uint32_t>(seed >> 32)  # levels that nobody can foresee
    if t.pool.random == 0:
        t.pool.random = 1
    return 0


cdef void track_free(track_t *t) noexcept nogil:
    cdef size_t i
    cdef connection_t *c
    for i in range(t.flows.connections.rows):
        c = flows_at(&t.flows, i)
        if c.live:
            forget_side(t, &c.side[0])
            forget_side(t, &c.side[1])
    for i in range(t.slabs.rows):
        free((<void **>t.slabs.data)[i])
    table_free(&t.slabs)
    network_free(&t.network)
    mms_tables_free(&t.tables)
    table_free(&t.chosen)
    table_free(&t.rows)
    table_free(&t.owners)
    table_free(&t.extents)
    table_free(&t.gaps)
    table_free(&t.stamps)
    table_free(&t.bytes)
    table_free(&t.sources)
    table_free(&t.waiting)
    table_free(&t.announced)
    free(t.announced_heads)
    flows_free(&t.flows)
    tcp_pool_free(&t.pool)


cdef void track_sync(track_t *t) noexcept nogil:
    # bring the rows of flows that are still open up to date
    cdef uint64_t *owners = <uint64_t *>t.owners.data
    cdef size_t i
    for i in range(t.owners.rows):
        if owners[i] != 0:
            sync_side(
                t, &flows_at(&t.flows, <size_t>((owners[i] - 1) >> 1)).side[(owners[i] - 1) & 1])


cdef int wait_in_line(track_t *t, uint32_t number, int side) noexcept nogil:
    # something of this flow is held: if all together hold too much, the oldest are given up
    cdef uint64_t *entry
    cdef connection_t *c
    cdef side_t *s
    cdef uint64_t oldest
    s = &flows_at(&t.flows, number).side[side]
    if not s.waits:
        if t.waiting.rows == t.waiting.capacity and t.waiting_first > t.waiting.rows // 2:
            shorten_line(t)
        entry = <uint64_t *>table_row(&t.waiting)
        if entry == NULL:
            return -1
        entry[0] = (<uint64_t>number << 1) | side
        s.waits = True
    while t.pool.held + t.probed > t.held_total and t.waiting_first < t.waiting.rows:
        oldest = (<uint64_t *>t.waiting.data)[t.waiting_first]
        t.waiting_first += 1
        c = flows_at(&t.flows, <size_t>(oldest >> 1))
        s = &c.side[oldest & 1]
        s.waits = False
        if not c.live:
            continue
        if s.state <= SIDE_PROBING:
            set_aside(t, s)
        elif s.tcp.pending != 0:
            if tcp_finish(&s.tcp, &t.pool, GAP_CEILING) != 0:
                return -1
            if consume(t, c, <int>(oldest & 1)) != 0:
                return -1
    return 0


cdef void shorten_line(track_t *t) noexcept nogil:
    cdef uint64_t *line = <uint64_t *>t.waiting.data
    cdef size_t i, n = 0
    cdef connection_t *c
    cdef side_t *s
    for i in range(t.waiting_first, t.waiting.rows):
        c = flows_at(&t.flows, <size_t>(line[i] >> 1))
        s = &c.side[line[i] & 1]
        if c.live and s.waits and (s.tcp.pending != 0 or s.probe != NULL):
            line[n] = line[i]
            n += 1
        else:
            s.waits = False
    t.waiting.rows = n
    t.waiting_first = 0


cdef int evict(track_t *t) noexcept nogil:
    # too many connections: those silent for longest are ended
    cdef int64_t age = flows_age(&t.flows, EVICT_PART)
    cdef size_t i
    cdef connection_t *c
    cdef int side
    for i in range(t.flows.connections.rows):
        c = flows_at(&t.flows, i)
        if not c.live or c.side[0].last_time > age or c.side[1].last_time > age:
            continue
        for side in range(2):
            if c.side[side].row >= 0 and track_fault(
                t, c.side[side].row, c.side[side].tcp.next, 0, FAULT_FLOW_EVICTED, 0,
                <int64_t>t.max_flows, <int64_t>t.flows.count, t.last_time
            ) != 0:
                return -1
        t.evicted += 1
        if end_connection(t, <uint32_t>i, GAP_EVICTED) != 0:
            return -1
    return 0


cdef int track_finish(track_t *t) noexcept nogil:
    # the capture is at its end
    cdef size_t i
    while network_finish(&t.network) == NETWORK_FAULT:
        if track_network_fault(t, &t.network.fault, t.last_time) != 0:
            return -1
    for i in range(t.flows.connections.rows):
        if flows_at(&t.flows, i).live and finish_connection(t, <uint32_t>i, GAP_END) != 0:
            return -1
    flows_clear(&t.flows)
    return 0


cdef bint is_wanted(track_t *t, const segment_t *s) noexcept nogil:
    cdef chosen_t *chosen
    cdef size_t i
    if t.chosen.rows == 0:
        return True
    for i in range(t.chosen.rows):
        chosen = <chosen_t *>t.chosen.data + i
        if chosen.a_port == s.src_port and chosen.b_port == s.dst_port \
                and memcmp(chosen.a, s.src, 16) == 0 and memcmp(chosen.b, s.dst, 16) == 0:
            return True
        if chosen.b_port == s.src_port and chosen.a_port == s.dst_port \
                and memcmp(chosen.b, s.src, 16) == 0 and memcmp(chosen.a, s.dst, 16) == 0:
            return True
    return False


cdef bint is_closed(const connection_t *c, int side) noexcept nogil:
    return c.closed == (CLOSED_A | CLOSED_B) or (c.closed != 0 and c.side[1 - side].packets == 0)


cdef bint reopens(const connection_t *c, int number, const segment_t *s) noexcept nogil:
    # Is this SYN the first of another connection with the same addresses and ports?
    cdef const side_t *side = &c.side[number]
    cdef const side_t *peer = &c.side[1 - number]
    cdef uint32_t seq = s.seq + 1
    if s.tcp_flags & TCP_ACK and peer.tcp.syn and s.ack == peer.isn + 1:
        return False  # one more answer to the SYN that is known
    if side.tcp.state == TCP_NEW:
        # the first packet of this direction, or one whose packets were not looked at
        return (side.packets != 0 or not s.tcp_flags & TCP_ACK) and is_closed(c, number)
    if side.tcp.syn and seq == side.isn + 1:
        return False
    if is_closed(c, number):
        return True
    if not side.tcp.syn and side.tcp.next == 0:
        return False  # its own SYN, late
    if side.tcp.next == 0 and side.tcp.pending == 0 and peer.tcp.next == 0 \
            and not s.tcp_flags & TCP_ACK:
        return True  # another attempt
    return not tcp_believable(&side.tcp, seq)


cdef inline void count_packet(side_t *side, const segment_t *s, int64_t time) noexcept nogil:
    if side.packets == 0:
        side.first_time = time
    side.packets += 1
    side.bytes += s.wire_len
    side.last_time = time


cdef void note_flags(track_t *t, connection_t *c, int number, const segment_t *s) noexcept nogil:
    cdef side_t *side = &c.side[number]
    if s.tcp_flags & TCP_SYN and not s.tcp_flags & TCP_RST:
        if not side.tcp.syn:
            side.isn = s.seq
        c.side[1 - number].tcp.awaited = True
    if s.tcp_flags & TCP_FIN:
        c.closed |= CLOSED_B if number else CLOSED_A
    if s.tcp_flags & TCP_RST and (
        side.tcp.state == TCP_NEW or tcp_believable(&side.tcp, s.seq) or s.seq == 0
    ):
        c.closed = CLOSED_A | CLOSED_B
        if side.row >= 0:
            (<flow_row_t *>t.rows.data)[side.row].marks |= FLOW_RST


cdef int take_tcp(
    track_t *t, uint32_t where, int number, const segment_t *s, uint64_t place, bint stable,
    int64_t time
) noexcept nogil:
    cdef connection_t *c = flows_at(&t.flows, where)
    cdef side_t *side = &c.side[number]
    cdef side_t *peer
    cdef run_t run
    cdef int status
    count_packet(side, s, time)
    if side.state == SIDE_OTHER:
        if likely(not looks_like_packet(s.payload, s.length)) or not t.want_mms:
            if unlikely(s.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)):
                note_flags(t, c, number, s)
            return 0
        side.state = SIDE_NEW
        tcp_init(&side.tcp)
    elif side.state == SIDE_NEW and t.keep_all:
        side.state = SIDE_KEPT
    if side.row < 0 and SIDE_MMS <= side.state <= SIDE_KEPT and track_row(t, c, number) < 0:
        return -1
    if likely(tcp_in_order(&side.tcp, s)):
        if side.mms != NULL and quick_data(t, side, s, place, time):
            pass
        elif s.length != 0:
            run.data = s.payload
            run.memory = NULL
            run.place = place
            run.offset = side.tcp.next
            run.length = s.length
            run.time = time
            run.kind = RUN_DATA
            run.reason = 0
            tcp_advance(&side.tcp, s.length)
            status = deliver(t, c, number, &run)
            if unlikely(status != 0):
                return -1
            if unlikely(side.probe != NULL) and wait_in_line(t, where, number) != 0:
                return -1
    else:
        if s.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST):
            note_flags(t, c, number, s)
        status = tcp_push(&side.tcp, &t.pool, s, place, stable, time)
        if consume(t, c, number) != 0 or status != 0:
            return -1
        if side.tcp.pending != 0 or side.probe != NULL:
            c.holding = 1
            if wait_in_line(t, where, number) != 0:
                return -1
    if unlikely(c.holding):
        peer = &c.side[1 - number]
        c.holding = side.tcp.pending != 0 or peer.tcp.pending != 0 or side.probe != NULL
        if peer.tcp.pending != 0 and s.tcp_flags & TCP_ACK:
            status = tcp_ack(&peer.tcp, &t.pool, s.ack, time)
            if consume(t, c, 1 - number) != 0 or status != 0:
                return -1
    return 0


cdef int take_udp(
    track_t *t, uint32_t where, int number, const segment_t *s, uint64_t place, int64_t time
) noexcept nogil:
    cdef connection_t *c = flows_at(&t.flows, where)
    cdef side_t *side = &c.side[number]
    cdef run_t run
    cdef announced_t *port
    cdef verdict_t verdict = VERDICT_WAIT
    count_packet(side, s, time)
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


cdef int take(track_t *t, const item_t *item, int64_t where, int number) noexcept nogil:
    # `where` and `number` are the connection and its side, if they are known
    cdef const segment_t *s = &item.segment
    t.last_time = item.time
    if unlikely(where < 0):
        where = flows_find(&t.flows, s, item.hash, &number)
    if unlikely(s.tcp_flags & TCP_SYN) and where >= 0 and s.protocol == PROTOCOL_TCP \
            and not s.tcp_flags & TCP_RST \
            and reopens(flows_at(&t.flows, <size_t>where), number, s):
        if end_connection(t, <uint32_t>where, GAP_END) != 0:
            return -1
        where = -1
    if unlikely(where < 0):
        if not is_wanted(t, s):
            return 0
        if t.flows.count >= t.max_flows and evict(t) != 0:
            return -1
        where = flows_add(&t.flows, s, item.hash)
        if where < 0:
            return -1
        number = 0
    if s.protocol == PROTOCOL_TCP:
        return take_tcp(
            t, <uint32_t>where, number, s, item.place, item.stable, item.time)
    return take_udp(t, <uint32_t>where, number, s, item.place, item.time)


cdef inline int64_t peek(const track_t *t, uint32_t hash) noexcept nogil:
    # where the connection probably is
    cdef size_t i = hash & t.flows.mask
    cdef uint64_t slot = t.flows.slots[i]
    while slot != 0:
        if <uint32_t>(slot >> 32) == hash:
            return <int64_t>(<uint32_t>slot) - 1
        i = (i + 1) & t.flows.mask
        slot = t.flows.slots[i]
    return -1


cdef int take_batch(track_t *t, const item_t *items, size_t count) noexcept nogil:
    # With many flows every step is a cache miss: each is asked for while others are waited for.
    cdef int64_t where[BATCH]
    cdef int number[BATCH]
    cdef size_t i
    cdef connection_t *c
    cdef mms_stream_t *stream
    for i in range(count):
        where[i] = peek(t, items[i].hash)
        if where[i] >= 0:
            prefetch(flows_at(&t.flows, <size_t>where[i]))
    for i in range(count):
        number[i] = -1
        if where[i] >= 0:
            c = flows_at(&t.flows, <size_t>where[i])
            number[i] = side_of(c, &items[i].segment)
            if number[i] < 0:
                where[i] = -1
            else:
                prefetch(&c.side[number[i]])
                prefetch(&c.side[number[i]].tcp.pending)
    for i in range(count):
        if where[i] >= 0:
            stream = flows_at(&t.flows, <size_t>where[i]).side[number[i]].mms
            if stream != NULL:
                prefetch(stream)
                prefetch(&stream.carry_start)
    for i in range(count):
        if where[i] >= 0 and unlikely(t.reshaped):
            # a connection ended in this batch: what was found before may be another one now
            where[i] = -1
        if take(t, items + i, where[i], number[i]) != 0:
            return -1
    t.reshaped = False
    return 0


cdef int track_items(track_t *t, const item_t *items, size_t count) noexcept nogil:
    # Segments in order, prepared by `next_item`. 0, or -1 without memory.
    cdef size_t i = 0, j, n, ahead
    while i < count:
        n = BATCH if count - i > BATCH else count - i
        ahead = BATCH if count - i - n > BATCH else count - i - n
        for j in range(ahead):
            flows_prefetch(&t.flows, items[i + n + j].hash)
            prefetch(items[i + n + j].segment.payload)  # another thread looked at the frame
        if take_batch(t, items + i, n) != 0:
            return -1
        i += n
    return 0


cdef int track_network_fault(
    track_t *t, const network_fault_t *fault, int64_t time
) noexcept nogil:
    return track_fault(
        t, -1, <int64_t>fault.position, fault.length, fault.code, fault.field, fault.need,
        fault.have, time)


cdef int take_several(
    track_t *t, const record_t *record, bint stable, int status, item_t *item
) noexcept nogil:
    # a frame with a fault in it, or with several packets, the first of them in `item`
    cdef uint64_t segments = t.segments
    while status != NETWORK_NOTHING:
        if status == NETWORK_FAULT:
            if track_network_fault(t, &t.network.fault, record.time) != 0:
                return -1
        else:
            t.segments += 1
            if fill_item(&t.flows, t.ports, record, stable, item) and take_batch(t, item, 1) != 0:
                return -1
        status = network_more(&t.network, &item.segment)
    t.skipped += t.segments == segments
    return 0


cdef int track_records(track_t *t, const record_t *records, size_t count) noexcept nogil:
    # Frames of the current source, in order. 0, or -1 without memory.
    cdef item_t items[BATCH]
    cdef size_t i, n = 0
    cdef int status
    cdef bint wanted
    cdef bint stable = (<source_t *>t.sources.data)[t.current].stable
    t.packets += count
    for i in range(count):
        status = next_item(
            &t.network, &t.flows, t.ports, records + i, stable, items + n, &wanted)
        if unlikely(status != NETWORK_SEGMENT):
            if status == NETWORK_NOTHING:
                t.skipped += 1
                continue
            # rows stand in the order of frames
            if take_batch(t, items, n) != 0 or take_several(
                t, records + i, stable, status, items + n
            ) != 0:
                return -1
            n = 0
            continue
        t.segments += 1
        if not wanted:
            continue
        flows_prefetch(&t.flows, items[n].hash)
        n += 1
        # bytes of a reassembled datagram are gone with the next frame
        if n == BATCH or unlikely(items[n - 1].segment.owned):
            if take_batch(t, items, n) != 0:
                return -1
            n = 0
    return take_batch(t, items, n)
