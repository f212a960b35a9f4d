# The binding of Decoders: one call for the chunks of many connections.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, realloc
from mmscodec._block cimport Block
from mmscodec._kernels.mms.scan cimport mms_stream_init, mms_tables_free, mms_tables_init
from mmscodec._kernels.mms.state cimport MMS_NO_MEMORY, mms_stream_t, mms_tables_t
from mmscodec._kernels.mms.stream cimport (
    mms_feed, mms_finish, mms_stream_free, mms_undecided,
)
from mmscodec._kernels.core.table cimport table_init, table_t

import operator

import numpy as np

from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS, in_capture, kept
from mmscodec.schema.mms import MAX_PACKET


cdef enum:
    PIECE = 1 << 18  # bytes of a chunk between two looks for Ctrl-C


cdef object rows_of(table_t *table, object dtype):
    # the rows as an array that owns them; the table begins anew
    cdef Block block = Block.__new__(Block, table.itemsize)
    block.table = table[0]
    table_init(table, block.table.itemsize)
    return block.array(dtype)


cdef class DecodersBase:
    # Streams lie in one C array; a closed one is used again.
    cdef mms_stream_t *streams
    cdef Py_ssize_t count
    cdef Py_ssize_t capacity
    cdef mms_tables_t tables
    cdef readonly object max_packet
    cdef list unused
    cdef set living
    cdef bint busy

    def __cinit__(self, *args, **kwargs):
        mms_tables_init(&self.tables, True)
        self.unused = []
        self.living = set()
        self.max_packet = MAX_PACKET

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.count):
            mms_stream_free(&self.streams[i])
        free(self.streams)
        mms_tables_free(&self.tables)

    @property
    def _examined(self):
        # bytes that judgements looked at, of the connections that are open
        cdef uint64_t total = 0
        cdef Py_ssize_t i
        for i in range(self.count):
            total += self.streams[i].framing.looked
        return total

    def __init__(self, *, max_packet=MAX_PACKET):
        if not 32 <= max_packet <= 0xFFFFFFFF:
            raise ValueError(f"max_packet is 32 to 2**32 - 1 bytes, not {max_packet}")
        self.max_packet = int(max_packet)

    def __len__(self):
        return len(self.living)

    def __reduce__(self):
        raise TypeError("live decoders cannot be pickled: they hold the state of streams")

    cdef int begin(self) except -1:
        # every call is alone: it may run code of its arguments, and that let other threads run
        if self.busy:
            raise RuntimeError("one thread at a time: another call is under way")
        self.busy = True
        return 0

    def open(self):
        self.begin()
        try:
            return self.new()
        finally:
            self.busy = False

    cdef object new(self):
        cdef Py_ssize_t number
        cdef void *more
        cdef uint32_t limit = self.max_packet  # may fail, so before a stream is taken
        if self.unused:
            number = self.unused.pop()
        else:
            if self.count == self.capacity:
                more = realloc(self.streams, (self.capacity * 2 + 16) * sizeof(mms_stream_t))
                if more == NULL:
                    raise MemoryError
                self.streams = <mms_stream_t *>more
                self.capacity = self.capacity * 2 + 16
            number = self.count
            self.count += 1
        mms_stream_init(&self.streams[number], limit)
        self.streams[number].options.skip_payload = True
        self.streams[number].options.flow = <int>number
        self.living.add(number)
        return number

    cdef Py_ssize_t check(self, object connection) except -1:
        # the number that is looked up is the one that is used
        cdef Py_ssize_t number = operator.index(connection)
        if number not in self.living:
            raise ValueError(f"no connection {connection!r} is open")
        return number

    def buffered(self, connection):
        cdef Py_ssize_t number = self.check(connection)
        return mms_undecided(&self.streams[number])

    cdef object taken(self):
        return (
            rows_of(&self.tables.packets, in_capture(PACKETS)),
            rows_of(&self.tables.messages, kept(MESSAGES)),
            rows_of(&self.tables.data, in_capture(DATA)),
            rows_of(&self.tables.faults, in_capture(FAULTS)),
            rows_of(&self.tables.arena, np.uint8),
        )

    def _feed_rows(self, connections, chunks, times):
        self.begin()
        try:
            self.feed_all(list(connections), list(chunks), None if times is None else list(times))
            return self.taken()
        finally:
            self.busy = False

    cdef int feed_all(self, list connections, list chunks, list times) except -1:
        cdef Py_buffer view
        cdef Py_ssize_t i, number
        cdef Py_ssize_t n = len(connections)
        cdef int64_t time = 0
        if len(chunks) != n or (times is not None and len(times) != n):
            raise ValueError("connections, chunks and times differ in length")
        for i in range(n):
            number = self.check(connections[i])
            if times is not None:
                time = times[i]
            PyObject_GetBuffer(chunks[i], &view, PyBUF_SIMPLE)
            try:
                self.feed_one(&self.streams[number], &view, time)
            finally:
                PyBuffer_Release(&view)
        return 0

    cdef int feed_one(self, mms_stream_t *stream, Py_buffer *view, int64_t time) except -1:
        # in pieces, so that Ctrl-C is heard; what is left of the chunk then is lost
        cdef const uint8_t *p = <const uint8_t *>view.buf
        cdef size_t left = <size_t>view.len, piece
        while True:
            piece = min(left, <size_t>PIECE)
            if mms_feed(stream, &self.tables, p, piece, False, time) == MMS_NO_MEMORY:
                raise MemoryError
            left -= piece
            p += piece
            if left == 0:
                return 0
            PyErr_CheckSignals()

    def _close_rows(self, connection):
        cdef Py_ssize_t number
        cdef int status
        self.begin()
        try:
            number = self.check(connection)
            status = mms_finish(&self.streams[number], &self.tables)
            mms_stream_free(&self.streams[number])
            self.living.discard(number)
            self.unused.append(number)
            if status == MMS_NO_MEMORY:
                raise MemoryError
            return self.taken()
        finally:
            self.busy = False
