# The binding of Decoders: one call for the chunks of many connections.
from libc.stdint cimport int32_t, int64_t
from mmscodec._block cimport hand_over
from mmscodec._buffer cimport RELEASE_GIL, raise_interrupt
from mmscodec._chunks cimport Chunks
from mmscodec._kernels.core.chunk cimport chunk_t
from mmscodec._kernels.core.open_streams cimport NOWHERE, streams_find
from mmscodec._kernels.core.tail cimport tail_size
from mmscodec._kernels.winmx.many cimport (
    WINMX_NO_MEMORY, WINMX_NOT_OPEN, winmx_many_close, winmx_many_expire, winmx_many_feed,
    winmx_many_free, winmx_many_init, winmx_many_open, winmx_many_places, winmx_many_stream,
    winmx_many_t,
)

import operator

import numpy as np

from mmscodec._chunks import MAX_STREAMS
from mmscodec.schema.dtypes import in_capture
from mmscodec.schema.winmx.dtypes import FAULT_ROWS, PACKET_ROWS
from mmscodec.winmx._codec import FRAMINGS

cdef tuple DTYPES = (
    in_capture(PACKET_ROWS), np.dtype(np.int64), in_capture(FAULT_ROWS), np.dtype(np.uint8))


cdef class DecodersBase:
    cdef winmx_many_t many
    cdef Chunks chunks
    cdef bint busy

    def __cinit__(self, *args, **kwargs):
        winmx_many_init(&self.many)
        self.many.max_streams = MAX_STREAMS
        self.chunks = Chunks()

    def __dealloc__(self):
        winmx_many_free(&self.many)

    def _set_up(self, str link, int direction, max_streams):
        if not 1 <= max_streams <= 1 << 24:
            raise ValueError(f"max_streams is 1 to 2**24, not {max_streams}")
        if self.many.open.count:
            raise RuntimeError("connections are open")
        self.many.framing = FRAMINGS[link]
        self.many.direction = direction
        self.many.max_streams = int(max_streams)

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
        number = winmx_many_open(&self.many)
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
        return tail_size(&winmx_many_stream(&self.many, place).tail)

    cdef object taken(self, list blocks):
        return (
            hand_over(&self.many.packets, DTYPES[0], blocks, 0),
            hand_over(&self.many.positions, DTYPES[1], blocks, 1),
            hand_over(&self.many.faults, DTYPES[2], blocks, 2),
            hand_over(&self.many.arena, DTYPES[3], blocks, 3),
        )

    def _feed_rows(self, connections, chunks, times, list blocks):
        cdef int status
        cdef size_t unknown, n
        cdef chunk_t *rows
        self.begin()
        try:
            self.chunks.hold(connections, chunks, times)
            rows = <chunk_t *>self.chunks.rows.data
            n = self.chunks.rows.rows
            unknown = winmx_many_places(&self.many, rows, n)
            if unknown < n:
                raise ValueError(f"no connection {rows[unknown].number} is open")
            if self.chunks.size >= RELEASE_GIL:
                with nogil:
                    status = winmx_many_feed(&self.many, rows, n)
            else:
                status = winmx_many_feed(&self.many, rows, n)
            raise_interrupt()
            if status == WINMX_NO_MEMORY:
                raise MemoryError
            return self.taken(blocks)
        finally:
            self.chunks.release()
            self.busy = False

    def _close_rows(self, connection, list blocks):
        cdef object number = operator.index(connection)
        cdef int status = WINMX_NOT_OPEN
        self.begin()
        try:
            if 0 <= number <= 0x7FFFFFFF:
                status = winmx_many_close(&self.many, number)
            if status == WINMX_NOT_OPEN:
                raise ValueError(f"no connection {connection!r} is open")
            if status == WINMX_NO_MEMORY:
                raise MemoryError
            return self.taken(blocks)
        finally:
            self.busy = False

    def _expire_rows(self, int64_t before, list blocks):
        self.begin()
        try:
            if winmx_many_expire(&self.many, before) == WINMX_NO_MEMORY:
                raise MemoryError
            return self.taken(blocks)
        finally:
            self.busy = False
