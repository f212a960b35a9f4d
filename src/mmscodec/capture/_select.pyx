# Which frames of a capture belong to chosen flows.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcmp
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, readable
from mmscodec._kernels.net.fragments cimport fragment_t, fragments_t
from mmscodec._kernels.net.network cimport (
    NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT, network_decode, network_free, network_init,
    network_more, network_t,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, PROTOCOL_UDP, segment_t
from mmscodec._kernels.core.table cimport table_init, table_row, table_t
from mmscodec._kernels.core.wire cimport load_be16, load_le64
from mmscodec.capture._inflate cimport inflate
from mmscodec.capture._merge cimport Merge
from mmscodec.capture._record_reader cimport append_rows, row_t

from mmscodec.schema import dtypes

cdef enum:
    BATCH = 256

LINKS = [("row", "=u8"), ("datagram", "=u8")]

cdef struct key_t:
    # a row of `KEYS` in export.py
    uint8_t src[16]
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port
    uint32_t scope
    int64_t first
    int64_t last
    uint8_t protocol
    uint8_t pad[7]

cdef struct slot_t:
    uint64_t hash
    const key_t *key

cdef struct link_t:
    # a row with a fragment of a datagram
    uint64_t row
    uint64_t datagram

cdef struct choice_t:
    table_t rows
    table_t wanted
    table_t links


cdef inline uint64_t mix(uint64_t h, uint64_t v) noexcept nogil:
    h = (h ^ v) * <uint64_t>0x9E3779B97F4A7C15ULL
    return h ^ (h >> 29)


cdef inline uint64_t address_hash(const uint8_t *src, const uint8_t *dst) noexcept nogil:
    # of the last eight bytes of each: those that tell IPv4 hosts apart are among them
    return mix(mix(1, load_le64(src + 8)), load_le64(dst + 8))


cdef inline uint64_t flow_hash(
    const uint8_t *src, const uint8_t *dst, uint16_t a, uint16_t b, uint8_t protocol,
    uint32_t scope
) noexcept nogil:
    cdef uint64_t h = mix(address_hash(src, dst), load_le64(src) ^ (load_le64(dst) << 1))
    return mix(h, (<uint64_t>a << 48) | (<uint64_t>b << 32) | scope) + protocol


cdef int by_hash(const void *a, const void *b) noexcept nogil:
    cdef uint64_t x = (<const slot_t *>a).hash, y = (<const slot_t *>b).hash
    return (x > y) - (x < y)


cdef size_t lower(const slot_t *slots, size_t n, uint64_t hash) noexcept nogil:
    cdef size_t low = 0, high = n, mid
    while low < high:
        mid = (low + high) >> 1
        if slots[mid].hash < hash:
            low = mid + 1
        else:
            high = mid
    return low


cdef bint in_flow(
    const slot_t *slots, size_t n, const segment_t *s, int64_t time
) noexcept nogil:
    cdef uint64_t hash = flow_hash(s.src, s.dst, s.src_port, s.dst_port, s.protocol, s.scope)
    cdef size_t i = lower(slots, n, hash)
    cdef const key_t *k
    while i < n and slots[i].hash == hash:
        k = slots[i].key
        if (
            k.first <= time <= k.last and k.src_port == s.src_port and k.dst_port == s.dst_port
            and k.scope == s.scope and k.protocol == s.protocol
            and memcmp(k.src, s.src, 16) == 0 and memcmp(k.dst, s.dst, 16) == 0
        ):
            return True
        i += 1
    return False


cdef bint names_flow(
    const slot_t *slots, size_t n, const fragments_t *f, segment_t *s, int64_t time
) noexcept nogil:
    # does the first fragment of a datagram that is not whole name the ports of a chosen flow?
    cdef const fragment_t *x = &f.last
    if x.offset != 0 or x.captured < 4:
        return False
    if x.protocol != PROTOCOL_TCP and x.protocol != PROTOCOL_UDP:
        return False
    s.src_port = load_be16(x.data)
    s.dst_port = load_be16(x.data + 2)
    s.protocol = x.protocol
    s.scope = x.scope
    return in_flow(slots, n, s, time)


cdef int add_row(
    choice_t *out, const record_t *r, bint wanted, const fragments_t *f
) noexcept nogil:
    cdef uint32_t i
    cdef link_t *link
    cdef uint8_t *mark = <uint8_t *>table_row(&out.wanted)
    if mark == NULL or append_rows(&out.rows, r, 1) != 0:
        return -1
    mark[0] = wanted
    for i in range(f.joined_count):
        link = <link_t *>table_row(&out.links)
        if link == NULL:
            return -1
        link.row = out.rows.rows - 1
        link.datagram = f.joined[i]
    return 0


cdef int choose(
    network_t *net, const slot_t *flows, size_t n, const record_t *batch, size_t count,
    choice_t *out
) noexcept nogil:
    cdef size_t i
    cdef segment_t s
    cdef bint wanted
    cdef int status
    for i in range(count):
        net.fragments.joined_count = 0
        status = network_decode(net, batch + i, &s)
        wanted = False
        while status != NETWORK_NOTHING:  # there may be several packets in one frame
            if status != NETWORK_FAULT:
                wanted = wanted or in_flow(flows, n, &s, batch[i].time)
            if status == NETWORK_SEGMENT:
                break
            status = network_more(net, &s)
        if status == NETWORK_NOTHING and net.fragments.joined_count and not wanted:
            wanted = names_flow(flows, n, &net.fragments, &s, batch[i].time)
        if (wanted or net.fragments.joined_count) \
                and add_row(out, batch + i, wanted, &net.fragments) != 0:
            return -1
    return 0


def select_records(Merge merge, keys, bint ignore_vlan=False):
    """Records that belong to flows, fragments of their datagrams among them.

    Parameters
    ----------
    merge : Merge
        Is walked to its end.
    keys : contiguous array of `export.KEYS`
        One row for each flow, with the times between which it was open.
    ignore_vlan : bool
        As in `Engine`.

    Returns
    -------
    rows : array of `dtypes.RECORDS`
        Records that belong to a flow, and all that are fragments.
    wanted : array of bool
        Those that belong to a flow by themselves: that hold one of its segments, complete a
        datagram that is one, or are the first fragment of such.
    links : array
        row, and number of a datagram that it has a fragment of: `datagram`.
    """
    cdef Block rows = Block(sizeof(row_t)), wanted = Block(1), links = Block(sizeof(link_t))
    cdef choice_t choice
    cdef record_t batch[BATCH]
    cdef size_t count, n, i
    cdef network_t net
    cdef Buffer view = readable(keys)
    cdef slot_t *flows = NULL
    cdef const key_t *k
    cdef int status = 0
    network_init(&net, 0)
    net.inflate = inflate
    net.ignore_vlan = ignore_vlan
    table_init(&choice.rows, sizeof(row_t))
    table_init(&choice.wanted, 1)
    table_init(&choice.links, sizeof(link_t))
    try:
        n = view.size // sizeof(key_t)
        if view.size % sizeof(key_t):
            raise ValueError("keys are of another dtype")
        flows = <slot_t *>malloc((n + 1) * sizeof(slot_t))
        if flows == NULL:
            raise MemoryError
        for i in range(n):
            k = (<const key_t *>view.data) + i
            flows[i].key = k
            flows[i].hash = flow_hash(k.src, k.dst, k.src_port, k.dst_port, k.protocol, k.scope)
        qsort(flows, n, sizeof(slot_t), by_hash)
        while True:
            merge.next_batch(batch, BATCH, &count)
            if count == 0:
                break
            with nogil:
                status = choose(&net, flows, n, batch, count, &choice)
            if status != 0:
                raise MemoryError
    finally:
        rows.table, wanted.table, links.table = choice.rows, choice.wanted, choice.links
        free(flows)
        network_free(&net)
    return rows.array(dtypes.RECORDS), wanted.array("?"), links.array(LINKS)
