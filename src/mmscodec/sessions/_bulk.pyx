# The binding of the kernels that look at all sessions at once.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, raise_interrupt, readable, writable
from mmscodec._kernels.core.interrupt cimport interrupted_after, interrupted_at
from mmscodec._kernels.core.layout cimport MID_READ_BLOCK
from mmscodec._kernels.track.session_buffer cimport follow_start, level_t
from mmscodec._kernels.track.session_media cimport first_from
from mmscodec._kernels.track.session_moves cimport look_at_session
from mmscodec._kernels.track.session_order cimport merge_flows, rows_of, rows_t
from mmscodec._kernels.track.session_pairs cimport pair_session
from mmscodec._kernels.track.session_plain cimport (
    kinds_t, media_row_t, plain_row_t, plain_t, segment_row_t,
)
from mmscodec._kernels.track.session_rows cimport (
    control_row_t, control_t, event_t, exchange_row_t, stance_t, transition_row_t,
)
from mmscodec._kernels.track.session_states cimport states_of_session


def in_order(messages, by_flow, bounds, pairs, places, out):
    """Write the messages of all sessions in causal order.

    Parameters
    ----------
    messages : array of `CAPTURE_MESSAGES`
    by_flow, bounds : arrays of int64
        Rows of `messages` flow by flow, ascending in each, and where those of each flow begin.
    pairs : array of int64
        Client's and server's flow of each session, or -1.
    places : array of int64
        Where in `out` the rows of each session begin.
    out : array of int64
    """
    cdef Buffer rows = readable(messages), order = readable(by_flow), ends = readable(bounds)
    cdef Buffer flows = readable(pairs), at = readable(places), target = writable(out)
    cdef const int64_t *known = <const int64_t *>order.data
    cdef const int64_t *bound = <const int64_t *>ends.data
    cdef const int64_t *flow = <const int64_t *>flows.data
    cdef const int64_t *place = <const int64_t *>at.data
    cdef rows_t one, two
    cdef size_t i, done = 0, sessions = flows.size // (2 * sizeof(int64_t))
    with nogil:
        for i in range(sessions):
            one = rows_of(known, bound, flow[2 * i])
            two = rows_of(known, bound, flow[2 * i + 1])
            if merge_flows(
                <const control_row_t *>rows.data, one, two, <int64_t *>target.data + place[i]
            ) or interrupted_after(&done, <size_t>(one.count + two.count)):
                break
    raise_interrupt()


