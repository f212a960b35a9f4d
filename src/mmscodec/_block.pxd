from mmscodec._kernels.core.table cimport table_t


cdef class Block:
    cdef table_t table
    cdef Py_ssize_t exports
    cdef bint frozen  # exported read-only: kernels read where these rows say


cdef object hand_over(table_t *table, object dtype, list blocks, Py_ssize_t i)
