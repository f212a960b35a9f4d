# WinMX streams of many connections with the rows of all in the same tables. The twin of
# mms/many.pxd. Frames are copied to an arena, because chunks are gone when a row is asked for.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from mmscodec._kernels.core.chunk cimport chunk_t
from mmscodec._kernels.core.open_streams cimport open_streams_t
from mmscodec._kernels.core.spare cimport spare_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.core.tail cimport tail_t

cdef struct winmx_stream_t:
    int64_t position  # stream offset of the first byte that no row covers yet
    size_t need  # bytes that the frame begun has, as far as known
    tail_t tail
    uint64_t unread  # bytes behind lost ones: no header is known there
    bint lost

# rows of the tables, as `in_capture` of the schema says
cdef struct winmx_tail_t:
    int64_t time
    int32_t flow
    uint8_t direction
    uint8_t padding[3]

cdef struct winmx_many_t:
    open_streams_t open
    table_t streams  # winmx_stream_t, by place
    spare_t tails
    table_t scratch  # packet_t of one scan
    table_t packets  # packet_t and winmx_tail_t
    table_t positions  # int64_t: where each packet is in the arena
    table_t faults  # fault_t and winmx_tail_t
    table_t arena
    size_t max_streams
    int framing
    uint8_t direction

cdef enum:
    WINMX_OK = 0
    WINMX_NO_MEMORY = -1
    WINMX_NOT_OPEN = -2

# no stream is open; whoever calls this frees what it owns
cdef void winmx_many_init(winmx_many_t *m) noexcept nogil
cdef void winmx_many_free(winmx_many_t *m) noexcept nogil
# The number of a new stream, or -1 without memory. Where `max_streams` are open already, the one
# whose last chunk is oldest makes room: what is left of it is a fault, and another says so.
cdef int32_t winmx_many_open(winmx_many_t *m) noexcept nogil
# Look up the places of n chunks; of streams that were evicted they are NOWHERE. The index of the
# first chunk whose number was never given or was closed by its owner, or n.
cdef size_t winmx_many_places(const winmx_many_t *m, chunk_t *chunks, size_t n) noexcept nogil
# Scan n chunks whose places were looked up. A status; where it is not WINMX_OK, or Ctrl-C came,
# what was not scanned is lost, with a fault, and with it what comes behind it.
cdef int winmx_many_feed(winmx_many_t *m, const chunk_t *chunks, size_t n) noexcept nogil
# Nothing follows on the stream of this number. A status
cdef int winmx_many_close(winmx_many_t *m, int32_t number) noexcept nogil
# End every stream whose last chunk came before `time`, oldest first, with a fault. A status
cdef int winmx_many_expire(winmx_many_t *m, int64_t time) noexcept nogil


cdef inline winmx_stream_t *winmx_many_stream(
    const winmx_many_t *m, int32_t place
) noexcept nogil:
    # the stream of a place
    return <winmx_stream_t *>m.streams.data + place
