# The one pass over a capture: records -> segments -> flows -> streams -> rows.
#
# No Python, no allocation per packet except where tables grow. Places say where bytes lie: the
# number of a source in the upper 16 bits, the position in it below. Source 0 is the arena `bytes`,
# which takes payload that does not stay where it is (pipes, compressed files, reassembled IP).
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.flows cimport flows_t
from mmscodec._kernels.mms cimport mms_tables_t
from mmscodec._kernels.network cimport network_t
from mmscodec._kernels.segment cimport record_t
from mmscodec._kernels.table cimport table_t
from mmscodec._kernels.tcp cimport tcp_pool_t

cdef enum side_state_t:
    SIDE_NEW = 0
    SIDE_PROBING = 1  # first bytes held until they say what it is
    SIDE_MMS = 2
    SIDE_WINMX = 3  # kept whole, deciphered after the pass
    SIDE_KEPT = 4  # kept whole, of no known protocol
    SIDE_OTHER = 5  # of no interest

cdef enum:
    FLOW_NONE = 0
    FLOW_MMS = 1
    FLOW_WINMX = 2

    FLOW_SYN = 1  # marks of a flow row
    FLOW_FIN = 2
    FLOW_RST = 4

    PLACE_SHIFT = 48

cdef struct flow_row_t:
    uint8_t src[16]
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port
    uint8_t transport  # 6 or 17
    uint8_t protocol
    uint16_t marks
    uint32_t scope
    int32_t peer
    int32_t control
    uint32_t packets
    uint32_t gaps
    uint32_t retransmissions
    int64_t first_time
    int64_t last_time
    uint64_t bytes
    uint64_t length  # of the stream so far, gaps included
    uint64_t conflicts
    uint32_t extent  # last one of the flow, counted from 1
    uint32_t padding

cdef struct extent_t:
    int64_t offset
    uint64_t place
    uint32_t length
    uint32_t before  # the flow's extent before this one, counted from 1

cdef struct gap_row_t:
    int64_t offset
    int64_t length
    int64_t time
    int32_t flow
    uint8_t reason
    uint8_t padding[3]

cdef struct announced_t:
    # a UDP port that a ConnectFunnel named
    uint8_t address[16]
    uint32_t scope
    uint16_t port
    uint16_t padding
    int32_t control
    uint32_t after

cdef struct source_t:
    const uint8_t *start  # of all its bytes, NULL where they are not all there at once
    uint64_t base  # position of its first byte in records
    bint addressable  # places in it are good after the pass

cdef struct track_t:
    # the caller's to set
    bint want_mms
    bint want_winmx
    bint keep_all
    const uint8_t *ports  # 65,536 flags, or NULL: all
    table_t chosen  # chosen_t: the only connections wanted, if any
    size_t max_flows
    uint64_t held_total  # bytes that may wait in all flows
    uint32_t max_packet
    # state
    network_t network
    flows_t flows
    tcp_pool_t pool
    mms_tables_t tables
    table_t rows  # flow_row_t
    table_t extents
    table_t gaps
    table_t bytes
    table_t sources  # source_t
    table_t waiting  # uint64_t number * 2 + side, oldest first
    size_t waiting_first
    table_t announced
    uint32_t *announced_heads
    uint16_t generation
    uint32_t epoch
    uint64_t probed  # bytes held by probes
    uint64_t packets
    uint64_t segments
    uint64_t skipped  # records without TCP or UDP
    uint64_t evicted
    int64_t last_time

cdef struct chosen_t:
    uint8_t a[16]
    uint8_t b[16]
    uint16_t a_port
    uint16_t b_port

cdef int track_init(track_t *t, uint64_t seed) noexcept nogil
cdef void track_free(track_t *t) noexcept nogil
cdef int track_records(
    track_t *t, const record_t *records, size_t count, uint32_t source
) noexcept nogil
cdef int track_finish(track_t *t) noexcept nogil
cdef void track_sync(track_t *t) noexcept nogil
