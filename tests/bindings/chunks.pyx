# A stream in chunks through the C interface, and through the kernel that captures use: the same loop
# twice, for benchmarks and their comparison.
from libc.stdint cimport uint8_t
from libc.string cimport memcpy
from mmscodec cimport capi
from mmscodec._kernels.core.table cimport (
    table_end, table_free, table_init, table_reserve, table_t,
)
from mmscodec._kernels.mms.scan cimport mms_stream_init, mms_tables_free, mms_tables_init
from mmscodec._kernels.mms.state cimport mms_stream_t, mms_tables_t
from mmscodec._kernels.mms.stream cimport mms_feed, mms_stream_free

cdef const capi.mmscodec_api *codec = capi.mmscodec_import()
SIZES = (
    sizeof(capi.mmscodec_mms_packet), sizeof(capi.mmscodec_mms_message),
    sizeof(capi.mmscodec_mms_data), sizeof(capi.mmscodec_mms_fault))


cdef class Rows:
    """Rows of four tables; only counted unless they are to be kept."""

    cdef table_t tables[4]
    cdef size_t[4] counts
    cdef bint keep

    def __cinit__(self, keep):
        cdef int i
        for i in range(4):
            table_init(&self.tables[i], SIZES[i])
            self.counts[i] = 0
        self.keep = keep

    def __dealloc__(self):
        for i in range(4):
            table_free(&self.tables[i])

    cdef inline int add(self, int i, const void *rows, size_t n) noexcept nogil:
        self.counts[i] += n
        if not self.keep or n == 0:
            return 0
        if table_reserve(&self.tables[i], n) != 0:
            return -1
        memcpy(table_end(&self.tables[i]), rows, n * self.tables[i].itemsize)
        self.tables[i].rows += n
        return 0

    def found(self):
        """How many rows of each table, or the rows."""
        cdef int i
        if not self.keep:
            return [self.counts[i] for i in range(4)]
        return [
            (<char *>self.tables[i].data)[:self.tables[i].rows * self.tables[i].itemsize]
            if self.tables[i].rows else b"" for i in range(4)
        ]


def by_interface(const uint8_t[::1] stream, size_t chunk, keep=False):
    """Rows by the C interface."""
    cdef Rows rows = Rows(keep)
    cdef const uint8_t *p = &stream[0]
    cdef size_t left = <size_t>stream.shape[0], n, count
    cdef const void *found
    cdef capi.mmscodec_mms_decoder *decoder
    cdef int status = codec.mms.create(&decoder, NULL)
    with nogil:
        while left and status == 0:
            n = chunk if chunk < left else left
            status = codec.mms.feed(decoder, p, n)
            found = codec.mms.packets(decoder, &count)
            status |= rows.add(0, found, count)
            found = codec.mms.messages(decoder, &count)
            status |= rows.add(1, found, count)
            found = codec.mms.data(decoder, &count)
            status |= rows.add(2, found, count)
            found = codec.mms.faults(decoder, &count)
            status |= rows.add(3, found, count)
            p += n
            left -= n
        codec.mms.destroy(decoder)
    if status:
        raise MemoryError
    return rows.found()


def by_kernel(const uint8_t[::1] stream, size_t chunk, keep=False):
    """The same by `mms_feed`."""
    cdef Rows rows = Rows(keep)
    cdef const uint8_t *p = &stream[0]
    cdef size_t left = <size_t>stream.shape[0], n
    cdef mms_stream_t state
    cdef mms_tables_t t
    cdef int status = 0
    with nogil:
        mms_stream_init(&state, capi.MMSCODEC_MAX_PACKET)
        mms_tables_init(&t, False)
        while left and status == 0:
            n = chunk if chunk < left else left
            t.packets.rows = t.messages.rows = t.data.rows = t.faults.rows = 0
            status = mms_feed(&state, &t, p, n, False, 0)
            status |= rows.add(0, t.packets.data, t.packets.rows)
            status |= rows.add(1, t.messages.data, t.messages.rows)
            status |= rows.add(2, t.data.data, t.data.rows)
            status |= rows.add(3, t.faults.data, t.faults.rows)
            p += n
            left -= n
        mms_stream_free(&state)
        mms_tables_free(&t)
    if status:
        raise MemoryError
    return rows.found()
