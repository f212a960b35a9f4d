# The binding of the kernels that look at all sessions at once.
from libc.stdint cimport int32_t, int64_t
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, raise_interrupt, readable, writable
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.track.session_order cimport merge_flows, rows_of, rows_t
from mmscodec._kernels.track.session_pairs cimport pair_session
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
    cdef size_t i, sessions = flows.size // (2 * sizeof(int64_t))
    with nogil:
        for i in range(sessions):
            one = rows_of(known, bound, flow[2 * i])
            two = rows_of(known, bound, flow[2 * i + 1])
            merge_flows(
                <const control_row_t *>rows.data, one, two, <int64_t *>target.data + place[i]
            )
            if interrupted_at(i):
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

    def exchanges(self):
        """A `Block` with rows of `EXCHANGES`; their Data packets are not looked at."""
        cdef Block out = Block(sizeof(exchange_row_t))
        cdef int32_t i
        cdef int status = 0
        with nogil:
            for i in range(self.sessions):
                status = pair_session(&self.control, i, &out.table)
                if status != 0 or interrupted_at(i):
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
                if status != 0 or interrupted_at(i):
                    break
        raise_interrupt()
        if status != 0:
            raise MemoryError
        out.shrink()
        return out
