# See winmx/many.pxd.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.chunk cimport chunk_t
from mmscodec._kernels.core.interrupt cimport BYTES_BETWEEN, interrupted
from mmscodec._kernels.core.layout cimport (
    FAULT_FLOW_EVICTED, FAULT_FLOW_TIMED_OUT, FAULT_GAP, FAULT_TRUNCATED, FIELD_NONE,
)
from mmscodec._kernels.core.open_streams cimport (
    NOWHERE, streams_add, streams_at, streams_find, streams_free, streams_init, streams_remove,
    streams_touch, streams_was_taken,
)
from mmscodec._kernels.core.spare cimport spare_free, spare_init, spare_lend, spare_take
from mmscodec._kernels.core.table cimport (
    table_end, table_free, table_init, table_reserve, table_resize,
)
from mmscodec._kernels.core.tail cimport (
    tail_append, tail_begin, tail_clear, tail_free, tail_init, tail_size,
)
from mmscodec._kernels.core.wire cimport prefetch
from mmscodec._kernels.winmx.scan cimport add_fault, fault_t, packet_t, scan, scan_t

cdef enum:
    AHEAD = 6  # chunks whose state and first bytes are fetched beforehand
    CHUNK_COST = 256  # bytes that a chunk counts for, whatever its size, between two questions
    CUT = 2  # Ctrl-C came
    TAIL_ROOM = 128  # bytes: most frames are shorter


cdef void winmx_many_init(winmx_many_t *m) noexcept nogil:
    streams_init(&m.open)
    table_init(&m.streams, sizeof(winmx_stream_t))
    spare_init(&m.tails)
    table_init(&m.scratch, sizeof(packet_t))
    table_init(&m.packets, sizeof(packet_t) + sizeof(winmx_tail_t))
    table_init(&m.positions, sizeof(int64_t))
    table_init(&m.faults, sizeof(fault_t) + sizeof(winmx_tail_t))
    table_init(&m.arena, 1)


cdef void winmx_many_free(winmx_many_t *m) noexcept nogil:
    cdef size_t i
    for i in range(m.streams.rows):
        tail_free(&winmx_many_stream(m, <int32_t>i).tail)
    table_free(&m.streams)
    streams_free(&m.open)
    spare_free(&m.tails)
    table_free(&m.scratch)
    table_free(&m.packets)
    table_free(&m.positions)
    table_free(&m.faults)
    table_free(&m.arena)


cdef inline void take_back(winmx_many_t *m, winmx_stream_t *s) noexcept nogil:
    # nothing waits: the memory is for the next stream that something waits in
    s.tail.start = 0
    spare_take(&m.tails, &s.tail.buffer, m.open.count)


cdef inline void tail_row(
    const winmx_many_t *m, uint8_t *row, int32_t flow, int64_t time
) noexcept nogil:
    # what stands behind a row of a packet or fault
    cdef winmx_tail_t tail
    tail.time = time
    tail.flow = flow
    tail.direction = m.direction
    memset(tail.padding, 0, sizeof(tail.padding))
    memcpy(row, &tail, sizeof(tail))


cdef int put_fault(
    winmx_many_t *m, int32_t flow, int64_t time, int64_t offset, int64_t length, uint16_t code,
    int64_t need, int64_t have
) noexcept nogil:
    # a fault in no packet. A status
    if add_fault(&m.faults, <size_t>-1, offset, length, code, FIELD_NONE, need, have) != 0:
        return WINMX_NO_MEMORY
    tail_row(m, table_end(&m.faults) - sizeof(winmx_tail_t), flow, time)
    return WINMX_OK


cdef int end_stream(
    winmx_many_t *m, int32_t place, uint16_t code, int64_t need, int64_t last
) noexcept nogil:
    # Forget a stream; an unfinished frame is a fault, and so is `code`: why, or 0 where its owner
    # closed it. A status
    cdef winmx_stream_t *s = winmx_many_stream(m, place)
    cdef int64_t have = <int64_t>tail_size(&s.tail), time = streams_at(&m.open, place).time
    cdef int32_t number = streams_at(&m.open, place).number
    cdef int status = WINMX_OK
    if s.unread:
        status = put_fault(m, number, time, s.position, <int64_t>s.unread, FAULT_GAP, 0, 0)
    elif have:
        status = put_fault(
            m, number, time, s.position, have, FAULT_TRUNCATED, <int64_t>s.need, have)
    if status == WINMX_OK and code:
        status = put_fault(
            m, number, time, s.position + have + <int64_t>s.unread, 0, code, need, last)
    take_back(m, s)
    streams_remove(&m.open, place, code != 0)
    return status


