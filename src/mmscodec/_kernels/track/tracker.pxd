# The one pass over a capture: records -> segments -> flows -> streams -> rows.
#
# No Python, no allocation per packet except where tables grow.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.cursor cimport network_fault_t
from mmscodec._kernels.track.extents cimport extent_t
from mmscodec._kernels.track.item cimport item_t
from mmscodec._kernels.track.state cimport tracker_t

# Every function returns 0, or -1 without memory.

# A pass of which nothing was read. 0, or -1 without memory.
cdef int tracker_init(tracker_t *t, uint64_t seed) noexcept nogil
cdef void tracker_free(tracker_t *t) noexcept nogil
# Frames of the current source, in order.
cdef int tracker_records(tracker_t *t, const record_t *records, size_t count) noexcept nogil
# What was wrong with a frame, or with a file.
cdef int tracker_network_fault(
    tracker_t *t, const network_fault_t *fault, int64_t time
) noexcept nogil
# The capture is at its end.
cdef int tracker_finish(tracker_t *t) noexcept nogil
# The tables of extents and bytes were taken, `count` rows and `size` bytes: new ones begin. Those
# stay where they are while `extents` has not forgotten them.
cdef int tracker_next_epoch(
    tracker_t *t, const extent_t *old, size_t count, const uint8_t *old_bytes, size_t size
) noexcept nogil
