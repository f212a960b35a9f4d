from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from mmscodec._kernels.net.segment cimport TCP_FIN, TCP_RST, TCP_SYN, segment_t
from mmscodec._kernels.core.table cimport table_free, table_init, table_row

cdef enum:
    # packets and time that an acknowledged hole is waited for: directions are captured with a skew
    PATIENCE_PACKETS = 32
    PATIENCE_TIME = 1000000000
    # farther ahead than any window in use: believed only when it goes on by itself
    AHEAD = 64 << 20
    JUMPS = 3
    ANNOUNCED = 1 << 16  # in `jumps`: another SYN named `jump_seq`
    # without a SYN the first bytes wait until so much is there, so that a late one can go before
    TENTATIVE_SEGMENTS = 8
    TENTATIVE_PACKETS = 8  # of the other side, after it acknowledged the first byte
    TENTATIVE_BYTES = 65536
    AWAITED = 4  # as many times more where the other side's SYN was seen: this one's will come


cdef int tcp_pool_init(tcp_pool_t *pool) noexcept nogil:
    cdef node_t *nobody
    table_init(&pool.nodes, sizeof(node_t))
    table_init(&pool.runs, sizeof(run_t))
    pool.free = 0
    pool.random = 0x9E3779B9
    pool.held = 0
    pool.held_limit = 1 << 20
    pool.pending_limit = 10000
    nobody = <node_t *>table_row(&pool.nodes)
    return 0 if nobody != NULL else -1


cdef void tcp_pool_free(tcp_pool_t *pool) noexcept nogil:
    # nodes that wait are freed by tcp_discard of their direction before
    tcp_release(pool)
    table_free(&pool.nodes)
    table_free(&pool.runs)


cdef void tcp_release(tcp_pool_t *pool) noexcept nogil:
    cdef run_t *runs = <run_t *>pool.runs.data
    cdef size_t i
    for i in range(pool.runs.rows):
        if runs[i].memory != NULL:
            free(runs[i].memory)
    pool.runs.rows = 0


cdef inline node_t *node(tcp_pool_t *pool, uint32_t i) noexcept nogil:
    return <node_t *>pool.nodes.data + i


cdef uint32_t take_node(tcp_pool_t *pool) noexcept nogil:
    cdef uint32_t i = pool.free
    if i != 0:
        pool.free = node(pool, i).next[0]
    elif pool.nodes.rows < <size_t>0xFFFFFFFF and table_row(&pool.nodes) != NULL:
        i = <uint32_t>(pool.nodes.rows - 1)
    return i


cdef inline void give_node(tcp_pool_t *pool, uint32_t i) noexcept nogil:
    node(pool, i).next[0] = pool.free
    pool.free = i


cdef inline int random_level(tcp_pool_t *pool) noexcept nogil:
    cdef uint32_t x = pool.random
    cdef int level = 1
    x ^= x << 13
    x ^= x >> 17
    x ^= x << 5
    pool.random = x
    while (x & 3) == 0 and level < TCP_LEVELS:
        level += 1
        x >>= 2
    return level


cdef int emit(
    tcp_pool_t *pool, uint8_t kind, const uint8_t *data, uint64_t place, int64_t offset,
    int64_t length, int64_t time, void *memory, uint8_t reason,
) noexcept nogil:
    cdef run_t *run = <run_t *>table_row(&pool.runs)
    if run == NULL:
        free(memory)
        return -1
    run.data = data
    run.memory = memory
    run.place = place
    run.offset = offset
    run.length = length
    run.time = time
    run.kind = kind
    run.reason = reason
    return 0


cdef int emit_gap(
    tcp_t *d, tcp_pool_t *pool, int64_t length, int64_t time, uint8_t reason
) noexcept nogil:
    # the stream goes on behind the gap
    if emit(pool, RUN_GAP, NULL, 0, d.next, length, time, NULL, reason) != 0:
        return -1
    d.gaps += 1
    d.next += length
    d.next_seq += <uint32_t>length
    return 0