cdef int32_t winmx_many_open(winmx_many_t *m) noexcept nogil:
    cdef int32_t place
    cdef winmx_stream_t *s
    if m.open.count >= m.max_streams and end_stream(
        m, m.open.oldest, FAULT_FLOW_EVICTED, <int64_t>m.max_streams, <int64_t>m.open.count
    ) != WINMX_OK:
        return NOWHERE
    if table_reserve(&m.streams, 1) != 0:
        return NOWHERE
    place = streams_add(&m.open)
    if place == NOWHERE:
        return NOWHERE
    m.streams.rows = m.open.places.rows
    s = winmx_many_stream(m, place)
    memset(s, 0, sizeof(winmx_stream_t))
    tail_init(&s.tail)
    return streams_at(&m.open, place).number


cdef size_t winmx_many_places(const winmx_many_t *m, chunk_t *chunks, size_t n) noexcept nogil:
    cdef size_t i
    for i in range(n):
        chunks[i].place = streams_find(&m.open, chunks[i].number)
        if chunks[i].place == NOWHERE and not streams_was_taken(&m.open, chunks[i].number):
            return i
    return n


cdef int put_packets(
    winmx_many_t *m, winmx_stream_t *s, const chunk_t *chunk, const uint8_t *p, size_t used
) noexcept nogil:
    # the rows of a scan of `used` bytes at p, which stand at the position of the stream. A status
    cdef size_t count = m.scratch.rows, i
    cdef const packet_t *found = <const packet_t *>m.scratch.data
    cdef uint8_t *row
    cdef int64_t *place
    cdef int64_t shift = <int64_t>m.arena.rows - s.position
    if table_reserve(&m.packets, count) != 0 or table_reserve(&m.positions, count) != 0 \
            or table_reserve(&m.arena, used) != 0:
        return WINMX_NO_MEMORY
    row = table_end(&m.packets)
    place = <int64_t *>table_end(&m.positions)
    for i in range(count):
        (<packet_t *>row)[0] = found[i]
        tail_row(m, row + sizeof(packet_t), chunk.number, chunk.time)
        place[i] = found[i].offset + shift
        row += m.packets.itemsize
    m.packets.rows += count
    m.positions.rows += count
    memcpy(table_end(&m.arena), p, used)
    m.arena.rows += used
    s.position += <int64_t>used
    return WINMX_OK


cdef int scan_piece(
    winmx_many_t *m, winmx_stream_t *s, const chunk_t *chunk, const uint8_t *p, size_t n,
    size_t *used
) noexcept nogil:
    # the whole frames of n bytes at p. A status
    cdef scan_t found
    cdef size_t first = m.faults.rows, i
    cdef fault_t *fault
    m.scratch.rows = 0
    used[0] = 0
    if scan(p, n, s.position, m.framing, &m.scratch, &m.faults, &found) != 0:
        m.faults.rows = first
        return WINMX_NO_MEMORY
    for i in range(first, m.faults.rows):
        fault = <fault_t *>(m.faults.data + i * m.faults.itemsize)
        fault.packet += <int32_t>m.packets.rows
        tail_row(m, <uint8_t *>fault + sizeof(fault_t), chunk.number, chunk.time)
    s.need = found.need
    used[0] = found.consumed
    if found.consumed == 0:
        return WINMX_OK
    if put_packets(m, s, chunk, p, found.consumed) != WINMX_OK:
        m.faults.rows = first
        return WINMX_NO_MEMORY
    return WINMX_OK


