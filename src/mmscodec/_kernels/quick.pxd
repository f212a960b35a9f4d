# The usual segment of a media stream: one Data packet, just like the one before.
#
# What mms_push and track_keep would do with it, inline: nothing but load, compare and store.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.flows cimport side_t
from mmscodec._kernels.mms cimport KIND_MEDIA, data_row_t, mms_stream_t
from mmscodec._kernels.mms_believe cimport NEAR
from mmscodec._kernels.segment cimport segment_t
from mmscodec._kernels.tcp cimport tcp_advance
from mmscodec._kernels.track cimport extent_t, is_addressable, track_t
from mmscodec._kernels.wire cimport load_le64

cdef packed struct quick_row_t:
    data_row_t data
    int64_t time
    int32_t flow
    int32_t padding


cdef inline bint quick_data(
    track_t *t, side_t *side, const segment_t *s, uint64_t place, int64_t time
) noexcept nogil:
    # True: the segment, which is in order, was taken
    cdef mms_stream_t *m = side.mms
    cdef uint64_t header
    cdef quick_row_t *row
    cdef extent_t *extent
    if s.length != m.last_size or s.length < 16 or not m.have_last or m.header_open or m.skipping \
            or m.payload_left or m.carry.rows != m.carry_start:
        return False
    header = load_le64(s.payload)
    if header & <uint64_t>0xFFFF00FF00000000 != (
        <uint64_t>m.last_size << 48 | <uint64_t>m.last_incarnation << 32
    ) or <uint32_t>(<uint32_t>header - m.last_location - 1) >= NEAR:
        return False
    if t.tables.data.rows == t.tables.data.capacity or t.extents.rows == t.extents.capacity \
            or t.extents.rows >= <size_t>0xFFFFFFFE or not is_addressable(t, place):
        return False
    row = <quick_row_t *>t.tables.data.data + t.tables.data.rows
    t.tables.data.rows += 1
    row.data.offset = m.position
    row.data.length = s.length
    row.data.location_id = <uint32_t>header
    row.data.play_incarnation = m.last_incarnation
    row.data.af_flags = <uint8_t>(header >> 40)
    row.data.kind = KIND_MEDIA
    row.data.padding[0] = row.data.padding[1] = row.data.padding[2] = 0
    row.data.padding[3] = row.data.padding[4] = 0
    row.time = time
    row.flow = side.row
    row.padding = 0
    extent = <extent_t *>t.extents.data + t.extents.rows
    t.extents.rows += 1
    extent.offset = side.tcp.next
    extent.place = place
    extent.length = s.length
    extent.before = side.extent if side.epoch == t.epoch else 0
    side.extent = <uint32_t>t.extents.rows
    side.epoch = t.epoch
    m.position += s.length
    m.time = time
    m.last_location = <uint32_t>header
    tcp_advance(&side.tcp, s.length)
    return True
