# The short way to a connection: a cache in front of the table of flows.
#
# Most frames of most captures are Ethernet, IPv4 without options and TCP without SYN, FIN or RST.
# For them the twelve bytes of addresses and ports, as they stand in the frame, name the side of the
# connection: one line of the cache is looked at, nothing is turned round, no second address is
# compared. Whatever is not found here goes through the table of flows, and is found here next time.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.track.flow_table cimport LANE_WAYS, connection_t, flows_t, lane_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, segment_t
from mmscodec._kernels.core.wire cimport (
    load_be16, load_be32, load_le32, load_le64, prefetch, store_be16,
)

cdef enum:
    LANE_HEADERS = 54  # Ethernet, IPv4, TCP

    # fields as little-endian words, with what may differ masked out
    PLAIN_TYPE_MASK = 0x00FFFFFF
    PLAIN_TYPE = 0x00450008  # 08 00, 45
    PLAIN_REST_MASK = <unsigned int>0xFF00FF3F
    PLAIN_REST = 0x06000000  # no fragment, any TTL, TCP
    SYN_FIN_RST = 0x07


cdef inline bint plain_segment(const record_t *r, segment_t *out) noexcept nogil:
    # Is this frame one of those? Then what the express lane needs of the segment is filled in.
    cdef const uint8_t *p = r.data
    cdef uint32_t total, head
    if r.linktype != 1 or r.caplen != r.wire_len or r.caplen < LANE_HEADERS:
        return False
    if load_le32(p + 12) & PLAIN_TYPE_MASK != PLAIN_TYPE \
            or load_le32(p + 20) & <uint32_t>PLAIN_REST_MASK != PLAIN_REST:
        return False
    total = load_be16(p + 16)
    head = 20 + (<uint32_t>p[46] >> 4) * 4
    if head < 40 or total < head or total > r.caplen - 14 or p[47] & SYN_FIN_RST:
        return False
    out.payload = p + 14 + head
    out.length = total - head
    out.seq = load_be32(p + 38)
    return True


cdef inline size_t lane_set(const flows_t *f, uint64_t addresses, uint32_t ports) noexcept nogil:
    cdef uint64_t x = (addresses ^ f.seed) * <uint64_t>0x9FB21C651E98DF25
    x = (x ^ (x >> 29) ^ ports * <uint64_t>0x9E3779B97F4A7C15) * <uint64_t>0xD6E8FEB86659FD93
    return <size_t>(x >> 32) & f.lane_mask


cdef inline void lane_prefetch(
    const flows_t *f, uint64_t addresses, uint32_t ports
) noexcept nogil:
    prefetch(f.lanes + lane_set(f, addresses, ports) * LANE_WAYS)


cdef inline uint32_t lane_find(
    const flows_t *f, uint64_t addresses, uint32_t ports
) noexcept nogil:
    # `who`, or 0
    cdef const lane_t *lane = f.lanes + lane_set(f, addresses, ports) * LANE_WAYS
    cdef int i
    for i in range(LANE_WAYS):
        if lane[i].addresses == addresses and lane[i].ports == ports:
            return lane[i].who
    return 0


cdef inline void lane_put(
    flows_t *f, uint64_t addresses, uint32_t ports, uint32_t who
) noexcept nogil:
    # the newest comes first, the oldest of a set is forgotten
    cdef lane_t *lane = f.lanes + lane_set(f, addresses, ports) * LANE_WAYS
    cdef int i = 0
    while i < LANE_WAYS - 1 and not (
        lane[i].who == 0 or (lane[i].addresses == addresses and lane[i].ports == ports)
    ):
        i += 1
    while i > 0:
        lane[i] = lane[i - 1]
        i -= 1
    lane[0].addresses = addresses
    lane[0].ports = ports
    lane[0].who = who


cdef inline void lane_forget(flows_t *f, const connection_t *c) noexcept nogil:
    # the connection ends: neither of its sides is found here any more
    cdef uint8_t key[24]
    cdef lane_t *lane
    cdef int side, i
    if c.protocol != PROTOCOL_TCP:
        return
    memcpy(key, c.src + 12, 4)
    memcpy(key + 4, c.dst + 12, 4)
    memcpy(key + 8, key, 4)
    store_be16(key + 12, c.src_port)
    store_be16(key + 14, c.dst_port)
    store_be16(key + 16, c.src_port)
    for side in range(2):
        lane = f.lanes + LANE_WAYS * lane_set(
            f, load_le64(key + 4 * side), load_le32(key + 12 + 2 * side))
        for i in range(LANE_WAYS):
            if lane[i].addresses == load_le64(key + 4 * side) \
                    and lane[i].ports == load_le32(key + 12 + 2 * side):
                memset(&lane[i], 0, sizeof(lane_t))
