# IPv4, IPv6 and its extension headers, fragments, TCP and UDP headers.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.core.layout cimport (
    FAULT_FRAGMENT_DROPPED, FAULT_TUNNEL_DEPTH, FIELD_FRAGMENT, FIELD_IP_HEADER, FIELD_TCP_HEADER,
    FIELD_UDP_HEADER,
)
from mmscodec._kernels.net.cursor cimport (
    NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT, STEP_ETHERNET, STEP_GRE, STEP_IPV4, STEP_IPV6,
    STEP_MPLS, STEP_PROTOCOL, STEP_TUNNEL, advance, bad, cursor_t, fault, network_t, scope_mix,
    short_of, trim,
)
from mmscodec._kernels.net.fragments cimport (
    FRAGMENT_NO_MEMORY,
    FRAGMENT_REFUSED,
    FRAGMENT_WHOLE,
    fragment_t,
    fragments_add,
    fragments_release,
    fragments_room,
)
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, PROTOCOL_UDP, segment_t
from mmscodec._kernels.net.numbers cimport (
    IP_AUTHENTICATION, IP_COMPRESSION, IP_DESTINATION, IP_ETHERIP, IP_FRAGMENT, IP_GRE, IP_HIP,
    IP_HOP_BY_HOP, IP_IPV4, IP_IPV6, IP_MOBILITY, IP_MPLS, IP_ROUTING, IP_SHIM6,
)
from mmscodec._kernels.core.wire cimport load_be16, load_be32

cdef enum:
    SCOPE_MAPPED = 7  # kind of scope, beside those of link.pyx and tunnels.pyx
    EXTENSIONS_MAX = 256  # a bound on what a frame may cost; no list of RFCs needs as many
    UNCUT_MAX = 1 << 20
    INFLATED_MAX = 65535
    # text is 3 times shorter in a packet; beyond this in all packets together, it is a bomb
    UNFOLD_FREE = 16 << 20
    UNFOLD_TIMES = 8


cdef int ip_step(network_t *net, cursor_t *c) noexcept nogil:
    if c.n < 1:
        return short_of(net, c, FIELD_IP_HEADER, 1)
    if c.p[0] >> 4 == 4:
        return STEP_IPV4
    if c.p[0] >> 4 == 6:
        return STEP_IPV6
    return bad(net, c, FIELD_IP_HEADER, 1)


cdef inline int enter(network_t *net, cursor_t *c, uint8_t version, uint32_t need) noexcept nogil:
    # the checks that both versions share; 0 when the fixed header is there
    if c.headers > net.max_depth:
        return fault(net, c, FAULT_TUNNEL_DEPTH, FIELD_IP_HEADER, net.max_depth)
    if c.n < 1:
        return short_of(net, c, FIELD_IP_HEADER, need)
    if c.p[0] >> 4 != version:
        return bad(net, c, FIELD_IP_HEADER, need)
    if c.n < need:
        return short_of(net, c, FIELD_IP_HEADER, need)
    c.headers += 1
    c.version = version
    c.extensions = 0
    c.jumbo = False
    return 0


cdef inline int limit(network_t *net, cursor_t *c, uint32_t total) noexcept nogil:
    # The IP length ends the datagram. Where a frame was stored with the length it was cut to, the
    # IP length is more than the frame had: the difference was not captured. Inside another
    # datagram there is no such excuse.
    if total > c.wire and (c.headers > 1 or c.owned):
        return bad(net, c, FIELD_IP_HEADER, total)
    if total > c.wire:
        c.wire = total
    else:
        trim(c, total)
    return 0


cdef inline int uncut(network_t *net, cursor_t *c) noexcept nogil:
    # Length 0: a datagram that the network card has yet to cut into segments, or a jumbogram; it
    # ends with the frame. No system makes larger ones than 512 KiB, so a frame that claims more
    # does not get to claim as much of a stream.
    return bad(net, c, FIELD_IP_HEADER, UNCUT_MAX) if c.wire > UNCUT_MAX else 0


cdef int ipv4_step(network_t *net, cursor_t *c, segment_t *out) noexcept nogil:
    cdef uint32_t head, total, flags
    cdef int state = enter(net, c, 4, 20)
    if state:
        return state
    head = <uint32_t>(c.p[0] & 15) * 4
    total = load_be16(c.p + 2)
    if head < 20 or (total and total < head):
        return bad(net, c, FIELD_IP_HEADER, head)
    if limit(net, c, total) if total else uncut(net, c):
        return NETWORK_FAULT
    if c.n < head:
        return short_of(net, c, FIELD_IP_HEADER, head)
    map_ipv4(out.src, c.p + 12)
    map_ipv4(out.dst, c.p + 16)
    c.kind = c.p[9]
    flags = load_be16(c.p + 6)
    if flags & 0x3FFF:
        return fragment(
            net, c, out, head, load_be16(c.p + 4), (flags & 0x1FFF) * 8, flags & 0x2000 != 0
        )
    advance(c, head)
    return STEP_PROTOCOL


