# See mms/many.pxd.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from mmscodec._kernels.core.chunk cimport chunk_t
from mmscodec._kernels.core.interrupt cimport BYTES_BETWEEN, interrupted
from mmscodec._kernels.core.layout cimport FAULT_FLOW_EVICTED, FAULT_FLOW_TIMED_OUT, FIELD_NONE
from mmscodec._kernels.core.open_streams cimport (
    NOWHERE, streams_add, streams_at, streams_find, streams_free, streams_init, streams_remove,
    streams_touch, streams_was_taken,
)
from mmscodec._kernels.core.spare cimport spare_free, spare_init, spare_lend, spare_take
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve
from mmscodec._kernels.core.wire cimport prefetch
from mmscodec._kernels.mms.faults cimport fault_of
from mmscodec._kernels.mms.scan cimport (
    mms_put_fault, mms_stream_init, mms_tables_free, mms_tables_init,
)
from mmscodec._kernels.mms.state cimport MMS_OK, fault_row_t
from mmscodec._kernels.mms.stream cimport (
    mms_feed, mms_finish, mms_gap, mms_stream_free, mms_undecided,
)

cdef enum:
    AHEAD = 6  # chunks whose state and first bytes are fetched beforehand
    CHUNK_COST = 256  # bytes that a chunk counts for, whatever its size, between two questions
    CUT = 2  # Ctrl-C came


cdef void mms_many_init(mms_many_t *m) noexcept nogil:
    streams_init(&m.open)
    table_init(&m.streams, sizeof(mms_stream_t))
    spare_init(&m.tails)
    spare_init(&m.arrivals)
    mms_tables_init(&m.tables, True)


cdef void mms_many_free(mms_many_t *m) noexcept nogil:
    cdef size_t i
    for i in range(m.streams.rows):
        mms_stream_free(mms_many_stream(m, <int32_t>i))
    table_free(&m.streams)
    streams_free(&m.open)
    spare_free(&m.tails)
    spare_free(&m.arrivals)
    mms_tables_free(&m.tables)


cdef inline void lend(mms_many_t *m, mms_stream_t *s) noexcept nogil:
    # memory for what may have to wait
    spare_lend(&m.tails, &s.tail.kept.buffer)
    spare_lend(&m.arrivals, &s.arrivals.waiting)


cdef inline void take_back(mms_many_t *m, mms_stream_t *s) noexcept nogil:
    # nothing waits: its memory is for the next stream that something waits in
    s.tail.kept.start = 0
    s.arrivals.first = 0
    spare_take(&m.tails, &s.tail.kept.buffer, m.open.count)
    spare_take(&m.arrivals, &s.arrivals.waiting, m.open.count)


cdef int put_end(
    mms_many_t *m, mms_stream_t *s, int64_t offset, uint16_t code, int64_t need, int64_t have
) noexcept nogil:
    # the fault of a stream that its owner did not close. A status
    cdef fault_row_t fault
    fault_of(&fault, offset, 0, code, FIELD_NONE, need, have)
    return mms_put_fault(s, &m.tables, &fault)


cdef int end_stream(
    mms_many_t *m, int32_t place, uint16_t code, int64_t need, int64_t have
) noexcept nogil:
    # Decide about what is left of a stream, and forget it; `code`: why, or 0 where its owner
    # closed it. A status.
    cdef mms_stream_t *s = mms_many_stream(m, place)
    cdef int64_t offset = s.framing.position + <int64_t>mms_undecided(s)
    cdef int status
    lend(m, s)
    status = mms_finish(s, &m.tables)
    if status == MMS_OK and code:
        status = put_end(m, s, offset, code, need, have)
    take_back(m, s)
    streams_remove(&m.open, place, code != 0)
    return status


cdef int32_t mms_many_open(mms_many_t *m) noexcept nogil:
    cdef int32_t place
    cdef mms_stream_t *s
    if m.open.count >= m.max_streams and end_stream(
        m, m.open.oldest, FAULT_FLOW_EVICTED, <int64_t>m.max_streams, <int64_t>m.open.count
    ) != MMS_OK:
        return NOWHERE
    if table_reserve(&m.streams, 1) != 0:
        return NOWHERE
    place = streams_add(&m.open)
    if place == NOWHERE:
        return NOWHERE
    m.streams.rows = m.open.places.rows
    s = mms_many_stream(m, place)
    mms_stream_init(s, m.max_packet)
    s.options.skip_payload = True
    s.options.flow = streams_at(&m.open, place).number
    return s.options.flow


