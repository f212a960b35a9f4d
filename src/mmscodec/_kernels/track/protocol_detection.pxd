# What is it? The judgement on the first bytes of a flow.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.track.flow_table cimport probe_t, side_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.tcp_reassembly cimport run_t

cdef enum verdict_t:
    VERDICT_WAIT = 0
    VERDICT_MMS = 1
    VERDICT_WINMX = 2
    VERDICT_OTHER = 3

cdef bint looks_like_packet(const uint8_t *p, size_t n) noexcept nogil
cdef verdict_t probe_stream(side_t *side, const run_t *run, bint winmx) noexcept nogil
cdef verdict_t probe_datagram(probe_t *probe, const segment_t *s) noexcept nogil
cdef bint is_resend(const segment_t *s) noexcept nogil
cdef bint is_advertisement(const segment_t *s) noexcept nogil
cdef int funnel_port(const uint8_t *m, size_t n) noexcept nogil
