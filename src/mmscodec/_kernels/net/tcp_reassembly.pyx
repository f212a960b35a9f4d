# See tcp_reassembly.pxd for the contract.
from libc.stdint cimport INT64_MIN, int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free
from libc.string cimport memcmp
from mmscodec._kernels.core.elapsed cimport elapsed
from mmscodec._kernels.net.pieces cimport (
    CHECKSUM_UNKNOWN, RUN_DATA, RUN_GAP, RUN_OLD, added_t, checksum_t, node_at, node_t, piece_t,
    pieces_add, pieces_discard, pieces_emit, pieces_first, pieces_give, pieces_node, pieces_shift,
    pieces_take, run_t, tcp_pool_t,
)
from mmscodec._kernels.net.segment cimport TCP_FIN, TCP_RST, TCP_SYN, segment_t

cdef enum:
    # packets and time that an acknowledged hole is waited for: directions are captured with a skew
    HOLE_PACKETS = 32
    HOLE_TIME = 1000000000
    # farther ahead than any window in use, and farther back than any retransmission
    AHEAD = 64 << 20
    BACK = 1 << 30
    # without a SYN the first bytes wait until so much is there, so that a late one can go before
    TENTATIVE_SEGMENTS = 8
    TENTATIVE_PACKETS = 8  # of the other side, after it acknowledged the first byte
    TENTATIVE_BYTES = 65536
    AWAITED = 4  # as many times more where the other side's SYN was seen: this one's will come
    WANTED_SEGMENTS = 128  # and where the other side still wants bytes in front of the first


cdef inline int64_t offset_of(const tcp_t *d, uint32_t seq) noexcept nogil:
    # stream offset of a sequence number that is near the edge
    return d.next + <int32_t>(seq - d.next_seq)


cdef bint tcp_in_window(const tcp_t *d, uint32_t seq) noexcept nogil:
    cdef int64_t distance = <int32_t>(seq - d.next_seq)
    return -AHEAD < distance < AHEAD


cdef bint tcp_is_far(const tcp_t *d, uint32_t seq) noexcept nogil:
    cdef int64_t distance = <int32_t>(seq - d.next_seq)
    return d.state != TCP_NEW and not -BACK <= distance <= AHEAD


# ---- runs


cdef int emit_gap(
    tcp_t *d, tcp_pool_t *pool, int64_t length, int64_t time, uint8_t reason
) noexcept nogil:
    # the stream goes on behind the gap
    cdef run_t run
    if length <= 0:
        return 0
    run.data = NULL
    run.memory = NULL
    run.place = 0
    run.offset = d.next
    run.length = length
    run.time = time
    run.kind = RUN_GAP
    run.reason = reason
    run.checksum = CHECKSUM_UNKNOWN
    run.mended = 0
    if pieces_emit(pool, &run) != 0:
        return -1
    d.gaps += 1
    d.next += length
    d.next_seq += <uint32_t>length
    return 0


cdef int emit_piece(
    tcp_t *d, tcp_pool_t *pool, const piece_t *piece, uint8_t kind, int64_t time
) noexcept nogil:
    # the bytes of a piece, whose memory goes along; new ones are the next of the stream
    cdef run_t run
    if kind == RUN_DATA and piece.claim > d.claim:
        d.claim = piece.claim
    if piece.have == 0:
        free(piece.memory)
        return 0
    run.data = piece.data
    run.memory = piece.memory
    run.place = piece.place
    run.offset = piece.start
    run.length = piece.have
    run.time = time
    run.kind = kind
    run.reason = 0
    run.checksum = piece.checksum
    run.mended = piece.mended
    if kind == RUN_DATA:
        d.next += piece.have
        d.next_seq += piece.have
    return pieces_emit(pool, &run)


cdef int drain(tcp_t *d, tcp_pool_t *pool, int64_t time) noexcept nogil:
    # deliver what has no hole before it any more
    cdef piece_t piece
    while d.pieces.count != 0 and pieces_first(&d.pieces, pool).start <= d.next:
        d.since_acked = 0
        piece = pieces_take(&d.pieces, pool)
        if emit_piece(d, pool, &piece, RUN_DATA, piece.time if piece.time > time else time) != 0:
            return -1
        if resolve_claim(d, pool, time) != 0:
            return -1
    return 0


