from mmscodec._kernels.core.table cimport table_t


cdef class Block:
    cdef table_t table
    cdef Py_ssize_t exports
    cdef Py_ssize_t shape
