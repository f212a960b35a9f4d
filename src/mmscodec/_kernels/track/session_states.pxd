# The states of both sides over time: spec sections 10.3, 10.4, as far as a capture shows.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.layout cimport (
    MID_CLOSE_FILE, MID_CONNECT, MID_REPORT_END_OF_STREAM, MID_REPORT_REDIRECT,
    MID_REPORT_STARTED_PLAYING, MID_REPORT_START_STRIDING, MID_REPORT_STREAM_CHANGE,
    MID_START_PLAYING, MID_START_STRIDING, MID_STOP_PLAYING, RESEND_SIGNATURE,
)
from mmscodec._kernels.core.table cimport table_row, table_t
from mmscodec._kernels.track.session_rows cimport (
    control_row_t, control_t, event_t, stance_t, succeeded, transition_row_t,
)

cdef enum:
    S_NONE = 0
    S_INIT = 1
    S_READY = 2
    S_STREAMING = 3
    S_CLOSED = 4
    CLIENT = 0
    SERVER = 1
    BROADCAST = 0x02000000

cdef struct sides_t:
    # both sides, and what is asked and not answered yet
    uint8_t state[2]
    int32_t session
    uint8_t confirmed[256]  # by tag: the server said that this start succeeded
    int64_t answered  # how many StopPlaying, the first ones, an EndOfStream answers
    int64_t stops  # StopPlaying so far
    int64_t stopping  # StopPlaying whose EndOfStream has not come
    stance_t stance
    table_t *out
    int failed  # there was no memory


cdef inline void go(
    sides_t *s, int side, int state, int64_t time, int64_t message, int64_t data
) noexcept nogil:
    # a row for a side that goes to another state; only INIT follows CLOSED
    cdef transition_row_t *row
    if s.state[side] == state or (s.state[side] == S_CLOSED and state != S_INIT):
        return
    row = <transition_row_t *>table_row(s.out)
    if row == NULL:
        s.failed = -1
        return
    row[0] = transition_row_t(
        session=s.session, side=side, before=s.state[side], after=state, padding=0, time=time,
        message=message, data=data, unused=0,
    )
    s.state[side] = state


cdef inline void go_both(sides_t *s, int state, int64_t time, int64_t message) noexcept nogil:
    # both sides by one message: the client, then the server
    go(s, CLIENT, state, time, message, -1)
    go(s, SERVER, state, time, message, -1)


cdef inline bint is_start_report(uint32_t mid) noexcept nogil:
    # the server's answer to a start of playback
    return mid == MID_REPORT_STARTED_PLAYING or mid == MID_REPORT_START_STRIDING


cdef inline bint goes_on(const control_t *c, int32_t session, int64_t at) noexcept nogil:
    # whether a StreamChange is the next thing that the server says behind the message `at` of the
    # order; ends at the next message of the server, so that all calls together are linear
    cdef const control_row_t *row
    for at in range(at + 1, c.bounds[session + 1]):
        row = &c.rows[c.order[at]]
        if row.mid >> 16 != 3 and row.mid != RESEND_SIGNATURE:
            return row.mid == MID_REPORT_STREAM_CHANGE
    return False


cdef inline void look_ahead(sides_t *s, const control_t *c) noexcept nogil:
    # fills `confirmed` and `answered`: EndOfStream and StopPlaying are matched in their order
    cdef int64_t at, row, waiting = 0
    cdef uint32_t mid
    for at in range(c.bounds[s.session], c.bounds[s.session + 1]):
        row = c.order[at]
        mid = c.rows[row].mid
        if is_start_report(mid):
            if succeeded(c.hr[row]) and c.incarnation[row] >= 0:
                s.confirmed[c.incarnation[row] & 0xFF] = 1
        elif mid == MID_STOP_PLAYING:
            waiting += 1
        elif mid == MID_REPORT_END_OF_STREAM and c.hr[row] == 0 and waiting:
            waiting -= 1
            s.answered += 1


