# Seeks and pauses of a plain session: a pause goes on with the packet that was next.
from libc.stdint cimport int64_t, uint32_t
from libc.string cimport memset
from mmscodec._kernels.core.layout cimport (
    MID_REPORT_OPEN_FILE, MID_START_PLAYING, MID_STOP_PLAYING,
)
from mmscodec._kernels.track.session_facts cimport plain_facts
from mmscodec._kernels.track.session_media cimport plain_media, segment_at
from mmscodec._kernels.track.session_plain cimport (
    media_row_t, plain_row_t, plain_t, segment_row_t,
)
from mmscodec._kernels.track.session_rows cimport succeeded

cdef enum:
    GOES_ELSEWHERE = 0
    GOES_ON = 1
    NOT_KNOWN = 2
    LOOKED_BACK = 64  # packets in which the usual distance of LocationIds is looked for

cdef struct played_t:
    # the last packet of a start, and the usual distance of its LocationIds
    bint there
    int64_t place
    int64_t flags
    int64_t step


cdef inline int64_t segment_of(plain_t *p, int64_t request) noexcept nogil:
    # the last segment that a StartPlaying brought, -1 = none
    cdef int64_t i
    if p.control.incarnation[request] < 0:
        return -1
    for i in range(p.row.segment_count - 1, -1, -1):
        if segment_at(p, i).request == request:
            return i
    return -1


cdef inline played_t played_by(plain_t *p, int64_t number) noexcept nogil:
    # what came of a start
    cdef segment_row_t *segment = segment_at(p, number)
    cdef const int64_t *rows = p.media + (segment.begin - p.row.media)
    cdef played_t out
    cdef int64_t i, step, low = max(segment.count - LOOKED_BACK, 0)
    out.there, out.step = True, 1
    for i in range(low + 1, segment.count):
        step = <int64_t>p.data[rows[i]].location_id - p.data[rows[i - 1]].location_id
        out.step = step if step > out.step else out.step
    out.place = p.data[rows[segment.count - 1]].location_id
    out.flags = p.data[rows[segment.count - 1]].af_flags
    return out


cdef inline int goes_where(
    plain_t *p, const played_t *before, int64_t number, int64_t request
) noexcept nogil:
    # whether a start goes on where the last one was, by its first packet and the running number, or
    # where nothing came by what it asks for
    cdef int64_t asked, rise, counted
    cdef const media_row_t *first
    if number < 0 or not before.there:
        asked = -1
        if p.kinds.place[request] >= 0:
            asked = p.kinds.first_place[p.kinds.place[request]]
        if before.there and asked > 0:
            return GOES_ON if asked == before.place + 1 else GOES_ELSEWHERE
        return GOES_ELSEWHERE if asked else NOT_KNOWN
    first = &p.data[segment_at(p, number).first_row]
    rise = <int64_t>first.location_id - before.place
    counted = (<int64_t>first.af_flags - before.flags) & 255
    if before.flags == 0xFE and first.af_flags == 0:
        counted = 1  # a new start leaves 0xFF out
    if rise <= 0:
        return GOES_ELSEWHERE
    if before.step == 1 and 0 < counted < 128:
        return GOES_ON if rise & 255 == counted else GOES_ELSEWHERE
    return GOES_ON if rise <= before.step else GOES_ELSEWHERE


cdef inline bint any_request(plain_t *p) noexcept nogil:
    # whether a captured request brought media
    cdef int64_t i
    for i in range(p.row.segment_count):
        if segment_at(p, i).request >= 0:
            return True
    return False


cdef inline void moves_of(plain_t *p) noexcept nogil:
    # tells a seek from a pause by where the Data packets went on
    cdef bint known = any_request(p), begun = False, stopped = False
    cdef int64_t at, row, number
    cdef uint32_t mid
    cdef int on
    cdef played_t before
    before.there = False
    for at in range(p.control.bounds[p.session], p.control.bounds[p.session + 1]):
        row = p.control.order[at]
        mid = p.control.rows[row].mid
        if mid == MID_REPORT_OPEN_FILE and succeeded(p.control.hr[row]):
            before.there = begun = False
        elif mid == MID_STOP_PLAYING:
            stopped = True
        elif mid == MID_START_PLAYING:
            number = segment_of(p, row)
            if begun and known:  # without any Data there is no telling
                on = goes_where(p, &before, number, row)
                p.row.pauses += on == GOES_ON and stopped
                p.row.seeks += on == GOES_ELSEWHERE
            if number >= 0:
                before = played_by(p, number)
            begun, stopped = True, False


cdef inline void look_at_session(
    plain_t *p, const int64_t *rows, size_t count
) noexcept nogil:
    # Works out a session whose row says that it may be plain; `rows` are its Data packets. Where it
    # is not, the row says so, and nothing of it stays among the segments.
    cdef plain_row_t *out = p.row
    p.asked_count = p.start_count = p.break_count = 0
    memset(p.tags, 0, sizeof(p.tags))
    out.opened = out.funnel_info = out.log = out.file = out.connect = out.first_start = -1
    out.started = out.stopped = out.end_hr = out.last_message = out.longest_gap = -1
    out.segments = <int64_t>p.segments.rows
    out.plain = plain_facts(p) and plain_media(p, rows, count)
    if out.plain:
        moves_of(p)
    else:
        p.segments.rows = <size_t>out.segments
