# Fuzz targets of the MMS kernels.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from mmscodec._kernels.core.table cimport table_free, table_init, table_t
from mmscodec._kernels.mms.scan cimport (
    mms_detect, mms_scan, mms_stream_init, mms_tables_free, mms_tables_init,
)
from mmscodec._kernels.mms.state cimport (
    MMS_OK, MMS_STOPPED, data_row_t, fault_row_t, message_row_t, mms_stream_t, mms_tables_t,
    packet_row_t,
)
from mmscodec._kernels.mms.stream cimport (
    mms_datagram, mms_feed, mms_finish, mms_gap, mms_stream_free,
)
from mmscodec._kernels.mms.write cimport extents_t, mms_join_extents, mms_write_runs
from tools.fuzz.targets.check cimport must, take

cdef enum:
    CEILING = 1 << 20  # of a packet
    WORK = 128  # looks at a byte, at most, and so many more at each piece


cdef packet_row_t *packet(const mms_tables_t *t, size_t i) noexcept nogil:
    return <packet_row_t *>(t.packets.data + i * t.packets.itemsize)


cdef data_row_t *data(const mms_tables_t *t, size_t i) noexcept nogil:
    return <data_row_t *>(t.data.data + i * t.data.itemsize)


cdef fault_row_t *fault(const mms_tables_t *t, size_t i) noexcept nogil:
    return <fault_row_t *>(t.faults.data + i * t.faults.itemsize)


cdef message_row_t *message(const mms_tables_t *t, size_t i) noexcept nogil:
    return <message_row_t *>(t.messages.data + i * t.messages.itemsize)


cdef size_t next_resend(const mms_tables_t *t, size_t m) noexcept nogil:
    # from row m on, the next message that belongs to no packet
    while m < t.messages.rows and message(t, m).packet >= 0:
        m += 1
    return m


cdef void check_tiles(const mms_tables_t *t, int64_t used) noexcept nogil:
    # packets, Data packets, messages of no packet and faults cover all bytes up to `used`, each
    # byte once
    cdef size_t p = 0, d = 0, f = 0, m = 0
    cdef int64_t end = 0
    while True:
        m = next_resend(t, m)
        while f < t.faults.rows and (fault(t, f).offset < end or fault(t, f).length == 0):
            f += 1  # inside of a packet
        if p < t.packets.rows and packet(t, p).offset == end:
            must(packet(t, p).length > 0)
            end += packet(t, p).length
            p += 1
        elif d < t.data.rows and data(t, d).offset == end:
            must(data(t, d).length >= 8)
            end += data(t, d).length
            d += 1
        elif m < t.messages.rows and message(t, m).offset == end:
            must(message(t, m).length > 0)
            end += message(t, m).length
            m += 1
        elif f < t.faults.rows and fault(t, f).offset == end:
            end += fault(t, f).length
            f += 1
        else:
            break
    must(end == used and p == t.packets.rows and d == t.data.rows)
    must(f == t.faults.rows and m == t.messages.rows)


cdef void check_messages(const mms_tables_t *t) noexcept nogil:
    cdef const message_row_t *m
    cdef const packet_row_t *whole
    cdef size_t i
    for i in range(t.messages.rows):
        m = message(t, i)
        if m.packet < 0:
            continue  # a datagram of its own
        must(<size_t>m.packet < t.packets.rows)
        whole = packet(t, <size_t>m.packet)
        must(m.offset >= whole.offset and m.offset + m.length <= whole.offset + whole.length)


cdef void check_joined(const mms_tables_t *t, const uint8_t *p, size_t n) noexcept nogil:
    # what the rows cover, written again from the tables, is what was there
    cdef extents_t a, b
    cdef table_t runs
    cdef int64_t total
    cdef size_t k, d = 0, i = 0, length
    cdef uint8_t *out
    cdef int64_t at
    if t.packets.rows == 0 or t.data.rows == 0:
        return
    table_init(&runs, 16)
    a.offsets, a.lengths = t.packets.data, t.packets.data + 24
    a.stride, a.count = t.packets.itemsize, t.packets.rows
    b.offsets, b.lengths = t.data.data, t.data.data + 8
    b.stride, b.count = t.data.itemsize, t.data.rows
    total = mms_join_extents(&a, &b, 0, n, &runs)
    must(total >= 0)
    out = <uint8_t *>malloc(<size_t>total + 1)
    must(mms_write_runs(&runs, p, n, out, <size_t>total) == <size_t>total)
    at = 0
    while i < t.packets.rows or d < t.data.rows:
        if d == t.data.rows or (
            i < t.packets.rows and packet(t, i).offset < data(t, d).offset
        ):
            k, length = <size_t>packet(t, i).offset, packet(t, i).length
            i += 1
        else:
            k, length = <size_t>data(t, d).offset, data(t, d).length
            d += 1
        must(memcmp(out + at, p + k, length) == 0)
        at += <int64_t>length
    must(at == total)
    free(out)
    table_free(&runs)


