# Connections: where one begins and where it ends.
#
# The judgement is made here alone. A SYN begins another connection after a close, or before any
# data; in the midst of one it proves nothing, since late and forged ones come as well: it is kept
# until the other side answers it, or segments go on behind it. After a close, data that no window
# and no retransmission can explain begins another one too. See docs/decisions/0017.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.track.flow_table cimport attempt_t, connection_t, flow_t
from mmscodec._kernels.track.state cimport tracker_t

cdef enum judgement_t:
    CONNECTION_SAME = 0
    CONNECTION_OTHER = 1  # the segment, and the attempt if there is one, begin another
    CONNECTION_ASKED = 2  # a SYN that is kept as an attempt

# Must the judgement be asked about a segment of this connection?
cdef inline bint connection_unsure(const connection_t *c, const segment_t *s) noexcept nogil:
    return c.closed != 0 or c.attempt != NULL or s.tcp_flags & 2 != 0

# Which connection does a TCP segment belong to that has the addresses and ports of this one?
cdef judgement_t connection_judge(
    tracker_t *t, connection_t *c, int side, const segment_t *s
) noexcept nogil
# The SYN is kept. 0, or -1 without memory.
cdef int connection_keep_attempt(
    connection_t *c, int side, const segment_t *s, int64_t time
) noexcept nogil
# The attempt is proven: it leaves the connection, which ends. 0, or -1 without memory.
cdef int connection_replace(
    tracker_t *t, uint32_t number, attempt_t **attempt
) noexcept nogil
# Nothing is kept any more.
cdef void connection_drop_attempt(connection_t *c) noexcept nogil
# The segment as the stream numbers it, `copy` where it belongs to a copy of the stream with other
# sequence numbers.
cdef const segment_t *connection_renumber(
    tracker_t *t, flow_t *flow, const segment_t *s, segment_t *copy
) noexcept nogil
# What the SYN, FIN or RST of a segment says about its connection.
cdef void connection_flags(
    tracker_t *t, connection_t *c, int side, const segment_t *s
) noexcept nogil
# All that its flows hold is delivered, and they end. 0, or -1 without memory.
cdef int connection_finish(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil
# The same, and the connection leaves the table.
cdef int connection_end(tracker_t *t, uint32_t number, uint8_t reason) noexcept nogil
# Too many connections: those that were silent for longest end. 0, or -1 without memory.
cdef int connection_evict(tracker_t *t) noexcept nogil
