# What the control messages of a plain session say: times, what was asked, and which tell more.
from libc.stdint cimport int32_t, int64_t, uint32_t
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.layout cimport (
    MID_CLOSE_FILE, MID_CONNECT, MID_CONNECT_FUNNEL, MID_LOGGING, MID_OPEN_FILE, MID_READ_BLOCK,
    MID_REPORT_CONNECTED_EX, MID_REPORT_END_OF_STREAM, MID_REPORT_FUNNEL_INFO, MID_REPORT_OPEN_FILE,
    MID_REPORT_READ_BLOCK, MID_REPORT_STARTED_PLAYING, MID_START_PLAYING, MID_STOP_PLAYING,
    MID_STREAM_SWITCH,
)
from mmscodec._kernels.track.session_plain cimport (
    MOST_ASKED, MOST_BREAKS, TAG_HEADER, TAG_MEDIA, asked_t, plain_row_t, plain_t,
)
from mmscodec._kernels.track.session_rows cimport control_row_t, succeeded


cdef inline bint ask(plain_t *p, int64_t row, bint header, bint request) noexcept nogil:
    # A request for a header or media, or the report of one, which stands for a request that was not
    # captured. Without an incarnation it is none. False: there are too many.
    cdef int64_t incarnation = p.control.incarnation[row]
    cdef asked_t *one
    cdef size_t i
    if incarnation < 0:
        return True
    if not request:
        for i in range(p.asked_count):
            one = &p.asked[i]
            if one.row >= 0 and one.incarnation == incarnation and one.header == header:
                return True
    if p.asked_count == MOST_ASKED:
        return False
    one = &p.asked[p.asked_count]
    p.asked_count += 1
    one.incarnation, one.time, one.header = incarnation, p.control.rows[row].time, header
    one.row = row if request else -1
    p.tags[incarnation & 0xFF] |= TAG_HEADER if header else TAG_MEDIA
    return True


cdef inline bint pause_at(plain_t *p, int64_t time) noexcept nogil:
    # playback was stopped or started; False: too often, or clocks jump
    if p.break_count == MOST_BREAKS:
        return False
    if p.break_count and p.breaks[p.break_count - 1] > time:
        return False
    p.breaks[p.break_count] = time
    p.break_count += 1
    return True


cdef inline bint start_at(plain_t *p, const control_row_t *message) noexcept nogil:
    # where a report of a start stands in the flow of the server, whose rows ascend; False: too many
    if message.flow != p.flow:
        return True
    if p.start_count == MOST_ASKED:
        return False
    p.starts[p.start_count] = message.offset
    p.start_count += 1
    return True


cdef inline bint take_stopped(plain_t *p, int64_t row, int32_t place) noexcept nogil:
    # a StopPlaying or an EndOfStream; False: not plain
    cdef plain_row_t *out = p.row
    cdef int64_t time = p.control.rows[row].time, hr = p.control.hr[row]
    cdef bint end = p.control.rows[row].mid == MID_REPORT_END_OF_STREAM
    if end:
        out.end_hr = hr
    if place >= 0:
        if end:
            out.finished = hr != 1
            out.played_out = out.finished and not out.stopping  # no HRESULT of a plain one failed
        else:
            out.stopping = 1
        if out.started >= 0 and out.stopped < 0:
            out.stopped = time
    return (end and hr == 1) or pause_at(p, time)


cdef inline bint take_media(plain_t *p, int64_t row, int32_t place) noexcept nogil:
    # a message about headers and playback; False: not plain
    cdef plain_row_t *out = p.row
    cdef const control_row_t *message = &p.control.rows[row]
    cdef uint32_t mid = message.mid
    cdef bint good = succeeded(p.control.hr[row])
    if mid == MID_READ_BLOCK:
        return ask(p, row, True, True)
    elif mid == MID_REPORT_READ_BLOCK:
        return not good or ask(p, row, True, False)
    elif mid == MID_START_PLAYING:
        if place >= 0:
            out.finished = out.stopping = 0
        if out.first_start < 0:
            out.first_start = message.time
        return pause_at(p, message.time) and ask(p, row, False, True)
    elif mid == MID_REPORT_STARTED_PLAYING:
        if good and out.started < 0:
            out.started = message.time
        return start_at(p, message) and (not good or ask(p, row, False, False))
    elif mid == MID_STOP_PLAYING or mid == MID_REPORT_END_OF_STREAM:
        return take_stopped(p, row, place)
    elif mid == MID_REPORT_OPEN_FILE and good:
        if out.opened >= 0 or p.asked_count:
            return False  # another file
        out.opened = place
    return True


cdef inline void take_fact(plain_t *p, int64_t time, uint32_t mid, int32_t place) noexcept nogil:
    # a message that says who, what or how; one that is too short says nothing
    cdef plain_row_t *out = p.row
    if mid == MID_CONNECT and out.connect < 0:
        out.connect = time
    if place < 0:
        return
    if mid == MID_CONNECT:
        out.connected = 1
    elif mid == MID_REPORT_CONNECTED_EX:
        out.connected, out.server_major = 1, p.kinds.major[place]
    elif mid == MID_CONNECT_FUNNEL:
        out.tcp |= p.kinds.over_tcp[place]
    elif mid == MID_REPORT_FUNNEL_INFO:
        out.funnel_info = place
    elif mid == MID_OPEN_FILE:
        out.file = place
    elif mid == MID_STREAM_SWITCH:
        out.switches += 1
    elif mid == MID_CLOSE_FILE:
        out.closed = 1
    elif mid == MID_LOGGING:
        out.log = place


cdef inline bint plain_facts(plain_t *p) noexcept nogil:
    # reads the messages of the session in order; False: it is not plain
    cdef int64_t at, row
    cdef uint32_t mid
    for at in range(p.control.bounds[p.session], p.control.bounds[p.session + 1]):
        row = p.control.order[at]
        mid = p.control.rows[row].mid
        p.row.last_message = row
        if mid >> 16 == 3:
            p.row.from_client = 1
        else:
            p.row.from_server = 1
        take_fact(p, p.control.rows[row].time, mid, p.kinds.place[row])
        if not take_media(p, row, p.kinds.place[row]):
            return False
        if interrupted_at(<size_t>at):
            p.interrupted = True
            return False
    return True
