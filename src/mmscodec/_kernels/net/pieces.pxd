# Pieces of streams that wait behind a hole: a skip list for each direction, all in one pool.
#
# Pieces hold bytes that are there and never overlap; the first copy of a byte wins, unless its
# checksum is wrong and that of a later one is right. A piece may claim
# bytes behind its own that were on the wire but not captured; others may fill those.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t

cdef enum:
    PIECE_LEVELS = 8  # of the skip list: 4 to the 8th is far above the ceiling on pieces

cdef enum checksum_t:
    # what the checksum of the segment says that brought the bytes
    CHECKSUM_UNKNOWN = 0  # cut, in fragments, or left to the network card of the sender; not asked
    CHECKSUM_GOOD = 1
    CHECKSUM_BAD = 2

cdef enum run_kind_t:
    RUN_DATA = 0
    RUN_GAP = 1
    RUN_OLD = 2  # bytes of a range delivered before: a retransmission

cdef struct run_t:
    const uint8_t *data  # NULL for a gap
    void *memory  # to be freed by pieces_release, or NULL
    uint64_t place
    int64_t offset  # in the stream
    int64_t length
    int64_t time
    uint8_t kind
    uint8_t reason
    uint8_t checksum  # checksum_t
    uint32_t mended  # bytes of it that were damaged in the copy that came first

cdef struct piece_t:
    # bytes of a stream as a segment brought them
    int64_t start
    const uint8_t *data
    void *memory
    uint64_t place
    int64_t time
    int64_t claim  # end of the bytes that were on the wire
    uint32_t have  # bytes in `data`
    uint32_t mended  # of them, those that were damaged in the copy that came first
    uint8_t checksum  # checksum_t
    bint stable  # they stay where they are

cdef struct added_t:
    # what became of a piece among those that wait
    bint seen  # some of its bytes were there already
    bint damaged  # it is damaged itself where a right copy was there
    uint64_t differ  # its bytes that contradict those that were there

cdef struct node_t:
    piece_t piece
    uint32_t next[PIECE_LEVELS]

cdef struct tcp_pool_t:
    table_t nodes  # node_t; 0 is nobody
    table_t runs  # run_t
    uint32_t free
    uint32_t random
    uint64_t added  # bytes that came to wait
    uint64_t split  # bytes copied where a part of a piece was put right
    uint64_t damaged  # segments that differ from a right copy that waited, and are damaged
    uint64_t held  # bytes that wait in all directions, and what it takes to keep them in order
    uint32_t held_limit  # bytes a direction may hold
    uint32_t pending_limit  # pieces a direction may hold

cdef struct pieces_t:
    # those of one direction, in order
    uint32_t count
    uint32_t held  # bytes in them
    uint32_t head  # node that holds the list's head, 0 = nothing waits
    uint32_t out_of_order  # segments with new bytes below others seen before

# An empty pool. 0, or -1 without memory; whoever calls this calls tcp_pool_free.
cdef int tcp_pool_init(tcp_pool_t *pool) noexcept nogil
# Nodes that wait are freed by pieces_discard of their direction before.
cdef void tcp_pool_free(tcp_pool_t *pool) noexcept nogil
# The runs were consumed.
cdef void tcp_release(tcp_pool_t *pool) noexcept nogil
# One more run; its memory is the pool's from now on, even without memory: 0 or -1.
cdef int pieces_emit(tcp_pool_t *pool, const run_t *run) noexcept nogil
# A node with a copy of the piece, its bytes copied unless they stay; 0 without memory.
cdef uint32_t pieces_node(tcp_pool_t *pool, const piece_t *piece) noexcept nogil
cdef void pieces_give(tcp_pool_t *pool, uint32_t i) noexcept nogil
# The parts that nobody holds yet go among the pieces, and those whose checksum is right in the
# place of others whose checksum is wrong. 0, or -1 without memory.
cdef int pieces_add(
    pieces_t *d, tcp_pool_t *pool, const piece_t *piece, added_t *added
) noexcept nogil
# The first piece leaves the list; its memory is the caller's.
cdef piece_t pieces_take(pieces_t *d, tcp_pool_t *pool) noexcept nogil
cdef void pieces_discard(pieces_t *d, tcp_pool_t *pool) noexcept nogil
# Offsets of all pieces grow.
cdef void pieces_shift(pieces_t *d, tcp_pool_t *pool, int64_t by) noexcept nogil
cdef uint64_t count_differing(const uint8_t *a, const uint8_t *b, size_t n) noexcept nogil


cdef inline node_t *node_at(tcp_pool_t *pool, uint32_t i) noexcept nogil:
    # the node with this number
    return <node_t *>pool.nodes.data + i


cdef inline piece_t *pieces_first(const pieces_t *d, tcp_pool_t *pool) noexcept nogil:
    # something waits
    return &node_at(pool, node_at(pool, d.head).next[0]).piece
