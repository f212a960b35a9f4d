# See copies.pxd for the contract.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.net.pieces cimport (
    CHECKSUM_BAD, CHECKSUM_GOOD, CHECKSUM_UNKNOWN, count_differing,
)
from mmscodec._kernels.track.checksum cimport HEADERS, checksum_judge
from mmscodec._kernels.track.extents cimport (
    extent_t, extents_bytes, extents_bytes_of, extents_keep, judged_t, walk_begin, walk_judged,
    walk_next, walk_t,
)
from mmscodec._kernels.track.flow_table cimport flow_t
from mmscodec._kernels.track.mended cimport (
    mended_move, mended_note, mended_origin, mended_row_t,
)
from mmscodec._kernels.track.sources cimport ARENA, is_addressable, source_of, source_t


cdef enum:
    FREE = 16 << 20  # bytes whose checksums are asked, however few came again
    WORTH = 64  # and for each byte that did


cdef checksum_t copies_checksum(
    const sources_t *sources, const connection_t *c, int side, uint64_t place
) noexcept nogil:
    cdef const source_t *source
    cdef uint64_t before
    if place >> 63:
        return CHECKSUM_UNKNOWN
    source = source_of(sources, place)
    if place < source.shown_from or place - source.shown_from >= source.shown_size:
        return CHECKSUM_UNKNOWN
    before = place - source.shown_from
    return checksum_judge(
        c, side, source.shown + before, <size_t>before, <size_t>(source.shown_size - before))


cdef checksum_t judge_frame(
    extents_t *e, const sources_t *sources, const connection_t *c, int side,
    const extent_t *extent, const uint8_t *arena
) noexcept nogil:
    # of the segment whose payload is an extent
    cdef const uint8_t *p
    cdef const source_t *source
    cdef checksum_t found
    if extent.place >> 63:  # there are as many bytes in front of each, zeros where nothing was
        p = arena + (extent.place & ~ARENA())
        return checksum_judge(c, side, p, HEADERS, extent.length)
    found = copies_checksum(sources, c, side, extent.place)
    if found != CHECKSUM_UNKNOWN or sources.read_back == NULL:
        return found
    source = source_of(sources, extent.place)
    if extent.place - source.base < HEADERS:
        return CHECKSUM_UNKNOWN
    p = extents_bytes(e, sources, extent.place - HEADERS, extent.length + HEADERS)
    if p == NULL:
        return CHECKSUM_UNKNOWN
    return checksum_judge(c, side, p + HEADERS, HEADERS, extent.length)


cdef checksum_t judge_extent(
    extents_t *e, const sources_t *sources, const connection_t *c, int side,
    const extent_t *extent, const walk_t *w
) noexcept nogil:
    # By what was noted when its frame was there, or else by its frame, as long as that is no more
    # work than the bytes that came again are worth: they may be few, and the frame long.
    cdef const judged_t *noted = walk_judged(w)
    if noted != NULL:
        return <checksum_t>noted.checksum
    if e.summed > FREE + e.compared * WORTH:
        return CHECKSUM_UNKNOWN
    e.summed += extent.length
    return judge_frame(e, sources, c, side, extent, w.bytes)


cdef int move_to_arena(
    extents_t *e, const sources_t *sources, mended_t *m, extent_t *extent
) noexcept nogil:
    # with its headers, so that its checksum can be asked again. 0, or -1 without memory.
    cdef const source_t *source = source_of(sources, extent.place)
    cdef size_t before = HEADERS if extent.place - source.base >= HEADERS else 0
    cdef const uint8_t *p = extents_bytes(
        e, sources, extent.place - before, extent.length + before)
    cdef uint64_t place
    if p == NULL:
        return 0  # they can not be read, so that nothing was compared
    if extents_keep(e, p + before, before, extent.length, &place) != 0 \
            or mended_move(m, extent.place, place) != 0:
        return -1
    extent.place = place
    return 0


