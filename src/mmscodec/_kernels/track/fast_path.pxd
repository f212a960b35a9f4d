# The fast path: a segment that continues a stream just as everything before it did.
#
# While a flow is FAST_DATA, the state of its MMS stream lies in the flow itself, in the line of the
# processor's cache that holds the sequence number, and `mms` is behind; `fast_leave` brings it up
# to date, and whoever touches `mms` or ends the flow calls it first. What is written here is what
# mms_feed and extents_add would write, with nothing but loads, compares and stores.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from mmscodec._kernels.core.table cimport table_at, table_end, table_limit
from mmscodec._kernels.core.layout cimport DATA_MEDIA, SESSION_ID
from mmscodec._kernels.core.wire cimport likely, load_le32, load_le64, unlikely
from mmscodec._kernels.mms.state cimport data_row_t
from mmscodec._kernels.mms.stream cimport (
    continues, mms_caught_up, mms_last_header, mms_may_skip, mms_payload_left,
)
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.tcp_reassembly cimport TCP_OPEN, tcp_advance, tcp_waits
from mmscodec._kernels.track.extents cimport extent_t
from mmscodec._kernels.track.flow_table cimport (
    FAST_DATA, FAST_NONE, FAST_SKIP, STATE_MMS, STATE_OTHER, flow_t,
)
from mmscodec._kernels.track.state cimport tracker_t

cdef extern from * nogil:
    """
    #define MMSCODEC_NOT_EXPECTED 0xFFFFFFFFu
    """
    const uint32_t NOT_EXPECTED "MMSCODEC_NOT_EXPECTED"

cdef packed struct fast_row_t:
    data_row_t data
    int64_t time
    int32_t flow
    uint32_t direction  # and padding

cdef struct fast_rows_t:
    # where rows go, in registers, while segments take the fast path one after the other
    fast_row_t *row
    fast_row_t *last_row  # the last one there is room for
    extent_t *extent
    extent_t *extents_end
    uint32_t number  # of the next extent, counted from 1
    uint32_t epoch
    int64_t time


cdef inline void fast_begin(const tracker_t *t, fast_rows_t *out) noexcept nogil:
    # room for rows of the fast path, which `fast_end` counts in
    cdef size_t room = t.extents.rows.capacity
    if room > <size_t>0xFFFFFFFE:
        room = <size_t>0xFFFFFFFE
    out.row = <fast_row_t *>table_end(&t.tables.data)
    out.last_row = <fast_row_t *>table_limit(&t.tables.data)
    out.extent = <extent_t *>table_end(&t.extents.rows)
    out.extents_end = <extent_t *>table_at(&t.extents.rows, room)
    out.number = <uint32_t>t.extents.rows.rows + 1
    out.epoch = t.extents.epoch
    out.time = t.counters.last_time


cdef inline void fast_end(tracker_t *t, const fast_rows_t *out) noexcept nogil:
    # count in the rows that were written since fast_begin
    t.tables.data.rows = <size_t>(out.row - <fast_row_t *>t.tables.data.data)
    t.extents.rows.rows = <size_t>(out.extent - <extent_t *>t.extents.rows.data)
    t.counters.last_time = out.time


cdef inline void fast_leave(flow_t *flow) noexcept nogil:
    # from here on `mms` knows again what the flow knew
    if flow.fast == FAST_DATA:
        mms_caught_up(flow.mms, flow.tcp.next, flow.last_time, flow.header, flow.left)
    flow.fast = FAST_NONE


cdef inline void fast_allow(const tracker_t *t, flow_t *flow) noexcept nogil:
    # may the next segment go by the fast path? Asked behind all that was done about this one
    if flow.state == STATE_OTHER:
        flow.fast = FAST_SKIP
        return
    if flow.state != STATE_MMS or flow.mms == NULL or flow.tcp.state != TCP_OPEN \
            or tcp_waits(&flow.tcp) or not mms_may_skip(flow.mms, flow.tcp.next):
        return
    flow.left = <uint16_t>mms_payload_left(flow.mms)
    flow.header = mms_last_header(flow.mms)
    flow.direction = flow.mms.model.direction
    flow.fast = FAST_DATA


