# See track/select.pxd.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport qsort
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.search cimport lower_bound
from mmscodec._kernels.core.table cimport table_init, table_row
from mmscodec._kernels.core.wire cimport load_be16, load_le64
from mmscodec._kernels.net.fragments cimport fragment_t, fragments_t
from mmscodec._kernels.net.network cimport (
    NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT, network_decode, network_more,
)
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, PROTOCOL_UDP, has_endpoints, segment_t
from mmscodec._kernels.pcapfile.record_rows cimport record_row_t, record_rows_append


cdef inline uint64_t mix(uint64_t h, uint64_t v) noexcept nogil:
    # one step of the hash
    h = (h ^ v) * <uint64_t>0x9E3779B97F4A7C15ULL
    return h ^ (h >> 29)


cdef inline uint64_t address_hash(const uint8_t *src, const uint8_t *dst) noexcept nogil:
    # of the last eight bytes of each: those that tell IPv4 hosts apart are among them
    return mix(mix(1, load_le64(src + 8)), load_le64(dst + 8))


cdef inline uint64_t flow_hash(
    const uint8_t *src, const uint8_t *dst, uint16_t a, uint16_t b, uint8_t protocol,
    uint32_t scope
) noexcept nogil:
    # of the endpoints of a segment, its protocol and its scope
    cdef uint64_t h = mix(address_hash(src, dst), load_le64(src) ^ (load_le64(dst) << 1))
    return mix(h, (<uint64_t>a << 48) | (<uint64_t>b << 32) | scope) + protocol


cdef int by_hash(const void *a, const void *b) noexcept nogil:
    # order for qsort
    cdef uint64_t x = (<const key_slot_t *>a).hash, y = (<const key_slot_t *>b).hash
    return (x > y) - (x < y)


cdef bint in_flow(
    const key_slot_t *slots, size_t n, const segment_t *s, int64_t time
) noexcept nogil:
    # is the segment one of a chosen flow? `slots` ascend by hash
    cdef uint64_t hash = flow_hash(s.src, s.dst, s.src_port, s.dst_port, s.protocol, s.scope)
    cdef size_t i = lower_bound(slots, n, sizeof(key_slot_t), hash)
    cdef const flow_key_t *k
    while i < n and slots[i].hash == hash:
        k = slots[i].key
        if (
            k.first <= time <= k.last and k.scope == s.scope and k.protocol == s.protocol
            and has_endpoints(s, &k.endpoints)
        ):
            return True
        i += 1
    return False


cdef bint names_flow(
    const key_slot_t *slots, size_t n, const fragments_t *f, segment_t *s, int64_t time
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
    selection_t *out, const record_t *r, bint wanted, const fragments_t *f
) noexcept nogil:
    # a record that is wanted, or holds fragments. 0, or -1 without memory
    cdef uint32_t i
    cdef fragment_link_t *link
    cdef uint8_t *mark = <uint8_t *>table_row(&out.wanted)
    if mark == NULL or record_rows_append(&out.rows, r, 1) != 0:
        return -1
    mark[0] = <uint8_t>wanted
    for i in range(f.joined_count):
        link = <fragment_link_t *>table_row(&out.links)
        if link == NULL:
            return -1
        link.row = out.rows.rows - 1
        link.datagram = f.joined[i]
    return 0


cdef int select_records(
    network_t *net, const key_slot_t *flows, size_t n, const record_t *batch, size_t count,
    selection_t *out
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


cdef int add_end(
    table_t *ends, const segment_t *s, size_t row, bint fragment
) noexcept nogil:
    # who sends a segment, or a fragment, to whom. 0, or -1 without memory
    cdef ends_row_t *end = <ends_row_t *>table_row(ends)
    if end == NULL:
        return -1
    memset(end, 0, sizeof(ends_row_t))
    memcpy(end.endpoints.src, s.src, 16)
    memcpy(end.endpoints.dst, s.dst, 16)
    end.row = <uint32_t>row
    end.fragment = <uint8_t>fragment
    if not fragment:
        end.endpoints.src_port = s.src_port
        end.endpoints.dst_port = s.dst_port
        end.protocol = s.protocol
    return 0


cdef int select_ends(
    network_t *net, const record_t *batch, size_t count, bint odd, selection_t *found,
    table_t *ends
) noexcept nogil:
    cdef size_t i, first, row
    cdef segment_t s
    cdef int status
    for i in range(count):
        net.fragments.joined_count = 0
        first, row = ends.rows, found.rows.rows
        status = network_decode(net, batch + i, &s)
        while status != NETWORK_NOTHING:
            if status != NETWORK_FAULT and add_end(ends, &s, row, False) != 0:
                return -1
            if status == NETWORK_SEGMENT:
                break
            status = network_more(net, &s)
        if net.fragments.joined_count and ends.rows == first and add_end(ends, &s, row, True) != 0:
            return -1
        if odd and not net.fragments.joined_count and ends.rows - first < 2:
            ends.rows = first
        if ends.rows != first and add_row(found, batch + i, True, &net.fragments) != 0:
            return -1
    return 0


cdef void selection_init(selection_t *s) noexcept nogil:
    table_init(&s.rows, sizeof(record_row_t))
    table_init(&s.wanted, 1)
    table_init(&s.links, sizeof(fragment_link_t))


cdef void select_keys(const flow_key_t *keys, size_t n, key_slot_t *slots) noexcept nogil:
    cdef size_t i
    cdef const flow_key_t *k
    for i in range(n):
        k = keys + i
        slots[i].key = k
        slots[i].hash = flow_hash(
            k.endpoints.src, k.endpoints.dst, k.endpoints.src_port, k.endpoints.dst_port,
            k.protocol, k.scope)
    qsort(slots, n, sizeof(key_slot_t), by_hash)