cdef int put_right(
    extents_t *e, const sources_t *sources, mended_t *m, walk_t *w, extent_t *extent,
    const run_t *run, int64_t start, int64_t end
) noexcept nogil:
    # The bytes of the run from `start` to `end` are those of the extent from now on. An extent of
    # an earlier epoch of which they are a part stays as it is, since nothing can be added there.
    cdef bint whole = start == extent.offset and end == start + <int64_t>extent.length
    cdef bint now = w.epoch == e.epoch
    cdef judged_t *noted = walk_judged(w)
    if not extent.place >> 63 and whole and is_addressable(sources, run.place):
        extent.place = run.place + <uint64_t>(start - run.offset)
    else:
        if not extent.place >> 63 and now and move_to_arena(e, sources, m, extent) != 0:
            return -1
        if now:
            w.bytes = e.bytes.data
        if extent.place >> 63:
            memcpy(<uint8_t *>w.bytes + (extent.place & ~ARENA()) + (start - extent.offset),
                   run.data + (start - run.offset), <size_t>(end - start))
    if whole and noted != NULL:
        noted.checksum = CHECKSUM_GOOD
    return 0


cdef int note(
    mended_t *m, const sources_t *sources, const flow_t *flow, const extent_t *extent,
    const uint8_t *known, const run_t *run, int64_t start, int64_t end
) noexcept nogil:
    # for another pass, where both copies can be had then
    cdef uint64_t place = mended_origin(m, extent.place)
    cdef uint64_t right = run.place + <uint64_t>(start - run.offset)
    cdef mended_row_t *row
    if not m.wanted or not is_addressable(sources, place) \
            or not is_addressable(sources, run.place):
        return 0
    row = mended_note(
        m, place + <uint64_t>(start - extent.offset), right, known,
        run.data + (start - run.offset), <uint32_t>(end - start))
    if row == NULL:
        return -1
    row.copy = run.place
    row.offset += start
    row.flow = flow.row
    return 0


cdef int copies_compare(
    extents_t *e, const sources_t *sources, mended_t *mended, const connection_t *c, int side,
    const run_t *run, comparison_t *out
) noexcept nogil:
    # Extents of epochs before this one are changed where they are: whoever has them reads the
    # right bytes.
    cdef checksum_t later = <checksum_t>run.checksum, first
    cdef bint asked = later != CHECKSUM_UNKNOWN
    cdef const extent_t *extent
    cdef const uint8_t *known
    cdef int64_t start, end, differ
    cdef walk_t w
    out.compared = out.differ = out.mended = 0
    out.damaged = False
    e.compared += <uint64_t>run.length
    walk_begin(e, &w, &c.flow[side])
    while True:
        extent = walk_next(e, &w)
        if extent == NULL or extent.offset + extent.length <= run.offset:
            return -1 if e.starved else 0
        start = extent.offset if extent.offset > run.offset else run.offset
        end = extent.offset + extent.length
        if end > run.offset + run.length:
            end = run.offset + run.length
        known = extents_bytes_of(e, sources, extent, w.bytes) if start < end else NULL
        if known == NULL:
            continue
        known += start - extent.offset
        out.compared += end - start
        differ = <int64_t>count_differing(
            run.data + (start - run.offset), known, <size_t>(end - start))
        if differ == 0:
            continue
        if not asked and run.memory == NULL:
            later = copies_checksum(sources, c, side, run.place)
        asked = True
        first = CHECKSUM_UNKNOWN
        if later != CHECKSUM_UNKNOWN:
            first = judge_extent(e, sources, c, side, extent, &w)
        if later == CHECKSUM_BAD and first == CHECKSUM_GOOD:
            out.damaged = True
        elif later == CHECKSUM_GOOD and first == CHECKSUM_BAD:
            out.mended += differ
            known = extents_bytes_of(e, sources, extent, w.bytes)  # it was read over
            if known == NULL:
                continue
            known += start - extent.offset
            if note(mended, sources, &c.flow[side], extent, known, run, start, end) != 0:
                return -1
            if put_right(
                e, sources, mended, &w, <extent_t *>extent, run, start, end
            ) != 0:
                return -1
        else:
            out.differ += differ
