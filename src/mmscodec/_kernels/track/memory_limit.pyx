# The line of flows that hold something, oldest first; see track/memory_limit.pxd.
from libc.stdint cimport uint32_t, uint64_t
from mmscodec._kernels.track.flow_table cimport connection_t, flows_at, side_t
from mmscodec._kernels.track.flow cimport consume, set_aside
from mmscodec._kernels.core.table cimport table_row
from mmscodec._kernels.net.tcp_reassembly cimport GAP_CEILING, tcp_finish
from mmscodec._kernels.track.tracker cimport SIDE_PROBING, track_t


cdef int wait_in_line(track_t *t, uint32_t number, int side) noexcept nogil:
    # something of this flow is held: if all together hold too much, the oldest are given up
    cdef uint64_t *entry
    cdef connection_t *c
    cdef side_t *s
    cdef uint64_t oldest
    s = &flows_at(&t.flows, number).side[side]
    if not s.waits:
        if t.waiting.rows == t.waiting.capacity and t.waiting_first > t.waiting.rows // 2:
            shorten_line(t)
        entry = <uint64_t *>table_row(&t.waiting)
        if entry == NULL:
            return -1
        entry[0] = (<uint64_t>number << 1) | side
        s.waits = True
    while t.pool.held + t.probed > t.held_total and t.waiting_first < t.waiting.rows:
        oldest = (<uint64_t *>t.waiting.data)[t.waiting_first]
        t.waiting_first += 1
        c = flows_at(&t.flows, <size_t>(oldest >> 1))
        s = &c.side[oldest & 1]
        s.waits = False
        if not c.live:
            continue
        if s.state <= SIDE_PROBING:
            set_aside(t, s)
        elif s.tcp.pending != 0:
            if tcp_finish(&s.tcp, &t.pool, GAP_CEILING) != 0:
                return -1
            if consume(t, c, <int>(oldest & 1)) != 0:
                return -1
    return 0


cdef void shorten_line(track_t *t) noexcept nogil:
    cdef uint64_t *line = <uint64_t *>t.waiting.data
    cdef size_t i, n = 0
    cdef connection_t *c
    cdef side_t *s
    for i in range(t.waiting_first, t.waiting.rows):
        c = flows_at(&t.flows, <size_t>(line[i] >> 1))
        s = &c.side[line[i] & 1]
        if c.live and s.waits and (s.tcp.pending != 0 or s.probe != NULL):
            line[n] = line[i]
            n += 1
        else:
            s.waits = False
    t.waiting.rows = n
    t.waiting_first = 0
