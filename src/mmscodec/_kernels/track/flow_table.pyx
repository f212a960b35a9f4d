# See flow_table.pxd for the contract.
from libc.stdint cimport INT64_MIN, int64_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcmp, memcpy, memset
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, TCP_ACK, TCP_SYN, segment_t
from mmscodec._kernels.core.table cimport table_free, table_init, table_row
from mmscodec._kernels.net.tcp_reassembly cimport tcp_init

cdef enum:
    FIRST_SLOTS = 1024
    SAMPLE = 512


cdef int flow_table_init(flow_table_t *f, uint64_t seed) noexcept nogil:
    table_init(&f.connections, sizeof(connection_t))
    table_init(&f.free, sizeof(uint32_t))
    f.count = f.used = 0
    f.seed = scramble(seed)
    f.mask = FIRST_SLOTS - 1
    f.slots = <uint64_t *>calloc(FIRST_SLOTS, sizeof(uint64_t))
    f.syns = <uint32_t *>calloc(SYN_SLOTS, sizeof(uint32_t))
    return 0 if f.slots != NULL and f.syns != NULL else -1


cdef void flow_table_free(flow_table_t *f) noexcept nogil:
    # what the flows own was freed before
    table_free(&f.connections)
    table_free(&f.free)
    free(f.slots)
    free(f.syns)
    f.slots = NULL
    f.syns = NULL


cdef inline void put_slot(uint64_t *slots, size_t mask, uint64_t slot) noexcept nogil:
    # into the first free slot from its hash on; there is one
    cdef size_t i = <uint32_t>(slot >> 32) & mask
    while slots[i] != 0:
        i = (i + 1) & mask
    slots[i] = slot


cdef int grow(flow_table_t *f) noexcept nogil:
    # twice the slots. 0, or -1 without memory
    cdef size_t mask = f.mask * 2 + 1, i
    cdef uint64_t *slots
    if mask > <size_t>0xFFFFFFFF:
        return -1
    slots = <uint64_t *>calloc(mask + 1, sizeof(uint64_t))
    if slots == NULL:
        return -1
    for i in range(f.mask + 1):
        if f.slots[i] != 0:
            put_slot(slots, mask, f.slots[i])
    free(f.slots)
    f.slots = slots
    f.mask = mask
    return 0


cdef int64_t flow_table_add(flow_table_t *f, const segment_t *s, uint32_t hash) noexcept nogil:
    cdef connection_t *c
    cdef uint32_t number
    cdef int i
    if f.used >= f.mask // 2 and grow(f) != 0:
        return -1
    if f.free.rows != 0:
        f.free.rows -= 1
        number = (<uint32_t *>f.free.data)[f.free.rows]
    else:
        if table_row(&f.connections) == NULL:
            return -1
        number = <uint32_t>(f.connections.rows - 1)
    c = connection_at(f, number)
    memset(c, 0, sizeof(connection_t))
    memcpy(c.src, s.src, 16)
    memcpy(c.dst, s.dst, 16)
    c.src_port = s.src_port
    c.dst_port = s.dst_port
    c.scope = c.scope_back = s.scope
    c.protocol = s.protocol
    c.hash = hash
    c.live = True
    for i in range(2):
        tcp_init(&c.flow[i].tcp)
        c.flow[i].row = -1
    put_slot(f.slots, f.mask, (<uint64_t>hash << 32) | (number + 1))
    f.count += 1
    f.used += 1
    flow_table_note_syn(f, number, s)
    return number


cdef void flow_table_note_syn(flow_table_t *f, uint32_t number, const segment_t *s) noexcept nogil:
    if s.protocol == PROTOCOL_TCP and s.tcp_flags & (TCP_SYN | TCP_ACK) == TCP_SYN:
        f.syns[syn_hash(f, s, s.seq)] = number + 1


cdef bint is_between(const connection_t *c, int side, const segment_t *s) noexcept nogil:
    # is the segment one to this side, whatever its scope?
    return (c.dst_port if side else c.src_port) == s.dst_port \
        and (c.src_port if side else c.dst_port) == s.src_port \
        and memcmp(sender(c, side), s.dst, 16) == 0 and memcmp(sender(c, 1 - side), s.src, 16) == 0


cdef int64_t find_syn(flow_table_t *f, const segment_t *s) noexcept nogil:
    # the living connection that may know the SYN that is answered, or -1
    cdef uint32_t number = f.syns[syn_hash(f, s, s.ack - 1)]
    cdef const connection_t *c
    if number == 0 or number > f.connections.rows:
        return -1
    c = connection_at(f, number - 1)
    return number - 1 if c.live and c.protocol == PROTOCOL_TCP else -1


