# See tracker.pxd for the contract.
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memset
from mmscodec._kernels.core.table cimport table_free, table_init
from mmscodec._kernels.core.wire cimport unlikely
from mmscodec._kernels.mms.scan cimport mms_tables_free, mms_tables_init
from mmscodec._kernels.net.cursor cimport NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT
from mmscodec._kernels.net.network cimport (
    network_finish, network_free, network_init, network_more,
)
from mmscodec._kernels.net.pieces cimport tcp_pool_free, tcp_pool_init
from mmscodec._kernels.net.tcp_reassembly cimport GAP_END
from mmscodec._kernels.net.segment cimport endpoints_t
from mmscodec._kernels.track.connection cimport connection_drop_attempt, connection_finish
from mmscodec._kernels.track.dispatch cimport (
    DISPATCH_BATCH, dispatch_batch, dispatch_prefetch,
)
from mmscodec._kernels.track.extents cimport (
    extents_carry, extents_free, extents_init, extents_turn,
)
from mmscodec._kernels.track.fast_path cimport fast_leave
from mmscodec._kernels.track.flow cimport flow_fault, flow_fault_t, flow_forget
from mmscodec._kernels.track.flow_cache cimport (
    flow_cache_clear, flow_cache_free, flow_cache_init, flow_cache_resize,
)
from mmscodec._kernels.track.flow_rows cimport (
    flow_owner, flow_rows_free, flow_rows_init, owner_t,
)
from mmscodec._kernels.track.flow_table cimport (
    connection_at, connection_t, flow_t, flow_table_clear, flow_table_free, flow_table_init,
)
from mmscodec._kernels.track.item cimport fill_item, item_t, next_item
from mmscodec._kernels.track.mended cimport mended_free, mended_init
from mmscodec._kernels.track.memory_limit cimport memory_limit_free, memory_limit_init
from mmscodec._kernels.track.sources cimport current_source, source_t
from mmscodec._kernels.track.stream_pool cimport stream_pool_free, stream_pool_init
from mmscodec._kernels.track.udp_ports cimport udp_ports_free, udp_ports_init


cdef int tracker_init(tracker_t *t, uint64_t seed) noexcept nogil:
    memset(t, 0, sizeof(tracker_t))
    t.options.want_mms = True
    t.options.max_flows = 1 << 18
    t.options.max_packet = 1 << 20
    t.counters.last_time = INT64_MIN
    table_init(&t.options.chosen, sizeof(endpoints_t))
    table_init(&t.sources.rows, sizeof(source_t))
    network_init(&t.network, seed)
    mms_tables_init(&t.tables, True)
    stream_pool_init(&t.streams)
    flow_rows_init(&t.rows)
    extents_init(&t.extents)
    mended_init(&t.mended)
    memory_limit_init(&t.limit, 256 << 20)
    if flow_table_init(&t.flows, seed) != 0 or tcp_pool_init(&t.pool) != 0:
        return -1
    udp_ports_init(&t.udp_ports, t.flows.seed)
    flow_cache_init(&t.cache, t.flows.seed)
    if flow_cache_resize(&t.cache, t.flows.mask + 1) != 0:
        return -1
    t.pool.random ^= <uint32_t>(seed >> 32)  # levels that nobody can foresee
    if t.pool.random == 0:
        t.pool.random = 1
    return 0


cdef void tracker_free(tracker_t *t) noexcept nogil:
    cdef size_t i
    cdef connection_t *c
    for i in range(t.flows.connections.rows):
        c = connection_at(&t.flows, i)
        if c.live:
            connection_drop_attempt(c)
            flow_forget(t, &c.flow[0])
            flow_forget(t, &c.flow[1])
    table_free(&t.options.chosen)
    table_free(&t.sources.rows)
    network_free(&t.network)
    mms_tables_free(&t.tables)
    stream_pool_free(&t.streams)
    flow_rows_free(&t.rows)
    extents_free(&t.extents)
    mended_free(&t.mended)
    memory_limit_free(&t.limit)
    udp_ports_free(&t.udp_ports)
    flow_cache_free(&t.cache)
    flow_table_free(&t.flows)
    tcp_pool_free(&t.pool)


