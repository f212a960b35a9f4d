# A segment on its way from its frame to its connection, and the first step of that way.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.wire cimport likely, load_be16, load_be32, load_le32, load_le64
from mmscodec._kernels.net.cursor cimport NETWORK_SEGMENT, network_t
from mmscodec._kernels.net.network cimport network_decode
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.track.flow_table cimport flow_table_t, segment_hash
from mmscodec._kernels.track.sources cimport ARENA

cdef extern from * nogil:
    """
    #define MMSCODEC_PLAIN_REST_MASK 0xFF00FF3Fu
    """
    const uint32_t PLAIN_REST_MASK "MMSCODEC_PLAIN_REST_MASK"  # what PLAIN_REST compares

cdef enum:
    PLAIN_HEADERS = 54  # Ethernet, IPv4, TCP

    # fields as little-endian words, with what may differ masked out
    PLAIN_TYPE_MASK = 0x00FFFFFF
    PLAIN_TYPE = 0x00450008  # 08 00, 45
    PLAIN_REST = 0x06000000  # no fragment, any TTL, TCP
    SYN_FIN_RST = 0x07

cdef struct item_t:
    segment_t segment
    uint64_t place
    int64_t time
    uint64_t addresses  # of a plain frame (see flow_cache.pxd), as they stand there
    uint32_t ports
    uint32_t caplen
    const uint8_t *frame  # a plain one
    uint32_t hash
    uint8_t stable  # the payload stays where it is
    uint8_t complete  # the hash, and all fields of the segment, are there


cdef inline bint plain_frame(const record_t *r, segment_t *out) noexcept nogil:
    # Is this frame a plain one? Then what the fast path needs of the segment is filled in.
    cdef const uint8_t *p = r.data
    cdef uint32_t total, head
    if r.linktype != 1 or r.caplen != r.wire_len or r.caplen < PLAIN_HEADERS:
        return False
    if load_le32(p + 12) & PLAIN_TYPE_MASK != PLAIN_TYPE \
            or load_le32(p + 20) & PLAIN_REST_MASK != PLAIN_REST:
        return False
    total = load_be16(p + 16)
    head = 20 + (<uint32_t>p[46] >> 4) * 4
    if head < 40 or total < head or total > r.caplen - 14 or p[47] & SYN_FIN_RST:
        return False
    out.payload = p + 14 + head
    out.length = total - head
    out.seq = load_be32(p + 38)
    return True


cdef inline bint fill_item(
    const flow_table_t *flows, const uint8_t *ports, const record_t *record, bint stable,
    item_t *item
) noexcept nogil:
    # the rest of an item by its segment; False if it is from and to other ports
    if ports != NULL and not (ports[item.segment.src_port] or ports[item.segment.dst_port]):
        return False
    item.frame = NULL
    item.complete = True
    item.hash = segment_hash(flows, &item.segment)
    item.time = record.time
    if item.segment.owned:
        item.stable = False
        item.place = ARENA()
    else:
        item.stable = <uint8_t>stable
        item.place = record.position + <uint64_t>(item.segment.payload - record.data)
    return True


cdef inline int next_item(
    network_t *network, const flow_table_t *flows, const uint8_t *ports, const record_t *record,
    bint stable, item_t *item, bint *wanted
) noexcept nogil:
    # the segment in a frame, by where it goes; a status of the network
    cdef int status
    wanted[0] = False
    if likely(plain_frame(record, &item.segment)):
        item.frame = record.data
        item.caplen = record.caplen
        item.addresses = load_le64(record.data + 26)
        item.ports = load_le32(record.data + 34)
        item.time = record.time
        item.stable = <uint8_t>stable
        item.place = record.position + <uint64_t>(item.segment.payload - record.data)
        item.segment.owned = False
        item.complete = False
        wanted[0] = ports == NULL or ports[load_be16(record.data + 34)] \
            or ports[load_be16(record.data + 36)]
        return NETWORK_SEGMENT
    status = network_decode(network, record, &item.segment)
    if status == NETWORK_SEGMENT:
        wanted[0] = fill_item(flows, ports, record, stable, item)
    return status
