# See udp_ports.pxd for the contract.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset
from mmscodec._kernels.core.layout cimport MID_CONNECT_FUNNEL
from mmscodec._kernels.core.table cimport table_free, table_init, table_row
from mmscodec._kernels.core.wire cimport load_le16
from mmscodec._kernels.mms.state cimport message_row_t, row_tail_t

cdef enum:
    HEADS = 1 << 14
    MAX_PORTS = 1 << 16


cdef void udp_ports_init(udp_ports_t *u, uint64_t seed) noexcept nogil:
    table_init(&u.rows, sizeof(udp_port_t))
    u.heads = NULL
    u.seed = seed
    u.generation = 0


cdef void udp_ports_free(udp_ports_t *u) noexcept nogil:
    table_free(&u.rows)
    free(u.heads)


cdef uint32_t hash_of(const udp_ports_t *u, const uint8_t *address, uint16_t port) noexcept nogil:
    # hash of an address and a port
    cdef uint64_t x = u.seed ^ port
    cdef int i
    for i in range(16):
        x = (x ^ address[i]) * <uint64_t>0x100000001B3
    x ^= x >> 33
    x *= <uint64_t>0xD6E8FEB86659FD93
    return <uint32_t>(x >> 40) & (HEADS - 1)


cdef udp_port_t *udp_ports_find(
    udp_ports_t *u, const uint8_t *address, uint16_t port, uint32_t scope
) noexcept nogil:
    cdef uint32_t i
    cdef udp_port_t *row
    if u.heads == NULL:
        return NULL
    i = u.heads[hash_of(u, address, port)]
    while i != 0:
        row = <udp_port_t *>u.rows.data + (i - 1)
        if row.port == port and row.scope == scope and memcmp(row.address, address, 16) == 0:
            return row
        i = row.after
    return NULL


cdef int add_port(
    udp_ports_t *u, const uint8_t *address, uint16_t port, uint32_t scope, int32_t control
) noexcept nogil:
    # note a port that a client named for Data packets. 0, or -1 without memory
    cdef uint32_t *head
    cdef udp_port_t *row
    if u.heads == NULL:
        u.heads = <uint32_t *>calloc(HEADS, sizeof(uint32_t))
        if u.heads == NULL:
            return -1
    row = udp_ports_find(u, address, port, scope)
    if row == NULL:
        if u.rows.rows >= MAX_PORTS:  # the oldest are forgotten, all at once
            u.rows.rows = 0
            memset(u.heads, 0, HEADS * sizeof(uint32_t))
        row = <udp_port_t *>table_row(&u.rows)
        if row == NULL:
            return -1
        memcpy(row.address, address, 16)
        row.port = port
        row.scope = scope
        row.padding = 0
        head = u.heads + hash_of(u, address, port)
        row.after = head[0]
        head[0] = <uint32_t>u.rows.rows
        u.generation += 1
    row.control = control
    return 0


cdef int udp_ports_read(
    udp_ports_t *u, const mms_tables_t *t, size_t first, const uint8_t *address, uint32_t scope,
    int32_t control
) noexcept nogil:
    cdef size_t i
    cdef const message_row_t *row
    cdef row_tail_t tail
    cdef int port
    for i in range(first, t.messages.rows):
        row = <const message_row_t *>(t.messages.data + i * t.messages.itemsize)
        if row.mid != MID_CONNECT_FUNNEL:
            continue
        memcpy(&tail, <const uint8_t *>row + sizeof(message_row_t), sizeof(tail))
        port = funnel_port(t.arena.data + tail.position, row.length)
        if port > 0 and add_port(u, address, <uint16_t>port, scope, control) != 0:
            return -1
    return 0


cdef int funnel_port(const uint8_t *m, size_t n) noexcept nogil:
    # The UDP port in the funnelName of a ConnectFunnel message, or -1: \\address\UDP\port.
    cdef size_t i = 28, parts = 0
    cdef uint32_t unit, port = 0
    cdef uint32_t kind = 0
    cdef bint digits = False
    while n - i >= 2 and i < n:
        unit = load_le16(m + i)
        i += 2
        if unit == 0x5C:
            parts += 1
        elif parts < 3:
            continue
        elif parts == 3:
            kind = (kind << 8) | <uint32_t>(unit & 0xDF if unit < 128 else 1)
        elif parts == 4 and 0x30 <= unit <= 0x39 and port < 65536:
            port = port * 10 + (unit - 0x30)
            digits = True
        else:
            break
    if kind != 0x554450 or not digits or port == 0 or port > 65535:
        return -1
    return <int>port
