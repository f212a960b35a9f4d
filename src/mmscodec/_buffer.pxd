# The one holder of other objects' memory. A class or a call that reads or writes a buffer keeps one
# of these; the buffer is given back when its last holder goes, on every way out of a function.
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyObject_GetBuffer
from cpython.exc cimport PyErr_Occurred
from libc.stdint cimport uint8_t


cdef enum:
    RELEASE_GIL = 1 << 15  # bytes of work from which letting other threads run pays


cdef class Buffer:
    cdef Py_buffer view
    cdef uint8_t *data  # its first byte
    cdef size_t size


cdef inline Buffer take(object owner, int flags):
    cdef Buffer buffer = Buffer.__new__(Buffer)
    PyObject_GetBuffer(owner, &buffer.view, flags)
    buffer.data = <uint8_t *>buffer.view.buf
    buffer.size = <size_t>buffer.view.len
    return buffer


cdef inline Buffer readable(object owner):
    # contiguous bytes of any buffer; BufferError, or TypeError where it is none
    return take(owner, PyBUF_SIMPLE)


cdef inline Buffer writable(object owner):
    # the same, to be written to
    return take(owner, PyBUF_SIMPLE | PyBUF_WRITABLE)


cdef inline int raise_interrupt() except -1:
    # raises what a signal handler raised while a kernel ran: the first thing behind `with nogil`
    return -1 if PyErr_Occurred() != NULL else 0
