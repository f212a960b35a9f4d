# Requests and their responses, as [MS-MMSP] 3 pairs them.
#
# Of each kind of request those that wait stand in a queue, oldest first, as numbers of exchanges of
# the session. A queue has an end: older ones count as unanswered.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.string cimport memmove, memset
from mmscodec._kernels.core.elapsed cimport elapsed
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.layout cimport (
    MID_CONNECT, MID_CONNECT_FUNNEL, MID_FUNNEL_INFO, MID_OPEN_FILE, MID_PING, MID_PONG,
    MID_READ_BLOCK, MID_REPORT_CONNECTED_EX, MID_REPORT_CONNECTED_FUNNEL,
    MID_REPORT_DISCONNECTED_FUNNEL, MID_REPORT_END_OF_STREAM, MID_REPORT_FUNNEL_INFO,
    MID_REPORT_OPEN_FILE, MID_REPORT_READ_BLOCK, MID_REPORT_REDIRECT, MID_REPORT_STARTED_PLAYING,
    MID_REPORT_START_STRIDING, MID_REPORT_STREAM_CHANGE, MID_REPORT_STREAM_SWITCH,
    MID_SECURITY_CHALLENGE, MID_SECURITY_RESPONSE, MID_START_PLAYING, MID_START_STRIDING,
    MID_STOP_PLAYING, MID_STREAM_SWITCH,
)
from mmscodec._kernels.core.table cimport table_at, table_row, table_t
from mmscodec._kernels.track.session_rows cimport control_row_t, control_t, exchange_row_t

cdef enum:
    WAITING = 64  # the latest requests of one kind that may still be answered
    NO_KEY = 0
    BY_INCARNATION = 1
    BY_COOKIE = 2  # and by the incarnation
    MATCH_NONE = 0
    MATCH_IDENTIFIER = 1
    MATCH_ORDER = 2
    FILLED_REPORTS = 0x78787878  # 0xF0F0F0F0 and 0xF0F0F0F1 without their last bit
    MOST_REPORTS = 3  # of one FunnelInfo, where packet-pair filler is sent

cdef enum:  # kinds of requests
    R_CONNECT
    R_FUNNEL_INFO
    R_CONNECT_FUNNEL
    R_OPEN_FILE
    R_SECURITY_RESPONSE
    R_SECURITY_CHALLENGE
    R_READ_BLOCK
    R_STREAM_SWITCH
    R_START_PLAYING
    R_START_STRIDING
    R_STOP_PLAYING
    R_PING
    REQUEST_KINDS

cdef struct queue_t:
    int64_t items[WAITING + 1]
    size_t count

cdef struct pairing_t:
    queue_t waiting[REQUEST_KINDS]
    size_t base  # rows of the table in front of this session
    int64_t funnel  # exchange of a FunnelInfo whose reports are coming, -1
    int32_t session
    table_t *out

cdef struct answer_t:
    int first  # kind of request that a response answers, -1 = it is none
    int second  # another one, -1
    int keys


cdef inline int request_kind_of(uint32_t mid) noexcept nogil:
    # which queue a request waits in; -1 for what is no request
    if mid == MID_CONNECT:
        return R_CONNECT
    elif mid == MID_FUNNEL_INFO:
        return R_FUNNEL_INFO
    elif mid == MID_CONNECT_FUNNEL:
        return R_CONNECT_FUNNEL
    elif mid == MID_OPEN_FILE:
        return R_OPEN_FILE
    elif mid == MID_SECURITY_RESPONSE:
        return R_SECURITY_RESPONSE
    elif mid == MID_SECURITY_CHALLENGE:
        return R_SECURITY_CHALLENGE
    elif mid == MID_READ_BLOCK:
        return R_READ_BLOCK
    elif mid == MID_STREAM_SWITCH:
        return R_STREAM_SWITCH
    elif mid == MID_START_PLAYING:
        return R_START_PLAYING
    elif mid == MID_START_STRIDING:
        return R_START_STRIDING
    elif mid == MID_STOP_PLAYING:
        return R_STOP_PLAYING
    elif mid == MID_PING:
        return R_PING
    return -1


