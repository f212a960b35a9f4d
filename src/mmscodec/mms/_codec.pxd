from libc.stdint cimport int64_t
from mmscodec._kernels.mms.state cimport mms_tables_t
from mmscodec._kernels.core.table cimport table_t


cdef class BatchBase:
    cdef mms_tables_t tables
    cdef readonly int64_t consumed
    cdef readonly tuple pieces  # (stream offset, bytes-like) the rows lie in, ascending
    cdef object _packets, _messages, _data, _faults
    cdef list _blocks  # of packets, messages, data, faults; None until one is looked at
    cdef bint fresh  # neither written nor looked at yet
    cdef bint busy  # the rows are being written: nobody may read or write them
    cdef public object _columns, _findings

    cdef int begin(self) except -1
    cdef int idle(self) except -1
    cdef object take(self, int kind, table_t *table, object dtype)
    cdef void give_back(self, int kind, table_t *table) except *
    cdef void recycle(self) except *
    cdef int interrupt(self) except -1
    cdef void trim(self) noexcept
