# See flow_rows.pxd for the contract.
from libc.stdint cimport INT32_MAX, int32_t, uint8_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.layout cimport FLOW_MMS, FLOW_UNKNOWN, FLOW_WINMX
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve, table_row
from mmscodec._kernels.core.wire cimport likely
from mmscodec._kernels.track.flow_table cimport (
    STATE_MMS, STATE_WINMX, connection_t, flow_t, flow_table_t, sender,
)


cdef void flow_rows_init(flow_rows_t *r) noexcept nogil:
    memset(r, 0, sizeof(flow_rows_t))
    table_init(&r.rows, sizeof(flow_row_t))
    table_init(&r.owners, sizeof(owner_t))
    table_init(&r.touched, sizeof(int32_t))
    r.epoch = 1


cdef void flow_rows_free(flow_rows_t *r) noexcept nogil:
    table_free(&r.rows)
    table_free(&r.owners)
    table_free(&r.touched)


cdef inline flow_t *flow_owned(flow_table_t *table, const owner_t *owner) noexcept nogil:
    # the flow of a row that has not ended
    cdef uint64_t side = owner.side - 1
    return &(<connection_t *>table.connections.data + (side >> 1)).flow[side & 1]


cdef int flow_rows_touch(flow_rows_t *r, int32_t flow) noexcept nogil:
    cdef owner_t *owner = flow_owner(r, flow)
    cdef int32_t *number
    if owner.epoch == r.epoch:
        return 0
    number = <int32_t *>table_row(&r.touched)
    if number == NULL:
        return -1
    number[0] = flow
    owner.epoch = r.epoch
    return 0


cdef int32_t flow_rows_add(
    flow_rows_t *r, const flow_table_t *table, connection_t *c, int side
) noexcept nogil:
    cdef flow_t *flow = &c.flow[side]
    cdef flow_t *peer = &c.flow[1 - side]
    cdef flow_row_t *row
    cdef owner_t *owner
    if likely(flow.row >= 0):
        return flow.row
    if r.numbers == INT32_MAX:
        return -1
    owner = <owner_t *>table_row(&r.owners)
    if owner == NULL:
        return -1
    row = <flow_row_t *>table_row(&r.rows)
    if row == NULL:
        r.owners.rows -= 1
        return -1
    owner.side = (
        <uint64_t>(c - <connection_t *>table.connections.data) * 2 + <uint64_t>side + 1)
    owner.epoch = owner.padding = 0
    memset(row, 0, sizeof(flow_row_t))
    memcpy(row.src, sender(c, side), 16)
    memcpy(row.dst, sender(c, 1 - side), 16)
    row.src_port = c.dst_port if side else c.src_port
    row.dst_port = c.src_port if side else c.dst_port
    row.transport = c.protocol
    row.scope = c.scope_back if side else c.scope
    row.control = <int32_t>c.control - 1
    row.peer = peer.row
    flow.row = row.number = r.numbers
    r.numbers += 1
    if flow_rows_touch(r, flow.row) != 0:
        return -1
    if peer.row >= 0:
        flow_row(r, peer.row).peer = flow.row
    return flow.row


cdef inline uint8_t protocol_of(const flow_t *flow) noexcept nogil:
    # a stream on the port of MMS in which nothing was found is none
    if flow.state == STATE_MMS and (
        flow.mms == NULL or not flow.mms.model.fresh or flow.mms.options.datagrams
    ):
        return FLOW_MMS
    return <uint8_t>(FLOW_WINMX if flow.state == STATE_WINMX else FLOW_UNKNOWN)


cdef void flow_rows_update(flow_rows_t *r, const flow_t *flow) noexcept nogil:
    cdef flow_row_t *row
    if flow.row < 0:
        return
    row = flow_row(r, flow.row)
    row.protocol = protocol_of(flow)
    row.packets = flow.packets
    row.bytes = flow.bytes
    row.first_time = flow.first_time
    row.last_time = flow.last_time
    row.length = <uint64_t>flow.tcp.next
    row.gaps = flow.tcp.gaps
    row.retransmissions = flow.tcp.retransmissions
    row.conflicts = flow.tcp.conflicts
    row.out_of_order = flow.tcp.pieces.out_of_order
    row.zero_windows = flow.figures.zero_windows
    row.handshake = flow.figures.handshake if flow.figures.handshake > 0 else -1
    row.rtt_count = flow.figures.rtt_count
    row.rtt_min, row.rtt_max = flow.figures.rtt_min, flow.figures.rtt_max
    row.rtt_sum = flow.figures.rtt_sum
    row.extent = flow.extent if flow.epoch == r.epoch else 0
    if flow.mms != NULL:
        row.direction = flow.mms.model.direction
    elif flow.state == STATE_WINMX:
        row.direction = <uint8_t>flow.direction
    if flow.tcp.syn:
        row.marks |= FLOW_SYN
    if flow.tcp.fin >= 0:
        row.marks |= FLOW_FIN


cdef int flow_rows_end(flow_rows_t *r, const flow_t *flow) noexcept nogil:
    flow_rows_update(r, flow)
    if flow.row < 0:
        return 0
    if flow_rows_touch(r, flow.row) != 0:
        return -1
    flow_owner(r, flow.row).side = 0
    flow_row(r, flow.row).marks |= FLOW_ENDED
    r.ended += 1
    return 0


cdef void flow_rows_update_all(flow_rows_t *r, flow_table_t *table) noexcept nogil:
    cdef owner_t *owners = <owner_t *>r.owners.data
    cdef size_t i
    for i in range(r.owners.rows):
        if owners[i].side != 0:
            flow_rows_update(r, flow_owned(table, owners + i))


cdef int by_number(const void *a, const void *b) noexcept nogil:
    # order for qsort
    cdef int32_t x = (<const int32_t *>a)[0], y = (<const int32_t *>b)[0]
    return (x > y) - (x < y)


cdef int flow_rows_touched(flow_rows_t *r, flow_table_t *table, table_t *out) noexcept nogil:
    cdef int32_t *numbers = <int32_t *>r.touched.data
    cdef owner_t *owner
    cdef size_t i, slot
    if table_reserve(out, r.touched.rows) != 0:
        return -1
    if r.touched.rows != 0:
        qsort(numbers, r.touched.rows, sizeof(int32_t), by_number)
    for i in range(r.touched.rows):
        slot = slot_of(r, numbers[i])
        owner = <owner_t *>r.owners.data + slot
        if owner.side != 0:
            flow_rows_update(r, flow_owned(table, owner))
        (<flow_row_t *>out.data)[out.rows] = (<flow_row_t *>r.rows.data)[slot]
        out.rows += 1
    return 0


cdef void flow_rows_retire(flow_rows_t *r) noexcept nogil:
    cdef owner_t *owners = <owner_t *>r.owners.data
    cdef flow_row_t *rows = <flow_row_t *>r.rows.data
    cdef size_t i, n = 0
    if r.ended <= r.rows.rows // 2:
        return
    for i in range(r.owners.rows):
        if owners[i].side != 0:
            if n != i:
                owners[n] = owners[i]
                rows[n] = rows[i]
            n += 1
    r.owners.rows = r.rows.rows = n
    r.ended = 0