cdef inline void take_end(
    sides_t *s, const control_t *c, int64_t at, int64_t time, int64_t row
) noexcept nogil:
    # an EndOfStream: the answer to a StopPlaying, the end of an entry, or of all (3.1.5.18)
    cdef int64_t hr = c.hr[row]
    cdef bint stopped = s.stopping > 0 and hr == 0
    cdef bint ends
    if not stopped and not s.stance.udp and goes_on(c, s.session, at):
        return  # the next entry of a playlist comes by itself
    if hr != 1:
        go(s, SERVER, S_READY, time, row, -1)
    if s.stance.server_major >= 9:
        ends = hr != 1
    else:
        ends = hr != 0 or not s.stance.attributes & BROADCAST
    if stopped or ends:
        go(s, CLIENT, S_READY, time, row, -1)
    s.stopping -= stopped


cdef inline void take_stop(sides_t *s, int64_t time, int64_t row) noexcept nogil:
    # the server sends Data until a StopPlaying has reached it, which its answer shows
    s.stops += 1
    s.stopping += 1
    if s.stops > s.answered:
        go(s, SERVER, S_READY, time, row, -1)


cdef inline void take_message(sides_t *s, const control_t *c, int64_t at) noexcept nogil:
    # the message `at` of the order
    cdef int64_t row = c.order[at], time = c.rows[row].time
    cdef uint32_t mid = c.rows[row].mid
    if mid == MID_CONNECT:
        go_both(s, S_INIT, time, row)
    elif mid == MID_START_PLAYING or mid == MID_START_STRIDING:
        go(s, SERVER, S_STREAMING, time, row, -1)
    elif is_start_report(mid):
        if succeeded(c.hr[row]):
            go(s, SERVER, S_STREAMING, time, row, -1)
            go(s, CLIENT, S_STREAMING, time, row, -1)
        else:
            go(s, SERVER, S_READY, time, row, -1)  # the request was refused
    elif mid == MID_STOP_PLAYING:
        take_stop(s, time, row)
    elif mid == MID_REPORT_END_OF_STREAM:
        take_end(s, c, at, time, row)
    elif mid == MID_REPORT_STREAM_CHANGE:
        if s.stance.udp:
            go(s, SERVER, S_READY, time, row, -1)
    elif mid == MID_REPORT_REDIRECT:
        go(s, CLIENT, S_INIT, time, row, -1)
        go(s, SERVER, S_CLOSED, time, row, -1)
    elif mid == MID_CLOSE_FILE:
        go_both(s, S_CLOSED, time, row)


cdef inline void take_data(sides_t *s, const event_t *event) noexcept nogil:
    # a header that is complete, or a start of playback whose messages may not have been captured
    cdef int side
    if event.tag < 0:
        for side in range(2):
            if s.state[side] == S_NONE or s.state[side] == S_INIT:
                go(s, side, S_READY, event.time, -1, event.row)
        return
    go(s, SERVER, S_STREAMING, event.time, -1, event.row)
    if s.state[CLIENT] == S_NONE or not s.confirmed[event.tag & 0xFF]:
        go(s, CLIENT, S_STREAMING, event.time, -1, event.row)


cdef inline int states_of_session(
    const control_t *c, int32_t session, const stance_t *stance, const event_t *events,
    size_t count, table_t *out,
) noexcept nogil:
    # Adds the transitions of a session to `out` (rows of transition_row_t). `events` ascend by time
    # and stand in front of a message of the same time. 0, -1: no memory, or 1: interrupted.
    cdef sides_t s
    cdef size_t next_event = 0
    cdef int64_t at
    memset(&s, 0, sizeof(sides_t))
    s.session, s.stance, s.out = session, stance[0], out
    look_ahead(&s, c)
    for at in range(c.bounds[session], c.bounds[session + 1]):
        while next_event < count and events[next_event].time <= c.rows[c.order[at]].time:
            take_data(&s, &events[next_event])
            next_event += 1
        take_message(&s, c, at)
        if interrupted_at(<size_t>at):
            return 1
    while next_event < count:
        take_data(&s, &events[next_event])
        next_event += 1
        if interrupted_at(next_event):
            return 1
    if stance.ended >= 0:
        go(&s, CLIENT, S_CLOSED, stance.ended, -1, -1)
        go(&s, SERVER, S_CLOSED, stance.ended, -1, -1)
    return s.failed
