# Where the bytes of kept streams lie, which of them are missing, and when they came.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.net.pieces cimport run_t
from mmscodec._kernels.track.flow_table cimport flow_t
from mmscodec._kernels.track.sources cimport sources_t

cdef struct extent_t:
    int64_t offset
    uint64_t place
    uint32_t length
    uint32_t before  # the flow's extent before this one, counted from 1

cdef struct gap_row_t:
    int64_t offset
    int64_t length
    int64_t time
    int32_t flow
    uint8_t reason
    uint8_t padding[3]

cdef struct stamp_t:
    # when the bytes of a WinMX flow up to `end` were there
    int64_t end
    int64_t time
    int32_t flow
    int32_t padding

cdef struct link_t:
    # the first extent of a flow in an epoch, and the one before it, which is in another
    uint64_t extent
    uint32_t epoch
    uint32_t before

cdef struct judged_t:
    # what the checksum of an extent's segment said, where it can not be asked later
    uint64_t extent
    uint64_t checksum  # checksum_t

cdef struct epoch_t:
    # the tables of an epoch that were taken, whose owner keeps them while this is here
    const extent_t *rows
    const uint8_t *bytes
    table_t links
    table_t judged
    uint64_t size  # bytes of them all

cdef struct extents_t:
    table_t rows  # extent_t
    table_t links  # link_t, ascending by extent
    table_t judged  # judged_t, ascending by extent
    table_t past  # epoch_t, the one before `epoch` last
    size_t forgotten  # so many of them, the oldest, are gone
    uint64_t held  # bytes of the others
    uint64_t ceiling  # and how many they may have
    table_t gaps
    table_t stamps
    table_t bytes  # the arena: payload that stays nowhere else, HEADERS bytes in front of each
    table_t scratch  # bytes that were read back for one look
    uint64_t compared  # bytes that came again
    uint64_t summed  # bytes whose checksums were asked because of them
    uint32_t epoch  # how often the tables began anew
    bint starved  # there was no memory to read bytes back: whoever works on must end

cdef struct walk_t:
    # backwards over the extents of a flow
    const extent_t *rows  # of the epoch in hand; NULL: it is forgotten
    const uint8_t *bytes
    const table_t *links
    const table_t *judged
    uint32_t epoch
    uint32_t number  # of the next extent, counted from 1; 0: none in this epoch
    uint32_t first  # number of the last one seen
    int steps  # left

# Tables without rows; whoever calls this calls extents_free.
cdef void extents_init(extents_t *e) noexcept nogil
cdef void extents_free(extents_t *e) noexcept nogil
# One more extent of a kept flow; bytes that do not stay are copied. 0, or -1 without memory.
cdef int extents_add(
    extents_t *e, const sources_t *sources, flow_t *flow, const run_t *run
) noexcept nogil
# A row for the missing bytes of a run. 0, or -1 without memory.
cdef int extents_gap(extents_t *e, int32_t flow, const run_t *run) noexcept nogil
# When the bytes up to the end of a run were there. 0, or -1 without memory.
cdef int extents_stamp(extents_t *e, int32_t flow, const run_t *run) noexcept nogil
# Back over the last extents of a flow: the next one, whose bytes in the arena are `w.bytes`; NULL:
# no more, too far back, forgotten.
cdef void walk_begin(const extents_t *e, walk_t *w, const flow_t *flow) noexcept nogil
cdef const extent_t *walk_next(const extents_t *e, walk_t *w) noexcept nogil
# What was noted of the extent that `walk_next` gave last; NULL: nothing.
cdef judged_t *walk_judged(const walk_t *w) noexcept nogil
# The bytes of an extent, good until the next call; NULL where they are gone.
cdef const uint8_t *extents_bytes_of(
    extents_t *e, const sources_t *sources, const extent_t *extent, const uint8_t *arena
) noexcept nogil
# A place in the arena for a copy of `length` bytes, with `before` bytes in front of them: 0, or -1
# without memory. Their place is *place.
cdef int extents_keep(
    extents_t *e, const uint8_t *data, size_t before, size_t length, uint64_t *place
) noexcept nogil
# Bytes at a place that is not in the arena, good until the next call; NULL where they are gone.
cdef const uint8_t *extents_bytes(
    extents_t *e, const sources_t *sources, uint64_t place, uint64_t length
) noexcept nogil
# Stream offset at which one of the last extents holds just these bytes, or -1. Of bytes that are
# all the same it tells nothing.
cdef int64_t extents_find(
    extents_t *e, const sources_t *sources, const flow_t *flow, const uint8_t *data,
    uint32_t length
) noexcept nogil
# The tables of extents and bytes are taken, and stay where they are until they are forgotten; the
# oldest ones are, beyond the ceiling. 0, or -1 without memory: then nothing was done.
cdef int extents_turn(
    extents_t *e, const extent_t *rows, size_t count, const uint8_t *bytes, size_t size
) noexcept nogil
# Tables begin anew: what a row that is not complete yet needs of the old extents goes along. The
# flow belongs to the next epoch then. 0, or -1 without memory.
cdef int extents_carry(
    extents_t *e, flow_t *flow, const extent_t *old, const uint8_t *old_bytes
) noexcept nogil
