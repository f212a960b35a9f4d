from mmscodec._kernels.track cimport track_t
from mmscodec.capture._walker cimport Walker


cdef class Engine:
    cdef track_t track
    cdef list views  # buffers that stay
    cdef size_t seen  # faults of the current source that were taken
    cdef bytes ports
    cdef readonly bint finished

    cdef void hide(self) noexcept
    cdef void show(self, Walker walker) noexcept
    cdef void take_faults(self, Walker w) except *