cdef int64_t flow_table_pair(flow_table_t *f, const segment_t *s) noexcept nogil:
    cdef int64_t number = find_syn(f, s)
    cdef const connection_t *c
    if number < 0:
        return -1
    c = connection_at(f, <size_t>number)
    if not c.flow[0].tcp.syn or c.flow[0].isn != s.ack - 1 or c.flow[1].packets != 0 \
            or not is_between(c, 0, s):
        return -1
    flow_table_scope(f, <uint32_t>number, s.scope)
    return number if c.scope_back == s.scope else -1


cdef int64_t flow_table_kept(flow_table_t *f, const segment_t *s) noexcept nogil:
    cdef int64_t number = find_syn(f, s)
    cdef const connection_t *c
    if number < 0:
        return -1
    c = connection_at(f, <size_t>number)
    if c.attempt == NULL or c.attempt.segment.tcp_flags & TCP_ACK \
            or c.attempt.segment.seq != s.ack - 1 or not is_between(c, c.attempt.side, s):
        return -1
    return number


cdef void flow_table_clear(flow_table_t *f) noexcept nogil:
    # they are most of the memory of a pass, and its tables are made next
    table_free(&f.connections)
    table_free(&f.free)
    f.count = f.used = 0
    memset(f.slots, 0, (f.mask + 1) * sizeof(uint64_t))


cdef void remove_slot(flow_table_t *f, uint32_t hash, uint32_t number) noexcept nogil:
    # the slot of a connection that is there goes, and those behind it move up
    cdef uint64_t slot = (<uint64_t>hash << 32) | (number + 1)
    cdef size_t i = hash & f.mask, j, home
    while f.slots[i] != slot:
        i = (i + 1) & f.mask
    # close the hole, so that no search stops at it
    j = i
    while True:
        j = (j + 1) & f.mask
        if f.slots[j] == 0:
            break
        home = <uint32_t>(f.slots[j] >> 32) & f.mask
        if ((j - home) & f.mask) >= ((j - i) & f.mask):
            f.slots[i] = f.slots[j]
            i = j
    f.slots[i] = 0
    f.used -= 1


cdef uint32_t hash_back(const flow_table_t *f, const connection_t *c) noexcept nogil:
    # of the segments of side 1
    cdef segment_t s
    memcpy(s.src, c.src, 16)
    memcpy(s.dst, c.dst, 16)
    s.src_port = c.src_port
    s.dst_port = c.dst_port
    s.scope = c.scope_back
    s.protocol = c.protocol
    return segment_hash(f, &s)


cdef void flow_table_scope(flow_table_t *f, uint32_t number, uint32_t scope) noexcept nogil:
    cdef connection_t *c = connection_at(f, number)
    if scope == c.scope_back:
        return
    if c.scope_back != c.scope:
        remove_slot(f, hash_back(f, c), number)
        c.scope_back = c.scope
    if scope != c.scope and f.used < f.mask // 2:  # one slot more is not worth a larger table
        c.scope_back = scope
        put_slot(f.slots, f.mask, (<uint64_t>hash_back(f, c) << 32) | (number + 1))
        f.used += 1


cdef void flow_table_remove(flow_table_t *f, uint32_t number) noexcept nogil:
    cdef connection_t *c = connection_at(f, number)
    cdef uint32_t *place
    remove_slot(f, c.hash, number)
    if c.scope_back != c.scope:
        remove_slot(f, hash_back(f, c), number)
    c.live = False
    f.count -= 1
    place = <uint32_t *>table_row(&f.free)
    if place != NULL:  # without memory the place is lost, nothing else
        place[0] = number


cdef int64_t flow_table_age(flow_table_t *f, size_t part) noexcept nogil:
    cdef int64_t sample[SAMPLE]
    cdef int64_t time
    cdef size_t n = 0, i, j, step = f.connections.rows // SAMPLE + 1
    cdef connection_t *c
    i = 0
    while i < f.connections.rows and n < SAMPLE:
        c = connection_at(f, i)
        i += step
        if not c.live:
            continue
        time = connection_last_time(c)
        j = n
        while j > 0 and sample[j - 1] > time:
            sample[j] = sample[j - 1]
            j -= 1
        sample[j] = time
        n += 1
    return sample[n // part] if n != 0 else INT64_MIN


cdef int64_t connection_last_time(const connection_t *c) noexcept nogil:
    cdef int64_t a = c.flow[0].last_time if c.flow[0].packets else INT64_MIN
    cdef int64_t b = c.flow[1].last_time if c.flow[1].packets else INT64_MIN
    return a if a > b else b