cdef void unlink_first(tcp_t *d, tcp_pool_t *pool) noexcept nogil:
    cdef node_t *head = node(pool, d.head)
    cdef uint32_t i = head.next[0]
    cdef node_t *n = node(pool, i)
    cdef int level
    for level in range(TCP_LEVELS):
        if head.next[level] != i:
            break
        head.next[level] = n.next[level]
    d.pending -= 1
    d.held -= n.have
    pool.held -= n.have + sizeof(node_t)
    give_node(pool, i)
    if d.pending == 0:
        give_node(pool, d.head)
        d.head = 0
        d.patience = 0


cdef int drain(tcp_t *d, tcp_pool_t *pool, int64_t time) noexcept nogil:
    # deliver what has no hole before it any more
    cdef node_t *n
    cdef int64_t when, cut
    while d.pending != 0:
        n = node(pool, node(pool, d.head).next[0])
        if n.start > d.next:
            break
        d.patience = 0
        when = n.time if n.time > time else time
        if n.have != 0 and emit(
            pool, RUN_DATA, n.data, n.place, d.next, n.have, when, n.memory, 0
        ) != 0:
            n.memory = NULL
            return -1
        n.memory = NULL
        d.next += n.have
        d.next_seq += n.have
        cut = <int64_t>n.length - n.have
        unlink_first(d, pool)
        if cut != 0 and emit_gap(d, pool, cut, when, GAP_SNAPPED) != 0:
            return -1
    return 0


cdef uint64_t differing(const uint8_t *a, const uint8_t *b, size_t n) noexcept nogil:
    cdef uint64_t count = 0
    cdef size_t i
    if memcmp(a, b, n) == 0:
        return 0
    for i in range(n):
        count += a[i] != b[i]
    return count


cdef void compare(
    tcp_t *d, const node_t *n, int64_t start, const uint8_t *data, int64_t have
) noexcept nogil:
    # count the bytes in which [start, start + have) differs from the piece that came first
    cdef int64_t first = start if start > n.start else n.start
    cdef int64_t end = start + have
    if end > n.start + n.have:
        end = n.start + n.have
    if end > first:
        d.conflicts += differing(
            data + (first - start), n.data + (first - n.start), <size_t>(end - first)
        )


cdef int add_piece(
    tcp_t *d, tcp_pool_t *pool, uint32_t *path, int64_t start, int64_t length,
    const uint8_t *data, int64_t have, uint64_t place, bint stable, int64_t time,
) noexcept nogil:
    # one node behind `path`, which then points at it
    cdef void *memory = NULL
    cdef uint32_t i
    cdef node_t *n
    cdef int level, top
    if have < 0:
        have = 0
    if have > length:
        have = length
    if have != 0 and not stable:
        memory = malloc(<size_t>have)
        if memory == NULL:
            return -1
        memcpy(memory, data, <size_t>have)
        data = <const uint8_t *>memory
    i = take_node(pool)
    if i == 0:
        free(memory)
        return -1
    n = node(pool, i)
    n.start = start
    n.data = data
    n.memory = memory
    n.place = place
    n.time = time
    n.length = <uint32_t>length
    n.have = <uint32_t>have
    top = random_level(pool)
    for level in range(TCP_LEVELS):
        if level < top:
            n.next[level] = node(pool, path[level]).next[level]
            node(pool, path[level]).next[level] = i
            path[level] = i
        else:
            n.next[level] = 0
    d.pending += 1
    d.held += n.have
    pool.held += n.have + sizeof(node_t)
    return 0


