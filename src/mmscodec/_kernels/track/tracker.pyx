# The pass: frames in, segments to their connections. See track/tracker.pxd for the contract.
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, qsort
from libc.string cimport memcmp, memset
from mmscodec._kernels.net.cursor cimport NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT
from mmscodec._kernels.track.datagrams cimport take_udp
from mmscodec._kernels.track.flow_table cimport (
    CLOSED_A, CLOSED_B, connection_t, flows_add, flows_age, flows_at, flows_clear, flows_find,
    flows_free, flows_init, flows_prefetch, side_of, side_t,
)
from mmscodec._kernels.track.flow_cache cimport lane_find, lane_prefetch, lane_put
from mmscodec._kernels.mms.scan cimport mms_stream_t, mms_tables_free, mms_tables_init
from mmscodec._kernels.net.network cimport (
    network_finish, network_free, network_init, network_more, quick_ipv4,
)
from mmscodec._kernels.track.protocol_detection cimport looks_like_packet
from mmscodec._kernels.track.fast_path cimport (
    express, express_begin, express_end, express_out_t, let_express, settle,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.segment cimport (
    PROTOCOL_TCP, TCP_ACK, TCP_FIN, TCP_RST, TCP_SYN, segment_t,
)
from mmscodec._kernels.track.flow cimport (
    consume, count_packet, deliver, end_connection, finish_connection, forget_side, sync_side,
    track_fault, track_row,
)
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve
from mmscodec._kernels.net.tcp_reassembly cimport (
    GAP_END, GAP_EVICTED, RUN_DATA, TCP_NEW, run_t, tcp_ack, tcp_advance, tcp_believable,
    tcp_in_order, tcp_init, tcp_pool_free, tcp_pool_init, tcp_push,
)
from mmscodec._kernels.track.memory_limit cimport wait_in_line
from mmscodec._kernels.core.wire cimport likely, prefetch, unlikely

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
    table_init(&t.owners, sizeof(owner_t))
    table_init(&t.touched, sizeof(int32_t))
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
    table_free(&t.touched)
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


cdef inline side_t *side_owned(track_t *t, const owner_t *owner) noexcept nogil:
    return &flows_at(&t.flows, <size_t>((owner.side - 1) >> 1)).side[(owner.side - 1) & 1]


cdef void track_sync(track_t *t) noexcept nogil:
    # bring the rows of flows that are still open up to date
    cdef owner_t *owners = <owner_t *>t.owners.data
    cdef size_t i
    for i in range(t.owners.rows):
        if owners[i].side != 0:
            sync_side(t, side_owned(t, owners + i))


cdef int by_number(const void *a, const void *b) noexcept nogil:
    cdef int32_t x = (<const int32_t *>a)[0], y = (<const int32_t *>b)[0]
    return (x > y) - (x < y)


cdef int track_touched(track_t *t, table_t *out) noexcept nogil:
    cdef int32_t *numbers = <int32_t *>t.touched.data
    cdef owner_t *owner
    cdef size_t i, slot
    if table_reserve(out, t.touched.rows) != 0:
        return -1
    if t.touched.rows != 0:
        qsort(numbers, t.touched.rows, sizeof(int32_t), by_number)
    for i in range(t.touched.rows):
        slot = slot_of(t, numbers[i])
        owner = <owner_t *>t.owners.data + slot
        if owner.side != 0:
            sync_side(t, side_owned(t, owner))
        (<flow_row_t *>out.data)[out.rows] = (<flow_row_t *>t.rows.data)[slot]
        out.rows += 1
    return 0


cdef void track_retire(track_t *t) noexcept nogil:
    cdef owner_t *owners = <owner_t *>t.owners.data
    cdef flow_row_t *rows = <flow_row_t *>t.rows.data
    cdef size_t i, n = 0
    if t.ended <= t.rows.rows // 2:
        return
    for i in range(t.owners.rows):
        if owners[i].side != 0:
            if n != i:
                owners[n] = owners[i]
                rows[n] = rows[i]
            n += 1
    t.owners.rows = t.rows.rows = n
    t.ended = 0


cdef int evict(track_t *t) noexcept nogil:
    # too many connections: those silent for longest are ended; what was closed lacks nothing
    cdef int64_t age = flows_age(&t.flows, EVICT_PART)
    cdef size_t i
    cdef connection_t *c
    cdef int side
    for i in range(t.flows.connections.rows):
        c = flows_at(&t.flows, i)
        if not c.live or c.side[0].last_time > age or c.side[1].last_time > age:
            continue
        for side in range(2):
            if not is_closed(c, side) and c.side[side].row >= 0 and track_fault(
                t, c.side[side].row, c.side[side].tcp.next, 0, FAULT_FLOW_EVICTED, 0,
                <int64_t>t.max_flows, <int64_t>t.flows.count, t.last_time
            ) != 0:
                return -1
        t.evicted += not is_closed(c, 0)
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
            (<flow_row_t *>t.rows.data)[slot_of(t, side.row)].marks |= FLOW_RST


cdef int take_tcp(
    track_t *t, uint32_t where, int number, const segment_t *s, uint64_t place, bint stable,
    int64_t time
) noexcept nogil:
    cdef connection_t *c = flows_at(&t.flows, where)
    cdef side_t *side = &c.side[number]
    cdef side_t *peer
    cdef run_t run
    cdef int status
    settle(side)
    count_packet(side, s, time)
    if side.state == SIDE_OTHER:
        if likely(not looks_like_packet(s.payload, s.length)) or not t.want_mms:
            if unlikely(s.tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST)):
                note_flags(t, c, number, s)
            let_express(t, side)
            return 0
        side.state = SIDE_NEW
        tcp_init(&side.tcp)
    elif side.state == SIDE_NEW and t.keep_all:
        side.state = SIDE_KEPT
    if side.row < 0 and SIDE_MMS <= side.state <= SIDE_KEPT and track_row(t, c, number) < 0:
        return -1
    if likely(tcp_in_order(&side.tcp, s)):
        if s.length != 0:
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
            settle(&c.side[1 - number])  # its acknowledgments are to be looked at
            if wait_in_line(t, where, number) != 0:
                return -1
    if unlikely(c.holding):
        peer = &c.side[1 - number]
        c.holding = side.tcp.pending != 0 or peer.tcp.pending != 0 or side.probe != NULL
        if peer.tcp.pending != 0 and s.tcp_flags & TCP_ACK:
            status = tcp_ack(&peer.tcp, &t.pool, s.ack, time)
            if consume(t, c, 1 - number) != 0 or status != 0:
                return -1
    if not c.holding:
        let_express(t, side)
    return 0


