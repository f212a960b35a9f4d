# GRE and the tunnels over UDP.
#
# A UDP port proves nothing: players took 2152, 3544 or 4789 for themselves. So the UDP tunnels are
# strict about everything their headers fix (what a receiver ignores is not fixed), answer
# NETWORK_OTHER otherwise, and the caller then keeps the datagram as it is.
from libc.stdint cimport uint32_t
from mmscodec._kernels.core.layout cimport FIELD_TUNNEL_HEADER
from mmscodec._kernels.net.cursor cimport (
    NETWORK_NOTHING, NETWORK_OTHER, STEP_ETHERNET, STEP_ETHERTYPE, STEP_IP, STEP_IPV4, STEP_IPV6,
    STEP_NEXT, STEP_PPP, STEP_WIFI, advance, cursor_t, network_t, scope_mix, short_of, trim,
)
from mmscodec._kernels.net.numbers cimport (
    ETHERTYPE_ERSPAN2, ETHERTYPE_ERSPAN3, ETHERTYPE_LEAST, ETHERTYPE_PPP,
    ETHERTYPE_TRANSPARENT_BRIDGING, ETHERTYPE_WCCP, NEXT_IPV4, NEXT_IPV6, PORT_AYIYA, PORT_GENEVE,
    PORT_LISP_DATA, PORT_TEREDO, PORT_VXLAN, PORT_VXLAN_GPE,
)
from mmscodec._kernels.core.wire cimport load_be16, load_be32

cdef enum:
    SCOPE_GRE = 3
    SCOPE_VXLAN = 4
    SCOPE_GENEVE = 5
    SCOPE_LISP = 6


