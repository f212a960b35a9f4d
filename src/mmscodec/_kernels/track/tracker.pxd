# The one pass over a capture: records -> segments -> flows -> streams -> rows.
#
# No Python, no allocation per packet except where tables grow. Places say where bytes lie: their
# position in the capture, which is one line of positions for all its files, or, with the highest
# bit set, in the arena `bytes`, which takes payload that does not stay anywhere (pipes, reassembled
# IP).
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.track.flow_table cimport flows_hash, flows_t
from mmscodec._kernels.mms.scan cimport mms_tables_t
from mmscodec._kernels.net.cursor cimport NETWORK_SEGMENT, network_fault_t, network_t
from mmscodec._kernels.track.flow_cache cimport plain_segment
from mmscodec._kernels.net.network cimport network_decode
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.net.tcp_reassembly cimport tcp_pool_t
from mmscodec._kernels.core.wire cimport likely, load_be16, load_le32, load_le64

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
    FLOW_ENDED = 0x80  # nothing more will come; not shown


cdef struct flow_row_t:
    uint8_t src[16]
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port
    uint8_t transport  # 6 or 17
    uint8_t protocol
    uint8_t marks
    uint8_t direction  # of MMS
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
    int32_t number  # of the flow; its row's index until flows are retired

cdef struct owner_t:
    uint64_t side  # number * 2 + side + 1 of its connection, 0 once that ended
    uint32_t epoch  # in which the flow was touched last
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

cdef struct stamp_t:
    # when the bytes of a WinMX flow up to `end` were there
    int64_t end
    int64_t time
    int32_t flow
    int32_t padding

cdef struct announced_t:
    # a UDP port that a ConnectFunnel named
    uint8_t address[16]
    uint32_t scope
    uint16_t port
    uint16_t padding
    int32_t control
    uint32_t after

cdef struct source_t:
    # one file; in order of `base`
    uint64_t base  # position of its first byte
    bint stable  # all of it stays where it is shown
    bint addressable  # its positions are good after the pass
    const uint8_t *shown  # bytes that can be read now
    uint64_t shown_from  # position of the first of them
    uint64_t shown_size

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
    table_t rows  # flow_row_t, ascending by number
    int32_t numbers  # flows so far
    table_t owners  # owner_t of each row
    table_t touched  # int32_t, flows that something happened to in this epoch
    size_t ended  # rows whose flow has ended
    table_t extents
    table_t gaps
    table_t stamps
    table_t bytes
    table_t sources  # source_t
    size_t current  # the one that is walked
    table_t waiting  # uint64_t number * 2 + side, oldest first
    size_t waiting_first
    table_t announced
    table_t slabs  # blocks of streams
    void *free_streams  # each begins with a pointer to the next one
    uint32_t *announced_heads
    uint16_t generation
    uint32_t epoch
    bint reshaped  # a connection was taken out of the table
    uint64_t probed  # bytes held by probes
    uint64_t packets
    uint64_t segments
    uint64_t skipped  # records without TCP or UDP
    uint64_t evicted
    int64_t last_time

cdef struct item_t:
    # a segment on its way to its connection
    segment_t segment
    uint64_t place
    int64_t time
    uint64_t addresses  # of a plain segment (track/flow_cache.pxd), as they stand in the frame
    uint32_t ports
    uint32_t caplen
    const uint8_t *frame  # of a plain segment
    uint32_t hash
    uint8_t stable  # the payload stays where it is
    uint8_t complete  # the hash, and all fields of the segment, are there

cdef struct chosen_t:
    uint8_t a[16]
    uint8_t b[16]
    uint16_t a_port
    uint16_t b_port

# flag of places in the arena
cdef inline uint64_t ARENA() noexcept nogil:
    return <uint64_t>1 << 63


cdef inline const source_t *source_of(const track_t *t, uint64_t place) noexcept nogil:
    # the source of a place that is not in the arena
    cdef const source_t *sources = <const source_t *>t.sources.data
    cdef size_t low = 0, high = t.sources.rows, mid
    if place >= sources[t.current].base and (
        t.current + 1 == high or place < sources[t.current + 1].base
    ):
        return sources + t.current
    while high - low > 1:
        mid = (low + high) >> 1
        if sources[mid].base <= place:
            low = mid
        else:
            high = mid
    return sources + low


cdef inline bint is_stable(const track_t *t, uint64_t place) noexcept nogil:
    return (place >> 63) == 0 and source_of(t, place).stable


cdef inline bint is_addressable(const track_t *t, uint64_t place) noexcept nogil:
    return (place >> 63) == 0 and source_of(t, place).addressable


cdef inline size_t slot_of(const track_t *t, int32_t number) noexcept nogil:
    # index of a flow's row, which is there
    cdef const flow_row_t *rows = <const flow_row_t *>t.rows.data
    cdef size_t low = 0, high = t.rows.rows, mid
    if <size_t>number < high and rows[number].number == number:
        return <size_t>number  # none was retired
    while high - low > 1:
        mid = (low + high) >> 1
        if rows[mid].number <= number:
            low = mid
        else:
            high = mid
    return low


cdef int track_init(track_t *t, uint64_t seed) noexcept nogil
cdef void track_free(track_t *t) noexcept nogil
cdef int track_records(
    track_t *t, const record_t *records, size_t count
) noexcept nogil
cdef int track_items(track_t *t, item_t *items, size_t count) noexcept nogil
cdef int track_network_fault(
    track_t *t, const network_fault_t *fault, int64_t time
) noexcept nogil
cdef int track_finish(track_t *t) noexcept nogil
cdef void track_sync(track_t *t) noexcept nogil
# Rows of the flows that were touched in this epoch, up to date, ascending. 0, or -1: no memory
cdef int track_touched(track_t *t, table_t *out) noexcept nogil
# Lets go of the rows of flows that have ended, when there are many. Numbers go on.
cdef void track_retire(track_t *t) noexcept nogil


cdef inline bint fill_item(
    const flows_t *flows, const uint8_t *ports, const record_t *record, bint stable, item_t *item
) noexcept nogil:
    # the rest of an item by its segment; False if it is from and to other ports
    if ports != NULL and not (ports[item.segment.src_port] or ports[item.segment.dst_port]):
        return False
    item.frame = NULL
    item.complete = True
    item.hash = flows_hash(flows, &item.segment)
    item.time = record.time
    if item.segment.owned:
        item.stable = False
        item.place = ARENA()
    else:
        item.stable = stable
        item.place = record.position + <uint64_t>(item.segment.payload - record.data)
    return True


cdef inline int next_item(
    network_t *network, const flows_t *flows, const uint8_t *ports, const record_t *record,
    bint stable, item_t *item, bint *wanted
) noexcept nogil:
    # the segment in a frame, by where it goes; a status of the network
    cdef int status
    wanted[0] = False
    if likely(plain_segment(record, &item.segment)):
        item.frame = record.data
        item.caplen = record.caplen
        item.addresses = load_le64(record.data + 26)
        item.ports = load_le32(record.data + 34)
        item.time = record.time
        item.stable = stable
        item.place = record.position + <uint64_t>(item.segment.payload - record.data)
        item.segment.owned = False
        item.complete = False
        wanted[0] = ports == NULL or ports[load_be16(record.data + 34)] \
            or ports[load_be16(record.data + 36)]
        return NETWORK_SEGMENT
    status = network_decode(network, record, &item.segment)
    if status == NETWORK_SEGMENT:
        wanted[0] = fill_item(flows, ports, record, stable, item)
    return status
