# See _buffer.pxd.
cimport cython
from cpython.buffer cimport PyBuffer_Release


# `no_gc`: the collector does not look into a holder, so whatever exports the memory counts as in
# use while the holder lives. It clears the members of a cycle in any order, and an exporter that is
# cleared while its memory is exported ends the process (a memoryview does, in CPython 3.11 to
# 3.13); Cython itself would clear `view.obj` and never release. The price: an exporter that refers
# back to the holder of its own buffer is never freed.
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
