# Reassembly of IP fragments; the policies are explained in docs/decisions/0014.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc
from libc.string cimport memcmp, memcpy
from mmscodec._kernels.core.table cimport table_free, table_init, table_row
from mmscodec._kernels.core.wire cimport load_le64

cdef enum:
    DATAGRAM_MAX = 65535
    BLOCK_HEAD = 16  # chain pointer and size of a finished block


cdef void fragments_init(fragments_t *f, uint64_t seed) noexcept nogil:
    f.max_bytes = <uint64_t>32 << 20
    f.max_pending = 65535
    f.max_age = <int64_t>60 * 1000000000
    table_init(&f.slots, sizeof(datagram_t))
    f.buckets = NULL
    f.mask = 0
    f.free = -1
    f.oldest = -1
    f.newest = -1
    f.pending = 0
    f.bytes = 0
    f.seed = seed
    f.finished = NULL
    f.serial = 0
    f.joined_count = 0
    f.dropped = 0
    f.dropped_bytes = 0
    f.dropped_need = 0
    f.dropped_position = 0


cdef void fragments_free(fragments_t *f) noexcept nogil:
    while fragments_drop_oldest(f):
        pass
    fragments_release(f)
    table_free(&f.slots)
    free(f.buckets)
    f.buckets = NULL


cdef inline datagram_t *slot(fragments_t *f, int32_t i) noexcept nogil:
    # the datagram of a slot, which is in use
    return <datagram_t *>f.slots.data + i


cdef inline uint8_t *block_bits(datagram_t *d) noexcept nogil:
    # the bitmap of the 8-byte units that came
    return d.block + BLOCK_HEAD


cdef inline uint8_t *block_data(datagram_t *d) noexcept nogil:
    # where the bytes of the datagram stand
    return d.block + BLOCK_HEAD + d.capacity // 64


cdef inline uint64_t block_size(uint32_t capacity) noexcept nogil:
    # bytes of a block for so many bytes of payload
    return BLOCK_HEAD + capacity // 64 + <uint64_t>capacity


# ---- finding


cdef inline uint64_t mix(uint64_t h, uint64_t v) noexcept nogil:
    # one step of the hash
    h = (h ^ v) * <uint64_t>0x9E3779B97F4A7C15
    return h ^ (h >> 29)


cdef uint32_t fragment_hash(const fragments_t *f, const fragment_t *x) noexcept nogil:
    # seeded, so that nobody can make captures whose datagrams all meet in one bucket
    cdef uint64_t h = mix(f.seed, load_le64(x.src))
    h = mix(h, load_le64(x.src + 8))
    h = mix(h, load_le64(x.dst))
    h = mix(h, load_le64(x.dst + 8))
    h = mix(h, <uint64_t>x.id << 32 | x.scope)
    h = mix(h ^ f.seed, <uint64_t>x.version << 8 | (x.protocol if x.version == 4 else 0))
    return <uint32_t>(h >> 32)


cdef inline bint same(const datagram_t *d, const fragment_t *x, uint32_t h) noexcept nogil:
    # is the fragment one of this datagram? `h` is its hash
    return (
        d.hash == h
        and d.id == x.id
        and d.scope == x.scope
        and d.version == x.version
        and (x.version != 4 or d.protocol == x.protocol)
        and memcmp(d.src, x.src, 16) == 0
        and memcmp(d.dst, x.dst, 16) == 0
    )


cdef int32_t find(fragments_t *f, const fragment_t *x, uint32_t h) noexcept nogil:
    # the slot of the fragment's datagram, or -1
    cdef int32_t i = f.buckets[h & f.mask]
    while i >= 0 and not same(slot(f, i), x, h):
        i = slot(f, i).chain
    return i


# ---- taking in and out


cdef int make_buckets(fragments_t *f) noexcept nogil:
    # the buckets of the hash, at the first fragment. 0, or -1 without memory
    cdef uint32_t size = 256
    cdef uint32_t i
    while size < f.max_pending and size < <uint32_t>1 << 20:
        size *= 2
    f.buckets = <int32_t *>calloc(size, sizeof(int32_t))
    if f.buckets == NULL:
        return -1
    for i in range(size):
        f.buckets[i] = -1
    f.mask = size - 1
    return 0


