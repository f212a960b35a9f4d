from libc.stdint cimport uint64_t
from mmscodec._buffer cimport Buffer
from mmscodec.capture._engine cimport Engine
from mmscodec.capture._merge cimport Merge


cdef class Readahead:
    cdef Engine engine
    cdef Buffer view
    cdef uint64_t base
    cdef uint64_t told  # 1: come back
    cdef object thread

    cdef int start(self) except -1
    cdef int stop(self) except -1
    cdef uint64_t ahead(self, const uint64_t *at) noexcept nogil

cdef Readahead readahead_for(Engine engine, Merge merge)
