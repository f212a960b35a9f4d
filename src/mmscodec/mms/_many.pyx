# The binding of Decoders: one call for the chunks of many connections.
from libc.stdint cimport int32_t, int64_t
from mmscodec._block cimport hand_over
from mmscodec._buffer cimport RELEASE_GIL, raise_interrupt
from mmscodec._chunks cimport Chunks
from mmscodec._kernels.core.chunk cimport chunk_t
from mmscodec._kernels.core.open_streams cimport NOWHERE, streams_find
from mmscodec._kernels.core.table cimport table_resize, table_t
from mmscodec._kernels.mms.many cimport (
    MMS_NOT_OPEN, mms_many_close, mms_many_expire, mms_many_feed, mms_many_free,
    mms_many_init, mms_many_open, mms_many_places, mms_many_stream, mms_many_t,
)
from mmscodec._kernels.mms.state cimport MMS_NO_MEMORY, mms_tables_t
from mmscodec._kernels.mms.stream cimport mms_undecided

import operator

import numpy as np

from mmscodec._chunks import MAX_STREAMS
from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS, in_capture, kept
from mmscodec.schema.mms import MAX_PACKET

cdef tuple DTYPES = (
    in_capture(PACKETS), kept(MESSAGES), in_capture(DATA), in_capture(FAULTS), np.dtype(np.uint8))


cdef inline void expect(table_t *table, size_t before, double growth) noexcept:
    # room for as many rows a byte as in the call before; no memory for a guess is no error
    cdef double rows = <double>before * growth
    if rows > <double>table.capacity and rows * <double>table.itemsize < 1e9:
        table_resize(table, <size_t>rows)


cdef class DecodersBase:
    cdef mms_many_t many
    cdef Chunks chunks
    cdef size_t bytes_before  # of the call before
    cdef size_t rows_before[4]
    cdef bint busy

    def __cinit__(self, *args, **kwargs):
        mms_many_init(&self.many)
        self.many.max_packet = MAX_PACKET
        self.many.max_streams = MAX_STREAMS
        self.chunks = Chunks()

    def __dealloc__(self):
        mms_many_free(&self.many)

    @property
    def _examined(self):
        # bytes that judgements looked at, of all streams that had the places of those open now
        cdef size_t i, total = 0
        for i in range(self.many.streams.rows):
            total += mms_many_stream(&self.many, <int32_t>i).framing.looked
        return total

    def __init__(self, *, max_packet=MAX_PACKET, max_streams=MAX_STREAMS):
        if not 32 <= max_packet <= 0xFFFFFFFF:
            raise ValueError(f"max_packet is 32 to 2**32 - 1 bytes, not {max_packet}")
        if not 1 <= max_streams <= 1 << 24:
            raise ValueError(f"max_streams is 1 to 2**24, not {max_streams}")
        self.many.max_packet = int(max_packet)
        self.many.max_streams = int(max_streams)

    @property
    def max_packet(self):
        return self.many.max_packet

    @property
    def max_streams(self):
        return self.many.max_streams

    def __len__(self):
        return self.many.open.count

    def __contains__(self, connection):
        return self.place(connection) != NOWHERE

    def __reduce__(self):
        raise TypeError("live decoders cannot be pickled: they hold the state of streams")

    cdef int begin(self) except -1:
        # every call is alone: it may run code of its arguments, and that let other threads run
        if self.busy:
            raise RuntimeError("one thread at a time: another call is under way")
        self.busy = True
        return 0

    def open(self):
        cdef int32_t number
        self.begin()
        number = mms_many_open(&self.many)
        self.busy = False
        if number == NOWHERE:
            raise MemoryError
        return number

    cdef int32_t place(self, object connection) except? -2:
        # where a connection is, or NOWHERE
        cdef object number = operator.index(connection)
        return streams_find(&self.many.open, number) if 0 <= number <= 0x7FFFFFFF else NOWHERE

    def buffered(self, connection):
        cdef int32_t place = self.place(connection)
        if self.busy:  # a kernel may be at it, without the interpreter's lock
            raise RuntimeError("one thread at a time: another call is under way")
        if place == NOWHERE:
            raise ValueError(f"no connection {connection!r} is open")
        return mms_undecided(mms_many_stream(&self.many, place))

    cdef object taken(self, list blocks):
        return (
            hand_over(&self.many.tables.packets, DTYPES[0], blocks, 0),
            hand_over(&self.many.tables.messages, DTYPES[1], blocks, 1),
            hand_over(&self.many.tables.data, DTYPES[2], blocks, 2),
            hand_over(&self.many.tables.faults, DTYPES[3], blocks, 3),
            hand_over(&self.many.tables.arena, DTYPES[4], blocks, 4),
        )

    def _feed_rows(self, connections, chunks, times, list blocks):
        self.begin()
        try:
            self.chunks.hold(connections, chunks, times)
            self.feed_all()
            return self.taken(blocks)
        finally:
            self.chunks.release()
            self.busy = False

    cdef void make_room(self) noexcept:
        # growing a table again and again costs more than filling it
        cdef double growth = 0
        cdef mms_tables_t *t = &self.many.tables
        if self.bytes_before:
            growth = 1.05 * <double>self.chunks.size / <double>self.bytes_before
        expect(&t.packets, self.rows_before[0], growth)
        expect(&t.messages, self.rows_before[1], growth)
        expect(&t.data, self.rows_before[2], growth)
        expect(&t.arena, self.rows_before[3], growth)

    cdef void note_rows(self) noexcept:
        # what this call gave, for the next one
        self.bytes_before = self.chunks.size
        self.rows_before[0] = self.many.tables.packets.rows
        self.rows_before[1] = self.many.tables.messages.rows
        self.rows_before[2] = self.many.tables.data.rows
        self.rows_before[3] = self.many.tables.arena.rows

    cdef int feed_all(self) except -1:
        cdef chunk_t *rows = <chunk_t *>self.chunks.rows.data
        cdef size_t n = self.chunks.rows.rows, unknown
        cdef int status
        unknown = mms_many_places(&self.many, rows, n)
        if unknown < n:
            raise ValueError(f"no connection {rows[unknown].number} is open")
        if self.chunks.size >= RELEASE_GIL:
            self.make_room()
            with nogil:
                status = mms_many_feed(&self.many, rows, n)
        else:
            status = mms_many_feed(&self.many, rows, n)
        raise_interrupt()
        if status == MMS_NO_MEMORY:
            raise MemoryError
        self.note_rows()
        return 0

    def _close_rows(self, connection, list blocks):
        cdef object number = operator.index(connection)
        cdef int status = MMS_NOT_OPEN
        self.begin()
        try:
            if 0 <= number <= 0x7FFFFFFF:
                status = mms_many_close(&self.many, number)
            if status == MMS_NOT_OPEN:
                raise ValueError(f"no connection {connection!r} is open")
            if status == MMS_NO_MEMORY:
                raise MemoryError
            return self.taken(blocks)
        finally:
            self.busy = False

    def _expire_rows(self, int64_t before, list blocks):
        self.begin()
        try:
            if mms_many_expire(&self.many, before) == MMS_NO_MEMORY:
                raise MemoryError
            return self.taken(blocks)
        finally:
            self.busy = False