cdef int ipv6_step(network_t *net, cursor_t *c, segment_t *out) noexcept nogil:
    cdef uint32_t length
    cdef int state = enter(net, c, 6, 40)
    if state:
        return state
    length = load_be16(c.p + 4)
    c.jumbo = length == 0
    if limit(net, c, length + 40) if length else uncut(net, c):
        return NETWORK_FAULT
    memcpy(out.src, c.p + 8, 16)
    memcpy(out.dst, c.p + 24, 16)
    if is_mapped(out.src) and is_mapped(out.dst):
        # not the connection of the IPv4 packets between the same addresses
        c.scope = scope_mix(c.scope, SCOPE_MAPPED, 6)
    c.kind = c.p[6]
    advance(c, 40)
    return STEP_PROTOCOL


cdef int fragment(
    network_t *net,
    cursor_t *c,
    segment_t *out,
    uint32_t head,
    uint32_t id,
    uint32_t offset,
    bint more,
) noexcept nogil:
    # the cursor stands on the fragment's own header of `head` bytes
    cdef fragment_t x
    cdef int state
    advance(c, head)
    if not c.owned:
        fragments_release(&net.fragments)  # what earlier frames gave; inside one it is still read
    x.src = out.src
    x.dst = out.dst
    x.data = c.p
    x.id = id
    x.scope = c.scope
    x.version = c.version
    x.protocol = <uint8_t>c.kind
    x.more = more
    x.offset = offset
    x.captured = c.n
    x.length = c.wire
    x.time = c.time
    x.position = c.position + c.offset
    state = fragments_add(&net.fragments, &x)
    if state == FRAGMENT_WHOLE:
        c.p = x.whole
        c.n = x.whole_captured
        c.wire = x.whole_length
        c.kind = x.protocol
        c.owned = True
        return STEP_PROTOCOL
    if state == FRAGMENT_REFUSED:
        state = fault(net, c, FAULT_FRAGMENT_DROPPED, FIELD_FRAGMENT, x.need)
        net.fault.have = x.have
        return state
    if state == FRAGMENT_NO_MEMORY:
        return fault(net, c, FAULT_FRAGMENT_DROPPED, FIELD_FRAGMENT, 0)
    return NETWORK_NOTHING


# ---- what the IP header names next


cdef int protocol_step(network_t *net, cursor_t *c, segment_t *out) noexcept nogil:
    cdef uint32_t kind = c.kind
    if kind == PROTOCOL_TCP:
        return tcp(net, c, out)
    if kind == PROTOCOL_UDP:
        return udp(net, c, out)
    if kind == IP_IPV4:
        return STEP_IPV4
    if kind == IP_IPV6:
        return STEP_IPV6
    if kind == IP_GRE:
        return STEP_GRE
    if kind == IP_AUTHENTICATION:
        return extension(net, c, 4)
    if kind == IP_ETHERIP:
        return ethernet_in_ip(net, c)
    if kind == IP_COMPRESSION:
        return compressed(net, c)
    if kind == IP_MPLS:
        return STEP_MPLS
    if c.version == 6:
        if kind in (
            IP_HOP_BY_HOP, IP_ROUTING, IP_DESTINATION, IP_MOBILITY, IP_HIP, IP_SHIM6,
        ):
            return extension(net, c, 8)
        if kind == IP_FRAGMENT:
            return fragment_header(net, c, out)
    return NETWORK_NOTHING


cdef int extension(network_t *net, cursor_t *c, uint32_t unit) noexcept nogil:
    # next header, length in units of 8 bytes without the first (AH: 4 bytes without the first two)
    cdef uint32_t length, kind = c.kind
    c.extensions += 1
    if c.extensions > EXTENSIONS_MAX:
        return bad(net, c, FIELD_IP_HEADER, EXTENSIONS_MAX)
    if c.n < 8:
        return short_of(net, c, FIELD_IP_HEADER, 8)
    length = <uint32_t>((c.p[1] + 1) * 8 if unit == 8 else (c.p[1] + 2) * 4)
    if c.n < length:
        return short_of(net, c, FIELD_IP_HEADER, length)
    if c.jumbo and kind == IP_HOP_BY_HOP and jumbo_length(net, c, length):
        return NETWORK_FAULT
    c.kind = c.p[0]
    advance(c, length)
    return STEP_PROTOCOL


cdef int jumbo_length(network_t *net, cursor_t *c, uint32_t length) noexcept nogil:
    # RFC 2675: the option C2 in the hop-by-hop header has the payload's length
    cdef uint32_t total, at = 2
    while length > at and length - at >= 2:
        if c.p[at] == 0xC2 and c.p[at + 1] == 4 and length - at >= 6:
            c.jumbo = False
            total = load_be32(c.p + at + 2)  # what follows the fixed header, this one included
            if total < 65536 or total > c.wire:
                return bad(net, c, FIELD_IP_HEADER, total)
            trim(c, total)
            return 0
        if c.p[at] == 0:
            at += 1
        elif length - at - 2 < c.p[at + 1]:
            break
        else:
            at += 2 + c.p[at + 1]
    return 0


