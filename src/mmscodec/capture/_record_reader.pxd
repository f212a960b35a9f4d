# Walks the records of one source; for the engine and for tables of records.
from mmscodec._buffer cimport Buffer
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.pcapfile.walk cimport walk_t


cdef class RecordReader:
    cdef walk_t walk
    cdef Buffer view  # what the source showed last, or None
    cdef readonly object source
    cdef size_t seen  # faults that the engine took
    cdef size_t number  # of the source among those of the engine
    cdef bint stable  # its bytes stay where they are shown

    cdef void release(self)
    # Has the source show more, after READ_MORE
    cdef int more(self) except -1
    # `count` is 0 only when the source is at its end
    cdef int next_batch(self, record_t *out, size_t cap, size_t *count) except -1
