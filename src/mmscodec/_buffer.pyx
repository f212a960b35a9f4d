# See _buffer.pxd.
cimport cython
from cpython.buffer cimport PyBuffer_Release


@cython.final
@cython.no_gc
@cython.freelist(16)
cdef class Buffer:
    """Memory of another object, held as long as this one lives.

    The garbage collector does not look inside: what Cython would let it do is to drop the exporter
    (a memoryview of a cycle, say) without giving the buffer back, while kernels still read there.
    The price is that an exporter which refers back to the holder of its buffer is never freed.
    """

    def __dealloc__(self):
        PyBuffer_Release(&self.view)  # does nothing where none was taken
