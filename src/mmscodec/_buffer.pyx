# See _buffer.pxd.
cimport cython
from cpython.buffer cimport PyBuffer_Release


@cython.final
@cython.freelist(16)
cdef class Buffer:
    """Memory of another object, held as long as this one lives."""

    def __dealloc__(self):
        PyBuffer_Release(&self.view)  # does nothing where none was taken
