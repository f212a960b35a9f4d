# The flow table: from the addresses of a segment to the state of its connection.
#
# A connection has two flows, one a direction. Open addressing with a seeded hash that both
# directions share; slots carry 32 bits of it, so a wrong connection is almost never looked at.
# Connections stay where they are when the table of slots grows, and their places are used again.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.core.wire cimport load_le64, prefetch
from mmscodec._kernels.mms.state cimport mms_stream_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.pieces cimport run_t
from mmscodec._kernels.net.tcp_reassembly cimport tcp_t, tcp_waits

cdef enum flow_state_t:
    STATE_NEW = 0
    STATE_DETECTING = 1  # first bytes held until they say what it is
    STATE_MMS = 2
    STATE_WINMX = 3  # kept whole, deciphered after the pass
    STATE_KEPT = 4  # kept whole, of no known protocol
    STATE_OTHER = 5  # of no interest

cdef enum:
    SYN_SLOTS = 1 << 16  # the newest SYN of each is remembered

    CLOSED_A = 1  # RST, or FIN of that side
    CLOSED_B = 2

cdef struct detection_t:
    # first runs of a flow that is not recognised yet
    run_t *runs
    uint32_t count
    uint32_t capacity
    uint32_t bytes
    uint64_t held  # memory of the runs and the window
    uint8_t head[20]  # first bytes of the stream, as far as they came without a gap
    uint32_t head_len
    bint broken  # bytes of the head are missing
    bint likely  # HANDSHAKE_LIKELY: a WinMX client, unless the other side says something else
    table_t window  # bytes of a stream begun in the middle, up to the last one, without a hole
    size_t judged  # so many of them begin nothing
    uint32_t links  # datagrams that may be Data packets

cdef enum fast_t:
    # what fast_path.pxd may do with a segment that continues the stream
    FAST_NONE = 0
    FAST_DATA = 1  # MMS, in the midst of Data packets of one size
    FAST_SKIP = 2  # of no interest

cdef struct figures_t:
    # what acknowledgments without payload tell, see round_trip.pxd; a line of the cache
    int64_t rtt_min  # ns, of data of this flow; valid while rtt_count > 0
    int64_t rtt_max
    int64_t rtt_sum
    int64_t handshake  # ns from the SYN of this flow to its first acknowledgment, 0 = not seen
    uint32_t rtt_count
    uint32_t zero_windows
    uint32_t sampled  # acknowledgment of the last sample
    uint32_t last_ack  # `packets` when its last acknowledgment without payload was sent
    uint32_t resent  # `tcp.retransmissions` at the last acknowledgment
    uint8_t padding[12]

cdef struct flow_t:
    # the first 64 bytes, up to the middle of tcp, are all that the fast path touches
    int64_t last_time
    uint64_t bytes  # of payload on the wire
    int32_t row  # of the flows table, -1 while nobody wants the flow
    uint32_t extent  # the last one, counted from 1
    uint32_t epoch  # to which that number belongs
    uint32_t packets
    uint64_t header  # while FAST_DATA: the header of the last Data packet
    uint16_t left  # and what is still to come of it
    uint8_t fast
    uint8_t state
    uint32_t direction  # of its rows: of MMS while FAST_DATA, of WinMX from the handshake on
    tcp_t tcp
    uint32_t isn  # of the SYN, or else one less than the first sequence number
    uint8_t queued  # stands in the queue of memory_limit.pxd
    uint8_t served  # what its first bytes are instead of MMS, see not_mms.pxd
    uint16_t judged  # what was known of UDP ports when it was set aside
    mms_stream_t *mms
    int64_t first_time
    detection_t *detection
    figures_t figures

cdef struct attempt_t:
    # a SYN that may begin another connection: kept until something proves it
    segment_t segment
    int64_t time
    int64_t before  # time of the flow's packet before it
    uint8_t side
    uint8_t answer_only  # only a SYN that answers it proves it

cdef struct connection_t:
    uint8_t src[16]  # of side 0
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port
    uint32_t scope  # of side 0
    uint8_t protocol
    uint8_t closed
    uint8_t live
    uint8_t holding  # something waits in one of the flows
    uint32_t hash
    uint32_t control  # flow row + 1 of the TCP flow that announced this UDP flow
    uint32_t scope_back  # of side 1: another where the two directions are tagged differently
    attempt_t *attempt  # or NULL; flows begin where a line of the cache does
    flow_t flow[2]

cdef struct flow_table_t:
    table_t connections
    table_t free  # uint32_t numbers of places to be used again
    uint64_t *slots  # hash << 32 | number + 1
    size_t mask
    size_t count
    size_t used  # slots; a connection whose scopes differ has two
    uint64_t seed
    uint32_t *syns  # number + 1 of the connection that a SYN began, by what its answer says of it

