# A captured frame becomes a TCP segment or a UDP datagram.
#
# The usual frame (Ethernet, one IP header without options, TCP or UDP) is decoded inline here;
# everything else goes through the steps of net/network.pyx.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.net.cursor cimport (
    NETWORK_FAULT,
    NETWORK_NOTHING,
    NETWORK_SEGMENT,
    network_fault_t,
    network_t,
)
from mmscodec._kernels.net.ip cimport is_mapped, map_ipv4, tunnel_port
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, PROTOCOL_UDP, segment_t
from mmscodec._kernels.net.numbers cimport ETHERTYPE_IPV4, ETHERTYPE_IPV6, LINKTYPE_ETHERNET
from mmscodec._kernels.core.wire cimport likely, load_be16, load_be32

# Defaults: 32 MiB, 65,535 datagrams and 60 s of fragments, 4 tunnels inside each other. `seed`
# should be secret; `inflate` is the caller's to set. Every network_init needs one network_free.
cdef void network_init(network_t *net, uint64_t seed) noexcept nogil
cdef void network_free(network_t *net) noexcept nogil
# What else is in the frame after NETWORK_SEVERAL or a fault; NOTHING at its end. Payload that was
# `owned` is gone with the call.
cdef int network_more(network_t *net, segment_t *out) noexcept nogil
# As `network_decode`, for frames that are not of the common shape.
cdef int network_slow(network_t *net, const record_t *rec, segment_t *out) noexcept nogil

# At the end of the capture: NETWORK_FAULT for each datagram whose fragments never were complete,
# one a call, then NETWORK_NOTHING.
cdef int network_finish(network_t *net) noexcept nogil


cdef inline bint plain_tcp(
    const uint8_t *t, uint32_t captured, uint32_t wire, segment_t *out
) noexcept nogil:
    # 20 bytes of TCP header are at `t`, `wire` bytes belong to the segment
    cdef uint32_t head = (<uint32_t>t[12] >> 4) * 4
    if head < 20 or captured < head or wire < captured:
        return False
    out.src_port = load_be16(t)
    out.dst_port = load_be16(t + 2)
    out.seq = load_be32(t + 4)
    out.ack = load_be32(t + 8)
    out.tcp_flags = t[13]
    out.window = load_be16(t + 14)
    out.protocol = PROTOCOL_TCP
    out.scope = 0
    out.payload = t + head
    out.length = captured - head
    out.wire_len = wire - head
    out.owned = False
    return True


cdef inline bint plain_udp(
    const uint8_t *t, uint32_t captured, uint32_t wire, segment_t *out
) noexcept nogil:
    # fill in `out` by the UDP header at t, of which 8 bytes are there; False: this needs the long
    # way
    if load_be16(t + 4) != wire or wire < captured:
        return False
    out.src_port = load_be16(t)
    out.dst_port = load_be16(t + 2)
    if tunnel_port(out.src_port) or tunnel_port(out.dst_port):
        return False
    out.seq = 0
    out.ack = 0
    out.tcp_flags = 0
    out.window = 0
    out.protocol = PROTOCOL_UDP
    out.scope = 0
    out.payload = t + 8
    out.length = captured - 8
    out.wire_len = wire - 8
    out.owned = False
    return True


cdef inline bint plain_ipv4(const record_t *rec, segment_t *out) noexcept nogil:
    # 42 bytes are there, so that 28 are captured
    cdef const uint8_t *p = rec.data
    cdef uint32_t total = load_be16(p + 16)
    cdef uint32_t captured = rec.caplen - 14
    if p[14] != 0x45 or load_be16(p + 20) & 0x3FFF or total < 28:
        return False
    if captured > total:
        captured = total
    map_ipv4(out.src, p + 26)
    map_ipv4(out.dst, p + 30)
    if p[23] == PROTOCOL_TCP:
        return captured >= 40 and plain_tcp(p + 34, captured - 20, total - 20, out)
    if p[23] == PROTOCOL_UDP:
        return plain_udp(p + 34, captured - 20, total - 20, out)
    return False


cdef inline bint plain_ipv6(const record_t *rec, segment_t *out) noexcept nogil:
    # 62 bytes are there, so that 8 are captured
    cdef const uint8_t *p = rec.data
    cdef uint32_t total = load_be16(p + 18)
    cdef uint32_t captured = rec.caplen - 54
    if p[14] >> 4 != 6 or total < 8 or (is_mapped(p + 22) and is_mapped(p + 38)):
        return False
    if captured > total:
        captured = total
    memcpy(out.src, p + 22, 16)
    memcpy(out.dst, p + 38, 16)
    if p[20] == PROTOCOL_TCP:
        return captured >= 20 and plain_tcp(p + 54, captured, total, out)
    if p[20] == PROTOCOL_UDP:
        return plain_udp(p + 54, captured, total, out)
    return False


cdef inline int network_decode(
    network_t *net, const record_t *rec, segment_t *out
) noexcept nogil:
    # NETWORK_SEGMENT: `out` is filled. Its payload lies in the record, or, when `owned`, in the
    # defragmenter until the next call. NETWORK_SEVERAL: the same, and there is more in the frame.
    # NETWORK_FAULT: see net.fault; `out` is undefined, and there may be more as well.
    cdef uint16_t kind
    if likely(rec.linktype == LINKTYPE_ETHERNET and rec.caplen >= 42):
        kind = load_be16(rec.data + 12)
        if likely(kind == ETHERTYPE_IPV4):
            if likely(plain_ipv4(rec, out)):
                return NETWORK_SEGMENT
        elif kind == ETHERTYPE_IPV6 and rec.caplen >= 62:
            if likely(plain_ipv6(rec, out)):
                return NETWORK_SEGMENT
    return network_slow(net, rec, out)