cdef int take(track_t *t, item_t *item, int64_t where, int number) noexcept nogil:
    # `where` and `number` are the connection and its side, if they are known
    cdef const segment_t *s = &item.segment
    t.last_time = item.time
    if not item.complete:
        complete(t, item)
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
    if s.protocol != PROTOCOL_TCP:
        return take_udp(t, <uint32_t>where, number, s, item.place, item.time)
    if item.frame != NULL:
        lane_put(&t.flows, item.addresses, item.ports, (<uint32_t>where << 1) + number + 1)
    return take_tcp(t, <uint32_t>where, number, s, item.place, item.stable, item.time)


cdef void complete(const track_t *t, item_t *item) noexcept nogil:
    # all that is to be known of a plain segment
    cdef record_t record
    record.data = item.frame
    record.caplen = item.caplen
    quick_ipv4(&record, &item.segment)
    item.hash = flows_hash(&t.flows, &item.segment)
    item.complete = True


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


cdef inline void ask_for(track_t *t, const item_t *item) noexcept nogil:
    if likely(not item.complete):
        lane_prefetch(&t.flows, item.addresses, item.ports)
    else:
        flows_prefetch(&t.flows, item.hash)


cdef int take_batch(track_t *t, item_t *items, size_t count) noexcept nogil:
    # With many flows every step is a cache miss: each is asked for while others are waited for.
    cdef int64_t where[BATCH]
    cdef int number[BATCH]
    cdef size_t at[BATCH]  # of the side, in the table of connections; 0: no express lane
    cdef uint8_t *side
    cdef uint32_t who
    cdef size_t i, j
    cdef bint others = False
    cdef bint addressable = (<source_t *>t.sources.data)[t.current].addressable
    cdef express_out_t out
    for i in range(count):
        at[i] = 0
        who = 0
        if likely(not items[i].complete):
            who = lane_find(&t.flows, items[i].addresses, items[i].ports)
        if likely(who != 0):
            where[i] = (who - 1) >> 1
            number[i] = (who - 1) & 1
            side = <uint8_t *>&flows_at(&t.flows, <size_t>where[i]).side[number[i]]
            if likely(addressable):
                at[i] = <size_t>(side - t.flows.connections.data)
            prefetch(side)
            prefetch(side + 63)
        else:
            others = True
            if not items[i].complete:
                complete(t, items + i)
                flows_prefetch(&t.flows, items[i].hash)
    if others:
        find_others(t, items, count, where, number)
    express_begin(t, &out)
    for i in range(count):
        if likely(at[i] != 0) and likely(express(
            &out, <side_t *>(t.flows.connections.data + at[i]), &items[i].segment,
            items[i].place, items[i].time
        )):
            continue
        express_end(t, &out)
        if unlikely(take(t, items + i, where[i], number[i]) != 0):
            return -1
        if unlikely(t.reshaped):
            # a connection ended: what was found before may be another one now
            for j in range(i + 1, count):
                where[j] = -1
                at[j] = 0
            t.reshaped = False
        express_begin(t, &out)
    express_end(t, &out)
    return 0


cdef void find_others(
    track_t *t, const item_t *items, size_t count, int64_t *where, int *number
) noexcept nogil:
    # complete segments: which side of which connection
    cdef connection_t *c
    cdef mms_stream_t *stream
    cdef size_t i
    for i in range(count):
        if items[i].complete:
            where[i] = peek(t, items[i].hash)
            if where[i] >= 0:
                prefetch(flows_at(&t.flows, <size_t>where[i]))
    for i in range(count):
        if items[i].complete and where[i] >= 0:
            c = flows_at(&t.flows, <size_t>where[i])
            number[i] = side_of(c, &items[i].segment)
            if number[i] < 0:
                where[i] = -1
            else:
                prefetch(&c.side[number[i]])
                prefetch(<uint8_t *>&c.side[number[i]] + 64)
                prefetch(<uint8_t *>&c.side[number[i]] + 128)
    for i in range(count):
        if items[i].complete and where[i] >= 0:
            stream = flows_at(&t.flows, <size_t>where[i]).side[number[i]].mms
            if stream != NULL:
                prefetch(stream)
                prefetch(&stream.carry_start)


cdef int track_items(track_t *t, item_t *items, size_t count) noexcept nogil:
    # Segments in order, prepared by `next_item`. 0, or -1 without memory.
    cdef size_t i = 0, j, n, ahead
    while i < count:
        n = BATCH if count - i > BATCH else count - i
        ahead = BATCH if count - i - n > BATCH else count - i - n
        for j in range(ahead):
            ask_for(t, items + i + n + j)
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
        ask_for(t, items + n)
        n += 1
        # bytes of a reassembled datagram are gone with the next frame
        if n == BATCH or unlikely(items[n - 1].segment.owned):
            if take_batch(t, items, n) != 0:
                return -1
            n = 0
    return take_batch(t, items, n)