cdef int gre_step(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t flags, length = 4
    if c.n < 4:
        return short_of(net, c, FIELD_TUNNEL_HEADER, 4)
    flags = load_be16(c.p)
    c.kind = load_be16(c.p + 2)
    if flags & 7 == 1:
        return pptp(net, c, flags)
    if flags & 7:
        return NETWORK_NOTHING
    if flags & 0xC000:
        length += 4  # checksum and offset
    if flags & 0x2000:
        length += 4
    if flags & 0x1000:
        length += 4
    if c.n < length:
        return short_of(net, c, FIELD_TUNNEL_HEADER, length)
    if flags & 0x2000:
        gre_key(c, load_be32(c.p + (8 if flags & 0xC000 else 4)))
    advance(c, length)
    if flags & 0x4000:
        length = gre_routing(c)
        if length:
            return short_of(net, c, FIELD_TUNNEL_HEADER, length)
    return gre_payload(net, c, flags)


cdef void gre_key(cursor_t *c, uint32_t key) noexcept nogil:
    # NVGRE (RFC 7637) has a flow number in the last byte, other by direction; its networks start
    # at 0x001000, so smaller keys are those of plain Ethernet over GRE
    if c.kind == ETHERTYPE_TRANSPARENT_BRIDGING and key >= 0x00100000:
        key >>= 8
    c.scope = scope_mix(c.scope, SCOPE_GRE, key)


cdef uint32_t gre_routing(cursor_t *c) noexcept nogil:
    # entries of address family, offset, length, data; an empty one is the last (RFC 1701);
    # the bytes missing for the next one, or 0
    cdef uint32_t length
    while True:
        if c.n < 4:
            return 4
        length = c.p[3]
        if load_be16(c.p) == 0 and length == 0:
            advance(c, 4)
            return 0
        if c.n - 4 < length:
            return 4 + length
        advance(c, 4 + length)


cdef int gre_payload(network_t *net, cursor_t *c, uint32_t flags) noexcept nogil:
    # what follows a GRE header; the next step
    if c.kind == ETHERTYPE_ERSPAN2:  # type II has a sequence number and a header, type I neither
        return skip(net, c, 8 if flags & 0x1000 else 0, STEP_ETHERNET)
    if c.kind == ETHERTYPE_ERSPAN3:
        return erspan3(net, c)
    if c.kind == ETHERTYPE_WCCP:  # WCCP puts 4 bytes of its own before the datagram
        if c.n < 1:
            return short_of(net, c, FIELD_TUNNEL_HEADER, 1)
        return STEP_IPV4 if c.p[0] >> 4 == 4 else skip(net, c, 4, STEP_IPV4)
    if c.kind & 0xFE0F == 0x8200:
        return STEP_WIFI  # Aruba access points, one type for each of their queues
    return STEP_ETHERTYPE if c.kind >= ETHERTYPE_LEAST else NETWORK_OTHER


cdef int erspan3(network_t *net, cursor_t *c) noexcept nogil:
    # ERSPAN type III; the next step
    cdef uint32_t length = 12, frame
    if c.n < 12:
        return short_of(net, c, FIELD_TUNNEL_HEADER, 12)
    frame = (c.p[10] >> 2) & 31
    if c.p[11] & 1:
        length += 8  # platform header
    if frame == 0:
        return skip(net, c, length, STEP_ETHERNET)
    if frame == 2:
        return skip(net, c, length, STEP_IP)
    return NETWORK_OTHER


cdef int pptp(network_t *net, cursor_t *c, uint32_t flags) noexcept nogil:
    # version 1 (RFC 2637): the call id differs by direction and stays out of the scope
    cdef uint32_t length = 8
    if c.n < 8:
        return short_of(net, c, FIELD_TUNNEL_HEADER, 8)
    if c.kind != ETHERTYPE_PPP or not flags & 0x1000:
        return NETWORK_NOTHING  # an acknowledgement alone
    length += 4
    if flags & 0x0080:
        length += 4
    trim(c, <uint32_t>load_be16(c.p + 4) + length)
    return skip(net, c, length, STEP_PPP)


cdef int skip(network_t *net, cursor_t *c, uint32_t k, int step) noexcept nogil:
    # pass over k bytes; `step`, or a fault
    if c.n < k:
        return short_of(net, c, FIELD_TUNNEL_HEADER, k)
    advance(c, k)
    return step


# ---- over UDP


cdef int tunnel_step(network_t *net, cursor_t *c) noexcept nogil:
    if c.kind == PORT_TEREDO:
        return teredo(net, c)
    if c.kind == PORT_LISP_DATA:
        return lisp(c)
    if c.kind == PORT_VXLAN:
        return vxlan(c)
    if c.kind == PORT_VXLAN_GPE:
        return vxlan_gpe(c)
    if c.kind == PORT_AYIYA:
        return ayiya(c)
    if c.kind == PORT_GENEVE:
        return geneve(net, c)
    return gtp(net, c)


cdef inline int whole_ip(const cursor_t *c) noexcept nogil:
    # an IP datagram that ends where the UDP datagram does
    if c.n >= 20 and c.p[0] >> 4 == 4 and load_be16(c.p + 2) == c.wire:
        return STEP_IPV4
    if c.n >= 40 and c.p[0] >> 4 == 6 and <uint32_t>load_be16(c.p + 4) + 40 == c.wire:
        return STEP_IPV6
    return NETWORK_OTHER


cdef int teredo(network_t *net, cursor_t *c) noexcept nogil:
    # RFC 4380: authentication and origin indications may stand before the IPv6 datagram
    cdef uint32_t length
    if c.n >= 4 and load_be16(c.p) == 1:
        length = 13 + <uint32_t>c.p[2] + c.p[3]
        if c.n < length:
            return NETWORK_OTHER
        advance(c, length)
    if c.n >= 8 and load_be16(c.p) == 0:
        advance(c, 8)
    return STEP_IPV6 if whole_ip(c) == STEP_IPV6 else NETWORK_OTHER


cdef int vxlan(cursor_t *c) noexcept nogil:
    # RFC 7348 section 5: one flag must be set; all other bits are reserved and to be ignored
    if c.n < 8 or c.p[0] & 0x08 == 0:
        return NETWORK_OTHER
    c.scope = scope_mix(c.scope, SCOPE_VXLAN, load_be32(c.p + 4) >> 8)
    advance(c, 8)
    return STEP_ETHERNET


cdef int vxlan_gpe(cursor_t *c) noexcept nogil:
    # draft-ietf-nvo3-vxlan-gpe: version 0, no operations packet, what is inside named or Ethernet
    cdef uint32_t flags
    if c.n < 8 or c.p[0] & 0x39 != 0x08:
        return NETWORK_OTHER
    flags = c.p[0]
    c.kind = c.p[3]
    c.scope = scope_mix(c.scope, SCOPE_VXLAN, load_be32(c.p + 4) >> 8)
    advance(c, 8)
    if flags & 0x04 == 0:
        return STEP_ETHERNET
    if c.kind == NEXT_IPV4 or c.kind == NEXT_IPV6:
        return whole_ip(c)
    return STEP_NEXT


cdef int lisp(cursor_t *c) noexcept nogil:
    # RFC 9300 section 5: flags that say which of the next fields mean anything, and a key
    if c.n < 8 or c.p[0] & 0x03 != 0:
        return NETWORK_OTHER  # encrypted
    if c.p[0] & 0x08:
        c.scope = scope_mix(c.scope, SCOPE_LISP, load_be32(c.p + 4) >> 8)
    advance(c, 8)
    return whole_ip(c)


cdef int ayiya(cursor_t *c) noexcept nogil:
    # draft-massar-v6ops-ayiya: lengths of identity and signature, "forward", what is inside
    cdef uint32_t length
    if c.n < 8 or c.p[2] & 15 != 1 or (c.p[3] != 41 and c.p[3] != 4):
        return NETWORK_OTHER
    length = 8 + (<uint32_t>1 << (c.p[0] >> 4)) + <uint32_t>(c.p[1] >> 4) * 4
    if c.n < length:
        return NETWORK_OTHER
    advance(c, length)
    return whole_ip(c)


cdef int geneve(network_t *net, cursor_t *c) noexcept nogil:
    # Geneve, whose network goes into the scope; the next step
    cdef uint32_t length
    if c.n < 8 or c.p[0] >> 6 != 0 or c.p[7] != 0:
        return NETWORK_OTHER
    length = 8 + <uint32_t>(c.p[0] & 63) * 4
    if c.n < length:
        return NETWORK_OTHER
    c.scope = scope_mix(c.scope, SCOPE_GENEVE, load_be32(c.p + 4) >> 8)
    c.kind = load_be16(c.p + 2)
    advance(c, length)
    return STEP_ETHERTYPE if c.kind >= ETHERTYPE_LEAST else NETWORK_OTHER


cdef int gtp(network_t *net, cursor_t *c) noexcept nogil:
    # GTP-U version 1, a user datagram; the tunnel ids of the two directions differ
    cdef uint32_t length
    if c.n < 8 or c.p[0] & 0xF0 != 0x30 or c.p[1] != 0xFF:
        return NETWORK_OTHER
    if <uint32_t>load_be16(c.p + 2) + 8 != c.wire:
        return NETWORK_OTHER
    if c.p[0] & 7 == 0:
        advance(c, 8)
        return inner_ip(c)
    if c.n < 12:
        return NETWORK_OTHER
    length = c.p[11] if c.p[0] & 4 else 0  # next extension header
    advance(c, 12)
    while length:
        length = <uint32_t>(c.p[0] * 4 if c.n else 0)
        if length == 0 or c.n < length:
            return NETWORK_OTHER
        advance(c, length)
        length = (c.p - 1)[0]
    return inner_ip(c)


cdef int inner_ip(cursor_t *c) noexcept nogil:
    # the step of an IP header, if one stands here
    return STEP_IP if c.n and (c.p[0] >> 4 == 4 or c.p[0] >> 4 == 6) else NETWORK_OTHER
