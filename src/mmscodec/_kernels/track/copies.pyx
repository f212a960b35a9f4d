# See copies.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.track.checksum cimport (
    CHECKSUM_BAD, CHECKSUM_GOOD, CHECKSUM_UNKNOWN, HEADERS, checksum_judge, checksum_t,
)
from mmscodec._kernels.track.extents cimport (
    extent_t, extents_bytes, walk_begin, walk_next, walk_t,
)
from mmscodec._kernels.track.sources cimport ARENA, is_addressable, source_of, source_t


cdef checksum_t judge_shown(
    const sources_t *sources, const connection_t *c, int side, uint64_t place
) noexcept nogil:
    # of a segment whose frame can be read where it lies
    cdef const source_t *source = source_of(sources, place)
    cdef uint64_t before
    if place < source.shown_from or place - source.shown_from >= source.shown_size:
        return CHECKSUM_UNKNOWN
    before = place - source.shown_from
    return checksum_judge(
        c, side, source.shown + before, <size_t>before, <size_t>(source.shown_size - before))


cdef checksum_t judge_extent(
    extents_t *e, const sources_t *sources, const connection_t *c, int side,
    const extent_t *extent, const uint8_t *arena
) noexcept nogil:
    cdef const uint8_t *p
    cdef const source_t *source
    cdef checksum_t found
    if extent.place >> 63:  # there are as many bytes in front of each, zeros where nothing was
        p = arena + (extent.place & ~ARENA())
        return checksum_judge(c, side, p, HEADERS, extent.length)
    found = judge_shown(sources, c, side, extent.place)
    if found != CHECKSUM_UNKNOWN or sources.read_back == NULL:
        return found
    source = source_of(sources, extent.place)
    if extent.place - source.base < HEADERS:
        return CHECKSUM_UNKNOWN
    p = extents_bytes(e, sources, extent.place - HEADERS, extent.length + HEADERS)
    if p == NULL:
        return CHECKSUM_UNKNOWN
    return checksum_judge(c, side, p + HEADERS, HEADERS, extent.length)


cdef inline bint overlaps(const extent_t *extent, const run_t *run) noexcept nogil:
    return extent.offset < run.offset + run.length \
        and extent.offset + extent.length > run.offset


cdef inline bint covers(const run_t *run, const extent_t *extent) noexcept nogil:
    return run.offset <= extent.offset \
        and extent.offset + extent.length <= run.offset + run.length


cdef void put_right(
    const sources_t *sources, extent_t *extent, uint8_t *arena, const run_t *run
) noexcept nogil:
    # the bytes of the run are those of the extent from now on
    cdef int64_t skip = extent.offset - run.offset
    if extent.place >> 63:
        memcpy(arena + (extent.place & ~ARENA()), run.data + skip, extent.length)
    elif is_addressable(sources, run.place):
        extent.place = run.place + <uint64_t>skip


cdef copies_t copies_judge(
    extents_t *e, const sources_t *sources, const connection_t *c, int side, const run_t *run
) noexcept nogil:
    # Twice over the extents: nothing is written before it is clear that all of it can be. Those
    # of epochs before this one are changed where they are: whoever has them reads the right bytes.
    cdef checksum_t later = CHECKSUM_UNKNOWN, first
    cdef const extent_t *extent
    cdef walk_t w
    cdef bint write
    if run.memory == NULL and not run.place >> 63:
        later = judge_shown(sources, c, side, run.place)
    if later == CHECKSUM_UNKNOWN:
        return COPIES_CONTRADICT
    for write in range(2):
        walk_begin(e, &w, &c.flow[side])
        while True:
            extent = walk_next(e, &w)
            if extent == NULL or extent.offset + extent.length <= run.offset:
                break
            if not overlaps(extent, run):
                continue
            if write:
                put_right(sources, <extent_t *>extent, <uint8_t *>w.bytes, run)
                continue
            first = judge_extent(e, sources, c, side, extent, w.bytes)
            if later == CHECKSUM_BAD and first == CHECKSUM_GOOD:
                return COPIES_DAMAGED
            if later == CHECKSUM_BAD or first != CHECKSUM_BAD or not covers(run, extent):
                return COPIES_CONTRADICT
    return COPIES_MENDED
