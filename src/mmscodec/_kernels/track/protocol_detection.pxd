# What is it? The judgement on the first bytes of a flow, which are held meanwhile.
from libc.stdint cimport uint8_t, uint64_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.pieces cimport run_t
from mmscodec._kernels.track.flow_table cimport detection_t, flow_t
from mmscodec._kernels.track.memory_limit cimport memory_limit_t
from mmscodec._kernels.track.sources cimport sources_t

cdef enum verdict_t:
    VERDICT_WAIT = 0
    VERDICT_MMS = 1
    VERDICT_WINMX_CLIENT = 2  # this flow is the client's
    VERDICT_WINMX_SERVER = 3
    VERDICT_OTHER = 4

# A TcpMessageHeader, as far as it is there.
cdef bint looks_like_packet(const uint8_t *p, size_t n) noexcept nogil
# The next run of a flow whose earlier runs its detection holds; `peer` is the other direction.
# *looked grows by the bytes that the judgement looked at.
cdef verdict_t detect_stream(
    flow_t *flow, const flow_t *peer, const run_t *run, bint winmx, uint64_t *looked
) noexcept nogil
# Nothing more will come of a flow: VERDICT_MMS, or VERDICT_WAIT.
cdef verdict_t detect_end(flow_t *flow, uint64_t *looked) noexcept nogil
# May bytes of the flow be judged together with some that come later? One that began in the middle
# always waits for 64 KiB: unless `all` counts, it is asked whether anything in it looks like what
# is wanted.
cdef bint detect_waits(const flow_t *flow, const flow_t *peer, bint all) noexcept nogil
cdef inline bint is_winmx(verdict_t verdict) noexcept nogil:
    # was WinMX recognised?
    return verdict == VERDICT_WINMX_CLIENT or verdict == VERDICT_WINMX_SERVER


# The next datagram of a flow.
cdef verdict_t detect_datagram(detection_t *d, const segment_t *s) noexcept nogil
cdef bint is_resend(const segment_t *s) noexcept nogil
cdef bint is_advertisement(const segment_t *s) noexcept nogil

# The detection of a flow, made where there is none; NULL without memory.
cdef detection_t *detection_begin(flow_t *flow) noexcept nogil
# Keep a run until the flow is known; its bytes are copied where they would go away. Memory that the
# run owned is the detection's then. 0, or -1 without memory.
cdef int detection_hold(
    detection_t *d, memory_limit_t *limit, const sources_t *sources, run_t *run
) noexcept nogil
# Nothing is held any more.
cdef void detection_drop(flow_t *flow, memory_limit_t *limit) noexcept nogil
