# See pieces.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from mmscodec._kernels.core.table cimport table_free, table_init, table_row

cdef enum:
    # bytes that are copied to put parts of pieces right: so many, and for each byte that comes
    SPLIT_FREE = 16 << 20
    SPLIT_WORTH = 64


cdef int tcp_pool_init(tcp_pool_t *pool) noexcept nogil:
    table_init(&pool.nodes, sizeof(node_t))
    table_init(&pool.runs, sizeof(run_t))
    pool.free = 0
    pool.random = 0x9E3779B9
    pool.held = pool.damaged = pool.added = pool.split = 0
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
    # the number of a free node, 0 without memory
    cdef uint32_t i = pool.free
    if i != 0:
        pool.free = node_at(pool, i).next[0]
    elif pool.nodes.rows < <size_t>0xFFFFFFFF and table_row(&pool.nodes) != NULL:
        i = <uint32_t>(pool.nodes.rows - 1)
    return i


cdef void pieces_give(tcp_pool_t *pool, uint32_t i) noexcept nogil:
    node_at(pool, i).next[0] = pool.free
    pool.free = i


cdef int keep_piece(piece_t *out, const piece_t *piece) noexcept nogil:
    # a copy of the piece, with bytes of its own unless they stay. 0, or -1 without memory.
    cdef void *memory = NULL
    if piece.have != 0 and not piece.stable:
        memory = malloc(piece.have)
        if memory == NULL:
            return -1
        memcpy(memory, piece.data, piece.have)
    out[0] = piece[0]
    out.memory = memory
    if memory != NULL:
        out.data = <const uint8_t *>memory
    return 0


cdef uint32_t pieces_node(tcp_pool_t *pool, const piece_t *piece) noexcept nogil:
    cdef piece_t kept
    cdef uint32_t i
    if keep_piece(&kept, piece) != 0:
        return 0
    i = take_node(pool)
    if i == 0:
        free(kept.memory)
        return 0
    node_at(pool, i).piece = kept
    pool.held += piece.have + sizeof(node_t)
    return i


cdef inline int random_level(tcp_pool_t *pool) noexcept nogil:
    # how many lists of the skip list a new node is in
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
    # a head for the list, if it has none. 0, or -1 without memory
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
    # give the head of an empty list back
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
    # some wait, so that the list has a head
    cdef node_t *n
    cdef uint32_t i = node_at(pool, d.head).next[0]
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


cdef inline piece_t part_of(const piece_t *piece, int64_t start, int64_t end) noexcept nogil:
    # the bytes of a piece from `start` to `end`, which are in it; none of them was mended before
    cdef piece_t part = piece[0]
    part.start = start
    part.data += start - piece.start
    part.place += <uint64_t>(start - piece.start)
    part.have = <uint32_t>(end - start)
    if end < piece.start + piece.have:
        part.claim = end
    return part


cdef int put_right(
    pieces_t *d, tcp_pool_t *pool, uint32_t *path, uint32_t known, const piece_t *part
) noexcept nogil:
    # The part takes the place of damaged bytes of the piece in node `known`, at which `path` ends.
    # What is left of that one stays around it.
    cdef piece_t old = node_at(pool, known).piece, rest
    cdef piece_t *before = &node_at(pool, known).piece
    cdef int64_t end = part.start + part.have
    cdef uint32_t less = old.have
    cdef int status = 0
    if part.start > old.start:
        before.have = <uint32_t>(part.start - old.start)
        before.claim = part.start
        less -= before.have
    elif keep_piece(before, part) != 0:
        return -1
    else:
        less -= part.have
    d.held -= less
    pool.held -= less
    if part.start > old.start:
        status = insert(d, pool, path, part)
    if status == 0 and end < old.start + old.have:
        rest = part_of(&old, end, old.start + old.have)
        status = insert(d, pool, path, &rest)
    elif status == 0 and node_at(pool, path[0]).piece.claim < old.claim:
        node_at(pool, path[0]).piece.claim = old.claim
    if part.start == old.start:
        free(old.memory)
    return status


cdef int judge(
    pieces_t *d, tcp_pool_t *pool, uint32_t *path, uint32_t known, const piece_t *piece,
    added_t *added
) noexcept nogil:
    # The bytes that a later piece shares with the one in node `known`, at which `path` ends: do
    # they differ, and if so, which of the two is damaged?
    cdef const piece_t *first = &node_at(pool, known).piece
    cdef int64_t start = piece.start if piece.start > first.start else first.start
    cdef int64_t end = piece.start + piece.have
    cdef uint64_t differ
    cdef piece_t part
    if end > first.start + first.have:
        end = first.start + first.have
    if end <= start:
        return 0
    differ = count_differing(
        piece.data + (start - piece.start), first.data + (start - first.start),
        <size_t>(end - start))
    if differ == 0:
        return 0
    if piece.checksum == CHECKSUM_BAD and first.checksum == CHECKSUM_GOOD:
        added.damaged = True
    elif piece.checksum == CHECKSUM_GOOD and first.checksum == CHECKSUM_BAD \
            and pool.split <= SPLIT_FREE + pool.added * SPLIT_WORTH:
        pool.split += first.have
        part = part_of(piece, start, end)
        part.claim = end
        part.mended = <uint32_t>differ
        return put_right(d, pool, path, known, &part)
    else:
        added.differ += differ
    return 0


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


cdef inline void step_to(
    tcp_pool_t *pool, uint32_t *path, uint32_t node
) noexcept nogil:
    # the path ends at the node that follows it
    cdef int level
    for level in range(PIECE_LEVELS):
        if node_at(pool, path[level]).next[level] == node:
            path[level] = node


cdef int add_bytes(
    pieces_t *d, tcp_pool_t *pool, uint32_t *path, const piece_t *piece, added_t *added
) noexcept nogil:
    # behind `path`, which ends at the last piece that begins before this one
    cdef int64_t end = piece.start + piece.have, at = piece.start, upto, known
    cdef piece_t part
    cdef uint32_t after
    cdef bint late = False
    if path[0] != d.head:
        known = node_at(pool, path[0]).piece.start + node_at(pool, path[0]).piece.have
        if known > at:
            at = known
            if judge(d, pool, path, path[0], piece, added) != 0:
                return -1
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
        step_to(pool, path, after)
        known = node_at(pool, after).piece.start + node_at(pool, after).piece.have
        at = known if known > at else at
        if judge(d, pool, path, after, piece, added) != 0:
            return -1
    if piece.claim > end:
        part = part_of(piece, end, end)
        return add_claim(d, pool, path, &part)
    return 0


cdef int pieces_add(
    pieces_t *d, tcp_pool_t *pool, const piece_t *piece, added_t *added
) noexcept nogil:
    cdef uint32_t path[PIECE_LEVELS]
    cdef uint32_t held = d.held
    cdef int status
    added.seen = added.damaged = False
    added.differ = 0
    if begin_list(d, pool) != 0:
        return -1
    find_path(d, pool, piece.start, path)
    pool.added += piece.have
    if piece.have == 0:
        status = add_claim(d, pool, path, piece)
    else:
        status = add_bytes(d, pool, path, piece, added)
        added.seen = d.held - held < piece.have
    end_list(d, pool)
    return status
