# Link headers. Every function takes one header off the cursor and names the step after it.
#
# Identifiers that are the same in both directions of a connection (VLAN ids, PPPoE sessions) go
# into the scope; MPLS labels differ by direction and stay out.
from libc.stdint cimport uint32_t
from mmscodec._kernels.core.layout cimport FIELD_LINK_HEADER
from mmscodec._kernels.net.cursor cimport (
    NETWORK_OTHER, STEP_AGGREGATE, STEP_ETHERNET, STEP_ETHERTYPE, STEP_IP, STEP_IPV4, STEP_IPV6,
    STEP_LINK, STEP_LLC, STEP_MPLS, STEP_NEXT, STEP_PPP, STEP_WIFI, advance, bad, cursor_t,
    network_t, scope_mix, short_of, trim,
)
from mmscodec._kernels.net.numbers cimport (
    ARCNET_IPV4, ARCNET_IPV4_OLD, ARCNET_IPV6, BRIDGED_ETHERNET, BRIDGED_ETHERNET_FCS,
    COOKED_ETHERNET, COOKED_LLC, ETHERTYPE_8021BR, ETHERTYPE_BACKBONE, ETHERTYPE_FABRICPATH,
    ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_LEAST, ETHERTYPE_MPLS, ETHERTYPE_MPLS_UPSTREAM,
    ETHERTYPE_NSH, ETHERTYPE_PPP, ETHERTYPE_PPPOE_SESSION, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD1,
    ETHERTYPE_QINQ_OLD2, ETHERTYPE_QINQ_OLD3, ETHERTYPE_TRANSPARENT_BRIDGING, ETHERTYPE_VLAN,
    ETHERTYPE_VN_TAG, FAMILY_IPV4, FAMILY_IPV6_BSD, FAMILY_IPV6_DARWIN, FAMILY_IPV6_FREEBSD,
    FAMILY_IPV6_LINUX, HARDWARE_NETLINK, HARDWARE_RADIOTAP, LINKTYPE_ARCNET_BSD,
    LINKTYPE_ARCNET_LINUX, LINKTYPE_ATM_RFC1483, LINKTYPE_C_HDLC, LINKTYPE_ETHERNET,
    LINKTYPE_FRELAY, LINKTYPE_IEEE802_11, LINKTYPE_IEEE802_11_RADIOTAP, LINKTYPE_IPV4,
    LINKTYPE_IPV6, LINKTYPE_JUNIPER_ETHER, LINKTYPE_LINUX_SLL, LINKTYPE_LINUX_SLL2, LINKTYPE_LOOP,
    LINKTYPE_NFLOG, LINKTYPE_NULL, LINKTYPE_PKTAP, LINKTYPE_PPI, LINKTYPE_PPP, LINKTYPE_PPP_ETHER,
    LINKTYPE_PPP_HDLC, LINKTYPE_PPP_WITH_DIR, LINKTYPE_RAW, LINKTYPE_RAW_12, LINKTYPE_RAW_14,
    NEXT_ETHERNET, NEXT_IPV4, NEXT_IPV6, NEXT_MPLS, NEXT_NSH, ORGANISATION_8021H,
    ORGANISATION_BRIDGED, PPP_IPV4, PPP_IPV6, PPP_MPLS, PPP_MPLS_MULTICAST,
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
        return short_of(net, c, FIELD_LINK_HEADER, k)
    advance(c, k)
    return step


cdef int link_step(network_t *net, cursor_t *c) noexcept nogil:
    # by link type
    cdef uint32_t k = c.kind
    if k == LINKTYPE_ETHERNET:
        return STEP_ETHERNET
    if k == LINKTYPE_NULL or k == LINKTYPE_LOOP:
        return family(net, c)
    if k == LINKTYPE_RAW_12 or k == LINKTYPE_RAW_14 or k == LINKTYPE_RAW:
        return STEP_IP
    if k == LINKTYPE_IPV4:
        return STEP_IPV4
    if k == LINKTYPE_IPV6:
        return STEP_IPV6
    if k == LINKTYPE_LINUX_SLL:
        return cooked(net, c)
    if k == LINKTYPE_LINUX_SLL2:
        return cooked2(net, c)
    if k == LINKTYPE_PPP or k == LINKTYPE_PPP_HDLC:
        return ppp_framing(net, c)
    if k == LINKTYPE_PPP_ETHER:
        return pppoe(net, c)
    if k == LINKTYPE_PPP_WITH_DIR:
        return skip(net, c, 1, STEP_PPP)
    if k == LINKTYPE_C_HDLC:
        return cisco_hdlc(net, c)
    if k == LINKTYPE_FRELAY:
        return frame_relay(net, c)
    if k == LINKTYPE_ATM_RFC1483:
        return STEP_LLC
    if k == LINKTYPE_IEEE802_11:
        return STEP_WIFI
    if k == LINKTYPE_IEEE802_11_RADIOTAP:
        return radiotap(net, c)
    if k == LINKTYPE_PPI:
        return ppi(net, c)
    if k == LINKTYPE_NFLOG:
        return nflog(net, c)
    if k == LINKTYPE_PKTAP:
        return pktap(net, c)
    if k == LINKTYPE_JUNIPER_ETHER:
        return juniper(net, c)
    if k == LINKTYPE_ARCNET_BSD:
        return arcnet(net, c, 2)
    if k == LINKTYPE_ARCNET_LINUX:
        return arcnet(net, c, 4)
    return NETWORK_OTHER


# ---- Ethernet and what follows an Ethernet type


cdef int ethernet_step(network_t *net, cursor_t *c) noexcept nogil:
    if c.n < 14:
        return short_of(net, c, FIELD_LINK_HEADER, 14)
    c.kind = load_be16(c.p + 12)
    advance(c, 14)
    return STEP_ETHERTYPE


cdef int ethertype_step(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t kind = c.kind
    if kind == ETHERTYPE_IPV4:
        return STEP_IPV4
    if kind == ETHERTYPE_IPV6:
        return STEP_IPV6
    if kind < ETHERTYPE_LEAST:
        trim(c, kind)  # 802.3: the field is a length
        return STEP_LLC
    if kind in (
        ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_QINQ_OLD1, ETHERTYPE_QINQ_OLD2,
        ETHERTYPE_QINQ_OLD3,
    ):
        return vlan(net, c)
    if kind == ETHERTYPE_MPLS or kind == ETHERTYPE_MPLS_UPSTREAM:
        return STEP_MPLS
    if kind == ETHERTYPE_PPPOE_SESSION:
        return pppoe(net, c)
    if kind == ETHERTYPE_PPP:
        return STEP_PPP
    if kind == ETHERTYPE_TRANSPARENT_BRIDGING:
        return STEP_ETHERNET
    if kind == ETHERTYPE_FABRICPATH:
        return skip(net, c, 2, STEP_ETHERNET)  # Cisco FabricPath
    if kind == ETHERTYPE_BACKBONE:
        return backbone(net, c)
    if kind == ETHERTYPE_8021BR:
        return port_tag(net, c, 8)  # 802.1BR
    if kind == ETHERTYPE_VN_TAG:
        return port_tag(net, c, 6)  # VN-Tag
    if kind == ETHERTYPE_NSH:
        return nsh(net, c)
    return NETWORK_OTHER


cdef int vlan(network_t *net, cursor_t *c) noexcept nogil:
    # a VLAN tag, whose id goes into the scope; the next step
    cdef uint32_t tag
    if c.n < 4:
        return short_of(net, c, FIELD_LINK_HEADER, 4)
    tag = load_be16(c.p) & 0x0FFF
    if tag and not net.ignore_vlan:  # 0 is a priority without a VLAN
        c.scope = scope_mix(c.scope, SCOPE_VLAN, tag)
    c.kind = load_be16(c.p + 2)
    advance(c, 4)
    return STEP_ETHERTYPE


cdef int port_tag(network_t *net, cursor_t *c, uint32_t k) noexcept nogil:
    # switch ports, other by direction, then the type of what follows
    if c.n < k:
        return short_of(net, c, FIELD_LINK_HEADER, k)
    c.kind = load_be16(c.p + k - 2)
    advance(c, k)
    return STEP_ETHERTYPE


cdef int backbone(network_t *net, cursor_t *c) noexcept nogil:
    # 802.1ah: a service id, then the customer's frame
    if c.n < 4:
        return short_of(net, c, FIELD_LINK_HEADER, 4)
    if not net.ignore_vlan:
        c.scope = scope_mix(c.scope, SCOPE_BACKBONE, load_be32(c.p) & 0xFFFFFF)
    advance(c, 4)
    return STEP_ETHERNET


cdef inline bint is_bridged(uint32_t organisation, uint32_t kind) noexcept nogil:
    # does an Ethernet frame follow a SNAP header?
    return organisation == ORGANISATION_BRIDGED \
        and (kind == BRIDGED_ETHERNET or kind == BRIDGED_ETHERNET_FCS)


cdef int llc_step(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t organisation
    if c.n < 3:
        return NETWORK_OTHER if c.wire < 3 else short_of(net, c, FIELD_LINK_HEADER, 3)
    if c.p[0] == 0x06 and c.p[1] == 0x06 and c.p[2] == 0x03:
        advance(c, 3)
        return STEP_IP
    if c.p[0] != 0xAA or c.p[1] != 0xAA or c.p[2] != 0x03:
        return NETWORK_OTHER
    if c.n < 8:
        return short_of(net, c, FIELD_LINK_HEADER, 8)
    organisation = load_be32(c.p + 2) & 0xFFFFFF
    c.kind = load_be16(c.p + 6)
    if is_bridged(organisation, c.kind):
        return skip(net, c, 10, STEP_ETHERNET)
    if (organisation != 0 and organisation != ORGANISATION_8021H) or c.kind < ETHERTYPE_LEAST:
        return NETWORK_OTHER
    advance(c, 8)
    return STEP_ETHERTYPE


cdef int mpls_step(network_t *net, cursor_t *c) noexcept nogil:
    while True:
        if c.n < 4:
            return short_of(net, c, FIELD_LINK_HEADER, 4)
        advance(c, 4)
        if (c.p - 2)[0] & 1:
            break
    if c.n < 1:
        return short_of(net, c, FIELD_LINK_HEADER, 1)
    return pseudowire(net, c)


cdef inline bint has_type(const cursor_t *c, uint32_t k) noexcept nogil:
    # does a usual Ethernet type stand at k?
    return c.n >= k + 2 and load_be16(c.p + k) in (
        ETHERTYPE_IPV4, ETHERTYPE_IPV6, ETHERTYPE_VLAN, ETHERTYPE_QINQ, ETHERTYPE_MPLS,
        ETHERTYPE_PPPOE_SESSION,
    )


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
        return short_of(net, c, FIELD_LINK_HEADER, 8)
    length = <uint32_t>(c.p[1] & 63) * 4
    if c.p[0] >> 6 != 0:
        return NETWORK_OTHER
    if length < 8:
        return bad(net, c, FIELD_LINK_HEADER, 8)
    c.kind = c.p[3]
    return skip(net, c, length, STEP_NEXT)


cdef int next_step(network_t *net, cursor_t *c) noexcept nogil:
    # the step of what follows NSH or VXLAN-GPE
    if c.kind == NEXT_IPV4:
        return STEP_IPV4
    if c.kind == NEXT_IPV6:
        return STEP_IPV6
    if c.kind == NEXT_ETHERNET:
        return STEP_ETHERNET
    if c.kind == NEXT_NSH:
        return nsh(net, c)
    if c.kind == NEXT_MPLS:
        return STEP_MPLS
    return NETWORK_OTHER


# ---- PPP and its relatives


cdef int pppoe(network_t *net, cursor_t *c) noexcept nogil:
    # PPPoE, whose session goes into the scope; the next step
    if c.n < 6:
        return short_of(net, c, FIELD_LINK_HEADER, 6)
    if c.p[0] != 0x11:
        return bad(net, c, FIELD_LINK_HEADER, 6)
    if c.p[1] != 0:
        return NETWORK_OTHER  # discovery
    if not net.ignore_vlan:
        c.scope = scope_mix(c.scope, SCOPE_PPPOE, load_be16(c.p + 2))
    trim(c, <uint32_t>load_be16(c.p + 4) + 6)  # the six bytes of this header stay
    advance(c, 6)
    return STEP_PPP


cdef int ppp_framing(network_t *net, cursor_t *c) noexcept nogil:
    # PPP in HDLC-like framing, Cisco HDLC under the same link type, or neither
    if c.n < 2:
        return short_of(net, c, FIELD_LINK_HEADER, 2)
    if (c.p[0] == 0x0F or c.p[0] == 0x8F) and c.p[1] == 0:
        return cisco_hdlc(net, c)
    return STEP_PPP


cdef int ppp_step(network_t *net, cursor_t *c) noexcept nogil:
    cdef uint32_t kind
    if c.n < 2:
        return short_of(net, c, FIELD_LINK_HEADER, 2)
    if c.p[0] == 0xFF and c.p[1] == 0x03:
        advance(c, 2)
        if c.n < 2:
            return short_of(net, c, FIELD_LINK_HEADER, 2)
    kind = c.p[0]
    if kind & 1:  # compressed protocol field, RFC 1661 section 6.5
        advance(c, 1)
    else:
        kind = load_be16(c.p)
        advance(c, 2)
    if kind == PPP_IPV4:
        return STEP_IPV4
    if kind == PPP_IPV6:
        return STEP_IPV6
    if kind == PPP_MPLS or kind == PPP_MPLS_MULTICAST:
        return STEP_MPLS
    return NETWORK_OTHER


cdef int cisco_hdlc(network_t *net, cursor_t *c) noexcept nogil:
    # Cisco HDLC; the next step
    if c.n < 4:
        return short_of(net, c, FIELD_LINK_HEADER, 4)
    c.kind = load_be16(c.p + 2)
    advance(c, 4)
    return STEP_ETHERTYPE if c.kind >= ETHERTYPE_LEAST else NETWORK_OTHER


cdef int frame_relay(network_t *net, cursor_t *c) noexcept nogil:
    # RFC 2427: address of 2 to 4 bytes, control 03, perhaps padding 00, then the NLPID;
    # Cisco's own form has an Ethernet type behind the address
    cdef uint32_t k = 0
    while True:
        if c.n < k + 3:
            return short_of(net, c, FIELD_LINK_HEADER, k + 3)
        k += 1
        if c.p[k - 1] & 1:
            break
        if k == 4:
            return NETWORK_OTHER
    if c.p[k] != 0x03:
        c.kind = load_be16(c.p + k)
        advance(c, k + 2)
        return STEP_ETHERTYPE if c.kind >= ETHERTYPE_LEAST else NETWORK_OTHER
    k += 1
    if c.p[k] == 0:
        k += 1
        if c.n < k + 1:
            return short_of(net, c, FIELD_LINK_HEADER, k + 1)
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
        return short_of(net, c, FIELD_LINK_HEADER, 5)
    organisation = load_be32(c.p) >> 8
    c.kind = load_be16(c.p + 3)
    advance(c, 5)
    if is_bridged(organisation, c.kind):
        return STEP_ETHERNET
    return STEP_ETHERTYPE if organisation == 0 and c.kind >= ETHERTYPE_LEAST else NETWORK_OTHER


# ---- headers that a capturing host made up


cdef int by_family(uint32_t family) noexcept nogil:
    # the step of an address family
    if family == FAMILY_IPV4:
        return STEP_IPV4
    if family == FAMILY_IPV6_BSD or family == FAMILY_IPV6_FREEBSD \
            or family == FAMILY_IPV6_DARWIN or family == FAMILY_IPV6_LINUX:
        return STEP_IPV6
    return NETWORK_OTHER


cdef int family(network_t *net, cursor_t *c) noexcept nogil:
    # NULL is in the capturing host's order, LOOP big-endian; the small number tells. Some hosts
    # have PPP and Cisco HDLC under the same link type.
    cdef uint32_t value
    if c.n < 4:
        return short_of(net, c, FIELD_LINK_HEADER, 4)
    if load_be16(c.p) in (0xFF03, 0x0F00, 0x8F00):
        return ppp_framing(net, c)
    value = load_le32(c.p)
    if value > 0xFFFF:
        value = load_be32(c.p)
    advance(c, 4)
    return by_family(value)


cdef int cooked_type(network_t *net, cursor_t *c, uint32_t hardware) noexcept nogil:
    # the step of the protocol field of Linux cooked captures
    if hardware == HARDWARE_NETLINK or hardware == HARDWARE_RADIOTAP:
        return NETWORK_OTHER
    if c.kind == COOKED_ETHERNET:
        return STEP_ETHERNET
    if c.kind == COOKED_LLC:
        return STEP_LLC
    return STEP_ETHERTYPE if c.kind >= ETHERTYPE_LEAST else NETWORK_OTHER


cdef int cooked(network_t *net, cursor_t *c) noexcept nogil:
    # Linux cooked capture; the next step
    cdef uint32_t hardware
    if c.n < 16:
        return short_of(net, c, FIELD_LINK_HEADER, 16)
    hardware = load_be16(c.p + 2)
    c.kind = load_be16(c.p + 14)
    advance(c, 16)
    return cooked_type(net, c, hardware)


cdef int cooked2(network_t *net, cursor_t *c) noexcept nogil:
    # Linux cooked capture, version 2; the next step
    cdef uint32_t hardware
    if c.n < 20:
        return short_of(net, c, FIELD_LINK_HEADER, 20)
    hardware = load_be16(c.p + 8)
    c.kind = load_be16(c.p)
    advance(c, 20)
    return cooked_type(net, c, hardware)


cdef int nflog(network_t *net, cursor_t *c) noexcept nogil:
    # family, version, resource id, then attributes padded to 4 bytes; attribute 9 is the packet
    cdef uint32_t length, packet_family
    if c.n < 4:
        return short_of(net, c, FIELD_LINK_HEADER, 4)
    packet_family = c.p[0]
    if c.p[1] != 0:
        return NETWORK_OTHER
    advance(c, 4)
    while True:
        if c.n < 4:
            return short_of(net, c, FIELD_LINK_HEADER, 4) if c.wire else NETWORK_OTHER
        length = load_le16(c.p)
        if length < 4:
            return bad(net, c, FIELD_LINK_HEADER, 4)
        if load_le16(c.p + 2) & 0x7FFF == 9:
            trim(c, length)
            advance(c, 4)
            return by_family(packet_family)
        length = (length + 3) & ~<uint32_t>3
        if c.n < length:
            return short_of(net, c, FIELD_LINK_HEADER, length)
        advance(c, length)


cdef int pktap(network_t *net, cursor_t *c) noexcept nogil:
    # Apple: the header says its length and the link type of the frame behind it
    cdef uint32_t length
    if c.n < 12:
        return short_of(net, c, FIELD_LINK_HEADER, 12)
    length = load_le32(c.p)
    c.kind = load_le32(c.p + 8)
    if length < 12:
        return bad(net, c, FIELD_LINK_HEADER, 12)
    return skip(net, c, length, STEP_LINK)


cdef int juniper(network_t *net, cursor_t *c) noexcept nogil:
    # "MGC", flags, extensions with their length before them; 4 bytes stand for a missing Ethernet
    # header
    cdef uint32_t flags, length = 4
    if c.n < 6:
        return short_of(net, c, FIELD_LINK_HEADER, 6)
    if load_be32(c.p) >> 8 != 0x4D4743:
        return bad(net, c, FIELD_LINK_HEADER, 4)
    flags = c.p[3]
    if flags & 0x80:
        length = <uint32_t>load_be16(c.p + 4) + 6
    if flags & 0x02:
        return skip(net, c, length + 4, STEP_IP)
    return skip(net, c, length, STEP_ETHERNET)


cdef int arcnet(network_t *net, cursor_t *c, uint32_t k) noexcept nogil:
    # `k` bytes of addresses, then the protocol; by RFC 1201 IPv4 and IPv6 stand behind a split flag
    # and a sequence number
    cdef uint32_t kind
    if c.n < k + 1:
        return short_of(net, c, FIELD_LINK_HEADER, k + 1)
    advance(c, k)
    kind = c.p[0]
    if kind == ARCNET_IPV4_OLD:
        return skip(net, c, 1, STEP_IPV4)
    if kind != ARCNET_IPV4 and kind != ARCNET_IPV6:
        return NETWORK_OTHER
    if c.n < 8:
        return short_of(net, c, FIELD_LINK_HEADER, 8)
    if c.p[1] == 0xFF:
        advance(c, 4)  # stuffing for lengths that no frame can have
    if c.p[1] != 0:
        return NETWORK_OTHER  # a piece of a larger packet
    return skip(net, c, 4, STEP_IPV4 if kind == ARCNET_IPV4 else STEP_IPV6)


# ---- headers before 802.11 frames


cdef int radiotap(network_t *net, cursor_t *c) noexcept nogil:
    # only its length: the frame check sequence behind the frame is outside the IP datagram
    cdef uint32_t length
    if c.n < 8:
        return short_of(net, c, FIELD_LINK_HEADER, 8)
    length = load_le16(c.p + 2)
    if c.p[0] != 0 or length < 8:
        return bad(net, c, FIELD_LINK_HEADER, 8)
    return skip(net, c, length, STEP_WIFI)


cdef int ppi(network_t *net, cursor_t *c) noexcept nogil:
    # Per-Packet Information; the next step
    cdef uint32_t length
    if c.n < 8:
        return short_of(net, c, FIELD_LINK_HEADER, 8)
    length = load_le16(c.p + 2)
    c.kind = load_le32(c.p + 4)
    if c.p[0] != 0 or length < 8:
        return bad(net, c, FIELD_LINK_HEADER, 8)
    return skip(net, c, length, STEP_LINK)


cdef int wifi_step(network_t *net, cursor_t *c) noexcept nogil:
    # 802.11 data frames that are not encrypted
    cdef uint32_t control, flags, length = 24, behind = 0
    if c.n < 2:
        return short_of(net, c, FIELD_LINK_HEADER, 2)
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
        return short_of(net, c, FIELD_LINK_HEADER, length)
    if c.n - length > behind and c.p[length + behind] != 0xAA:
        length += length & 3  # some drivers pad the header to a multiple of 4
    return skip(net, c, length, STEP_AGGREGATE if behind else STEP_LLC)


cdef int aggregate_step(network_t *net, cursor_t *c) noexcept nogil:
    # one of several packets, each behind two addresses and its length, and padded to 4 bytes
    cdef uint32_t length, k
    if net.rest.wire:
        return NETWORK_OTHER  # an aggregate inside an aggregate
    if c.n < AGGREGATE_HEAD:
        return short_of(net, c, FIELD_LINK_HEADER, AGGREGATE_HEAD)
    length = <uint32_t>load_be16(c.p + 12) + AGGREGATE_HEAD
    if length > c.wire:
        return bad(net, c, FIELD_LINK_HEADER, length)
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
