# See pieces.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from mmscodec._kernels.core.table cimport table_free, table_init, table_row


cdef int tcp_pool_init(tcp_pool_t *pool) noexcept nogil:
    table_init(&pool.nodes, sizeof(node_t))
    table_init(&pool.runs, sizeof(run_t))
    pool.free = 0
    pool.random = 0x9E3779B9
    pool.held = 0
    pool.held_limit = 1 << 20
    pool.pending_limit = 10000
    return 0 if table_row(&pool.nodes) != NULL else -1


cdef void tcp_pool_free(tcp_pool_t *pool) noexcept nogil:
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


cdef int pieces_emit(tcp_pool_t *pool, const run_t *run) noexcept nogil:
    cdef run_t *row = <run_t *>table_row(&pool.runs)
    if row == NULL:
        free(run.memory)
        return -1
    row[0] = run[0]
    return 0


cdef uint64_t count_differing(const uint8_t *a, const uint8_t *b, size_t n) noexcept nogil:
    cdef uint64_t count = 0
    cdef size_t i
    if memcmp(a, b, n) == 0:
        return 0
    for i in range(n):
        count += a[i] != b[i]
    return count


# ---- nodes


cdef uint32_t take_node(tcp_pool_t *pool) noexcept nogil:
    cdef uint32_t i = pool.free
    if i != 0:
        pool.free = node_at(pool, i).next[0]
    elif pool.nodes.rows < <size_t>0xFFFFFFFF and table_row(&pool.nodes) != NULL:
        i = <uint32_t>(pool.nodes.rows - 1)
    return i


cdef void pieces_give(tcp_pool_t *pool, uint32_t i) noexcept nogil:
    node_at(pool, i).next[0] = pool.free
    pool.free = i


cdef uint32_t pieces_node(tcp_pool_t *pool, const piece_t *piece) noexcept nogil:
    cdef void *memory = NULL
    cdef uint32_t i
    cdef node_t *n
    if piece.have != 0 and not piece.stable:
        memory = malloc(piece.have)
        if memory == NULL:
            return 0
        memcpy(memory, piece.data, piece.have)
    i = take_node(pool)
    if i == 0:
        free(memory)
        return 0
    n = node_at(pool, i)
    n.piece = piece[0]
    n.piece.memory = memory
    if memory != NULL:
        n.piece.data = <const uint8_t *>memory
    pool.held += piece.have + sizeof(node_t)
    return i


cdef inline int random_level(tcp_pool_t *pool) noexcept nogil:
    cdef uint32_t x = pool.random
    cdef int level = 1
    x ^= x << 13
    x ^= x >> 17
    x ^= x << 5
    pool.random = x
    while (x & 3) == 0 and level < PIECE_LEVELS:
        level += 1
        x >>= 2
    return level


# ---- the list


cdef int begin_list(pieces_t *d, tcp_pool_t *pool) noexcept nogil:
    cdef int level
    if d.head != 0:
        return 0
    d.head = take_node(pool)
    if d.head == 0:
        return -1
    for level in range(PIECE_LEVELS):
        node_at(pool, d.head).next[level] = 0
    return 0


cdef void end_list(pieces_t *d, tcp_pool_t *pool) noexcept nogil:
    if d.count == 0 and d.head != 0:
        pieces_give(pool, d.head)
        d.head = 0


cdef piece_t pieces_take(pieces_t *d, tcp_pool_t *pool) noexcept nogil:
    cdef node_t *head = node_at(pool, d.head)
    cdef uint32_t i = head.next[0]
    cdef node_t *n = node_at(pool, i)
    cdef piece_t piece = n.piece
    cdef int level
    for level in range(PIECE_LEVELS):
        if head.next[level] != i:
            break
        head.next[level] = n.next[level]
    d.count -= 1
    d.held -= piece.have
    pool.held -= piece.have + sizeof(node_t)
    pieces_give(pool, i)
    end_list(d, pool)
    return piece


cdef void pieces_discard(pieces_t *d, tcp_pool_t *pool) noexcept nogil:
    cdef piece_t piece
    while d.count != 0:
        piece = pieces_take(d, pool)
        free(piece.memory)


cdef void pieces_shift(pieces_t *d, tcp_pool_t *pool, int64_t by) noexcept nogil:
    cdef node_t *n
    cdef uint32_t i
    if d.head == 0:
        return
    i = node_at(pool, d.head).next[0]
    while i != 0:
        n = node_at(pool, i)
        n.piece.start += by
        n.piece.claim += by
        i = n.next[0]


