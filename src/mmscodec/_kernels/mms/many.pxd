# Streams of many connections with the rows of all in the same tables.
from libc.stdint cimport int32_t, int64_t, uint32_t
from mmscodec._kernels.core.chunk cimport chunk_t
from mmscodec._kernels.core.open_streams cimport open_streams_t
from mmscodec._kernels.core.spare cimport spare_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.mms.state cimport mms_stream_t, mms_tables_t

cdef struct mms_many_t:
    open_streams_t open
    table_t streams  # mms_stream_t, by place
    spare_t tails  # memory of tails that nothing waits in
    spare_t arrivals
    mms_tables_t tables
    size_t max_streams
    uint32_t max_packet

# no stream is open; whoever calls this frees what it owns
cdef void mms_many_init(mms_many_t *m) noexcept nogil
cdef void mms_many_free(mms_many_t *m) noexcept nogil
# The number of a new stream, or -1 without memory. Where `max_streams` are open already, the one
# whose last chunk is oldest makes room: what is left of it is decided, and a fault says so.
cdef int32_t mms_many_open(mms_many_t *m) noexcept nogil
# Look up the places of n chunks; of streams that were evicted they are NOWHERE. The index of the
# first chunk whose number was never given or was closed by its owner, or n.
cdef size_t mms_many_places(const mms_many_t *m, chunk_t *chunks, size_t n) noexcept nogil
# Scan n chunks whose places were looked up. A status of mms/state.pxd; where it is not MMS_OK, or
# Ctrl-C came, what was not scanned is lost: a gap of its stream, with a fault.
cdef int mms_many_feed(mms_many_t *m, const chunk_t *chunks, size_t n) noexcept nogil
# Nothing follows on the stream of this number: MMS_OK, MMS_NO_MEMORY, or MMS_NOT_OPEN.
cdef int mms_many_close(mms_many_t *m, int32_t number) noexcept nogil
# End every stream whose last chunk came before `time`, oldest first, with a fault. A status.
cdef int mms_many_expire(mms_many_t *m, int64_t time) noexcept nogil

cdef enum:
    MMS_NOT_OPEN = -2


cdef inline mms_stream_t *mms_many_stream(const mms_many_t *m, int32_t place) noexcept nogil:
    # the stream of a place
    return <mms_stream_t *>m.streams.data + place
