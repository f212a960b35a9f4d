# The flows table: one row a direction that somebody wants.
#
# A row is made when a flow is first wanted and brought up to date from the flow's own state when
# tables are taken. Numbers go on; rows of flows that have ended may be let go in between.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.track.flow_table cimport connection_t, flow_t, flow_table_t

cdef enum:
    FLOW_SYN = 1  # marks of a flow row
    FLOW_FIN = 2
    FLOW_RST = 4
    FLOW_CLOSED_FIRST = 8  # the first FIN or RST of the connection was of this flow
    FLOW_ENDED = 0x80  # nothing more will come; not shown

cdef struct flow_row_t:
    uint8_t src[16]
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port
    uint8_t transport  # 6 or 17
    uint8_t protocol
    uint8_t marks
    uint8_t direction  # as its protocol tells it
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
    int64_t handshake  # ns, -1 = not seen
    int64_t rtt_min
    int64_t rtt_max
    int64_t rtt_sum
    uint32_t rtt_count
    uint32_t zero_windows
    uint32_t out_of_order
    uint32_t padding

cdef struct owner_t:
    uint64_t side  # number * 2 + side + 1 of its connection, 0 once that ended
    uint32_t epoch  # in which the flow was touched last
    uint32_t padding

cdef struct flow_rows_t:
    table_t rows  # flow_row_t, ascending by number
    table_t owners  # owner_t of each row
    table_t touched  # int32_t, flows that something happened to in this epoch
    int32_t numbers  # flows so far
    size_t ended  # rows whose flow has ended
    uint32_t epoch

# Tables without rows; whoever calls this calls flow_rows_free.
cdef void flow_rows_init(flow_rows_t *r) noexcept nogil
cdef void flow_rows_free(flow_rows_t *r) noexcept nogil
# The row of a flow, made when it is first asked for: its number, or -1 without memory.
cdef int32_t flow_rows_add(
    flow_rows_t *r, const flow_table_t *table, connection_t *c, int side
) noexcept nogil
# Something happened to a flow: the next batch has its row. 0, or -1 without memory.
cdef int flow_rows_touch(flow_rows_t *r, int32_t flow) noexcept nogil
# The row says what the flow knows; nothing happens where the flow has no row.
cdef void flow_rows_update(flow_rows_t *r, const flow_t *flow) noexcept nogil
# Nothing more of this flow will come. 0, or -1 without memory.
cdef int flow_rows_end(flow_rows_t *r, const flow_t *flow) noexcept nogil
# All rows of open flows up to date.
cdef void flow_rows_update_all(flow_rows_t *r, flow_table_t *table) noexcept nogil
# Rows of the flows that were touched in this epoch, up to date, ascending. 0, or -1: no memory
cdef int flow_rows_touched(flow_rows_t *r, flow_table_t *table, table_t *out) noexcept nogil
# Lets go of the rows of flows that have ended, when there are many.
cdef void flow_rows_retire(flow_rows_t *r) noexcept nogil


cdef inline size_t slot_of(const flow_rows_t *r, int32_t number) noexcept nogil:
    # index of a flow's row, which is there
    cdef const flow_row_t *rows = <const flow_row_t *>r.rows.data
    cdef size_t low = 0, high = r.rows.rows, mid
    if <size_t>number < high and rows[number].number == number:
        return <size_t>number  # none was retired
    while high - low > 1:
        mid = (low + high) >> 1
        if rows[mid].number <= number:
            low = mid
        else:
            high = mid
    return low


cdef inline flow_row_t *flow_row(flow_rows_t *r, int32_t number) noexcept nogil:
    # the row of a flow that is kept
    return <flow_row_t *>r.rows.data + slot_of(r, number)


cdef inline owner_t *flow_owner(flow_rows_t *r, int32_t number) noexcept nogil:
    # who has the flow of a row that is kept
    return <owner_t *>r.owners.data + slot_of(r, number)