cdef inline void fast_row(
    fast_rows_t *out, const flow_t *flow, int64_t offset, uint64_t header
) noexcept nogil:
    # the row of the Data packet with that header; there is room for it
    cdef fast_row_t *row = out.row
    out.row += 1
    row.data.offset = offset
    row.data.length = <uint32_t>(header >> 48)
    row.data.location_id = <uint32_t>header
    row.data.play_incarnation = <uint8_t>(header >> 32)
    row.data.af_flags = <uint8_t>(header >> 40)
    row.data.kind = DATA_MEDIA
    memset(row.data.padding, 0, sizeof(row.data.padding))
    row.time = out.time
    row.flow = flow.row
    row.direction = flow.direction


cdef inline uint32_t fast_headers(const flow_t *flow, const segment_t *s) noexcept nogil:
    # Headers in a segment: are they all what was expected, and all there? The number of them, or
    # NOT_EXPECTED.
    cdef uint32_t at = flow.left, headers = 0
    cdef uint64_t header, last = flow.header
    while at < s.length:
        if s.length - at < 16:
            return NOT_EXPECTED
        header = load_le64(s.payload + at)
        if not continues(last, header):
            return NOT_EXPECTED
        last = header
        at += <uint32_t>(header >> 48)
        headers += 1
    return headers


cdef inline void fast_rows(fast_rows_t *out, flow_t *flow, const segment_t *s) noexcept nogil:
    # the rows of all Data packets that end in this segment
    cdef uint32_t at = flow.left, size = <uint32_t>(flow.header >> 48)
    cdef int64_t start = flow.tcp.next - size
    if at != 0 and at <= s.length:
        fast_row(out, flow, start + at, flow.header)
    while at < s.length:
        flow.header = load_le64(s.payload + at)
        at += size
        if at <= s.length:
            fast_row(out, flow, start + at, flow.header)
    flow.left = <uint16_t>(at - s.length)


cdef inline bint fast_data(
    fast_rows_t *out, flow_t *flow, const segment_t *s, uint64_t place
) noexcept nogil:
    # True: the segment was taken. Nothing is written before it is clear that all of it can be.
    cdef uint64_t header
    cdef uint32_t headers
    cdef extent_t *extent = out.extent
    if s.seq != flow.tcp.next_seq or s.length == 0 or extent >= out.extents_end \
            or flow.epoch != out.epoch:  # the first one after a batch is noted elsewhere
        return False
    if likely(s.length == flow.header >> 48 and flow.left == 0):
        # the usual case: one Data packet and nothing else
        header = load_le64(s.payload)
        if not continues(flow.header, header) or out.row >= out.last_row:
            return False
        flow.header = header
        fast_row(out, flow, flow.tcp.next, header)
    else:
        headers = fast_headers(flow, s)
        if headers == NOT_EXPECTED or <size_t>(out.last_row - out.row) <= headers:
            return False
        fast_rows(out, flow, s)
    extent.offset = flow.tcp.next
    extent.place = place
    extent.length = s.length
    extent.before = flow.extent
    flow.extent = out.number
    out.number += 1
    out.extent += 1
    tcp_advance(&flow.tcp, s.length)
    return True


cdef inline bint fast_take(
    fast_rows_t *out, flow_t *flow, const segment_t *s, uint64_t place, int64_t time
) noexcept nogil:
    # True: all that has to be done about this plain segment was done
    out.time = time
    if likely(flow.fast == FAST_DATA):
        if unlikely(not fast_data(out, flow, s, place)):
            return False
    elif flow.fast == FAST_NONE or (
        # a packet of MMS may begin even there
        s.length >= 16 and load_le32(s.payload + 4) == SESSION_ID
    ):
        return False
    flow.packets += 1
    flow.bytes += s.length
    flow.last_time = time
    return True
