# The binding of Decoders: one call for the chunks of many connections.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, realloc
from mmscodec._block cimport Block
from mmscodec._kernels.mms.scan cimport (
    MMS_NO_MEMORY,
    mms_stream_init,
    mms_stream_t,
    mms_tables_free,
    mms_tables_init,
    mms_tables_t,
)
from mmscodec._kernels.mms.stream cimport (
    mms_feed, mms_finish, mms_stream_free, mms_undecided,
)
from mmscodec._kernels.core.table cimport table_init, table_t

import numpy as np

from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS, in_capture, kept
from mmscodec.schema.mms import MAX_PACKET


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

    def __dealloc__(self):
        cdef Py_ssize_t i
        for i in range(self.count):
            mms_stream_free(&self.streams[i])
        free(self.streams)
        mms_tables_free(&self.tables)

    def __init__(self, *, max_packet=MAX_PACKET):
        if not 32 <= max_packet <= 0xFFFFFFFF:
            raise ValueError(f"max_packet is 32 to 2**32 - 1 bytes, not {max_packet}")
        self.max_packet = max_packet

    def __len__(self):
        return len(self.living)

    def __reduce__(self):
        raise TypeError("live decoders cannot be pickled: they hold the state of streams")

    def open(self):
        cdef Py_ssize_t number
        cdef void *more
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
        mms_stream_init(&self.streams[number], self.max_packet)
        self.streams[number].options.skip_payload = True
        self.streams[number].options.flow = <int>number
        self.living.add(number)
        return number

    cdef Py_ssize_t check(self, object connection) except -1:
        if connection not in self.living:
            raise ValueError(f"no connection {connection!r} is open")
        return connection

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

    def feed_rows(self, connections, chunks, times):
        cdef Py_buffer view
        cdef Py_ssize_t i, number
        cdef Py_ssize_t n = len(connections)
        cdef int64_t time = 0
        cdef int status = 0
        if len(chunks) != n or (times is not None and len(times) != n):
            raise ValueError("connections, chunks and times differ in length")
        if self.busy:
            raise RuntimeError("one thread at a time: another call is under way")
        self.busy = True
        try:
            for i in range(n):
                number = self.check(connections[i])
                if times is not None:
                    time = times[i]
                PyObject_GetBuffer(chunks[i], &view, PyBUF_SIMPLE)
                status = mms_feed(&self.streams[number], &self.tables, <const uint8_t *>view.buf,
                                  <size_t>view.len, False, time)
                PyBuffer_Release(&view)
                if status == MMS_NO_MEMORY:
                    raise MemoryError
        finally:
            self.busy = False
        return self.taken()

    def close_rows(self, connection):
        cdef Py_ssize_t number = self.check(connection)
        cdef int status = mms_finish(&self.streams[number], &self.tables)
        mms_stream_free(&self.streams[number])
        self.living.discard(connection)
        self.unused.append(number)
        if status == MMS_NO_MEMORY:
            raise MemoryError
        return self.taken()
