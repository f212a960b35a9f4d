# Reassembly of one direction of a TCP connection.
#
# Stream offsets are 64-bit and start at 0 with the first byte after the SYN, or with the lowest
# byte seen where the SYN is missing. What a segment makes available is written as runs (bytes in
# order, gaps, bytes that came again) into the pool; the caller consumes them after each call and
# calls `tcp_release`. Nothing is copied when segments are in order, or when the capture stays
# mapped (`stable`).
#
# Policy for overlaps: the first copy of a byte wins; bytes of later copies that differ are counted.
# Of pieces that wait one with a right checksum takes the place of one with a wrong one.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.net.pieces cimport checksum_t, pieces_t, tcp_pool_t
from mmscodec._kernels.net.segment cimport segment_t

cdef enum tcp_state_t:
    TCP_NEW = 0  # no sequence number known
    TCP_TENTATIVE = 1  # began without a SYN: held until it is sure which byte is the first
    TCP_OPEN = 2
    TCP_CLOSING = 3  # a FIN was seen

cdef enum gap_reason_t:
    GAP_ACKED = 1  # the other side had it, the capture has not
    GAP_CEILING = 2  # too much was held behind it
    GAP_END = 3  # the flow or the capture ended
    GAP_SNAPPED = 4  # cut off by the snapshot length
    GAP_JUMP = 5  # sequence numbers far away went on by themselves
    GAP_EVICTED = 6  # too many flows

cdef enum:
    FAR_SEGMENTS = 3  # in a row, far away: the stream goes on there

cdef struct far_t:
    # segments out of every window, until it is known whether the stream goes on there
    uint32_t node[FAR_SEGMENTS]
    uint32_t count
    uint32_t seq  # of the first
    uint32_t next_seq  # behind the last

cdef struct tcp_t:
    # the hot part comes first
    int64_t next  # offset of the next byte to deliver
    uint32_t next_seq  # its sequence number
    uint8_t state
    uint8_t early  # segments held while tentative
    uint8_t syn  # SYN seen: the first byte is known
    uint8_t awaited  # the other side's SYN was seen, so this one's must come
    pieces_t pieces  # that wait
    int64_t claim  # end of bytes from `next` on that were on the wire, not in a segment
    far_t ahead
    uint32_t since_acked  # packets seen since the hole was acknowledged
    int64_t acked_time  # when that was, valid while since_acked > 0
    int64_t fin  # offset of the FIN, -1 = none
    int64_t top  # highest offset at which a segment stood, or that the other side acknowledged
    uint32_t peer_ack  # the last acknowledgment while nothing was delivered
    uint8_t peer_acked  # there was one
    uint8_t two_syns  # another SYN named `other_seq`
    uint8_t renumbered  # a copy of the stream has sequence numbers larger by `shift`
    uint32_t other_seq
    uint32_t shift
    uint32_t retransmissions  # segments with bytes seen before
    uint32_t gaps
    uint64_t conflicts  # bytes whose copies differ
    uint64_t dropped  # bytes out of every window

# A second SYN with another sequence number is the caller's business (a new connection). `place`
# says where the payload lies in the capture; `stable` that it stays readable there; `checksum` what
# that of the segment says, to be asked where `tcp_may_wait`. 0, or -1.
cdef int tcp_feed(
    tcp_t *d, tcp_pool_t *pool, const segment_t *s, uint64_t place, bint stable, int64_t time,
    checksum_t checksum
) noexcept nogil
# The other side has everything before `ack`. Called while something waits or nothing was delivered.
cdef int tcp_ack(tcp_t *d, tcp_pool_t *pool, uint32_t ack, int64_t time) noexcept nogil
# The same, said by a segment of a copy with other sequence numbers: it counts in those of the copy
# of this stream, and what it covers far away is of that copy.
cdef int tcp_ack_copy(tcp_t *d, tcp_pool_t *pool, uint32_t ack, int64_t time) noexcept nogil
# Deliver all that waits, each hole a gap; times are those of the segments themselves.
cdef int tcp_finish(tcp_t *d, tcp_pool_t *pool, uint8_t reason) noexcept nogil
# The same at the end of a flow: bytes between the last one and the FIN are missing too.
cdef int tcp_end(tcp_t *d, tcp_pool_t *pool, uint8_t reason, int64_t time) noexcept nogil
# Forget what waits, for a flow that turned out to be of no interest.
cdef void tcp_discard(tcp_t *d, tcp_pool_t *pool) noexcept nogil
# May this sequence number belong to the same connection?
cdef bint tcp_in_window(const tcp_t *d, uint32_t seq) noexcept nogil
# Is a payload there out of every window, ahead or behind?
cdef bint tcp_is_far(const tcp_t *d, uint32_t seq) noexcept nogil


cdef inline void tcp_init(tcp_t *d) noexcept nogil:
    # nothing was seen
    d.next = 0
    d.next_seq = 0
    d.state = TCP_NEW
    d.early = 0
    d.syn = False
    d.awaited = False
    d.pieces.count = d.pieces.held = d.pieces.head = d.pieces.out_of_order = 0
    d.claim = 0
    d.ahead.count = 0
    d.since_acked = 0
    d.acked_time = 0
    d.fin = -1
    d.top = 0
    d.peer_acked = d.two_syns = d.renumbered = False
    d.retransmissions = d.gaps = 0
    d.conflicts = d.dropped = 0


cdef inline bint tcp_waits(const tcp_t *d) noexcept nogil:
    # for bytes, or for a word of the other side
    return d.pieces.count != 0 or d.ahead.count != 0 or d.claim > d.next


cdef inline bint tcp_in_order(const tcp_t *d, const segment_t *s) noexcept nogil:
    # the caller delivers the payload itself and calls `tcp_advance`
    return (
        s.seq == d.next_seq
        and d.state == TCP_OPEN
        and d.pieces.count == 0
        and d.ahead.count == 0
        and s.length == s.wire_len
        and (s.tcp_flags & 0x07) == 0
    )


cdef inline bint tcp_may_wait(const tcp_t *d, const segment_t *s) noexcept nogil:
    # Might bytes of a segment that is not `tcp_in_order` be held, or begin inside of it? Then the
    # checksum has to be asked now, while its headers stand in front of them.
    if s.length == 0:
        return False
    return d.state <= TCP_TENTATIVE or d.pieces.count != 0 or (
        s.seq != d.next_seq and <int32_t>(s.seq + s.length - d.next_seq) > 0)


cdef inline void tcp_advance(tcp_t *d, uint32_t length) noexcept nogil:
    # the next bytes of the stream were delivered
    d.next += length
    d.next_seq += length