cdef inline answer_t answer_of(uint32_t mid) noexcept nogil:
    # what a message answers, and by which fields
    if mid == MID_REPORT_CONNECTED_EX:
        return answer_t(R_CONNECT, -1, NO_KEY)
    elif mid == MID_REPORT_FUNNEL_INFO:
        return answer_t(R_FUNNEL_INFO, -1, NO_KEY)
    elif mid == MID_REPORT_CONNECTED_FUNNEL or mid == MID_REPORT_DISCONNECTED_FUNNEL:
        return answer_t(R_CONNECT_FUNNEL, -1, NO_KEY)
    elif mid == MID_REPORT_OPEN_FILE or mid == MID_SECURITY_CHALLENGE:
        return answer_t(R_OPEN_FILE, R_SECURITY_RESPONSE, BY_INCARNATION)
    elif mid == MID_REPORT_REDIRECT:
        return answer_t(R_OPEN_FILE, R_SECURITY_RESPONSE, NO_KEY)
    elif mid == MID_SECURITY_RESPONSE:
        return answer_t(R_SECURITY_CHALLENGE, -1, BY_COOKIE)
    elif mid == MID_REPORT_READ_BLOCK:
        return answer_t(R_READ_BLOCK, -1, BY_INCARNATION)
    elif mid == MID_REPORT_STREAM_SWITCH:
        return answer_t(R_STREAM_SWITCH, -1, NO_KEY)
    elif mid == MID_REPORT_STARTED_PLAYING:
        return answer_t(R_START_PLAYING, -1, BY_INCARNATION)
    elif mid == MID_REPORT_START_STRIDING:
        return answer_t(R_START_STRIDING, -1, BY_INCARNATION)
    elif mid == MID_REPORT_END_OF_STREAM:
        return answer_t(R_STOP_PLAYING, -1, BY_INCARNATION)
    elif mid == MID_PONG:
        return answer_t(R_PING, -1, NO_KEY)
    return answer_t(-1, -1, NO_KEY)


cdef inline exchange_row_t *exchange_at(pairing_t *p, int64_t number) noexcept nogil:
    # an exchange of this session; good until the next one is made
    return <exchange_row_t *>table_at(p.out, p.base + <size_t>number)


cdef inline exchange_row_t *new_exchange(
    pairing_t *p, const control_t *c, int64_t row
) noexcept nogil:
    # an exchange that begins with this message and has neither request nor response yet, or NULL
    # when there is no memory
    cdef exchange_row_t *made = <exchange_row_t *>table_row(p.out)
    if made == NULL:
        return NULL
    memset(made, 0, sizeof(exchange_row_t))
    made.session, made.time, made.incarnation = p.session, c.rows[row].time, c.incarnation[row]
    made.request = made.response = made.latency = made.hr = -1
    made.data = made.data_latency = -1
    return made


cdef inline int64_t pull(queue_t *queue, size_t at) noexcept nogil:
    # takes item `at` out of a queue and gives it
    cdef int64_t item = queue.items[at]
    queue.count -= 1
    memmove(&queue.items[at], &queue.items[at + 1], (queue.count - at) * sizeof(int64_t))
    return item


cdef inline int64_t take_same(
    pairing_t *p, const control_t *c, int64_t row, int kind, int keys
) noexcept nogil:
    # the oldest request of a kind whose identifiers are those of the response, taken out; or -1
    cdef queue_t *queue = &p.waiting[kind]
    cdef size_t i
    cdef int64_t request
    for i in range(queue.count):
        request = exchange_at(p, queue.items[i]).request
        if c.incarnation[request] == c.incarnation[row] and (
            keys != BY_COOKIE or c.cookie[request] == c.cookie[row]
        ):
            return pull(queue, i)
    return -1


cdef inline int64_t take_oldest(pairing_t *p, answer_t answer) noexcept nogil:
    # the oldest request of one of two kinds, taken out; or -1
    cdef queue_t *first = &p.waiting[answer.first]
    cdef queue_t *second
    if answer.second >= 0:
        second = &p.waiting[answer.second]
        if second.count and (not first.count or second.items[0] < first.items[0]):
            return pull(second, 0)
    return pull(first, 0) if first.count else -1