cdef int32_t enter(fragments_t *f, const fragment_t *x, uint32_t h) noexcept nogil:
    # a new datagram as the newest; -1 when there is no memory
    cdef datagram_t *d
    cdef int32_t i = f.free
    if i >= 0:
        f.free = slot(f, i).chain
    else:
        if table_row(&f.slots) == NULL:
            return -1
        i = <int32_t>(f.slots.rows - 1)
    d = slot(f, i)
    memcpy(d.src, x.src, 16)
    memcpy(d.dst, x.dst, 16)
    d.id = x.id
    d.scope = x.scope
    d.version = x.version
    d.protocol = x.protocol
    d.next_header = x.protocol
    d.poisoned = False
    f.serial += 1
    d.serial = f.serial
    d.time = x.time
    d.position = x.position
    d.block = NULL
    d.capacity = 0
    d.units = 0
    d.end = 0
    d.total = 0
    d.captured = DATAGRAM_MAX + 1
    d.hash = h
    d.chain = f.buckets[h & f.mask]
    f.buckets[h & f.mask] = i
    d.older = f.newest
    d.newer = -1
    if f.newest >= 0:
        slot(f, f.newest).newer = i
    else:
        f.oldest = i
    f.newest = i
    f.pending += 1
    return i


cdef void leave(fragments_t *f, int32_t i) noexcept nogil:
    # out of the bucket and the age list; the block stays whose it is
    cdef datagram_t *d = slot(f, i)
    cdef int32_t *link = &f.buckets[d.hash & f.mask]
    while link[0] != i:
        link = &slot(f, link[0]).chain
    link[0] = d.chain
    if d.older >= 0:
        slot(f, d.older).newer = d.newer
    else:
        f.oldest = d.newer
    if d.newer >= 0:
        slot(f, d.newer).older = d.older
    else:
        f.newest = d.older
    d.chain = f.free
    f.free = i
    f.pending -= 1


cdef void release(fragments_t *f, datagram_t *d) noexcept nogil:
    # give the block of a datagram back
    if d.block != NULL:
        f.bytes -= block_size(d.capacity)
        free(d.block)
        d.block = NULL
        d.capacity = 0


cdef void count_drop(
    fragments_t *f, uint64_t position, uint64_t have, uint64_t need
) noexcept nogil:
    # count a loss that is said with the next fault, which begins at the first one
    if f.dropped == 0:
        f.dropped_position = position
    f.dropped += 1
    f.dropped_bytes += have
    f.dropped_need += need


cdef void drop(fragments_t *f, int32_t i) noexcept nogil:
    # the datagram of a slot goes, and what was there of it is counted
    cdef datagram_t *d = slot(f, i)
    if not d.poisoned:
        count_drop(
            f, d.position, <uint64_t>d.units * 8, d.total if d.total else <uint64_t>d.end + 1
        )
    release(f, d)
    leave(f, i)


cdef bint fragments_drop_oldest(fragments_t *f) noexcept nogil:
    if f.oldest < 0:
        return False
    drop(f, f.oldest)
    return True


cdef void fragments_release(fragments_t *f) noexcept nogil:
    cdef uint8_t *block
    while f.finished != NULL:
        block = f.finished
        f.finished = (<uint8_t **>block)[0]
        f.bytes -= (<uint64_t *>block)[1]
        free(block)


cdef uint8_t *fragments_room(fragments_t *f, uint32_t size) noexcept nogil:
    cdef uint8_t *block
    while f.bytes + BLOCK_HEAD + size > f.max_bytes and f.oldest >= 0:
        drop(f, f.oldest)
    if f.bytes + BLOCK_HEAD + size > f.max_bytes:
        return NULL
    block = <uint8_t *>malloc(BLOCK_HEAD + <size_t>size)
    if block == NULL:
        return NULL
    (<uint8_t **>block)[0] = f.finished
    (<uint64_t *>block)[1] = BLOCK_HEAD + <uint64_t>size
    f.finished = block
    f.bytes += BLOCK_HEAD + <uint64_t>size
    return block + BLOCK_HEAD