cdef int insert(
    pieces_t *d, tcp_pool_t *pool, uint32_t *path, const piece_t *piece
) noexcept nogil:
    # one node behind `path`, which then points at it
    cdef uint32_t i = pieces_node(pool, piece)
    cdef node_t *n
    cdef int level, top
    if i == 0:
        return -1
    n = node_at(pool, i)
    top = random_level(pool)
    for level in range(PIECE_LEVELS):
        if level < top:
            n.next[level] = node_at(pool, path[level]).next[level]
            node_at(pool, path[level]).next[level] = i
            path[level] = i
        else:
            n.next[level] = 0
    d.count += 1
    d.held += piece.have
    return 0


cdef void find_path(
    const pieces_t *d, tcp_pool_t *pool, int64_t start, uint32_t *path
) noexcept nogil:
    # the last node of each level that begins before `start`
    cdef uint32_t i = d.head, after
    cdef int level
    for level in range(PIECE_LEVELS - 1, -1, -1):
        after = node_at(pool, i).next[level]
        while after != 0 and node_at(pool, after).piece.start < start:
            i = after
            after = node_at(pool, i).next[level]
        path[level] = i


cdef uint64_t compare(const piece_t *known, const piece_t *piece) noexcept nogil:
    # bytes in which a later piece differs from one that came first
    cdef int64_t first = piece.start if piece.start > known.start else known.start
    cdef int64_t end = piece.start + piece.have
    if end > known.start + known.have:
        end = known.start + known.have
    if end <= first:
        return 0
    return count_differing(
        piece.data + (first - piece.start), known.data + (first - known.start),
        <size_t>(end - first))


cdef inline piece_t part_of(const piece_t *piece, int64_t start, int64_t end) noexcept nogil:
    cdef piece_t part = piece[0]
    part.start = start
    part.data += start - piece.start
    part.place += <uint64_t>(start - piece.start)
    part.have = <uint32_t>(end - start)
    if end < piece.start + piece.have:
        part.claim = end
    return part


cdef int add_claim(
    pieces_t *d, tcp_pool_t *pool, uint32_t *path, const piece_t *piece
) noexcept nogil:
    # no bytes, only the claim: it goes to the piece before, if they touch, or gets a node
    cdef uint32_t i = path[0]
    cdef piece_t *before = &node_at(pool, i).piece
    if i != d.head and before.start + before.have >= piece.start:
        if before.claim < piece.claim:
            before.claim = piece.claim
        return 0
    return insert(d, pool, path, piece)


cdef int add_bytes(
    pieces_t *d, tcp_pool_t *pool, uint32_t *path, const piece_t *piece, uint64_t *differ
) noexcept nogil:
    # behind `path`, which ends at the last piece that begins before this one
    cdef int64_t end = piece.start + piece.have, at = piece.start, upto
    cdef piece_t *known = &node_at(pool, path[0]).piece
    cdef piece_t part
    cdef uint32_t after
    cdef bint late = False
    cdef int level
    if path[0] != d.head and known.start + known.have > at:
        differ[0] += compare(known, piece)
        at = known.start + known.have
    while at < end:
        after = node_at(pool, path[0]).next[0]
        upto = end
        if after != 0 and node_at(pool, after).piece.start < end:
            upto = node_at(pool, after).piece.start
        if upto > at:
            if after != 0 and not late:
                late = True
                d.out_of_order += 1
            part = part_of(piece, at, upto)
            if insert(d, pool, path, &part) != 0:
                return -1
        if upto == end:
            return 0
        known = &node_at(pool, after).piece
        differ[0] += compare(known, piece)
        at = known.start + known.have if known.start + known.have > at else at
        for level in range(PIECE_LEVELS):
            if node_at(pool, path[level]).next[level] == after:
                path[level] = after
    if piece.claim > end:
        part = part_of(piece, end, end)
        return add_claim(d, pool, path, &part)
    return 0


cdef int pieces_add(
    pieces_t *d, tcp_pool_t *pool, const piece_t *piece, bint *seen, uint64_t *differ
) noexcept nogil:
    cdef uint32_t path[PIECE_LEVELS]
    cdef uint32_t held = d.held
    cdef int status
    if begin_list(d, pool) != 0:
        return -1
    find_path(d, pool, piece.start, path)
    if piece.have == 0:
        status = add_claim(d, pool, path, piece)
    else:
        status = add_bytes(d, pool, path, piece, differ)
        seen[0] = seen[0] or d.held - held < piece.have
    end_list(d, pool)
    return status
