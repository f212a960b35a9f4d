# The express lane: a segment that continues a stream just as everything before it did.
#
# While a side is EXPRESS_DATA, the state of its MMS stream lies in the side itself, in the line of
# the cache that holds the sequence number, and `mms` is behind; `settle` brings it up to date, and
# whoever touches `mms` or ends the side calls it first. What is written here is what mms_push and
# track_keep would write, with nothing but loads, compares and stores.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from mmscodec._kernels.track.flow_table cimport EXPRESS_DATA, EXPRESS_NONE, EXPRESS_OTHER, side_t
from mmscodec._kernels.core.layout cimport SESSION_ID
from mmscodec._kernels.mms.scan cimport KIND_MEDIA, data_row_t, mms_stream_t
from mmscodec._kernels.mms.resync cimport NEAR
from mmscodec._kernels.mms.stream cimport mms_undecided
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.tcp_reassembly cimport TCP_OPEN, tcp_advance
from mmscodec._kernels.track.tracker cimport SIDE_MMS, SIDE_OTHER, extent_t, track_t
from mmscodec._kernels.core.wire cimport likely, load_le32, load_le64, unlikely

cdef enum:
    NOT_EXPECTED = <unsigned int>0xFFFFFFFF

cdef packed struct quick_row_t:
    data_row_t data
    int64_t time
    int32_t flow
    uint32_t direction  # and padding

cdef struct express_out_t:
    # where rows go, in registers, while segments take the express lane one after the other
    quick_row_t *row
    quick_row_t *last_row  # the last one there is room for
    extent_t *extent
    extent_t *extents_end
    uint32_t number  # of the next extent, counted from 1
    uint32_t epoch
    int64_t time


cdef inline void express_begin(const track_t *t, express_out_t *out) noexcept nogil:
    cdef size_t room = t.extents.capacity
    if room > <size_t>0xFFFFFFFE:
        room = <size_t>0xFFFFFFFE
    out.row = <quick_row_t *>t.tables.data.data + t.tables.data.rows
    out.last_row = <quick_row_t *>t.tables.data.data + t.tables.data.capacity
    out.extent = <extent_t *>t.extents.data + t.extents.rows
    out.extents_end = <extent_t *>t.extents.data + room
    out.number = <uint32_t>t.extents.rows + 1
    out.epoch = t.epoch
    out.time = t.last_time


cdef inline void express_end(track_t *t, const express_out_t *out) noexcept nogil:
    t.tables.data.rows = <size_t>(out.row - <quick_row_t *>t.tables.data.data)
    t.extents.rows = <size_t>(out.extent - <extent_t *>t.extents.data)
    t.last_time = out.time


cdef inline void settle(side_t *side) noexcept nogil:
    # from here on `mms` knows again what the side knew
    cdef mms_stream_t *m = side.mms
    if side.express == EXPRESS_DATA:
        m.position = side.tcp.next
        m.time = side.last_time
        m.last_location = <uint32_t>side.header
        if side.left:
            m.payload_left = side.left
            m.payload_lost = 0
            memset(&m.pending, 0, sizeof(data_row_t))
            m.pending.offset = side.tcp.next + side.left - m.last_size
            m.pending.length = m.last_size
            m.pending.location_id = m.last_location
            m.pending.play_incarnation = m.last_incarnation
            m.pending.af_flags = <uint8_t>(side.header >> 40)
            m.pending.kind = KIND_MEDIA
        else:
            m.payload_left = 0
    side.express = EXPRESS_NONE


cdef inline void let_express(const track_t *t, side_t *side) noexcept nogil:
    # may the next segment go by the express lane? Asked behind all that was done about this one
    cdef const mms_stream_t *m = side.mms
    if side.state == SIDE_OTHER:
        side.express = EXPRESS_OTHER
        return
    if side.state != SIDE_MMS or m == NULL or side.tcp.state != TCP_OPEN or side.tcp.pending \
            or not m.have_last or m.header_open or m.skipping or m.datagrams \
            or mms_undecided(m) or m.last_size < 16 \
            or m.position != side.tcp.next:
        return
    if m.payload_left:
        if m.payload_lost or m.pending.kind != KIND_MEDIA or m.pending.length != m.last_size \
                or m.pending.location_id != m.last_location:
            return
    side.left = <uint16_t>m.payload_left
    side.header = <uint64_t>m.last_size << 48 | <uint64_t>m.pending.af_flags << 40 \
        | <uint64_t>m.last_incarnation << 32 | m.last_location
    side.direction = m.direction
    side.express = EXPRESS_DATA


