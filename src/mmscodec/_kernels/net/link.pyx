# Link headers. Every function takes one header off the cursor and names the step after it.
#
# Identifiers that are the same in both directions of a connection (VLAN ids, PPPoE sessions) go
# into the scope; MPLS labels differ by direction and stay out.
from libc.stdint cimport uint32_t
from mmscodec._kernels.net.cursor cimport (
    FIELD_LINK,
    NETWORK_OTHER,
    STEP_AGGREGATE,
    STEP_ETHERNET,
    STEP_ETHERTYPE,
    STEP_IP,
    STEP_IPV4,
    STEP_IPV6,
    STEP_LINK,
    STEP_LLC,
    STEP_MPLS,
    STEP_NEXT,
    STEP_PPP,
    STEP_WIFI,
    advance,
    bad,
    cursor_t,
    network_t,
    scope_mix,
    short_of,
    trim,
)
from mmscodec._kernels.core.wire cimport load_be16, load_be32, load_le16, load_le32

cdef enum:
    SCOPE_VLAN = 0
    SCOPE_PPPOE = 1
    SCOPE_BACKBONE = 2
    AGGREGATE_HEAD = 14


cdef int skip(network_t *net, cursor_t *c, uint32_t k, int step) noexcept nogil:
    # k bytes that say nothing about addresses, then `step`
    if c.n < k:
        return short_of(net, c, FIELD_LINK, k)
    advance(c, k)
    return step


cdef int link_step(network_t *net, cursor_t *c) noexcept nogil:
    # by link type; numbers from the tcpdump group's list of LINKTYPE_ values
    cdef uint32_t k = c.kind
    if k == 1:
        return STEP_ETHERNET
    if k == 0 or k == 108:
        return family(net, c)
    if k == 12 or k == 14 or k == 101:
        return STEP_IP
    if k == 228:
        return STEP_IPV4
    if k == 229:
        return STEP_IPV6
    if k == 113:
        return cooked(net, c)
    if k == 276:
        return cooked2(net, c)
    if k == 9 or k == 50:
        return ppp_framing(net, c)
    if k == 51:
        return pppoe(net, c)
    if k == 204:
        return skip(net, c, 1, STEP_PPP)
    if k == 104:
        return cisco_hdlc(net, c)
    if k == 107:
        return frame_relay(net, c)
    if k == 100:
        return STEP_LLC
    if k == 105:
        return STEP_WIFI
    if k == 127:
        return radiotap(net, c)
    if k == 192:
        return ppi(net, c)
    if k == 239:
        return nflog(net, c)
    if k == 258:
        return pktap(net, c)
    if k == 178:
        return juniper(net, c)
    if k == 7:
        return arcnet(net, c, 2)
    if k == 129:
        return arcnet(net, c, 4)
    return NETWORK_OTHER


# ---- Ethernet and what follows an Ethernet type


cdef int ethernet_step(network_t *net, cursor_t *c) noexcept nogil:
    if c.n < 14:
        return short_of(net, c, FIELD_LINK, 14)
    c.kind = load_be16(c.p + 12)
    advance(c, 14)
    return STEP_ETHERTYPE


