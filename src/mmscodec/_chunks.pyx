# See _chunks.pxd.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_GET_SIZE
from cpython.list cimport PyList_GET_ITEM
from libc.stdint cimport int32_t, int64_t, uint8_t
from mmscodec._buffer cimport Buffer, readable
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve

import operator

import numpy as np

#: Ceiling on the streams that are open at a time, unless the caller sets one.
MAX_STREAMS = 1 << 16


cdef Buffer numbers(object given):
    # an array of numbers as int64, or None where it is another sequence
    if not isinstance(given, np.ndarray):
        return None
    if given.dtype.kind not in "iu" or given.ndim != 1:
        raise TypeError("numbers stand in one-dimensional arrays of integers")
    return readable(np.ascontiguousarray(given, np.int64))


cdef int32_t number_of(object connection) except? -2:
    # numbers that none can have are -1
    cdef int64_t number
    try:
        number = operator.index(connection) if type(connection) is not int else connection
    except OverflowError:
        return -1
    return <int32_t>number if 0 <= number <= 0x7FFFFFFF else -1


cdef class Chunks:
    """The chunks of one call: where their bytes are, whose they are, when they came.

    Memory of an earlier call is used again.
    """

    def __cinit__(self):
        table_init(&self.rows, sizeof(chunk_t))
        table_init(&self.views, sizeof(Py_buffer))

    def __dealloc__(self):
        self.release()
        table_free(&self.rows)
        table_free(&self.views)

    cdef void release(self) noexcept:
        # give the buffers back
        cdef size_t i
        for i in range(self.views.rows):
            PyBuffer_Release(<Py_buffer *>self.views.data + i)
        self.views.rows = self.rows.rows = 0
        self.owners = None
        self.size = 0

    cdef int hold(self, connections, chunks, times) except -1:
        # take them all, or none; whoever calls this calls `release`
        cdef Buffer numbered = numbers(connections), timed = numbers(times)
        cdef list whose = list(connections) if numbered is None else None
        cdef list when = list(times) if timed is None and times is not None else None
        cdef Py_ssize_t i, n
        cdef chunk_t *row
        self.release()
        self.owners = list(chunks)
        n = len(self.owners)
        if n != (len(whose) if numbered is None else <Py_ssize_t>(numbered.size // 8)) or (
            times is not None
            and n != (len(when) if timed is None else <Py_ssize_t>(timed.size // 8))
        ):
            raise ValueError("connections, chunks and times differ in length")
        if table_reserve(&self.rows, n) != 0:
            raise MemoryError
        for i in range(n):
            row = <chunk_t *>self.rows.data + i
            if numbered is None:
                row.number = number_of(whose[i])
            else:
                row.number = number_in(<const int64_t *>numbered.data + i)
            row.time = 0
            if timed is not None:
                row.time = (<const int64_t *>timed.data)[i]
            elif when is not None:
                row.time = when[i]
            self.take(row, <object>PyList_GET_ITEM(self.owners, i))
            self.size += row.size
        self.rows.rows = n
        return 0

    cdef int take(self, chunk_t *row, object chunk) except -1:
        # where the bytes of a chunk are; bytes objects cannot move, others are held
        cdef Py_buffer *view
        if type(chunk) is bytes:
            row.data = <const uint8_t *>PyBytes_AS_STRING(chunk)
            row.size = <size_t>PyBytes_GET_SIZE(chunk)
            return 0
        if table_reserve(&self.views, 1) != 0:
            raise MemoryError
        view = <Py_buffer *>self.views.data + self.views.rows
        PyObject_GetBuffer(chunk, view, PyBUF_SIMPLE)
        self.views.rows += 1
        row.data = <const uint8_t *>view.buf
        row.size = <size_t>view.len
        return 0


cdef inline int32_t number_in(const int64_t *given) noexcept:
    return <int32_t>given[0] if 0 <= given[0] <= 0x7FFFFFFF else -1