cdef int finish(fragments_t *f, int32_t i, fragment_t *x) noexcept nogil:
    # the datagram is whole: it is in `x` until the next call, and its slot is free. FRAGMENT_WHOLE
    cdef datagram_t *d = slot(f, i)
    x.whole = block_data(d)
    x.whole_length = d.total
    x.whole_captured = d.captured if d.captured < d.total else d.total
    x.protocol = d.next_header
    (<uint8_t **>d.block)[0] = f.finished
    (<uint64_t *>d.block)[1] = block_size(d.capacity)
    f.finished = d.block
    d.block = NULL
    leave(f, i)
    return FRAGMENT_WHOLE


cdef int grow(fragments_t *f, int32_t i, uint32_t end) noexcept nogil:
    # room for bytes up to `end`, oldest datagrams given up for it; FRAGMENT_HELD when there is
    cdef datagram_t *d = slot(f, i)
    cdef uint32_t capacity = (end + 511) & ~<uint32_t>511
    cdef uint64_t size
    cdef uint8_t *block
    if capacity <= d.capacity:
        return FRAGMENT_HELD
    if d.capacity and capacity < 2 * d.capacity:
        capacity = <uint32_t>(
            2 * d.capacity if d.capacity <= DATAGRAM_MAX // 2 else DATAGRAM_MAX + 1
        )
    size = block_size(capacity)
    while f.bytes + size > f.max_bytes and f.oldest != i:
        drop(f, f.oldest)
    if f.bytes + size > f.max_bytes:
        drop(f, i)
        return FRAGMENT_REFUSED
    block = <uint8_t *>calloc(1, size)
    if block == NULL:
        return FRAGMENT_NO_MEMORY
    f.bytes += size
    if d.block != NULL:
        memcpy(block + BLOCK_HEAD, block_bits(d), d.capacity // 64)
        memcpy(block + BLOCK_HEAD + capacity // 64, block_data(d), d.capacity)
        release(f, d)
    d.block = block
    d.capacity = capacity
    return FRAGMENT_HELD


# ---- one fragment into its datagram


cdef enum:
    OVERLAP_NONE = 0
    OVERLAP_SAME = 1  # nothing new and nothing different
    OVERLAP_MORE = 2  # some bytes are new, the others the same
    OVERLAP_OTHER = 3  # bytes that differ from those that came first


cdef int place(datagram_t *d, const fragment_t *x, bint write) noexcept nogil:
    # the units that have not come yet to their places (if `write`); what the others were
    cdef uint8_t *bits = block_bits(d)
    cdef uint8_t *data = block_data(d)
    cdef uint32_t unit, at, n
    cdef bint seen = False, fresh = False, differs = False
    at = 0
    while at < x.length:
        unit = (x.offset + at) >> 3
        if unit & 7 == 0 and bits[unit >> 3] == 0 and at < x.captured and x.captured - at >= 64:
            fresh = True  # the usual case, eight units at once
            if write:
                bits[unit >> 3] = 0xFF
                memcpy(data + (unit << 3), x.data + at, 64)
                d.units += 8
            at += 64
            continue
        n = x.length - at if x.length - at < 8 else 8
        if at >= x.captured:
            n = 0
        elif n > x.captured - at:
            n = x.captured - at
        if bits[unit >> 3] >> (unit & 7) & 1:
            seen = True
            differs = differs or memcmp(data + (unit << 3), x.data + at, n) != 0
        else:
            fresh = True
            if write:
                bits[unit >> 3] |= <uint8_t>(1 << (unit & 7))
                memcpy(data + (unit << 3), x.data + at, n)
                d.units += 1
        at += 8
    if differs:
        return OVERLAP_OTHER
    if seen:
        return OVERLAP_MORE if fresh else OVERLAP_SAME
    return OVERLAP_NONE


cdef inline bint ends_agree(const datagram_t *d, const fragment_t *x, uint32_t end) noexcept nogil:
    # does a fragment that ends at `end` agree with the length that is known?
    if d.total:
        return end == d.total if not x.more else end <= d.total
    return x.more or d.end <= end


cdef int poison(fragments_t *f, int32_t i, const fragment_t *x) noexcept nogil:
    # RFC 5722: an IPv6 datagram with overlapping fragments is dropped, and what still comes of it
    cdef datagram_t *d = slot(f, i)
    count_drop(f, d.position, <uint64_t>d.units * 8 + x.length, d.end)
    release(f, d)
    d.poisoned = True
    return FRAGMENT_HELD


cdef int insert(fragments_t *f, int32_t i, fragment_t *x) noexcept nogil:
    # put the fragment into the datagram of a slot. A status as of fragments_add
    cdef datagram_t *d = slot(f, i)
    cdef uint32_t end = x.offset + x.length
    cdef int state
    if d.poisoned:
        return FRAGMENT_HELD
    if not ends_agree(d, x, end):
        if x.version == 6:
            return poison(f, i, x)
        count_drop(f, x.position, x.length, end)
        return FRAGMENT_HELD
    state = grow(f, i, end)
    if state != FRAGMENT_HELD:
        x.need = end
        return state
    d = slot(f, i)
    if x.version == 6:
        state = place(d, x, False)
        if state == OVERLAP_SAME:
            return FRAGMENT_HELD
        if state != OVERLAP_NONE:
            return poison(f, i, x)
        if x.offset == 0:
            d.next_header = x.protocol
    if place(d, x, True) == OVERLAP_OTHER:
        count_drop(f, x.position, x.length, end)
    if x.captured < x.length and x.offset + x.captured < d.captured:
        d.captured = x.offset + x.captured
    if end > d.end:
        d.end = end
    if not x.more:
        d.total = end
    if d.total and d.units == (d.total + 7) // 8:
        return finish(f, i, x)
    return FRAGMENT_HELD


cdef bint reused(datagram_t *d, const fragment_t *x) noexcept nogil:
    # a first fragment with other ports or lengths than the one held: a later datagram of that id
    return (
        x.version == 4
        and x.offset == 0
        and x.captured >= 8
        and d.capacity > 0
        and block_bits(d)[0] & 1
        and memcmp(block_data(d), x.data, 8) != 0
    )


cdef inline bint too_old(const fragments_t *f, int64_t time, int64_t now) noexcept nogil:
    # times are any 64-bit numbers and may run backwards
    return now > time and <uint64_t>now - <uint64_t>time > <uint64_t>f.max_age


cdef int fragments_add(fragments_t *f, fragment_t *x) noexcept nogil:
    # One fragment. Its datagram when that is whole; drops of others are counted in `dropped`.
    cdef uint32_t h
    cdef int32_t i
    x.have = x.length
    if f.buckets == NULL and make_buckets(f) != 0:
        return FRAGMENT_NO_MEMORY
    while f.oldest >= 0 and too_old(f, slot(f, f.oldest).time, x.time):
        drop(f, f.oldest)
    if x.length == 0 or x.length > DATAGRAM_MAX - x.offset or (x.more and x.length & 7):
        x.need = <int64_t>x.offset + x.length
        return FRAGMENT_REFUSED
    h = fragment_hash(f, x)
    i = find(f, x, h)
    if i >= 0 and reused(slot(f, i), x):
        drop(f, i)
        i = -1
    if i < 0:
        while f.pending and f.pending >= f.max_pending:
            drop(f, f.oldest)
        i = enter(f, x, h)
        if i < 0:
            return FRAGMENT_NO_MEMORY
    if f.joined_count < MAX_JOINED:
        f.joined[f.joined_count] = slot(f, i).serial
        f.joined_count += 1
        f.last = x[0]
    return insert(f, i, x)