cdef inline int pair_response(
    pairing_t *p, const control_t *c, int64_t row, answer_t answer
) noexcept nogil:
    # Writes a response to the request that it answers, or an exchange of its own. An EndOfStream
    # without its StopPlaying is the end of a playlist entry; elsewhere an identifier that a
    # careless peer did not copy makes the oldest request that waits the one. 0, or -1: no memory.
    cdef uint32_t mid = c.rows[row].mid
    cdef int64_t found = -1
    cdef uint8_t match = MATCH_IDENTIFIER
    cdef exchange_row_t *one
    if answer.keys != NO_KEY:
        found = take_same(p, c, row, answer.first, answer.keys)
        if found < 0 and answer.second >= 0:
            found = take_same(p, c, row, answer.second, answer.keys)
    if found < 0 and mid != MID_REPORT_END_OF_STREAM:
        found, match = take_oldest(p, answer), MATCH_ORDER
    if found < 0:
        found, match = <int64_t>(p.out.rows - p.base), MATCH_NONE
        if new_exchange(p, c, row) == NULL:
            return -1
    one = exchange_at(p, found)
    one.response, one.response_mid, one.match = row, mid, match
    one.responses, one.hr = 1, c.hr[row]
    if one.request >= 0:
        one.latency = elapsed(c.rows[row].time, one.time)
    if mid == MID_REPORT_FUNNEL_INFO and c.incarnation[row] >> 1 == FILLED_REPORTS:
        p.funnel = found
    return 0


cdef inline int pair_request(
    pairing_t *p, const control_t *c, int64_t row, int kind
) noexcept nogil:
    # an exchange that waits for its response; 0, or -1: no memory
    cdef queue_t *queue = &p.waiting[kind]
    cdef exchange_row_t *made = new_exchange(p, c, row)
    if made == NULL:
        return -1
    made.request, made.request_mid = row, c.rows[row].mid
    queue.items[queue.count] = <int64_t>(p.out.rows - p.base) - 1
    queue.count += 1
    if queue.count > WAITING:
        pull(queue, 0)
    return 0


cdef inline bint is_further_report(pairing_t *p, uint32_t mid) noexcept nogil:
    # a report that carries packet-pair filler comes three times; counts it
    cdef exchange_row_t *funnel
    if mid != MID_REPORT_FUNNEL_INFO or p.funnel < 0 or p.waiting[R_FUNNEL_INFO].count:
        return False
    funnel = exchange_at(p, p.funnel)
    if funnel.responses >= MOST_REPORTS:
        return False
    funnel.responses += 1
    return True


cdef inline int pair_message(pairing_t *p, const control_t *c, int64_t row) noexcept nogil:
    # takes one message of the session; 0, or -1: no memory
    cdef uint32_t mid = c.rows[row].mid
    cdef answer_t answer = answer_of(mid)
    cdef exchange_row_t *alone
    cdef int kind
    if answer.first >= 0:
        if is_further_report(p, mid):
            return 0
        if pair_response(p, c, row, answer) != 0:
            return -1
    elif mid == MID_REPORT_STREAM_CHANGE:  # nobody asks for it
        alone = new_exchange(p, c, row)
        if alone == NULL:
            return -1
        alone.response, alone.response_mid = row, mid
        alone.responses, alone.hr = 1, c.hr[row]
    kind = request_kind_of(mid)
    return pair_request(p, c, row, kind) if kind >= 0 else 0


cdef inline int pair_session(const control_t *c, int32_t session, table_t *out) noexcept nogil:
    # Adds the exchanges of a session to `out` (rows of exchange_row_t), in order of their requests.
    # 0, -1: no memory, or 1: interrupted.
    cdef pairing_t p
    cdef int64_t at
    cdef int kind
    p.base, p.funnel, p.session, p.out = out.rows, -1, session, out
    for kind in range(REQUEST_KINDS):
        p.waiting[kind].count = 0
    for at in range(c.bounds[session], c.bounds[session + 1]):
        if pair_message(&p, c, c.order[at]) != 0:
            return -1
        if interrupted_at(<size_t>at):
            return 1
    return 0