cdef int resolve_claim(tcp_t *d, tcp_pool_t *pool, int64_t time) noexcept nogil:
    # A segment claimed bytes from `next` on that it did not have. They are missing once something
    # stands behind them; until then they are an ordinary hole, since lengths lie. Nothing is behind
    # a FIN.
    cdef int64_t end
    if d.fin >= d.next and d.claim > d.fin:
        d.claim = d.fin
    if d.claim <= d.next or d.top < d.claim:
        return 0
    end = d.claim
    if d.pieces.count != 0 and pieces_first(&d.pieces, pool).start < end:
        end = pieces_first(&d.pieces, pool).start
    return emit_gap(d, pool, end - d.next, time, GAP_SNAPPED)


cdef int stands_at(tcp_t *d, tcp_pool_t *pool, int64_t offset, int64_t time) noexcept nogil:
    # a segment, or what the other side acknowledged, stands there
    if offset <= d.top:
        return 0
    d.top = offset
    if d.state == TCP_TENTATIVE or d.claim <= d.next:
        return 0
    return -1 if resolve_claim(d, pool, time) != 0 or drain(d, pool, time) != 0 else 0


cdef int give_up_first(tcp_t *d, tcp_pool_t *pool, uint8_t reason, int64_t time) noexcept nogil:
    # the first hole is lost: a gap, then what waited behind it
    if d.state == TCP_TENTATIVE:
        d.state = TCP_OPEN
    if d.pieces.count == 0:
        return 0
    if emit_gap(d, pool, pieces_first(&d.pieces, pool).start - d.next, time, reason) != 0:
        return -1
    return drain(d, pool, time)


cdef int give_up_all(tcp_t *d, tcp_pool_t *pool, uint8_t reason) noexcept nogil:
    # the holes in front of all that waits are gaps. 0, or -1 without memory
    while d.pieces.count != 0:
        if give_up_first(d, pool, reason, pieces_first(&d.pieces, pool).time) != 0:
            return -1
    return 0


cdef int keep_ceilings(tcp_t *d, tcp_pool_t *pool, int64_t time) noexcept nogil:
    # the oldest hole is given up first
    while d.pieces.held > pool.held_limit or d.pieces.count > pool.pending_limit:
        if give_up_first(d, pool, GAP_CEILING, time) != 0:
            return -1
    return 0


# ---- segments far away


cdef void drop_far(tcp_t *d, tcp_pool_t *pool) noexcept nogil:
    # the stream does not go on there
    cdef piece_t piece
    cdef uint32_t i
    for i in range(d.ahead.count):
        piece = node_at(pool, d.ahead.node[i]).piece
        d.dropped += piece.have
        free(piece.memory)
        pool.held -= piece.have + sizeof(node_t)
        pieces_give(pool, d.ahead.node[i])
    d.ahead.count = 0


cdef void refute_far(tcp_t *d, tcp_pool_t *pool, const segment_t *s) noexcept nogil:
    # The stream goes on where it was. If that is what stands far away, there is a copy of the
    # stream with other sequence numbers.
    cdef const piece_t *piece
    if d.ahead.count == 0:
        return
    piece = &node_at(pool, d.ahead.node[0]).piece
    if piece.have == s.length and s.length == s.wire_len \
            and memcmp(piece.data, s.payload, s.length) == 0:
        d.renumbered = True
        d.shift = d.ahead.seq - s.seq
        d.retransmissions += d.ahead.count
        d.dropped -= piece.have
    drop_far(d, pool)


cdef int accept_jump(tcp_t *d, tcp_pool_t *pool, int64_t time) noexcept nogil:
    # the stream jumped: what is between is missing
    cdef piece_t piece
    cdef uint32_t i, count = d.ahead.count
    cdef int status = give_up_all(d, pool, GAP_JUMP)
    if status == 0:
        status = emit_gap(d, pool, <int64_t>(d.ahead.seq - d.next_seq), time, GAP_JUMP)
    d.ahead.count = 0
    for i in range(count):
        piece = node_at(pool, d.ahead.node[i]).piece
        pool.held -= piece.have + sizeof(node_t)
        pieces_give(pool, d.ahead.node[i])
        if status != 0:
            free(piece.memory)
            continue
        piece.claim += d.next - piece.start
        piece.start = d.next
        status = emit_piece(d, pool, &piece, RUN_DATA, time)
        if status == 0 and piece.claim > d.next and i + 1 < count:
            status = emit_gap(d, pool, piece.claim - d.next, time, GAP_SNAPPED)
    return status


