# See handoff_queue.pxd. The two threads share nothing but blocks and the seed of the flow table.
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport (
    table_end, table_free, table_init, table_reserve, table_row,
)
from mmscodec._kernels.net.cursor cimport NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT, network_t
from mmscodec._kernels.net.network cimport network_more
from mmscodec._kernels.track.dispatch cimport dispatch_items
from mmscodec._kernels.track.flow_table cimport flow_table_t
from mmscodec._kernels.track.item cimport fill_item, item_t, next_item
from mmscodec._kernels.track.state cimport tracker_t
from mmscodec._kernels.track.tracker cimport tracker_network_fault


cdef int handoff_init(handoff_t *r) noexcept nogil:
    memset(r, 0, sizeof(handoff_t))
    table_init(&r.items, sizeof(item_t))
    table_init(&r.faults, sizeof(handoff_fault_t))
    table_init(&r.copies, sizeof(void *))
    return table_reserve(&r.items, HANDOFF_ITEMS)


cdef void handoff_clear(handoff_t *r) noexcept nogil:
    cdef size_t i
    for i in range(r.copies.rows):
        free((<void **>r.copies.data)[i])
    r.copies.rows = 0
    r.items.rows = 0
    r.faults.rows = 0
    r.packets = r.segments = r.skipped = 0


cdef void handoff_free(handoff_t *r) noexcept nogil:
    handoff_clear(r)
    table_free(&r.items)
    table_free(&r.faults)
    table_free(&r.copies)


cdef int keep_payload(handoff_t *r, item_t *item) noexcept nogil:
    # a reassembled datagram is gone with the next frame
    cdef void **row = <void **>table_row(&r.copies)
    if row == NULL:
        return -1
    row[0] = malloc(item.segment.length + 1)
    if row[0] == NULL:
        return -1
    memcpy(row[0], item.segment.payload, item.segment.length)
    item.segment.payload = <const uint8_t *>row[0]
    return 0


cdef int keep_fault(handoff_t *r, const network_t *network, const record_t *record) noexcept nogil:
    # copy the fault of a record to those handed over. 0, or -1 without memory
    cdef handoff_fault_t *fault = <handoff_fault_t *>table_row(&r.faults)
    if fault == NULL:
        return -1
    fault.fault = network.fault
    fault.time = record.time
    fault.before = r.items.rows
    return 0


cdef int take_item(handoff_t *r, item_t *item, size_t room) noexcept nogil:
    # the item is one of the block; there is room for so many more
    if item.segment.owned and keep_payload(r, item) != 0:
        return -1
    r.items.rows += 1
    return table_reserve(&r.items, room)


cdef int fill_several(
    handoff_t *r, network_t *network, const flow_table_t *flows, const uint8_t *ports, bint stable,
    const record_t *record, int status, size_t room
) noexcept nogil:
    # A frame with a fault in it, or with several packets, the first of them behind the last item.
    # There is always room for one item of this frame and `room` more.
    cdef uint64_t segments = r.segments
    cdef item_t *item
    while status != NETWORK_NOTHING:
        if status == NETWORK_FAULT:
            if keep_fault(r, network, record) != 0:
                return -1
        else:
            r.segments += 1
            item = <item_t *>table_end(&r.items)
            if fill_item(flows, ports, record, stable, item) \
                    and take_item(r, item, room + 1) != 0:
                return -1
        status = network_more(network, &(<item_t *>table_end(&r.items)).segment)
    r.skipped += r.segments == segments
    return 0


cdef int handoff_fill(
    handoff_t *r, network_t *network, const flow_table_t *flows, const uint8_t *ports, bint stable,
    const record_t *records, size_t count
) noexcept nogil:
    cdef item_t *item
    cdef size_t i
    cdef int status
    cdef bint wanted
    r.packets += count
    if count != 0:
        r.time = records[count - 1].time
    for i in range(count):
        item = <item_t *>table_end(&r.items)
        status = next_item(network, flows, ports, records + i, stable, item, &wanted)
        if status == NETWORK_NOTHING:
            r.skipped += 1
            continue
        if status != NETWORK_SEGMENT:
            if fill_several(
                r, network, flows, ports, stable, records + i, status, count - i - 1
            ) != 0:
                return -1
            continue
        r.segments += 1
        if not wanted:
            continue
        if item.segment.owned and keep_payload(r, item) != 0:
            return -1
        r.items.rows += 1
    return 0


cdef int handoff_take(handoff_t *r, tracker_t *t) noexcept nogil:
    cdef item_t *items = <item_t *>r.items.data
    cdef handoff_fault_t *fault
    cdef size_t at = 0, i
    if r.packets != 0:
        t.counters.time = r.time
    t.counters.packets += r.packets
    t.counters.segments += r.segments
    t.counters.skipped += r.skipped
    for i in range(r.faults.rows):
        fault = <handoff_fault_t *>r.faults.data + i
        if dispatch_items(t, items + at, fault.before - at) != 0:
            return -1
        at = fault.before
        if tracker_network_fault(t, &fault.fault, fault.time) != 0:
            return -1
    return dispatch_items(t, items + at, r.items.rows - at)