cdef int feed_bytes(
    winmx_many_t *m, winmx_stream_t *s, const chunk_t *chunk, const uint8_t *p, size_t n
) noexcept nogil:
    # n bytes more of a stream; first those that the frame begun lacks. A status
    cdef size_t take, used
    cdef int status = WINMX_OK
    while status == WINMX_OK and n and tail_size(&s.tail):
        take = s.need - tail_size(&s.tail)
        if take > n:
            take = n
        status = tail_append(&s.tail, p, take)
        p += take
        n -= take
        if status != WINMX_OK or tail_size(&s.tail) < s.need:
            return status
        status = scan_piece(m, s, chunk, tail_begin(&s.tail), tail_size(&s.tail), &used)
        if used:
            tail_clear(&s.tail)
    if status != WINMX_OK or n == 0:
        return status
    status = scan_piece(m, s, chunk, p, n, &used)
    if status == WINMX_OK and used < n and s.tail.buffer.data == NULL:
        status = table_resize(&s.tail.buffer, TAIL_ROOM)
    if status == WINMX_OK and used < n:
        status = tail_append(&s.tail, p + used, n - used)
    return status


cdef int lose(
    winmx_many_t *m, winmx_stream_t *s, const chunk_t *chunk, size_t n
) noexcept nogil:
    # The last n bytes of a chunk are not scanned: no frame is known to begin behind them. A status
    cdef int64_t have = <int64_t>tail_size(&s.tail)
    cdef int status = WINMX_OK
    if not s.lost:
        s.lost = True
        status = put_fault(
            m, chunk.number, chunk.time, s.position, have + <int64_t>n, FAULT_GAP,
            <int64_t>n, 0)
        s.position += have + <int64_t>n
        take_back(m, s)
    else:
        s.unread += n
    return status


cdef int feed_stream(winmx_many_t *m, const chunk_t *chunk, size_t *since) noexcept nogil:
    # one chunk, in pieces between which Ctrl-C is heard. A status, or CUT
    cdef winmx_stream_t *s = winmx_many_stream(m, chunk.place)
    cdef const uint8_t *p = chunk.data
    cdef size_t left = chunk.size, piece
    cdef int status = WINMX_OK
    streams_touch(&m.open, chunk.place, chunk.time)
    if s.lost:
        return lose(m, s, chunk, left)
    spare_lend(&m.tails, &s.tail.buffer)
    while left and status == WINMX_OK:
        piece = left if left < BYTES_BETWEEN else <size_t>BYTES_BETWEEN
        status = feed_bytes(m, s, chunk, p, piece)
        p += piece
        left -= piece
        since[0] += piece
        if since[0] > BYTES_BETWEEN and status == WINMX_OK:
            since[0] = 0
            status = CUT if interrupted() else WINMX_OK
    if left or status == WINMX_NO_MEMORY:
        lose(m, s, chunk, left)
    if tail_size(&s.tail) == 0:
        take_back(m, s)
    return status


cdef int winmx_many_feed(winmx_many_t *m, const chunk_t *chunks, size_t n) noexcept nogil:
    cdef size_t i, since = 0
    cdef int status = WINMX_OK
    for i in range(n):
        since += CHUNK_COST
        if i + AHEAD < n and chunks[i + AHEAD].place != NOWHERE:
            prefetch(winmx_many_stream(m, chunks[i + AHEAD].place))
            prefetch(<uint8_t *>winmx_many_stream(m, chunks[i + AHEAD].place) + 64)
            prefetch(streams_at(&m.open, chunks[i + AHEAD].place))
            prefetch(chunks[i + AHEAD].data)
        if status != WINMX_OK:
            if chunks[i].place != NOWHERE:
                lose(m, winmx_many_stream(m, chunks[i].place), chunks + i, chunks[i].size)
        elif chunks[i].place == NOWHERE:  # where the bytes stand in their stream is not known
            status = put_fault(
                m, chunks[i].number, chunks[i].time, -1, <int64_t>chunks[i].size,
                FAULT_FLOW_EVICTED, 0, 0)
        else:
            status = feed_stream(m, chunks + i, &since)
    return WINMX_OK if status == CUT else status


cdef int winmx_many_close(winmx_many_t *m, int32_t number) noexcept nogil:
    cdef int32_t place = streams_find(&m.open, number)
    if place == NOWHERE:
        return WINMX_OK if streams_was_taken(&m.open, number) else WINMX_NOT_OPEN
    return end_stream(m, place, 0, 0, 0)


cdef int winmx_many_expire(winmx_many_t *m, int64_t time) noexcept nogil:
    cdef int status = WINMX_OK
    cdef int64_t last
    while status == WINMX_OK and m.open.count:
        last = streams_at(&m.open, m.open.oldest).time
        if last >= time:
            break
        status = end_stream(m, m.open.oldest, FAULT_FLOW_TIMED_OUT, time, last)
    return status
