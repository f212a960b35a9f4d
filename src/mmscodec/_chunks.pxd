# Chunks of many connections as C sees them, held while kernels read them.
from mmscodec._kernels.core.chunk cimport chunk_t
from mmscodec._kernels.core.table cimport table_t


cdef class Chunks:
    cdef table_t rows  # chunk_t
    cdef table_t views  # Py_buffer of chunks that are no bytes objects
    cdef list owners
    cdef readonly size_t size  # bytes of all

    cdef int hold(self, connections, chunks, times) except -1
    cdef int take(self, chunk_t *row, object chunk) except -1
    cdef void release(self) noexcept
