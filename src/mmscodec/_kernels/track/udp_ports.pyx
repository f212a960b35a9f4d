# UDP ports that clients announced in ConnectFunnel.funnelName (2.2.4.18, 3.2.5.5): Data packets go
# to the client's address of the TCP connection and this port, from any port of the server.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcmp, memcpy, memset
from mmscodec._kernels.track.flow_table cimport connection_t
from mmscodec._kernels.core.layout cimport MID_CONNECT_FUNNEL
from mmscodec._kernels.mms.scan cimport message_row_t, row_tail_t
from mmscodec._kernels.track.protocol_detection cimport funnel_port
from mmscodec._kernels.track.flow cimport sender
from mmscodec._kernels.core.table cimport table_row
from mmscodec._kernels.track.tracker cimport announced_t, track_t

cdef enum:
    HEADS = 1 << 14
    MAX_ANNOUNCED = 1 << 16


cdef int announce_port(track_t *t, connection_t *c, int side, int port) noexcept nogil:
    # the client of this flow waits for Data packets at a UDP port
    cdef uint32_t head, i
    cdef announced_t *row
    cdef const uint8_t *address = sender(c, side)
    if t.announced_heads == NULL:
        t.announced_heads = <uint32_t *>calloc(HEADS, sizeof(uint32_t))
        if t.announced_heads == NULL:
            return -1
    row = find_port(t, address, <uint16_t>port, c.scope)
    if row == NULL:
        if t.announced.rows >= MAX_ANNOUNCED:  # the oldest are forgotten, all at once
            t.announced.rows = 0
            memset(t.announced_heads, 0, HEADS * sizeof(uint32_t))
        row = <announced_t *>table_row(&t.announced)
        if row == NULL:
            return -1
        memcpy(row.address, address, 16)
        row.port = <uint16_t>port
        row.scope = c.scope
        row.padding = 0
        head = port_slot(t, address, <uint16_t>port)
        i = t.announced_heads[head]
        row.after = i
        t.announced_heads[head] = <uint32_t>t.announced.rows
        t.generation += 1
    row.control = c.side[side].row
    return 0


cdef uint32_t port_slot(track_t *t, const uint8_t *address, uint16_t port) noexcept nogil:
    cdef uint64_t x = t.flows.seed ^ port
    cdef int i
    for i in range(16):
        x = (x ^ address[i]) * <uint64_t>0x100000001B3
    x ^= x >> 33
    x *= <uint64_t>0xD6E8FEB86659FD93
    return <uint32_t>(x >> 40) & (HEADS - 1)


cdef announced_t *find_port(
    track_t *t, const uint8_t *address, uint16_t port, uint32_t scope
) noexcept nogil:
    cdef uint32_t i
    cdef announced_t *row
    if t.announced_heads == NULL:
        return NULL
    i = t.announced_heads[port_slot(t, address, port)]
    while i != 0:
        row = <announced_t *>t.announced.data + (i - 1)
        if row.port == port and row.scope == scope and memcmp(row.address, address, 16) == 0:
            return row
        i = row.after
    return NULL


cdef int read_funnels(track_t *t, connection_t *c, int side, size_t first) noexcept nogil:
    # messages that just came in: does one of them name a UDP port?
    cdef size_t i
    cdef message_row_t *row
    cdef row_tail_t tail
    cdef int port
    for i in range(first, t.tables.messages.rows):
        row = <message_row_t *>(t.tables.messages.data + i * t.tables.messages.itemsize)
        if row.mid == MID_CONNECT_FUNNEL:
            memcpy(&tail, <uint8_t *>row + sizeof(message_row_t), sizeof(tail))
            port = funnel_port(t.tables.arena.data + tail.position, row.length)
            if port > 0 and announce_port(t, c, side, port) != 0:
                return -1
    return 0