cdef int fragment_header(network_t *net, cursor_t *c, segment_t *out) noexcept nogil:
    # the header of an IPv6 fragment; the next step
    cdef uint32_t flags
    c.extensions += 1
    if c.extensions > EXTENSIONS_MAX:
        return bad(net, c, FIELD_IP_HEADER, EXTENSIONS_MAX)
    if c.n < 8:
        return short_of(net, c, FIELD_FRAGMENT, 8)
    c.kind = c.p[0]
    flags = load_be16(c.p + 2)
    if flags & 0xFFF9 == 0:  # an atomic fragment is a datagram of its own, RFC 6946
        advance(c, 8)
        return STEP_PROTOCOL
    return fragment(net, c, out, 8, load_be32(c.p + 4), flags & 0xFFF8, flags & 1)


cdef int compressed(network_t *net, cursor_t *c) noexcept nogil:
    # IPComp (RFC 3173): next header, flags, an index. 2 is DEFLATE, 256 and more were negotiated,
    # 1, 3 and 4 are other methods. Once a frame, so that none can unfold without end.
    cdef uint8_t *out
    cdef uint64_t room
    cdef int length
    if c.n < 4:
        return short_of(net, c, FIELD_IP_HEADER, 4)
    length = load_be16(c.p + 2)
    if net.inflate == NULL or c.inflated or (length != 2 and length < 256):
        return NETWORK_NOTHING
    if c.n < c.wire:
        return short_of(net, c, FIELD_IP_HEADER, c.wire)
    if not c.owned:
        fragments_release(&net.fragments)
    out = fragments_room(&net.fragments, INFLATED_MAX)
    if out == NULL:
        return NETWORK_NOTHING
    net.squeezed += c.n
    room = UNFOLD_FREE + net.squeezed * UNFOLD_TIMES - net.unfolded  # never negative
    if room > INFLATED_MAX:
        room = INFLATED_MAX
    length = net.inflate(c.p + 4, c.n - 4, out, <uint32_t>room)
    if length == -1:
        return NETWORK_NOTHING
    if length < 0:
        net.unfolded += room  # the work was done
        return fault(net, c, FAULT_FRAGMENT_DROPPED, FIELD_IP_HEADER, <int64_t>room + 1)
    net.unfolded += <uint32_t>length
    c.kind = c.p[0]
    c.p = out
    c.n = c.wire = <uint32_t>length
    c.owned = c.inflated = True
    return STEP_PROTOCOL


cdef int ethernet_in_ip(network_t *net, cursor_t *c) noexcept nogil:
    # EtherIP (RFC 3378); the next step
    if c.n < 2:
        return short_of(net, c, FIELD_IP_HEADER, 2)
    if c.p[0] >> 4 != 3:
        return NETWORK_NOTHING
    advance(c, 2)
    return STEP_ETHERNET


# ---- transports


cdef inline void payload(cursor_t *c, segment_t *out, uint32_t head) noexcept nogil:
    # fill in addresses, ports and payload behind a transport header of `head` bytes
    out.protocol = <uint8_t>c.kind
    out.scope = c.scope
    out.wire_len = c.wire - head
    if c.n >= head:
        out.payload = c.p + head
        out.length = c.n - head
    else:
        out.payload = c.p + c.n
        out.length = 0
    out.owned = c.owned


cdef int tcp(network_t *net, cursor_t *c, segment_t *out) noexcept nogil:
    # options are not needed: a segment cut inside them still says where its payload belongs
    cdef uint32_t head
    if c.n < 20:
        return short_of(net, c, FIELD_TCP_HEADER, 20)
    head = <uint32_t>(c.p[12] >> 4) * 4
    if head < 20 or c.wire < head:
        return bad(net, c, FIELD_TCP_HEADER, head)
    out.src_port = load_be16(c.p)
    out.dst_port = load_be16(c.p + 2)
    out.seq = load_be32(c.p + 4)
    out.ack = load_be32(c.p + 8)
    out.tcp_flags = c.p[13]
    out.window = load_be16(c.p + 14)
    payload(c, out, head)
    return NETWORK_SEGMENT


cdef int udp(network_t *net, cursor_t *c, segment_t *out) noexcept nogil:
    # a UDP header, into `out`; NETWORK_SEGMENT, a step into a tunnel, or a fault
    cdef uint32_t length
    if c.n < 8:
        return short_of(net, c, FIELD_UDP_HEADER, 8)
    length = load_be16(c.p + 4)
    if length == 0:
        length = c.wire  # a jumbogram, or not yet filled in by the network card
    if length < 8 or length > c.wire:
        return bad(net, c, FIELD_UDP_HEADER, length)
    trim(c, length)
    out.src_port = load_be16(c.p)
    out.dst_port = load_be16(c.p + 2)
    out.seq = 0
    out.ack = 0
    out.tcp_flags = 0
    out.window = 0
    payload(c, out, 8)
    if tunnel_port(out.src_port) or tunnel_port(out.dst_port):
        c.kind = out.dst_port if tunnel_port(out.dst_port) else out.src_port
        advance(c, 8)
        return STEP_TUNNEL
    return NETWORK_SEGMENT