cdef void mms_decode(const uint8_t *p, size_t n) noexcept nogil:
    # a whole buffer: rows tile it, and encode to it
    cdef mms_stream_t stream
    cdef mms_tables_t tables
    cdef size_t used = 0
    cdef uint32_t options = take(&p, &n, 1)
    cdef int status
    mms_stream_init(&stream, CEILING)
    stream.options.stop_at_fault = options & 1
    stream.options.datagrams = (options >> 1) & 1
    mms_tables_init(&tables, False)
    status = mms_scan(&stream, &tables, p, n, True, &used)
    must(status == MMS_OK or (status == MMS_STOPPED and options & 1))
    must(used <= n)
    if status == MMS_OK:
        check_tiles(&tables, <int64_t>used)
    check_messages(&tables)
    check_joined(&tables, p, n)
    must(stream.framing.looked <= WORK * (n + 64))
    mms_tables_free(&tables)


cdef void feed_pieces(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t n, uint32_t seed,
    bint gaps
) noexcept nogil:
    # each piece is gone after the call, so that what is kept of it has been copied
    cdef size_t size
    cdef uint8_t *piece
    while n:
        seed = seed * 1664525 + 1013904223
        size = 1 + (seed >> 16) % (1 << ((seed >> 8) & 15))
        if size > n:
            size = n
        if gaps and seed >> 29 == 0:
            must(mms_gap(stream, tables, size, 0) == MMS_OK)
        else:
            piece = <uint8_t *>malloc(size)
            memcpy(piece, p, size)
            must(mms_feed(stream, tables, piece, size, False, 0) == MMS_OK)
            free(piece)
        p += size
        n -= size
    must(mms_finish(stream, tables) == MMS_OK)


cdef void check_same(const table_t *a, const table_t *b, size_t size) noexcept nogil:
    cdef size_t i
    must(a.rows == b.rows)
    for i in range(a.rows):
        must(memcmp(a.data + i * a.itemsize, b.data + i * b.itemsize, size) == 0)


cdef void mms_stream(const uint8_t *p, size_t n) noexcept nogil:
    # a stream in pieces gives the rows that it gives in one, whatever the pieces are
    cdef mms_stream_t streams[2]
    cdef mms_tables_t tables[2]
    cdef uint32_t options = take(&p, &n, 1), seed = take(&p, &n, 4)
    cdef bint gaps = (options >> 3) & 1
    cdef int i
    for i in range(2):
        mms_stream_init(&streams[i], CEILING)
        streams[i].options.client = options & 1
        streams[i].options.skip_payload = (options >> 1) & 1
        streams[i].options.live = (options >> 2) & 1
        mms_tables_init(&tables[i], True)
    feed_pieces(&streams[0], &tables[0], p, n, seed, gaps)
    must(mms_feed(&streams[1], &tables[1], p, n, True, 0) == MMS_OK)
    must(mms_finish(&streams[1], &tables[1]) == MMS_OK)
    if not gaps and not streams[0].options.live:
        check_same(&tables[0].packets, &tables[1].packets, sizeof(packet_row_t))
        check_same(&tables[0].messages, &tables[1].messages, sizeof(message_row_t))
        check_same(&tables[0].data, &tables[1].data, sizeof(data_row_t))
        check_same(&tables[0].faults, &tables[1].faults, sizeof(fault_row_t))
    for i in range(2):
        if i == 1 or not gaps:
            check_messages(&tables[i])
        must(streams[i].options.client == 0 or tables[i].data.rows == 0)
        mms_stream_free(&streams[i])
        mms_tables_free(&tables[i])


cdef void mms_datagrams(const uint8_t *p, size_t n) noexcept nogil:
    # datagrams of UDP, also such that the capture cut
    cdef mms_stream_t stream
    cdef mms_tables_t tables
    cdef size_t size, cut
    mms_stream_init(&stream, CEILING)
    stream.options.datagrams = True
    mms_tables_init(&tables, True)
    while n:
        size = take(&p, &n, 2)
        cut = take(&p, &n, 1) & 3
        if size > n:
            size = n
        must(mms_datagram(&stream, &tables, p, size, size + cut, 0) == MMS_OK)
        p += size
        n -= size
    must(mms_finish(&stream, &tables) == MMS_OK)
    mms_stream_free(&stream)
    mms_tables_free(&tables)


cdef void mms_search(const uint8_t *p, size_t n) noexcept nogil:
    # where a stream begins that was joined in the middle
    cdef size_t at = 0
    cdef uint64_t looked = 0
    cdef bint final = take(&p, &n, 1) & 1
    mms_detect(p, n, final, &at, &looked)
    must(at <= n and looked <= WORK * (n + 64))


TARGETS = {
    "mms_decode": <size_t>&mms_decode,
    "mms_stream": <size_t>&mms_stream,
    "mms_datagrams": <size_t>&mms_datagrams,
    "mms_search": <size_t>&mms_search,
}