cdef class Control:
    """The control messages of all sessions.

    Parameters
    ----------
    messages : array of `CAPTURE_MESSAGES`
    hr, incarnation, cookie : arrays of int64
        Fields of each message; -1 = none.
    order, bounds : arrays of int64
        Rows of `messages`, session by session, and where those of each session begin and end.
    """

    cdef control_t control
    cdef int32_t sessions
    cdef tuple held

    def __cinit__(self, messages, hr, incarnation, cookie, order, bounds):
        cdef Buffer rows = readable(messages), one = readable(hr), two = readable(incarnation)
        cdef Buffer three = readable(cookie), four = readable(order), five = readable(bounds)
        self.held = rows, one, two, three, four, five
        self.control.rows = <const control_row_t *>rows.data
        self.control.hr = <const int64_t *>one.data
        self.control.incarnation = <const int64_t *>two.data
        self.control.cookie = <const int64_t *>three.data
        self.control.order = <const int64_t *>four.data
        self.control.bounds = <const int64_t *>five.data
        self.sessions = <int32_t>(five.size // sizeof(int64_t)) - 1

    cdef inline size_t messages_of(self, int32_t i) noexcept nogil:
        return <size_t>(self.control.bounds[i + 1] - self.control.bounds[i])

    def exchanges(self):
        """A `Block` with rows of `EXCHANGES`; their Data packets are not looked at."""
        cdef Block out = Block(sizeof(exchange_row_t))
        cdef size_t done = 0
        cdef int32_t i
        cdef int status = 0
        with nogil:
            for i in range(self.sessions):
                status = pair_session(&self.control, i, &out.table)
                if status != 0 or interrupted_after(&done, self.messages_of(i)):
                    break
        raise_interrupt()
        if status != 0:
            raise MemoryError
        out.shrink()
        return out

    def transitions(self, stances, events, bounds):
        """A `Block` with rows of `TRANSITIONS`.

        Parameters
        ----------
        stances : array of `STANCES`
            One row a session.
        events : array of int64
            Time, row in `data` and tag (-1 = the end of a header) of what Data packets show, by
            session and time.
        bounds : array of int64
            Where the events of each session begin and end.
        """
        cdef Buffer stance = readable(stances), event = readable(events), ends = readable(bounds)
        cdef Block out = Block(sizeof(transition_row_t))
        cdef const int64_t *bound = <const int64_t *>ends.data
        cdef size_t done = 0
        cdef int32_t i
        cdef int status = 0
        if stance.size != self.sessions * sizeof(stance_t):
            raise ValueError("one stance a session")
        with nogil:
            for i in range(self.sessions):
                status = states_of_session(
                    &self.control, i, <const stance_t *>stance.data + i,
                    <const event_t *>event.data + bound[i], <size_t>(bound[i + 1] - bound[i]),
                    &out.table,
                )
                if status != 0 or interrupted_after(&done, self.messages_of(i)):
                    break
        raise_interrupt()
        if status != 0:
            raise MemoryError
        out.shrink()
        return out

    def plain(self, tuple kinds, tuple data, servers, rows, tuple places):
        """Work out the sessions that are plain: a `Block` with rows of `SEGMENTS`.

        Parameters
        ----------
        kinds : tuple of arrays
            Members of `kinds_t`, in its order.
        data : tuple of arrays
            Data packets (`CAPTURE_DATA`), their rows flow by flow, where those of each flow begin.
        servers : array of int32
            Flow of the server of each session, -1 = none.
        rows : array of `PLAIN`
            Zeros; `plain` = 1 where a session may be plain. The other columns are filled, and
            `plain` becomes 0 where it is not.
        places : tuple of arrays of int64
            Filled with rows of the fragments of headers, and of media packets; each has room for
            all Data packets.
        """
        cdef Buffer packets = readable(data[0]), order = readable(data[1]), ends = readable(data[2])
        cdef Buffer flows = readable(servers), out = writable(rows)
        cdef Buffer heads = writable(places[0]), media = writable(places[1])
        cdef list held = [readable(one) for one in kinds]
        cdef kinds_t known
        cdef Block segments = Block(sizeof(segment_row_t))
        cdef const int64_t *bound = <const int64_t *>ends.data
        cdef plain_t *p = <plain_t *>malloc(sizeof(plain_t))
        cdef int64_t begin, count
        cdef size_t done = 0
        cdef int32_t i
        if p == NULL:
            raise MemoryError
        known.place = <const int32_t *>(<Buffer>held[0]).data
        known.major = <const int32_t *>(<Buffer>held[1]).data
        known.over_tcp = <const uint8_t *>(<Buffer>held[2]).data
        known.first_place = <const int64_t *>(<Buffer>held[3]).data
        known.header_size = <const uint32_t *>(<Buffer>held[4]).data
        p.control, p.kinds, p.segments = &self.control, &known, &segments.table
        p.data = <const media_row_t *>packets.data
        p.interrupted = False
        with nogil:
            for i in range(self.sessions):
                p.row = <plain_row_t *>out.data + i
                if not p.row.plain:
                    continue
                p.session, p.flow = i, (<const int32_t *>flows.data)[i]
                begin = bound[p.flow] if p.flow >= 0 else 0
                count = bound[p.flow + 1] - begin if p.flow >= 0 else 0
                p.row.heads = p.row.media = begin
                p.heads = <int64_t *>heads.data + begin
                p.media = <int64_t *>media.data + begin
                look_at_session(p, <const int64_t *>order.data + begin, <size_t>count)
                if p.interrupted or interrupted_after(&done, self.messages_of(i) + <size_t>count):
                    break
        free(p)
        raise_interrupt()
        segments.shrink()
        return segments


def levels(tuple data, segments, send, prerolls, played_out, out):
    """Follow the buffers of plain sessions.

    Parameters
    ----------
    data : tuple of arrays
        Data packets (`CAPTURE_DATA`), and the rows of media that segments name.
    segments : array of `SEGMENTS`
    send : array of int64
        Send time of each Data packet, ms, -1 = not known.
    prerolls : array of int64
        Of each session, ns; those of 0 and less are left out.
    played_out : array of uint8
        Of each session: the server said that this was all.
    out : array of int64
        Shape (sessions, 5), members of `level_t`; (-1, -1, 0, 0, 0) before.
    """
    cdef Buffer packets = readable(data[0]), rows = readable(data[1]), parts = readable(segments)
    cdef Buffer sends = readable(send), need = readable(prerolls), ended = readable(played_out)
    cdef Buffer target = writable(out)
    cdef const segment_row_t *part = <const segment_row_t *>parts.data
    cdef size_t i, done = 0, count = parts.size // sizeof(segment_row_t)
    cdef int64_t preroll, reached
    cdef level_t *level
    cdef bint first, last
    with nogil:
        for i in range(count):
            preroll = (<const int64_t *>need.data)[part[i].session]
            if preroll <= 0:
                continue
            level = <level_t *>target.data + part[i].session
            first = i == 0 or part[i - 1].session != part[i].session
            last = i + 1 == count or part[i + 1].session != part[i].session
            reached = follow_start(
                <const media_row_t *>packets.data, <const int64_t *>rows.data + part[i].begin,
                <size_t>part[i].count, <const int64_t *>sends.data, preroll,
                not last or ended.data[part[i].session], level,
            )
            if first:
                level.reached = reached
            if interrupted_after(&done, <size_t>part[i].count):
                break
    raise_interrupt()


def header_data(exchanges, rows, heads, data):
    """Write into `EXCHANGES` of plain sessions the Data packet that each ReadBlock brought.

    `rows` are those of `PLAIN`, `heads` the rows of `data` that they name.
    """
    cdef Buffer target = writable(exchanges), known = readable(rows), some = readable(heads)
    cdef Buffer packets = readable(data)
    cdef exchange_row_t *row = <exchange_row_t *>target.data
    cdef const plain_row_t *session
    cdef const int64_t *head
    cdef const media_row_t *packet = <const media_row_t *>packets.data
    cdef int64_t low
    cdef size_t i
    with nogil:
        for i in range(target.size // sizeof(exchange_row_t)):
            session = <const plain_row_t *>known.data + row[i].session
            if row[i].request_mid != MID_READ_BLOCK or not session.plain:
                continue
            head = <const int64_t *>some.data + session.heads
            low = first_from(packet, head, session.head_count, row[i].time)
            if low < session.head_count and row[i].incarnation & 0xFF == session.head_tag:
                row[i].data = head[low]
                row[i].data_latency = packet[head[low]].time - row[i].time
            if interrupted_at(i):
                break
    raise_interrupt()