cdef int take_far(
    tcp_t *d, tcp_pool_t *pool, const segment_t *s, piece_t *piece, int64_t time
) noexcept nogil:
    # out of every window: it is held until others follow it, or the other side acknowledges it
    cdef uint32_t i
    if d.ahead.count != 0 and s.seq != d.ahead.next_seq:
        drop_far(d, pool)
    if d.ahead.count == 0:
        d.ahead.seq = s.seq
        piece.claim -= piece.start
        piece.start = 0
    i = pieces_node(pool, piece)
    if i == 0:
        return -1
    d.ahead.node[d.ahead.count] = i
    d.ahead.count += 1
    d.ahead.next_seq = s.seq + s.wire_len
    return accept_jump(d, pool, time) if d.ahead.count == FAR_SEGMENTS else 0


# ---- the start


cdef void move_base(tcp_t *d, tcp_pool_t *pool, uint32_t seq) noexcept nogil:
    # nothing was delivered yet: stream offset 0 becomes the byte `seq`
    cdef int64_t shift = <int32_t>(d.next_seq - seq)
    pieces_shift(&d.pieces, pool, shift)
    d.top += shift
    d.next_seq = seq


cdef void start(tcp_t *d, tcp_pool_t *pool, const segment_t *s, uint32_t seq) noexcept nogil:
    # learn where the stream begins, which is new or tentative
    if d.state == TCP_NEW:
        d.next = 0
        d.next_seq = seq
        d.state = TCP_TENTATIVE
    if s.tcp_flags & TCP_SYN:
        if d.pieces.count != 0 and (
            <int32_t>(d.next_seq - seq) < 0 or not tcp_in_window(d, seq)
        ):
            pieces_discard(&d.pieces, pool)  # left over from an older connection
        if d.pieces.count == 0:
            d.next_seq = seq
        else:
            move_base(d, pool, seq)
        d.state = TCP_OPEN
        d.syn = True
    elif d.pieces.count == 0:
        d.next_seq = seq
    elif <int32_t>(seq - d.next_seq) < 0 and tcp_in_window(d, seq):
        move_base(d, pool, seq)


cdef int open_tentative(tcp_t *d, tcp_pool_t *pool) noexcept nogil:
    # what was held only for the sake of the start was complete when it came
    d.state = TCP_OPEN
    return drain(d, pool, INT64_MIN)


cdef inline bint wants_earlier(const tcp_t *d) noexcept nogil:
    # does the other side still want bytes in front of the first that came?
    return d.peer_acked and -AHEAD < <int32_t>(d.peer_ack - d.next_seq) < 0


cdef int grow_tentative(tcp_t *d, tcp_pool_t *pool) noexcept nogil:
    # one more segment while it is not sure which byte is the first
    cdef uint32_t enough = TENTATIVE_SEGMENTS
    if wants_earlier(d):
        enough = WANTED_SEGMENTS
    elif d.awaited:
        enough = TENTATIVE_SEGMENTS * AWAITED
    d.early += 1
    if d.early >= enough or d.pieces.held >= TENTATIVE_BYTES:
        return open_tentative(d, pool)
    return 0


cdef void choose_syn(tcp_t *d, uint32_t seq) noexcept nogil:
    # nothing but SYNs so far: the stream began with the one that is nearest
    cdef uint32_t chosen = d.next_seq
    d.two_syns = False
    if d.next == 0 and <uint32_t>(seq - d.other_seq) < AHEAD \
            and <uint32_t>(seq - d.other_seq) < <uint32_t>(seq - d.next_seq):
        d.next_seq = d.other_seq
        d.other_seq = chosen
    d.renumbered = True
    d.shift = d.other_seq - d.next_seq


# ---- acknowledgments


cdef inline bint covers_far(const tcp_t *d, uint32_t ack) noexcept nogil:
    # does it acknowledge what is held far away?
    return d.ahead.count != 0 \
        and <uint32_t>(ack - d.ahead.seq) <= <uint32_t>(d.ahead.next_seq - d.ahead.seq)


