# Damaged bytes that a later copy put right, after rows had been made of them: noted by one pass
# over a capture, so that another one makes the rows of the right bytes.
from libc.stdint cimport int32_t, int64_t, uint32_t, uint64_t, uint8_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.track.extents cimport extents_t
from mmscodec._kernels.track.sources cimport sources_t

cdef struct mended_row_t:
    uint64_t place  # of the first byte that differs
    uint64_t right  # of the right one for it
    uint64_t copy  # of the payload of the copy
    int64_t offset  # in the flow
    int32_t flow
    uint32_t length  # up to the last byte that differs
    uint32_t differ  # bytes that do
    uint32_t padding

cdef struct moved_t:
    # bytes that were copied to the arena to be put right there
    uint64_t now
    uint64_t before

cdef struct mended_t:
    bint wanted  # note them
    table_t found  # mended_row_t
    table_t moved  # moved_t, ascending by `now`
    # what an earlier pass found
    const mended_row_t *known  # ascending by place
    const mended_row_t *copies  # the same, ascending by copy
    size_t count
    table_t bytes  # payload of the segment in hand, put right
    uint8_t checksum  # checksum_t of the segment in hand: good where it was put right

# Nothing is noted; whoever calls this calls mended_free.
cdef void mended_init(mended_t *m) noexcept nogil
cdef void mended_free(mended_t *m) noexcept nogil
# Bytes went from one place to another one in the arena, which grows. 0, or -1 without memory.
cdef int mended_move(mended_t *m, uint64_t before, uint64_t now) noexcept nogil
# Where bytes at a place were before that.
cdef uint64_t mended_origin(const mended_t *m, uint64_t place) noexcept nogil
# Some of the `length` bytes at a place are damaged, those at `right` are right: their row, of which
# the caller writes the rest, with the offset of the first damaged one; NULL without memory.
cdef mended_row_t *mended_note(
    mended_t *m, uint64_t place, uint64_t right, const uint8_t *damaged, const uint8_t *good,
    uint32_t length
) noexcept nogil
# The payload of a segment at a place is put right by what an earlier pass found. True where that
# was done: it lies in `m.bytes` then, until the next call.
cdef bint mended_apply(
    mended_t *m, extents_t *e, const sources_t *sources, segment_t *s, uint64_t place
) noexcept nogil
# How many bytes the copy whose payload is at a place put right in an earlier pass.
cdef uint64_t mended_by(const mended_t *m, uint64_t place) noexcept nogil
