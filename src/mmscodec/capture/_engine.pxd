from mmscodec._kernels.track cimport track_t


cdef class Engine:
    cdef track_t track
    cdef list views  # buffers that stay, one a source; None where bytes go away
    cdef dict seen  # faults of each source that were taken
    cdef bytes ports
    cdef readonly bint finished

    cdef void take_faults(self, object walker, size_t *seen) except *