cdef size_t mms_many_places(const mms_many_t *m, chunk_t *chunks, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        chunks[i].place = streams_find(&m.open, chunks[i].number)
        if chunks[i].place == NOWHERE and not streams_was_taken(&m.open, chunks[i].number):
            return i
    return n


cdef int refuse(mms_many_t *m, const chunk_t *chunk) noexcept nogil:
    # bytes of a stream that was evicted or timed out: where they stand in it is not known. A status
    cdef mms_stream_t nobody
    cdef fault_row_t fault
    mms_stream_init(&nobody, m.max_packet)
    nobody.options.flow = chunk.number
    nobody.arrivals.time = chunk.time
    fault_of(&fault, -1, <int64_t>chunk.size, FAULT_FLOW_EVICTED, FIELD_NONE, 0, 0)
    return mms_put_fault(&nobody, &m.tables, &fault)


cdef int feed_stream(mms_many_t *m, const chunk_t *chunk, size_t *since) noexcept nogil:
    # One chunk, in pieces between which Ctrl-C is heard. A status, or CUT; what was not scanned
    # is a gap.
    cdef mms_stream_t *s = mms_many_stream(m, chunk.place)
    cdef const uint8_t *p = chunk.data
    cdef size_t left = chunk.size, piece
    cdef int status = MMS_OK
    streams_touch(&m.open, chunk.place, chunk.time)
    lend(m, s)
    while left and status == MMS_OK:
        piece = left if left < BYTES_BETWEEN else <size_t>BYTES_BETWEEN
        status = mms_feed(s, &m.tables, p, piece, False, chunk.time)
        p += piece
        left -= piece
        since[0] += piece
        if since[0] > BYTES_BETWEEN and status == MMS_OK:
            since[0] = 0
            status = CUT if interrupted() else MMS_OK
    if left:
        mms_gap(s, &m.tables, left, chunk.time)
    if mms_undecided(s) == 0:
        take_back(m, s)
    return status


cdef inline void fetch(const mms_many_t *m, const chunk_t *chunk) noexcept nogil:
    # what the scan of this chunk will touch first
    cdef const uint8_t *state
    cdef size_t i
    if chunk.place == NOWHERE:
        return
    state = <const uint8_t *>mms_many_stream(m, chunk.place)
    for i in range(0, sizeof(mms_stream_t), 64):
        prefetch(state + i)
    prefetch(streams_at(&m.open, chunk.place))
    prefetch(chunk.data)


cdef void lose(mms_many_t *m, const chunk_t *chunks, size_t n) noexcept nogil:
    # chunks that are not scanned are gaps of their streams; there may be no memory to say so
    cdef size_t i
    for i in range(n):
        if chunks[i].place != NOWHERE:
            mms_gap(mms_many_stream(m, chunks[i].place), &m.tables, chunks[i].size, chunks[i].time)


cdef int mms_many_feed(mms_many_t *m, const chunk_t *chunks, size_t n) noexcept nogil:
    cdef size_t i, since = 0
    cdef int status = MMS_OK
    for i in range(n):
        since += CHUNK_COST
        if i + AHEAD < n:
            fetch(m, chunks + i + AHEAD)
        if chunks[i].place == NOWHERE:
            status = refuse(m, chunks + i)
        else:
            status = feed_stream(m, chunks + i, &since)
        if status != MMS_OK:
            lose(m, chunks + i + 1, n - i - 1)
            return MMS_OK if status == CUT else status
    return MMS_OK


cdef int mms_many_close(mms_many_t *m, int32_t number) noexcept nogil:
    cdef int32_t place = streams_find(&m.open, number)
    if place == NOWHERE:
        return MMS_OK if streams_was_taken(&m.open, number) else MMS_NOT_OPEN
    return end_stream(m, place, 0, 0, 0)


cdef int mms_many_expire(mms_many_t *m, int64_t time) noexcept nogil:
    cdef int status = MMS_OK
    cdef int64_t last
    while status == MMS_OK and m.open.count:
        last = streams_at(&m.open, m.open.oldest).time
        if last >= time:
            break
        status = end_stream(m, m.open.oldest, FAULT_FLOW_TIMED_OUT, time, last)
    return status