cdef int tracker_finish(tracker_t *t) noexcept nogil:
    cdef size_t i
    while network_finish(&t.network) == NETWORK_FAULT:
        if tracker_network_fault(t, &t.network.fault, t.counters.time) != 0:
            return -1
    for i in range(t.flows.connections.rows):
        if connection_at(&t.flows, i).live and connection_finish(t, <uint32_t>i, GAP_END) != 0:
            return -1
        connection_drop_attempt(connection_at(&t.flows, i))
    flow_table_clear(&t.flows)
    flow_cache_clear(&t.cache)
    return 0


cdef int tracker_next_epoch(
    tracker_t *t, const extent_t *old, size_t count, const uint8_t *old_bytes, size_t size
) noexcept nogil:
    cdef int32_t *touched = <int32_t *>t.rows.touched.data
    cdef owner_t *owner
    cdef flow_t *flow
    cdef size_t i, n = 0
    if extents_turn(&t.extents, old, count, old_bytes, size) != 0:
        return -1
    for i in range(t.rows.touched.rows):
        owner = flow_owner(&t.rows, touched[i])
        if owner.side == 0:
            continue
        flow = &connection_at(
            &t.flows, <size_t>((owner.side - 1) >> 1)).flow[(owner.side - 1) & 1]
        fast_leave(flow)
        if extents_carry(&t.extents, flow, old, old_bytes) != 0:
            return -1
        if flow.epoch == t.extents.epoch + 1:
            owner.epoch = t.rows.epoch + 1
            touched[n] = touched[i]
            n += 1
    t.rows.touched.rows = n
    t.rows.epoch += 1
    t.extents.epoch += 1
    return 0


cdef int tracker_network_fault(
    tracker_t *t, const network_fault_t *fault, int64_t time
) noexcept nogil:
    cdef flow_fault_t row
    row.flow = -1
    row.code = fault.code
    row.field = fault.field
    row.offset = <int64_t>fault.position
    row.length = fault.length
    row.need = fault.need
    row.have = fault.have
    row.time = time
    return flow_fault(t, &row)


cdef int take_several(
    tracker_t *t, const record_t *record, bint stable, int status, item_t *item
) noexcept nogil:
    # a frame with a fault in it, or with several packets, the first of them in `item`
    cdef uint64_t segments = t.counters.segments
    while status != NETWORK_NOTHING:
        if status == NETWORK_FAULT:
            if tracker_network_fault(t, &t.network.fault, record.time) != 0:
                return -1
        else:
            t.counters.segments += 1
            if fill_item(&t.flows, t.options.ports, record, stable, item) \
                    and dispatch_batch(t, item, 1) != 0:
                return -1
        status = network_more(&t.network, &item.segment)
    t.counters.skipped += t.counters.segments == segments
    return 0


cdef int tracker_records(tracker_t *t, const record_t *records, size_t count) noexcept nogil:
    cdef item_t items[DISPATCH_BATCH]
    cdef size_t i, n = 0
    cdef int status
    cdef bint wanted
    cdef bint stable = current_source(&t.sources).stable
    t.counters.packets += count
    if count != 0:
        t.counters.time = records[count - 1].time
    for i in range(count):
        status = next_item(
            &t.network, &t.flows, t.options.ports, records + i, stable, items + n, &wanted)
        if unlikely(status != NETWORK_SEGMENT):
            if status == NETWORK_NOTHING:
                t.counters.skipped += 1
                continue
            # rows stand in the order of frames
            if dispatch_batch(t, items, n) != 0 or take_several(
                t, records + i, stable, status, items + n
            ) != 0:
                return -1
            n = 0
            continue
        t.counters.segments += 1
        if not wanted:
            continue
        dispatch_prefetch(t, items + n)
        n += 1
        # bytes of a reassembled datagram are gone with the next frame
        if n == DISPATCH_BATCH or unlikely(items[n - 1].segment.owned):
            if dispatch_batch(t, items, n) != 0:
                return -1
            n = 0
    return dispatch_batch(t, items, n)
