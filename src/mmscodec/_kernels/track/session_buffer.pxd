# The player's buffer, from the send times of ASF packets against their arrival.
from libc.stdint cimport int64_t
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.track.session_plain cimport media_row_t

cdef enum:
    MS = 1_000_000  # ns

cdef struct level_t:
    # of all starts of a session; times in ns, -1 = not known
    int64_t reached  # of the first start: from its first packet until the preroll was there
    int64_t lowest  # the least content when a packet came after that
    int64_t underruns
    int64_t late  # packets that were needed already, had playback never waited
    int64_t dry  # how long it was empty

cdef struct arrival_t:
    # one start of playback while its packets are followed
    int64_t first_send  # ns
    int64_t first_time
    int64_t content  # in the buffer, had nothing been played
    int64_t begun  # when playback began, -1
    int64_t clock  # when playback of the first packet had to begin for those so far to be in time
    int64_t lowest
    bint empty
    bint filled  # a packet came behind that which filled the preroll


cdef inline void follow_packet(
    arrival_t *a, level_t *out, int64_t send, int64_t time, int64_t preroll
) noexcept nogil:
    # one more packet
    cdef int64_t delay, slack
    if a.begun < 0:
        a.content = send - a.first_send if send - a.first_send > a.content else a.content
        if a.content >= preroll:
            a.begun = a.clock = time
        return
    delay = time - (send - a.first_send)
    slack = a.clock - delay
    if slack < 0:
        out.underruns += not a.empty
        a.clock = delay
    a.empty = slack < 0
    out.late += delay > a.begun
    if not a.filled or slack < a.lowest:
        a.lowest = slack
    a.filled = True


cdef inline int64_t follow_start(
    const media_row_t *data, const int64_t *rows, size_t count, const int64_t *send,
    int64_t preroll, bint ended, level_t *out,
) noexcept nogil:
    # One start of playback, whose packets came in this order; `send` is in ms by row of `data`, -1
    # = not known. Adds to `out` and returns when the preroll was there, -1 = never. `ended`: the
    # server said that this was all, so that a player begins with less.
    cdef arrival_t a
    cdef size_t i
    cdef int64_t last = -1
    a.content, a.begun, a.empty, a.filled, a.lowest = 0, -1, False, False, -1
    for i in range(count):
        if interrupted_at(i):
            return -1
        if send[rows[i]] < 0:
            continue
        if last < 0:
            a.first_send, a.first_time = send[rows[i]] * MS, data[rows[i]].time
        last = data[rows[i]].time
        follow_packet(&a, out, send[rows[i]] * MS, last, preroll)
    if last < 0:
        return -1
    if a.begun < 0:
        return last - a.first_time if ended else -1
    if a.filled:
        a.lowest = a.lowest if a.lowest > 0 else 0
        out.dry += a.clock - a.begun
    else:
        a.lowest = a.content
    if out.lowest < 0 or a.lowest < out.lowest:
        out.lowest = a.lowest
    return a.begun - a.first_time