cdef int hold(
    tcp_t *d, tcp_pool_t *pool, int64_t start, int64_t length, const uint8_t *data,
    int64_t have, uint64_t place, bint stable, int64_t time, bint *seen,
) noexcept nogil:
    # put the parts of [start, start + length) that nobody holds yet among the waiting pieces
    cdef uint32_t path[TCP_LEVELS]
    cdef uint32_t i, after
    cdef int64_t end = start + length, at = start, upto
    cdef bint late = False
    cdef node_t *n
    cdef int level
    if d.head == 0:
        d.head = take_node(pool)
        if d.head == 0:
            return -1
        for level in range(TCP_LEVELS):
            node(pool, d.head).next[level] = 0
    i = d.head
    for level in range(TCP_LEVELS - 1, -1, -1):
        after = node(pool, i).next[level]
        while after != 0 and node(pool, after).start < start:
            i = after
            after = node(pool, i).next[level]
        path[level] = i
    if i != d.head:
        n = node(pool, i)
        if n.start + n.length > at:
            seen[0] = True
            compare(d, n, start, data, have)
            at = n.start + n.length
    while at < end:
        after = node(pool, path[0]).next[0]
        upto = end
        if after != 0 and node(pool, after).start < end:
            upto = node(pool, after).start
        late = late or (upto > at and after != 0)
        if upto > at and add_piece(
            d, pool, path, at, upto - at, data + (at - start), have - (at - start),
            place + <uint64_t>(at - start), stable, time,
        ) != 0:
            return -1
        if upto == end:
            break
        n = node(pool, after)
        seen[0] = True
        compare(d, n, start, data, have)
        at = n.start + n.length
        for level in range(TCP_LEVELS):
            if node(pool, path[level]).next[level] == after:
                path[level] = after
    d.out_of_order += late
    if d.pending == 0:
        give_node(pool, d.head)
        d.head = 0
    return 0


cdef void move_base(tcp_t *d, tcp_pool_t *pool, uint32_t seq) noexcept nogil:
    # nothing was delivered yet: stream offset 0 becomes the byte `seq`
    cdef int64_t shift = <int32_t>(d.next_seq - seq)
    cdef node_t *n
    cdef uint32_t i
    if d.head != 0:
        i = node(pool, d.head).next[0]
        while i != 0:
            n = node(pool, i)
            n.start += shift
            i = n.next[0]
    d.next_seq = seq


cdef int give_up_before(tcp_t *d, tcp_pool_t *pool, uint8_t reason, int64_t time) noexcept nogil:
    cdef int64_t start = node(pool, node(pool, d.head).next[0]).start
    if start > d.next and emit_gap(d, pool, start - d.next, time, reason) != 0:
        return -1
    return drain(d, pool, time)


cdef int tcp_give_up(
    tcp_t *d, tcp_pool_t *pool, uint8_t reason, int64_t time
) noexcept nogil:
    # The first hole is lost: a gap, then what waited behind it. 0, or -1 without memory.
    if d.state == TCP_TENTATIVE:
        d.state = TCP_OPEN
    if d.pending == 0:
        return 0
    return give_up_before(d, pool, reason, time)


cdef int tcp_finish(tcp_t *d, tcp_pool_t *pool, uint8_t reason) noexcept nogil:
    # Deliver all that waits, each hole a gap; times are those of the segments themselves.
    cdef int64_t time
    while d.pending != 0:
        time = node(pool, node(pool, d.head).next[0]).time
        if tcp_give_up(d, pool, reason, time) != 0:
            return -1
    return 0


cdef void tcp_discard(tcp_t *d, tcp_pool_t *pool) noexcept nogil:
    # forget what waits, for a flow that turned out to be of no interest
    cdef node_t *n
    while d.pending != 0:
        n = node(pool, node(pool, d.head).next[0])
        free(n.memory)
        n.memory = NULL
        unlink_first(d, pool)


cdef bint tcp_believable(const tcp_t *d, uint32_t seq) noexcept nogil:
    # may this sequence number belong to the same connection?
    cdef int64_t distance = <int32_t>(seq - d.next_seq)
    return -AHEAD < distance < AHEAD


cdef int open_tentative(tcp_t *d, tcp_pool_t *pool) noexcept nogil:
    # what was held only for the sake of the start was complete when it came
    d.state = TCP_OPEN
    return drain(d, pool, INT64_MIN)


