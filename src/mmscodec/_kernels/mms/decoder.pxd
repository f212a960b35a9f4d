# One direction of an MMS connection in chunks, without Python: what `mms.Decoder` is with it. It
# stands behind include/mmscodec.h, and is there for Cython modules that want it inlined.
#
# Whoever calls `mms_decoder_init` calls `mms_decoder_free`. One thread at a time. Rows are good
# until the next call that takes bytes, and so are pointers to their bytes, as far as the chunk is.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.core.tail cimport (
    tail_append, tail_begin, tail_drop, tail_free, tail_init, tail_size, tail_t, tail_to_front,
)
from mmscodec._kernels.core.table cimport table_at
from mmscodec._kernels.mms.scan cimport (
    mms_scan, mms_stream_init, mms_tables_free, mms_tables_init,
)
from mmscodec._kernels.mms.state cimport (
    MMS_OK, mms_options_t, mms_stream_t, mms_tables_t,
)
from mmscodec._kernels.mms.stream cimport mms_feed_seam, mms_stream_free

cdef enum:
    FRONT = 1 << 12  # bytes in front of those that wait, before these are moved there

cdef struct mms_decoder_t:
    mms_stream_t stream
    mms_tables_t tables  # rows of the last call
    # where their bytes lie: `joined` ones at `front`, in a buffer of tails, which stand at `base`
    # in the stream, and behind them `used` ones of the chunk at `rest`
    int64_t base
    const uint8_t *front
    size_t joined
    const uint8_t *rest
    size_t used
    tail_t other  # for the next tail, while rows show the one before


cdef inline void mms_decoder_init(mms_decoder_t *d, uint32_t max_packet) noexcept nogil:
    # nothing was fed; `d.stream.options` may be changed now
    mms_stream_init(&d.stream, max_packet)
    mms_tables_init(&d.tables, False)
    d.base = 0
    d.joined = d.used = 0
    d.front = d.rest = NULL
    tail_init(&d.other)


cdef inline void mms_decoder_free(mms_decoder_t *d) noexcept nogil:
    # give all memory back
    mms_stream_free(&d.stream)
    mms_tables_free(&d.tables)
    tail_free(&d.other)


cdef inline void mms_decoder_reset(mms_decoder_t *d) noexcept nogil:
    # as after `mms_decoder_init`, with the options and the memory of rows that there are
    cdef mms_options_t options = d.stream.options
    mms_stream_free(&d.stream)
    mms_stream_init(&d.stream, options.max_packet)
    d.stream.options = options
    mms_decoder_begin(d)


cdef inline void mms_decoder_begin(mms_decoder_t *d) noexcept nogil:
    # the rows of the last call are gone, and the bytes that they had in the tail's buffer
    cdef tail_t *tail = &d.stream.tail.kept
    d.tables.packets.rows = d.tables.messages.rows = 0
    d.tables.data.rows = d.tables.faults.rows = 0
    if tail_size(tail) == 0:
        tail_drop(tail)
    elif tail.start > FRONT and tail.start > tail.buffer.rows >> 1:
        tail_to_front(tail)
    tail_drop(&d.other)
    d.base = d.stream.framing.position
    d.joined = d.used = 0
    d.front = d.rest = NULL


cdef inline void mms_decoder_show(mms_decoder_t *d, size_t first) noexcept nogil:
    # what was decided of the tail, whose bytes begin at `first` of its buffer
    d.joined = <size_t>(d.stream.framing.position - d.base)
    d.front = table_at(&d.stream.tail.kept.buffer, first)


cdef inline int mms_decoder_keep(mms_decoder_t *d, const uint8_t *p, size_t n) noexcept nogil:
    # n bytes wait, in the other buffer where rows show this one. MMS_OK, or -1 without memory
    cdef tail_t shown = d.stream.tail.kept
    if d.joined:
        d.stream.tail.kept = d.other
        d.other = shown
    return tail_append(&d.stream.tail.kept, p, n)


cdef inline int mms_decoder_feed(mms_decoder_t *d, const uint8_t *p, size_t n) noexcept nogil:
    # The next n bytes. A status of mms/state.pxd; where it is not MMS_OK, what follows was not
    # looked at, and nothing may be fed until `mms_decoder_reset`.
    cdef size_t taken = 0, first
    cdef int status
    mms_decoder_begin(d)
    first = d.stream.tail.kept.start
    status = mms_feed_seam(&d.stream, &d.tables, p, n, &taken)
    mms_decoder_show(d, first)
    if status != MMS_OK or taken == n:
        return status
    d.rest = p + taken
    status = mms_scan(&d.stream, &d.tables, d.rest, n - taken, False, &d.used)
    if status != MMS_OK or d.used == n - taken:
        return status
    return mms_decoder_keep(d, d.rest + d.used, n - taken - d.used)


cdef inline int mms_decoder_finish(mms_decoder_t *d) noexcept nogil:
    # Nothing follows: what waits is decided. A status; nothing may be fed then but after a reset.
    cdef size_t used = 0
    cdef tail_t *tail = &d.stream.tail.kept
    cdef int status
    mms_decoder_begin(d)
    status = mms_scan(&d.stream, &d.tables, tail_begin(tail), tail_size(tail), True, &used)
    mms_decoder_show(d, tail.start)
    tail.start += used
    return status


cdef inline const uint8_t *mms_decoder_bytes(
    const mms_decoder_t *d, int64_t offset, size_t length
) noexcept nogil:
    # the bytes at a stream offset that a row of the last call has; NULL where it has none there
    cdef size_t at
    if offset < d.base:
        return NULL
    at = <size_t>(offset - d.base)
    if at < d.joined:
        return d.front + at if length <= d.joined - at else NULL
    at -= d.joined
    return d.rest + at if at < d.used and length <= d.used - at else NULL
