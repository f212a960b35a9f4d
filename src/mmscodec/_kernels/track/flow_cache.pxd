# The flow cache: a short way to a connection, in front of the flow table.
#
# Most frames of most captures are plain ones: Ethernet, IPv4 without options and TCP without SYN,
# FIN or RST. For them the twelve bytes of addresses and ports, as they stand in the frame, name the
# side of the connection: one line of the cache is looked at, nothing is turned round, no second
# address is compared. Whatever is not found here goes through the flow table, and is found here
# next time.
from libc.stdint cimport uint8_t, uint32_t, uint64_t, uintptr_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.table cimport table_free, table_init, table_resize, table_t
from mmscodec._kernels.core.wire cimport load_le32, load_le64, prefetch, store_be16
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP
from mmscodec._kernels.track.flow_table cimport connection_t

cdef enum:
    CACHE_WAYS = 4  # a line of the processor's cache

cdef struct cache_entry_t:
    # from addresses and ports, as they stand in an IPv4 packet, to a side
    uint64_t addresses
    uint32_t ports
    uint32_t side  # number of the connection * 2 + side + 1; 0 = nobody

cdef struct flow_cache_t:
    cache_entry_t *entries  # sets of CACHE_WAYS
    size_t mask  # of sets
    uint64_t seed
    table_t memory  # where they lie, aligned to a set


cdef inline void flow_cache_init(flow_cache_t *f, uint64_t seed) noexcept nogil:
    # an empty cache without room
    f.entries = NULL
    f.mask = 0
    f.seed = seed
    table_init(&f.memory, CACHE_WAYS * sizeof(cache_entry_t))


cdef inline void flow_cache_free(flow_cache_t *f) noexcept nogil:
    # give the memory back
    table_free(&f.memory)


cdef inline void flow_cache_clear(flow_cache_t *f) noexcept nogil:
    # nothing is in it any more
    memset(f.entries, 0, (f.mask + 1) * CACHE_WAYS * sizeof(cache_entry_t))


cdef inline int flow_cache_resize(flow_cache_t *f, size_t entries) noexcept nogil:
    # room for so many, a power of two; all empty: they fill again by themselves. 0, or -1
    cdef size_t line = CACHE_WAYS * sizeof(cache_entry_t)
    table_free(&f.memory)
    if table_resize(&f.memory, entries // CACHE_WAYS + 1) != 0:
        return -1
    f.entries = <cache_entry_t *>((<uintptr_t>f.memory.data + line - 1) // line * line)
    f.mask = entries // CACHE_WAYS - 1
    flow_cache_clear(f)
    return 0


cdef inline size_t cache_set(
    const flow_cache_t *f, uint64_t addresses, uint32_t ports
) noexcept nogil:
    # the set of addresses and ports as they stand in a frame
    cdef uint64_t x = (addresses ^ f.seed) * <uint64_t>0x9FB21C651E98DF25
    x = (x ^ (x >> 29) ^ ports * <uint64_t>0x9E3779B97F4A7C15) * <uint64_t>0xD6E8FEB86659FD93
    return <size_t>(x >> 32) & f.mask


cdef inline void flow_cache_prefetch(
    const flow_cache_t *f, uint64_t addresses, uint32_t ports
) noexcept nogil:
    # touch the set that will be looked at
    prefetch(f.entries + cache_set(f, addresses, ports) * CACHE_WAYS)


cdef inline uint32_t flow_cache_find(
    const flow_cache_t *f, uint64_t addresses, uint32_t ports
) noexcept nogil:
    # `side` of the entry, or 0
    cdef const cache_entry_t *entry = f.entries + cache_set(f, addresses, ports) * CACHE_WAYS
    cdef int i
    for i in range(CACHE_WAYS):
        if entry[i].addresses == addresses and entry[i].ports == ports:
            return entry[i].side
    return 0


cdef inline void flow_cache_put(
    flow_cache_t *f, uint64_t addresses, uint32_t ports, uint32_t side
) noexcept nogil:
    # the newest comes first, the oldest of a set is forgotten
    cdef cache_entry_t *entry = f.entries + cache_set(f, addresses, ports) * CACHE_WAYS
    cdef int i = 0
    while i < CACHE_WAYS - 1 and not (
        entry[i].side == 0 or (entry[i].addresses == addresses and entry[i].ports == ports)
    ):
        i += 1
    while i > 0:
        entry[i] = entry[i - 1]
        i -= 1
    entry[0].addresses = addresses
    entry[0].ports = ports
    entry[0].side = side


cdef inline void flow_cache_forget(flow_cache_t *f, const connection_t *c) noexcept nogil:
    # the connection ends: neither of its sides is found here any more
    cdef uint8_t key[24]
    cdef cache_entry_t *entry
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
        entry = f.entries + CACHE_WAYS * cache_set(
            f, load_le64(key + 4 * side), load_le32(key + 12 + 2 * side))
        for i in range(CACHE_WAYS):
            if entry[i].addresses == load_le64(key + 4 * side) \
                    and entry[i].ports == load_le32(key + 12 + 2 * side):
                memset(&entry[i], 0, sizeof(cache_entry_t))