cdef int tcp_ack(tcp_t *d, tcp_pool_t *pool, uint32_t ack, int64_t time) noexcept nogil:
    # The other side has everything before `ack`. Called when something waits; 0 or -1.
    cdef int64_t upto = d.next + <int32_t>(ack - d.next_seq)
    cdef node_t *n
    if d.pending == 0:
        return 0
    n = node(pool, node(pool, d.head).next[0])
    if d.state == TCP_TENTATIVE:
        if upto < n.start + n.length:
            return 0
        d.patience += 1
        if d.patience < <uint32_t>(TENTATIVE_PACKETS * AWAITED if d.awaited else TENTATIVE_PACKETS):
            return 0
        return open_tentative(d, pool)
    if upto < n.start:
        return 0
    if d.patience == 0:
        d.acked_time = time
    d.patience += 1
    if d.patience < PATIENCE_PACKETS and time - d.acked_time < PATIENCE_TIME:
        return 0
    d.patience = 0
    return give_up_before(d, pool, GAP_ACKED, time)


cdef int leave_fast_path(tcp_t *d, tcp_pool_t *pool, int64_t time) noexcept nogil:
    # keep the ceilings: the oldest hole is given up first
    while d.held > pool.held_limit or d.pending > pool.pending_limit:
        if tcp_give_up(d, pool, GAP_CEILING, time) != 0:
            return -1
    return 0


cdef int far_away(
    tcp_t *d, tcp_pool_t *pool, uint32_t seq, uint32_t length, int64_t time
) noexcept nogil:
    # A segment out of every window: -1 no memory, 0 dropped, 1 the stream jumped to it.
    if d.jumps == 0 or seq != d.jump_seq:
        d.jumps = 0
    d.jumps += 1
    d.jump_seq = seq + length
    if d.jumps < JUMPS:
        d.dropped += length
        return 0
    d.jumps = 0
    while d.pending != 0:
        if tcp_give_up(d, pool, GAP_JUMP, time) != 0:
            return -1
    if emit_gap(d, pool, <int64_t>(seq - d.next_seq), time, GAP_JUMP) != 0:
        return -1
    return 1


cdef void start(tcp_t *d, tcp_pool_t *pool, const segment_t *s, uint32_t seq) noexcept nogil:
    # learn where the stream begins
    if d.state == TCP_NEW:
        d.next = 0
        d.next_seq = seq
        d.state = TCP_TENTATIVE
    if d.state == TCP_TENTATIVE:
        if s.tcp_flags & TCP_SYN:
            if d.pending != 0 and (<int32_t>(d.next_seq - seq) < 0 or not tcp_believable(d, seq)):
                tcp_discard(d, pool)  # left over from an older connection
            if d.pending == 0:
                d.next_seq = seq
            else:
                move_base(d, pool, seq)
            d.state = TCP_OPEN
            d.syn = True
        elif d.pending == 0:
            d.next_seq = seq
        elif <int32_t>(seq - d.next_seq) < 0 and tcp_believable(d, seq):
            move_base(d, pool, seq)


