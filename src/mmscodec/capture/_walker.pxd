# Walks the records of one source; for the engine and for tables of records.
from libc.stdint cimport uint8_t
from mmscodec._kernels.records cimport read_fault_t, reader_t
from mmscodec._kernels.segment cimport record_t
from mmscodec._kernels.table cimport table_t


cdef class Walker:
    cdef reader_t reader
    cdef Py_buffer view
    cdef bint shown  # `view` is held
    cdef const uint8_t *buf
    cdef size_t size
    cdef size_t pos
    cdef table_t fault_rows
    cdef readonly object source
    cdef size_t lost_faults

    cdef void release(self)
    cdef int keep(self, const read_fault_t *fault) noexcept nogil

    # The next records that lie in the buffer shown, up to `cap`; their `data` is good until
    # `more`. Faults on the way become rows. Status as of `reader_batch`, never READ_FAULT.
    cdef int fill(self, record_t *out, size_t cap, size_t *count) noexcept nogil
    # Has the source show more, after READ_MORE
    cdef int more(self) except -1
    # Both: `count` is 0 only when the source is at its end
    cdef int next_batch(self, record_t *out, size_t cap, size_t *count) except -1