cdef int tcp_ack_copy(tcp_t *d, tcp_pool_t *pool, uint32_t ack, int64_t time) noexcept nogil:
    if d.renumbered:
        return tcp_ack(d, pool, ack, time)
    if covers_far(d, ack):
        drop_far(d, pool)
    return 0


cdef int tcp_ack(tcp_t *d, tcp_pool_t *pool, uint32_t ack, int64_t time) noexcept nogil:
    cdef int64_t upto = offset_of(d, ack)
    if d.renumbered and tcp_is_far(d, ack):
        ack -= d.shift
        upto = offset_of(d, ack)
    if covers_far(d, ack):
        return accept_jump(d, pool, time)
    if d.state <= TCP_TENTATIVE:
        d.peer_ack = ack
        d.peer_acked = True
        return ack_tentative(d, pool, upto)
    if tcp_is_far(d, ack):
        return 0
    if stands_at(d, pool, upto, time) != 0:
        return -1
    return ack_hole(d, pool, upto, time)


cdef int ack_tentative(tcp_t *d, tcp_pool_t *pool, int64_t upto) noexcept nogil:
    # an acknowledgment up to here opens a stream whose start is in doubt. 0 or -1
    cdef piece_t *first
    if d.state == TCP_NEW or d.pieces.count == 0 or wants_earlier(d):
        return 0
    first = pieces_first(&d.pieces, pool)
    if upto < first.start + first.have:
        return 0
    d.since_acked += 1
    if d.since_acked < <uint32_t>(TENTATIVE_PACKETS * AWAITED if d.awaited else TENTATIVE_PACKETS):
        return 0
    return open_tentative(d, pool)


cdef int ack_hole(tcp_t *d, tcp_pool_t *pool, int64_t upto, int64_t time) noexcept nogil:
    # an acknowledgment up to here makes a hole below it one that is not waited for long. 0 or -1
    if d.pieces.count == 0 or upto < pieces_first(&d.pieces, pool).start:
        return 0
    if d.since_acked == 0:
        d.acked_time = time
    d.since_acked += 1
    if d.since_acked < HOLE_PACKETS and elapsed(time, d.acked_time) < HOLE_TIME:
        return 0
    d.since_acked = 0
    return give_up_first(d, pool, GAP_ACKED, time)


# ---- segments


cdef int take_old(tcp_t *d, tcp_pool_t *pool, piece_t *piece, int64_t time) noexcept nogil:
    # the part of a piece that was delivered before; what is left of the piece is new
    cdef piece_t old = piece[0]
    cdef int64_t skip = d.next - piece.start
    # a keep-alive or zero-window probe repeats the last byte, whatever its value
    cdef bint probe = piece.claim - piece.start == 1 and skip == 1
    if skip < piece.have:
        old.have = <uint32_t>skip
    piece.start += old.have
    piece.data += old.have
    piece.place += old.have
    piece.have -= old.have
    if probe:
        return 0
    d.retransmissions += 1
    return emit_piece(d, pool, &old, RUN_OLD, time)


cdef int place_near(
    tcp_t *d, tcp_pool_t *pool, piece_t *piece, int64_t time
) noexcept nogil:
    # deliver the piece, or let it wait behind a hole. 0, or -1 without memory
    cdef added_t added
    cdef uint32_t before = d.retransmissions
    if stands_at(d, pool, piece.start, time) != 0:
        return -1
    if piece.start < d.next and take_old(d, pool, piece, time) != 0:
        return -1
    if piece.claim <= d.next:
        return 0
    if piece.start < d.next:  # nothing but a claim
        piece.start = d.next
    if piece.start == d.next and d.pieces.count == 0 and d.state != TCP_TENTATIVE:
        return emit_piece(d, pool, piece, RUN_DATA, time)
    if pieces_add(&d.pieces, pool, piece, &added) != 0:
        return -1
    d.conflicts += added.differ
    pool.damaged += <uint64_t>added.damaged
    if added.seen and d.retransmissions == before:
        d.retransmissions += 1
    return 0