cdef int place_segment(
    tcp_t *d, tcp_pool_t *pool, const segment_t *s, uint32_t seq, uint64_t place, bint stable,
    int64_t time,
) noexcept nogil:
    cdef int64_t offset = d.next + <int32_t>(seq - d.next_seq)
    cdef int64_t length = s.wire_len, have = s.length, skip
    cdef const uint8_t *data = s.payload
    cdef bint seen = False
    cdef int status
    if d.jumps == ANNOUNCED:
        # nothing but SYNs so far: the stream began with the one that is nearest
        if d.next == 0 and <uint32_t>(seq - d.jump_seq) < AHEAD \
                and <uint32_t>(seq - d.jump_seq) < <uint32_t>(seq - d.next_seq):
            d.next_seq = d.jump_seq
            offset = <uint32_t>(seq - d.jump_seq)
        d.jumps = 0
    if d.next - offset > (1 << 30) or offset - d.next > AHEAD:
        status = far_away(d, pool, seq, s.wire_len, time)
        if status != 1:
            return status
        offset = d.next
    d.jumps = 0
    if offset < d.next:
        skip = d.next - offset
        if skip > length:
            skip = length
        # a keep-alive or zero-window probe repeats the last byte, whatever its value
        if not (length == 1 and skip == 1 and offset == d.next - 1):
            seen = True
            if emit(
                pool, RUN_OLD, data, place, offset, skip if skip < have else have, time, NULL, 0
            ) != 0:
                return -1
        offset += skip
        data += skip if skip < have else have
        place += <uint64_t>skip
        length -= skip
        have = have - skip if have > skip else 0
    if length != 0:
        if offset == d.next and d.pending == 0 and d.state != TCP_TENTATIVE:
            if have != 0:
                if emit(pool, RUN_DATA, data, place, offset, have, time, NULL, 0) != 0:
                    return -1
                d.next += have
                d.next_seq += <uint32_t>have
            if length != have and emit_gap(d, pool, length - have, time, GAP_SNAPPED) != 0:
                return -1
        elif hold(d, pool, offset, length, data, have, place, stable, time, &seen) != 0:
            return -1
    d.retransmissions += seen
    return 0


cdef int believe_reset(tcp_t *d, tcp_pool_t *pool, const segment_t *s) noexcept nogil:
    # A RST with a payload: 1 where a receiver would believe it, 0, or -1 without memory. That is
    # at the edge only (RFC 5961 section 3.2): guessed ones could put anything anywhere else.
    if d.state == TCP_NEW:
        return 1
    if not tcp_believable(d, s.seq):
        return 0
    if d.state == TCP_TENTATIVE and open_tentative(d, pool) != 0:
        return -1
    return s.seq == d.next_seq and d.pending == 0


cdef int tcp_feed(
    tcp_t *d, tcp_pool_t *pool, const segment_t *s, uint64_t place, bint stable, int64_t time
) noexcept nogil:
    # Any segment of this direction. Runs are added to the pool; 0, or -1 without memory.
    #
    # `place` says where the payload lies in the capture; `stable` that it stays readable there.
    # A second SYN with another sequence number is the caller's business (a new connection).
    cdef uint32_t seq = s.seq + (1 if s.tcp_flags & TCP_SYN else 0)
    cdef uint32_t length = s.wire_len
    cdef int status
    if s.tcp_flags & TCP_RST:
        if length == 0 or s.tcp_flags & TCP_SYN:
            return 0
        status = believe_reset(d, pool, s)
        if status != 1:
            return status
    if s.tcp_flags & TCP_SYN and d.syn and d.next == 0 and d.pending == 0 and seq != d.next_seq:
        d.jump_seq = seq  # which of them holds, the first data will tell
        d.jumps = ANNOUNCED
    if length == 0 and not (s.tcp_flags & (TCP_SYN | TCP_FIN)):
        return 0
    if d.state == TCP_NEW and length == 0 and not (s.tcp_flags & TCP_SYN):
        return 0
    if d.state <= TCP_TENTATIVE:
        start(d, pool, s, seq)
    if length != 0 and place_segment(d, pool, s, seq, place, stable, time) != 0:
        return -1
    if s.tcp_flags & TCP_FIN and d.fin < 0 and tcp_believable(d, seq + length):
        d.fin = d.next + <int32_t>(seq + length - d.next_seq)
    d.early += 1 if d.state == TCP_TENTATIVE and length != 0 else 0
    if d.state == TCP_TENTATIVE and (
        d.early >= (TENTATIVE_SEGMENTS * AWAITED if d.awaited else TENTATIVE_SEGMENTS)
        or d.held >= TENTATIVE_BYTES
    ) and open_tentative(d, pool) != 0:
        return -1
    if d.state == TCP_OPEN and d.fin >= 0:
        d.state = TCP_CLOSING
    if d.pending != 0 and d.state != TCP_TENTATIVE and drain(d, pool, time) != 0:
        return -1
    return leave_fast_path(d, pool, time)
