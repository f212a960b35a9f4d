# UDP ports that clients named in ConnectFunnel.funnelName (2.2.4.18, 3.2.5.5), by address: Data
# packets go to the client's address of the TCP connection and this port, from any port of the
# server.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.mms.state cimport mms_tables_t

cdef struct udp_port_t:
    uint8_t address[16]
    uint32_t scope
    uint16_t port
    uint16_t padding
    int32_t control  # row of the flow that named it last
    uint32_t after  # next one with the same hash, counted from 1

cdef struct udp_ports_t:
    table_t rows  # udp_port_t
    uint32_t *heads  # by hash, counted from 1; NULL while there is none
    uint64_t seed
    uint16_t generation  # grows with each new port

# No port is known; whoever calls this calls udp_ports_free.
cdef void udp_ports_init(udp_ports_t *u, uint64_t seed) noexcept nogil
cdef void udp_ports_free(udp_ports_t *u) noexcept nogil
# The row of a port, or NULL.
cdef udp_port_t *udp_ports_find(
    udp_ports_t *u, const uint8_t *address, uint16_t port, uint32_t scope
) noexcept nogil
# The port of each ConnectFunnel among the messages from row `first` on, which came from `address`
# in the flow `control`. 0, or -1 without memory.
cdef int udp_ports_read(
    udp_ports_t *u, const mms_tables_t *t, size_t first, const uint8_t *address, uint32_t scope,
    int32_t control
) noexcept nogil
