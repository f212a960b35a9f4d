# Reassembly of one direction of a TCP connection.
#
# Stream offsets are 64-bit and start at 0 with the first byte after the SYN, or with the lowest
# byte seen where the SYN is missing. What a segment makes available is written as runs (bytes in
# order, gaps, bytes that came again) into the pool; the caller consumes them after each call and
# calls `tcp_release`. Nothing is copied when segments are in order, or when the capture stays
# mapped (`stable`).
#
# Policy for overlaps: the first copy of a byte wins; bytes of later copies that differ are counted.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.core.table cimport table_t

cdef enum:
    TCP_LEVELS = 10  # of the skip list: 4 to the 10th is far above any ceiling

cdef enum tcp_state_t:
    TCP_NEW = 0  # no sequence number known
    TCP_TENTATIVE = 1  # began without a SYN: held until it is sure which byte is the first
    TCP_OPEN = 2
    TCP_CLOSING = 3  # a FIN was seen

cdef enum run_kind_t:
    RUN_DATA = 0
    RUN_GAP = 1
    RUN_OLD = 2  # bytes of a range delivered before: a retransmission

cdef enum gap_reason_t:
    GAP_ACKED = 1  # the other side had it, the capture has not
    GAP_CEILING = 2  # too much was held behind it
    GAP_END = 3  # the flow or the capture ended
    GAP_SNAPPED = 4  # cut off by the snapshot length
    GAP_JUMP = 5  # sequence numbers far away went on by themselves
    GAP_EVICTED = 6  # too many flows

cdef struct run_t:
    const uint8_t *data  # NULL for a gap
    void *memory  # to be freed by tcp_release, or NULL
    uint64_t place
    int64_t offset  # in the stream
    int64_t length
    int64_t time
    uint8_t kind
    uint8_t reason

cdef struct node_t:
    # a piece that waits behind a hole; pieces never overlap
    int64_t start
    const uint8_t *data
    void *memory
    uint64_t place
    int64_t time
    uint32_t length  # stream bytes covered
    uint32_t have  # of these in `data`; the rest was cut off
    uint32_t next[TCP_LEVELS]

cdef struct tcp_t:
    # the hot part comes first
    int64_t next  # offset of the next byte to deliver
    uint32_t next_seq  # its sequence number
    uint8_t state
    uint8_t early  # segments held while tentative
    uint8_t syn  # SYN seen: the first byte is known
    uint8_t awaited  # the other side's SYN was seen, so this one's must come
    uint32_t pending  # pieces that wait
    uint32_t held  # bytes in them
    uint32_t head  # node that holds the skip list's head, 0 = nothing pending
    uint32_t patience  # packets seen since the hole was acknowledged
    int64_t acked_time  # when that was, valid while patience > 0
    int64_t fin  # offset of the FIN, -1 = none
    uint32_t jump_seq
    uint32_t jumps
    uint32_t retransmissions  # segments with bytes seen before
    uint32_t out_of_order  # segments with new bytes below others seen before
    uint32_t gaps
    uint64_t conflicts  # bytes whose copies differ
    uint64_t dropped  # bytes that belong to no believable place

cdef struct tcp_pool_t:
    table_t nodes  # node_t; 0 is nobody
    table_t runs  # run_t
    uint32_t free
    uint32_t random
    uint64_t held  # bytes that wait in all directions, and what it takes to keep them in order
    uint32_t held_limit  # bytes a direction may hold
    uint32_t pending_limit  # pieces a direction may hold

cdef int tcp_pool_init(tcp_pool_t *pool) noexcept nogil
cdef void tcp_pool_free(tcp_pool_t *pool) noexcept nogil
cdef void tcp_release(tcp_pool_t *pool) noexcept nogil
cdef int tcp_feed(
    tcp_t *d, tcp_pool_t *pool, const segment_t *s, uint64_t place, bint stable, int64_t time
) noexcept nogil
cdef int tcp_ack(tcp_t *d, tcp_pool_t *pool, uint32_t ack, int64_t time) noexcept nogil
cdef int tcp_give_up(
    tcp_t *d, tcp_pool_t *pool, uint8_t reason, int64_t time
) noexcept nogil
cdef int tcp_finish(tcp_t *d, tcp_pool_t *pool, uint8_t reason) noexcept nogil
cdef void tcp_discard(tcp_t *d, tcp_pool_t *pool) noexcept nogil
cdef bint tcp_believable(const tcp_t *d, uint32_t seq) noexcept nogil


cdef inline void tcp_init(tcp_t *d) noexcept nogil:
    d.next = 0
    d.next_seq = 0
    d.state = TCP_NEW
    d.early = 0
    d.syn = False
    d.awaited = False
    d.head = d.pending = d.held = d.patience = 0
    d.acked_time = 0
    d.fin = -1
    d.jump_seq = d.jumps = d.retransmissions = d.out_of_order = d.gaps = 0
    d.conflicts = d.dropped = 0


cdef inline bint tcp_in_order(const tcp_t *d, const segment_t *s) noexcept nogil:
    # the fast path: the caller delivers the payload itself and calls `tcp_advance`
    return (
        s.seq == d.next_seq
        and d.state == TCP_OPEN
        and d.pending == 0
        and s.length == s.wire_len
        and (s.tcp_flags & 0x07) == 0
    )


cdef inline void tcp_advance(tcp_t *d, uint32_t length) noexcept nogil:
    d.next += length
    d.next_seq += length
