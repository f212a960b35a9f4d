# IPv4, IPv6 with its extension headers, and the two transports.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.net.cursor cimport cursor_t, network_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.core.wire cimport likely, load_le32, load_le64, store_le32, store_le64

# One step each: the header at the cursor is passed over. The next step, or a result.
cdef int ip_step(network_t *net, cursor_t *c) noexcept nogil
cdef int ipv4_step(network_t *net, cursor_t *c, segment_t *out) noexcept nogil
cdef int ipv6_step(network_t *net, cursor_t *c, segment_t *out) noexcept nogil
cdef int protocol_step(network_t *net, cursor_t *c, segment_t *out) noexcept nogil


cdef inline void map_ipv4(uint8_t *to, const uint8_t *address) noexcept nogil:
    # ::ffff:a.b.c.d
    store_le64(to, 0)
    store_le32(to + 8, <uint32_t>0xFFFF0000)
    memcpy(to + 12, address, 4)


cdef inline bint is_mapped(const uint8_t *address) noexcept nogil:
    # 16 bytes that stand for an IPv4 address
    return load_le64(address) == 0 and load_le32(address + 8) == <uint32_t>0xFFFF0000


cdef inline bint tunnel_port(uint16_t port) noexcept nogil:
    # GTP-U, Teredo, LISP, VXLAN, VXLAN-GPE, AYIYA, Geneve; one look at six bits sorts out the rest
    if likely(not <uint64_t>0x0060010001010002 >> (port & 63) & 1):
        return False
    return (
        port == 2152 or port == 3544 or port == 4341 or port == 4789 or port == 4790
        or port == 5072 or port == 6081
    )