cdef inline void express_row(
    express_out_t *out, const side_t *side, int64_t offset, uint64_t header
) noexcept nogil:
    # the row of the Data packet with that header; there is room for it
    cdef quick_row_t *row = out.row
    out.row += 1
    row.data.offset = offset
    row.data.length = <uint32_t>(header >> 48)
    row.data.location_id = <uint32_t>header
    row.data.play_incarnation = <uint8_t>(header >> 32)
    row.data.af_flags = <uint8_t>(header >> 40)
    row.data.kind = KIND_MEDIA
    memset(row.data.padding, 0, sizeof(row.data.padding))
    row.time = out.time
    row.flow = side.row
    row.direction = side.direction


cdef inline bint goes_on(uint64_t last, uint64_t header) noexcept nogil:
    # is this the header of a Data packet just like the last one, and of the next?
    return ((header ^ last) & <uint64_t>0xFFFF00FF00000000) == 0 \
        and <uint32_t>(<uint32_t>header - <uint32_t>last - 1) < NEAR


cdef inline uint32_t express_headers(const side_t *side, const segment_t *s) noexcept nogil:
    # Headers in a segment: are they all what was expected, and all there? The number of them, or
    # NOT_EXPECTED.
    cdef uint32_t at = side.left, headers = 0
    cdef uint64_t header, last = side.header
    while at < s.length:
        if s.length - at < 16:
            return NOT_EXPECTED
        header = load_le64(s.payload + at)
        if not goes_on(last, header):
            return NOT_EXPECTED
        last = header
        at += <uint32_t>(header >> 48)
        headers += 1
    return headers


cdef inline void express_rows(express_out_t *out, side_t *side, const segment_t *s) noexcept nogil:
    # the rows of all Data packets that end in this segment
    cdef uint32_t at = side.left, size = <uint32_t>(side.header >> 48)
    cdef int64_t start = side.tcp.next - size
    if at != 0 and at <= s.length:
        express_row(out, side, start + at, side.header)
    while at < s.length:
        side.header = load_le64(s.payload + at)
        at += size
        if at <= s.length:
            express_row(out, side, start + at, side.header)
    side.left = <uint16_t>(at - s.length)


cdef inline bint express_data(
    express_out_t *out, side_t *side, const segment_t *s, uint64_t place
) noexcept nogil:
    # True: the segment was taken. Nothing is written before it is clear that all of it can be.
    cdef uint64_t header
    cdef uint32_t headers
    cdef extent_t *extent = out.extent
    if s.seq != side.tcp.next_seq or s.length == 0 or extent >= out.extents_end \
            or side.epoch != out.epoch:  # the first one after a batch is noted elsewhere
        return False
    if likely(s.length == side.header >> 48 and side.left == 0):
        # the usual case: one Data packet and nothing else
        header = load_le64(s.payload)
        if not goes_on(side.header, header) or out.row >= out.last_row:
            return False
        side.header = header
        express_row(out, side, side.tcp.next, header)
    else:
        headers = express_headers(side, s)
        if headers == NOT_EXPECTED or <size_t>(out.last_row - out.row) <= headers:
            return False
        express_rows(out, side, s)
    extent.offset = side.tcp.next
    extent.place = place
    extent.length = s.length
    extent.before = side.extent
    side.extent = out.number
    out.number += 1
    out.extent += 1
    tcp_advance(&side.tcp, s.length)
    return True


cdef inline bint express(
    express_out_t *out, side_t *side, const segment_t *s, uint64_t place, int64_t time
) noexcept nogil:
    # True: all that has to be done about this plain segment was done
    out.time = time
    if likely(side.express == EXPRESS_DATA):
        if unlikely(not express_data(out, side, s, place)):
            return False
    elif side.express == EXPRESS_NONE or (
        # a packet of MMS may begin even there
        s.length >= 16 and load_le32(s.payload + 4) == SESSION_ID
    ):
        return False
    side.packets += 1
    side.bytes += s.length
    side.last_time = time
    return True
