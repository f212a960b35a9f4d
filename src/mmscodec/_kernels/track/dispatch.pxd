# Segments to their connections, many at once so that memory is waited for side by side.
from mmscodec._kernels.track.item cimport item_t
from mmscodec._kernels.track.state cimport tracker_t

cdef enum:
    DISPATCH_BATCH = 32  # segments whose connections are fetched side by side

# At most DISPATCH_BATCH segments in order, prepared by `next_item`. 0, or -1 without memory.
cdef int dispatch_batch(tracker_t *t, item_t *items, size_t count) noexcept nogil
# Any number of them.
cdef int dispatch_items(tracker_t *t, item_t *items, size_t count) noexcept nogil
# What is needed of the tables for a segment soon.
cdef void dispatch_prefetch(const tracker_t *t, const item_t *item) noexcept nogil