cdef int ethertype_step(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t kind = c.kind
    if kind == 0x0800:
        return STEP_IPV4
    if kind == 0x86DD:
        return STEP_IPV6
    if kind < 0x0600:
        trim(c, kind)  # 802.3: the field is a length
        return STEP_LLC
    if kind in (0x8100, 0x88A8, 0x9100, 0x9200, 0x9300):
        return vlan(net, c)
    if kind == 0x8847 or kind == 0x8848:
        return STEP_MPLS
    if kind == 0x8864:
        return pppoe(net, c)
    if kind == 0x880B:
        return STEP_PPP
    if kind == 0x6558:
        return STEP_ETHERNET
    if kind == 0x8903:
        return skip(net, c, 2, STEP_ETHERNET)  # Cisco FabricPath
    if kind == 0x88E7:
        return backbone(net, c)
    if kind == 0x893F:
        return port_tag(net, c, 8)  # 802.1BR
    if kind == 0x8926:
        return port_tag(net, c, 6)  # VN-Tag
    if kind == 0x894F:
        return nsh(net, c)
    return NETWORK_OTHER


cdef int vlan(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t tag
    if c.n < 4:
        return short_of(net, c, FIELD_LINK, 4)
    tag = load_be16(c.p) & 0x0FFF
    if tag and not net.ignore_vlan:  # 0 is a priority without a VLAN
        c.scope = scope_mix(c.scope, SCOPE_VLAN, tag)
    c.kind = load_be16(c.p + 2)
    advance(c, 4)
    return STEP_ETHERTYPE


cdef int port_tag(network_t *net, cursor_t *c, uint32_t k) noexcept nogil:
    # switch ports, other by direction, then the type of what follows
    if c.n < k:
        return short_of(net, c, FIELD_LINK, k)
    c.kind = load_be16(c.p + k - 2)
    advance(c, k)
    return STEP_ETHERTYPE


cdef int backbone(network_t *net, cursor_t *c) noexcept nogil:
    # 802.1ah: a service id, then the customer's frame
    if c.n < 4:
        return short_of(net, c, FIELD_LINK, 4)
    if not net.ignore_vlan:
        c.scope = scope_mix(c.scope, SCOPE_BACKBONE, load_be32(c.p) & 0xFFFFFF)
    advance(c, 4)
    return STEP_ETHERNET


cdef int llc_step(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t organisation
    if c.n < 3:
        return NETWORK_OTHER if c.wire < 3 else short_of(net, c, FIELD_LINK, 3)
    if c.p[0] == 0x06 and c.p[1] == 0x06 and c.p[2] == 0x03:
        advance(c, 3)
        return STEP_IP
    if c.p[0] != 0xAA or c.p[1] != 0xAA or c.p[2] != 0x03:
        return NETWORK_OTHER
    if c.n < 8:
        return short_of(net, c, FIELD_LINK, 8)
    organisation = load_be32(c.p + 2) & 0xFFFFFF
    c.kind = load_be16(c.p + 6)
    if organisation == 0x0080C2 and (c.kind == 1 or c.kind == 7):
        return skip(net, c, 10, STEP_ETHERNET)  # bridged Ethernet, RFC 2684
    # 0000F8 is RFC 1042 bridging of types that 802.1H lists
    if (organisation != 0 and organisation != 0x0000F8) or c.kind < 0x0600:
        return NETWORK_OTHER
    advance(c, 8)
    return STEP_ETHERTYPE


cdef int mpls_step(network_t *net, cursor_t *c) noexcept nogil:
    while True:
        if c.n < 4:
            return short_of(net, c, FIELD_LINK, 4)
        advance(c, 4)
        if (c.p - 2)[0] & 1:
            break
    if c.n < 1:
        return short_of(net, c, FIELD_LINK, 1)
    return pseudowire(net, c)


cdef inline bint has_type(const cursor_t *c, uint32_t k) noexcept nogil:
    # does a usual Ethernet type stand at k?
    return c.n >= k + 2 and load_be16(c.p + k) in (0x0800, 0x86DD, 0x8100, 0x88A8, 0x8847, 0x8864)


cdef inline bint like_ip(const cursor_t *c) noexcept nogil:
    # six bytes are there: an IP header whose length is right? Small IPv4 datagrams are padded.
    cdef uint32_t length = load_be16(c.p + 2)
    if c.p[0] >> 4 == 4:
        return c.p[0] & 15 >= 5 and length <= c.wire
    length = <uint32_t>load_be16(c.p + 4) + 40
    return c.p[0] >> 4 == 6 and length <= c.wire and c.wire - length <= 4


cdef int pseudowire(network_t *net, cursor_t *c) noexcept nogil:
    # Nothing names what labels lead to. IP has its version, a control word (RFC 4385) a 0 before
    # an Ethernet frame; a frame without one begins with any address.
    cdef uint32_t nibble = c.p[0] >> 4
    if has_type(c, 12) and not has_type(c, 16) and not like_ip(c):
        return STEP_ETHERNET
    if nibble == 4 or nibble == 6:
        return STEP_IP
    return skip(net, c, 4, STEP_ETHERNET) if nibble == 0 else NETWORK_OTHER


cdef int nsh(network_t *net, cursor_t *c) noexcept nogil:
    # RFC 8300: version 0, length in words, what follows; the path's number differs by direction
    cdef uint32_t length
    if c.n < 8:
        return short_of(net, c, FIELD_LINK, 8)
    length = <uint32_t>(c.p[1] & 63) * 4
    if c.p[0] >> 6 != 0:
        return NETWORK_OTHER
    if length < 8:
        return bad(net, c, FIELD_LINK, 8)
    c.kind = c.p[3]
    return skip(net, c, length, STEP_NEXT)


cdef int next_step(network_t *net, cursor_t *c) noexcept nogil:
    # numbers of NSH, the first five of them those of VXLAN-GPE as well
    if c.kind == 1:
        return STEP_IPV4
    if c.kind == 2:
        return STEP_IPV6
    if c.kind == 3:
        return STEP_ETHERNET
    if c.kind == 4:
        return nsh(net, c)
    if c.kind == 5:
        return STEP_MPLS
    return NETWORK_OTHER


# ---- PPP and its relatives


cdef int pppoe(network_t *net, cursor_t *c) noexcept nogil:
    if c.n < 6:
        return short_of(net, c, FIELD_LINK, 6)
    if c.p[0] != 0x11:
        return bad(net, c, FIELD_LINK, 6)
    if c.p[1] != 0:
        return NETWORK_OTHER  # discovery
    if not net.ignore_vlan:
        c.scope = scope_mix(c.scope, SCOPE_PPPOE, load_be16(c.p + 2))
    trim(c, <uint32_t>load_be16(c.p + 4) + 6)
    if c.n < 6:
        return short_of(net, c, FIELD_LINK, 6)
    advance(c, 6)
    return STEP_PPP


cdef int ppp_framing(network_t *net, cursor_t *c) noexcept nogil:
    # PPP in HDLC-like framing, Cisco HDLC under the same link type, or neither
    if c.n < 2:
        return short_of(net, c, FIELD_LINK, 2)
    if (c.p[0] == 0x0F or c.p[0] == 0x8F) and c.p[1] == 0:
        return cisco_hdlc(net, c)
    return STEP_PPP


cdef int ppp_step(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t kind
    if c.n < 2:
        return short_of(net, c, FIELD_LINK, 2)
    if c.p[0] == 0xFF and c.p[1] == 0x03:
        advance(c, 2)
        if c.n < 2:
            return short_of(net, c, FIELD_LINK, 2)
    kind = c.p[0]
    if kind & 1:  # compressed protocol field, RFC 1661 section 6.5
        advance(c, 1)
    else:
        kind = load_be16(c.p)
        advance(c, 2)
    if kind == 0x21:
        return STEP_IPV4
    if kind == 0x57:
        return STEP_IPV6
    if kind == 0x281 or kind == 0x283:
        return STEP_MPLS
    return NETWORK_OTHER


cdef int cisco_hdlc(network_t *net, cursor_t *c) noexcept nogil:
    if c.n < 4:
        return short_of(net, c, FIELD_LINK, 4)
    c.kind = load_be16(c.p + 2)
    advance(c, 4)
    return STEP_ETHERTYPE if c.kind >= 0x0600 else NETWORK_OTHER


cdef int frame_relay(network_t *net, cursor_t *c) noexcept nogil:
    # RFC 2427: address of 2 to 4 bytes, control 03, perhaps padding 00, then the NLPID;
    # Cisco's own form has an Ethernet type behind the address
    cdef uint32_t k = 0
    while True:
        if c.n < k + 3:
            return short_of(net, c, FIELD_LINK, k + 3)
        k += 1
        if c.p[k - 1] & 1:
            break
        if k == 4:
            return NETWORK_OTHER
    if c.p[k] != 0x03:
        c.kind = load_be16(c.p + k)
        advance(c, k + 2)
        return STEP_ETHERTYPE if c.kind >= 0x0600 else NETWORK_OTHER
    k += 1
    if c.p[k] == 0:
        k += 1
        if c.n < k + 1:
            return short_of(net, c, FIELD_LINK, k + 1)
    advance(c, k + 1)
    if (c.p - 1)[0] == 0xCC:
        return STEP_IPV4
    if (c.p - 1)[0] == 0x8E:
        return STEP_IPV6
    if (c.p - 1)[0] == 0x80:
        return snap(net, c)
    return NETWORK_OTHER


cdef int snap(network_t *net, cursor_t *c) noexcept nogil:
    # the five SNAP bytes alone
    cdef uint32_t organisation
    if c.n < 5:
        return short_of(net, c, FIELD_LINK, 5)
    organisation = load_be32(c.p) >> 8
    c.kind = load_be16(c.p + 3)
    advance(c, 5)
    if organisation == 0x0080C2 and (c.kind == 1 or c.kind == 7):
        return STEP_ETHERNET
    return STEP_ETHERTYPE if organisation == 0 and c.kind >= 0x0600 else NETWORK_OTHER


# ---- headers that a capturing host made up


cdef int by_family(uint32_t family) noexcept nogil:
    if family == 2:
        return STEP_IPV4
    if family == 24 or family == 28 or family == 30 or family == 10:
        return STEP_IPV6  # BSDs, FreeBSD, macOS, Linux
    return NETWORK_OTHER


cdef int family(network_t *net, cursor_t *c) noexcept nogil:
    # NULL is in the capturing host's order, LOOP big-endian; the small number tells. Some hosts
    # have PPP and Cisco HDLC under the same link type.
    cdef uint32_t value
    if c.n < 4:
        return short_of(net, c, FIELD_LINK, 4)
    if load_be16(c.p) in (0xFF03, 0x0F00, 0x8F00):
        return ppp_framing(net, c)
    value = load_le32(c.p)
    if value > 0xFFFF:
        value = load_be32(c.p)
    advance(c, 4)
    return by_family(value)


cdef int cooked_type(network_t *net, cursor_t *c, uint32_t hardware) noexcept nogil:
    if hardware == 824 or hardware == 803:
        return NETWORK_OTHER  # netlink, radiotap: the field is not an Ethernet type
    if c.kind == 1:
        return STEP_ETHERNET
    if c.kind == 4:
        return STEP_LLC
    return STEP_ETHERTYPE if c.kind >= 0x0600 else NETWORK_OTHER


cdef int cooked(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t hardware
    if c.n < 16:
        return short_of(net, c, FIELD_LINK, 16)
    hardware = load_be16(c.p + 2)
    c.kind = load_be16(c.p + 14)
    advance(c, 16)
    return cooked_type(net, c, hardware)


cdef int cooked2(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t hardware
    if c.n < 20:
        return short_of(net, c, FIELD_LINK, 20)
    hardware = load_be16(c.p + 8)
    c.kind = load_be16(c.p)
    advance(c, 20)
    return cooked_type(net, c, hardware)


cdef int nflog(network_t *net, cursor_t *c) noexcept nogil:
    # family, version, resource id, then attributes padded to 4 bytes; attribute 9 is the packet
    cdef uint32_t length, packet_family
    if c.n < 4:
        return short_of(net, c, FIELD_LINK, 4)
    packet_family = c.p[0]
    if c.p[1] != 0:
        return NETWORK_OTHER
    advance(c, 4)
    while True:
        if c.n < 4:
            return short_of(net, c, FIELD_LINK, 4) if c.wire else NETWORK_OTHER
        length = load_le16(c.p)
        if length < 4:
            return bad(net, c, FIELD_LINK, 4)
        if load_le16(c.p + 2) & 0x7FFF == 9:
            trim(c, length)
            advance(c, 4)
            return by_family(packet_family)
        length = (length + 3) & ~<uint32_t>3
        if c.n < length:
            return short_of(net, c, FIELD_LINK, length)
        advance(c, length)


cdef int pktap(network_t *net, cursor_t *c) noexcept nogil:
    # Apple: the header says its length and the link type of the frame behind it
    cdef uint32_t length
    if c.n < 12:
        return short_of(net, c, FIELD_LINK, 12)
    length = load_le32(c.p)
    c.kind = load_le32(c.p + 8)
    if length < 12:
        return bad(net, c, FIELD_LINK, 12)
    return skip(net, c, length, STEP_LINK)


cdef int juniper(network_t *net, cursor_t *c) noexcept nogil:
    # "MGC", flags, extensions with their length before them; 4 bytes stand for a missing Ethernet
    # header
    cdef uint32_t flags, length = 4
    if c.n < 6:
        return short_of(net, c, FIELD_LINK, 6)
    if load_be32(c.p) >> 8 != 0x4D4743:
        return bad(net, c, FIELD_LINK, 4)
    flags = c.p[3]
    if flags & 0x80:
        length = <uint32_t>load_be16(c.p + 4) + 6
    if flags & 0x02:
        return skip(net, c, length + 4, STEP_IP)
    return skip(net, c, length, STEP_ETHERNET)


cdef int arcnet(network_t *net, cursor_t *c, uint32_t k) noexcept nogil:
    # `k` bytes of addresses, then the protocol: 240 is IP by RFC 1051; by RFC 1201, 212 and 196
    # are IPv4 and IPv6 behind a split flag and a sequence number
    cdef uint32_t kind
    if c.n < k + 1:
        return short_of(net, c, FIELD_LINK, k + 1)
    advance(c, k)
    kind = c.p[0]
    if kind == 240:
        return skip(net, c, 1, STEP_IPV4)
    if kind != 212 and kind != 196:
        return NETWORK_OTHER
    if c.n < 8:
        return short_of(net, c, FIELD_LINK, 8)
    if c.p[1] == 0xFF:
        advance(c, 4)  # stuffing for lengths that no frame can have
    if c.p[1] != 0:
        return NETWORK_OTHER  # a piece of a larger packet
    return skip(net, c, 4, STEP_IPV4 if kind == 212 else STEP_IPV6)


# ---- headers before 802.11 frames


cdef int radiotap(network_t *net, cursor_t *c) noexcept nogil:
    # only its length: the frame check sequence behind the frame is outside the IP datagram
    cdef uint32_t length
    if c.n < 8:
        return short_of(net, c, FIELD_LINK, 8)
    length = load_le16(c.p + 2)
    if c.p[0] != 0 or length < 8:
        return bad(net, c, FIELD_LINK, 8)
    return skip(net, c, length, STEP_WIFI)


cdef int ppi(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t length
    if c.n < 8:
        return short_of(net, c, FIELD_LINK, 8)
    length = load_le16(c.p + 2)
    c.kind = load_le32(c.p + 4)
    if c.p[0] != 0 or length < 8:
        return bad(net, c, FIELD_LINK, 8)
    return skip(net, c, length, STEP_LINK)


cdef int wifi_step(network_t *net, cursor_t *c) noexcept nogil:
    # 802.11 data frames that are not encrypted
    cdef uint32_t control, flags, length = 24, behind = 0
    if c.n < 2:
        return short_of(net, c, FIELD_LINK, 2)
    control = c.p[0]
    flags = c.p[1]
    if control & 0x0F != 0x08 or control & 0x40 or flags & 0x40:
        return NETWORK_OTHER  # no data frame, data without a body, encrypted
    if flags & 3 == 3:
        length += 6  # a fourth address
    if control & 0x80:
        length += 2  # quality of service
        if flags & 0x80:
            length += 4  # high throughput control
        if c.n >= length and c.p[length - (6 if flags & 0x80 else 2)] & 0x80:
            behind = AGGREGATE_HEAD
    if c.n < length:
        return short_of(net, c, FIELD_LINK, length)
    if c.n - length > behind and c.p[length + behind] != 0xAA:
        length += length & 3  # some drivers pad the header to a multiple of 4
    return skip(net, c, length, STEP_AGGREGATE if behind else STEP_LLC)


cdef int aggregate_step(network_t *net, cursor_t *c) noexcept nogil:
    # one of several packets, each behind two addresses and its length, and padded to 4 bytes
    cdef uint32_t length, k
    if net.rest.wire:
        return NETWORK_OTHER  # an aggregate inside an aggregate
    if c.n < AGGREGATE_HEAD:
        return short_of(net, c, FIELD_LINK, AGGREGATE_HEAD)
    length = <uint32_t>load_be16(c.p + 12) + AGGREGATE_HEAD
    if length > c.wire:
        return bad(net, c, FIELD_LINK, length)
    k = (length + 3) & ~<uint32_t>3
    if c.wire > k and c.wire - k >= AGGREGATE_HEAD:  # less is a checksum
        net.rest = c[0]
        if c.n >= k:
            advance(&net.rest, k)
        else:
            advance(&net.rest, c.n)
            net.rest.wire = c.wire - k
    trim(c, length)
    advance(c, AGGREGATE_HEAD)
    return STEP_LLC