cdef int place_segment(
    tcp_t *d, tcp_pool_t *pool, const segment_t *s, piece_t *piece, int64_t time
) noexcept nogil:
    # the payload of a segment, at its place in the stream
    if d.two_syns:
        choose_syn(d, s.seq)
        piece.claim += offset_of(d, s.seq) - piece.start
        piece.start = offset_of(d, s.seq)
    if tcp_is_far(d, s.seq):
        return take_far(d, pool, s, piece, time)
    if piece.start + piece.have > d.next:
        refute_far(d, pool, s)
    return place_near(d, pool, piece, time)


cdef int accept_reset(tcp_t *d, tcp_pool_t *pool, const segment_t *s) noexcept nogil:
    # A RST with a payload: 1 where a receiver would take it, 0, or -1 without memory. That is
    # at the edge only (RFC 5961 section 3.2): guessed ones could put anything anywhere else.
    if d.state == TCP_NEW:
        return 1
    if not tcp_in_window(d, s.seq):
        return 0
    if d.state == TCP_TENTATIVE and open_tentative(d, pool) != 0:
        return -1
    return s.seq == d.next_seq and d.pieces.count == 0


cdef int take_bare(tcp_t *d, tcp_pool_t *pool, uint32_t seq, int64_t time) noexcept nogil:
    # a segment without payload stands behind whatever is in front of it
    return 0 if tcp_is_far(d, seq) else stands_at(d, pool, offset_of(d, seq), time)


cdef int tcp_feed(
    tcp_t *d, tcp_pool_t *pool, const segment_t *s, uint64_t place, bint stable, int64_t time,
    checksum_t checksum
) noexcept nogil:
    cdef uint32_t seq = s.seq + <uint32_t>(1 if s.tcp_flags & TCP_SYN else 0)
    cdef uint32_t length = s.wire_len
    cdef piece_t piece
    cdef segment_t behind_syn
    cdef int status
    if s.tcp_flags & TCP_RST:
        if length == 0 or s.tcp_flags & TCP_SYN:
            return 0
        status = accept_reset(d, pool, s)
        if status != 1:
            return status
    if s.tcp_flags & TCP_SYN and d.syn and d.next == 0 and d.pieces.count == 0 \
            and seq != d.next_seq:
        d.other_seq = seq  # which of them holds, the first data will tell
        d.two_syns = True
    if length == 0 and d.state == TCP_NEW and not s.tcp_flags & TCP_SYN:
        return 0
    if d.state <= TCP_TENTATIVE and (length != 0 or s.tcp_flags & (TCP_SYN | TCP_FIN)):
        start(d, pool, s, seq)
    if length == 0:
        if take_bare(d, pool, seq, time) != 0:
            return -1
    else:
        behind_syn = s[0]
        behind_syn.seq = seq
        piece.start = offset_of(d, seq)
        piece.claim = piece.start + length
        piece.data = s.payload
        piece.memory = NULL
        piece.place = place
        piece.time = time
        piece.have = s.length
        piece.mended = 0
        piece.checksum = <uint8_t>checksum
        piece.stable = stable
        if place_segment(d, pool, &behind_syn, &piece, time) != 0:
            return -1
    if s.tcp_flags & TCP_FIN and d.fin < 0 and tcp_in_window(d, seq + length):
        d.fin = offset_of(d, seq + length)
    if d.state == TCP_TENTATIVE and length != 0 and grow_tentative(d, pool) != 0:
        return -1
    if d.state == TCP_OPEN and d.fin >= 0:
        d.state = TCP_CLOSING
    if d.state != TCP_TENTATIVE and drain(d, pool, time) != 0:
        return -1
    return keep_ceilings(d, pool, time)


cdef int tcp_finish(tcp_t *d, tcp_pool_t *pool, uint8_t reason) noexcept nogil:
    drop_far(d, pool)
    return give_up_all(d, pool, reason)


cdef int tcp_end(tcp_t *d, tcp_pool_t *pool, uint8_t reason, int64_t time) noexcept nogil:
    if tcp_finish(d, pool, reason) != 0:
        return -1
    return emit_gap(d, pool, d.fin - d.next, time, reason)


cdef void tcp_discard(tcp_t *d, tcp_pool_t *pool) noexcept nogil:
    drop_far(d, pool)
    pieces_discard(&d.pieces, pool)