# An empty table. 0, or -1 without memory.
cdef int flow_table_init(flow_table_t *f, uint64_t seed) noexcept nogil
cdef void flow_table_free(flow_table_t *f) noexcept nogil
# A new connection whose side 0 sent the segment: its number, or -1 without memory.
cdef int64_t flow_table_add(flow_table_t *f, const segment_t *s, uint32_t hash) noexcept nogil
# The connection that a SYN-ACK of another scope answers, which takes both from now on: its number,
# or -1. The two directions of one connection may be in different VLANs, or have different keys.
cdef int64_t flow_table_pair(flow_table_t *f, const segment_t *s) noexcept nogil
# The connection whose kept SYN a SYN-ACK of another scope answers: its number, or -1.
cdef int64_t flow_table_kept(flow_table_t *f, const segment_t *s) noexcept nogil
# The segments of side 1 are in this scope from now on, in that of side 0 where there is no room.
cdef void flow_table_scope(flow_table_t *f, uint32_t number, uint32_t scope) noexcept nogil
# A SYN of this connection may be answered in another scope.
cdef void flow_table_note_syn(flow_table_t *f, uint32_t number, const segment_t *s) noexcept nogil
# No connection any more, and no memory for any.
cdef void flow_table_clear(flow_table_t *f) noexcept nogil
# The connection's place may be taken by another from now on.
cdef void flow_table_remove(flow_table_t *f, uint32_t number) noexcept nogil
# Time of the newest segment of both sides, the earliest there is where none came.
cdef int64_t connection_last_time(const connection_t *c) noexcept nogil
# A time such that about one `part` of the connections was silent since then.
cdef int64_t flow_table_age(flow_table_t *f, size_t part) noexcept nogil


cdef inline connection_t *connection_at(flow_table_t *f, size_t number) noexcept nogil:
    # the connection at this place
    return <connection_t *>f.connections.data + number


cdef inline bint flow_holds_bytes(const flow_t *flow) noexcept nogil:
    # do bytes of it wait for others?
    return tcp_waits(&flow.tcp) or flow.detection != NULL \
        or (flow.mms != NULL and flow.mms.charged != 0)


cdef inline const uint8_t *sender(const connection_t *c, int side) noexcept nogil:
    # address of the side that sends
    if side:
        return c.dst
    return c.src


cdef inline uint32_t scope_of(const connection_t *c, int side) noexcept nogil:
    # scope of what a side sends
    if side:
        return c.scope_back
    return c.scope


cdef inline uint64_t scramble(uint64_t x) noexcept nogil:
    # mixes all bits of x
    x = (x ^ (x >> 32)) * <uint64_t>0xD6E8FEB86659FD93
    x = (x ^ (x >> 32)) * <uint64_t>0xD6E8FEB86659FD93
    return x ^ (x >> 32)


cdef inline uint64_t end_hash(uint64_t seed, const uint8_t *address, uint16_t port) noexcept nogil:
    # hash of an address and a port
    cdef uint64_t x = (load_le64(address) ^ seed) * <uint64_t>0x9FB21C651E98DF25
    x = (x ^ (load_le64(address + 8) + port * <uint64_t>0x9E3779B97F4A7C15)) \
        * <uint64_t>0xD6E8FEB86659FD93
    return x ^ (x >> 32)


cdef inline uint32_t segment_hash(const flow_table_t *f, const segment_t *s) noexcept nogil:
    # equal for both directions
    cdef uint64_t x = end_hash(f.seed, s.src, s.src_port) + end_hash(f.seed, s.dst, s.dst_port)
    x += (<uint64_t>s.scope << 8) + s.protocol
    x *= <uint64_t>0xD6E8FEB86659FD93
    return <uint32_t>(x >> 32)


cdef inline uint32_t syn_hash(
    const flow_table_t *f, const segment_t *s, uint32_t isn
) noexcept nogil:
    # of a SYN with this sequence number, or of its answer; whatever the scope
    cdef uint64_t x = end_hash(f.seed, s.src, s.src_port) + end_hash(f.seed, s.dst, s.dst_port)
    return <uint32_t>(scramble(x ^ isn) >> 40) & (SYN_SLOTS - 1)


cdef inline void flow_table_prefetch(const flow_table_t *f, uint32_t hash) noexcept nogil:
    # touch the slot that will be looked at
    prefetch(f.slots + (hash & f.mask))


cdef inline int flow_of(const connection_t *c, const segment_t *s) noexcept nogil:
    # 0 or 1, -1 where the segment belongs to another connection
    if c.protocol != s.protocol:
        return -1
    if c.scope == s.scope and c.src_port == s.src_port and c.dst_port == s.dst_port \
            and memcmp(c.src, s.src, 16) == 0 and memcmp(c.dst, s.dst, 16) == 0:
        return 0
    if c.scope_back == s.scope and c.src_port == s.dst_port and c.dst_port == s.src_port \
            and memcmp(c.src, s.dst, 16) == 0 and memcmp(c.dst, s.src, 16) == 0:
        return 1
    return -1


cdef inline int64_t flow_table_find(
    flow_table_t *f, const segment_t *s, uint32_t hash, int *side
) noexcept nogil:
    # number of the connection, or -1
    cdef size_t i = hash & f.mask
    cdef uint64_t slot = f.slots[i]
    cdef uint32_t number
    while slot != 0:
        if <uint32_t>(slot >> 32) == hash:
            number = <uint32_t>slot - 1
            side[0] = flow_of(connection_at(f, number), s)
            if side[0] >= 0:
                return number
        i = (i + 1) & f.mask
        slot = f.slots[i]
    return -1


cdef inline int64_t flow_table_peek(const flow_table_t *f, uint32_t hash) noexcept nogil:
    # where the connection with this hash probably is, or -1
    cdef size_t i = hash & f.mask
    cdef uint64_t slot = f.slots[i]
    while slot != 0:
        if <uint32_t>(slot >> 32) == hash:
            return <int64_t>(<uint32_t>slot) - 1
        i = (i + 1) & f.mask
        slot = f.slots[i]
    return -1
