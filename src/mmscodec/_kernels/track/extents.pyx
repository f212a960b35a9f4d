# See extents.pxd for the contract.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from mmscodec._kernels.core.table cimport table_free, table_init, table_reserve, table_row
from mmscodec._kernels.core.wire cimport unlikely
from mmscodec._kernels.mms.stream cimport mms_needed_from
from mmscodec._kernels.track.sources cimport ARENA, is_addressable, shown_at, source_of, source_t

cdef enum:
    COMPARED_EXTENTS = 64  # how far back copies of retransmitted bytes are compared
    LEAST_COPY = 16  # bytes that tell a copy of a segment


cdef void extents_init(extents_t *e) noexcept nogil:
    memset(e, 0, sizeof(extents_t))
    table_init(&e.rows, sizeof(extent_t))
    table_init(&e.gaps, sizeof(gap_row_t))
    table_init(&e.stamps, sizeof(stamp_t))
    table_init(&e.bytes, 1)
    table_init(&e.scratch, 1)
    e.epoch = 1


cdef void extents_free(extents_t *e) noexcept nogil:
    table_free(&e.rows)
    table_free(&e.gaps)
    table_free(&e.stamps)
    table_free(&e.bytes)
    table_free(&e.scratch)


cdef int extents_add(
    extents_t *e, const sources_t *sources, flow_t *flow, const run_t *run
) noexcept nogil:
    cdef extent_t *extent
    cdef uint64_t place = run.place
    if unlikely(e.rows.rows >= <size_t>0xFFFFFFFE):
        return -1
    if unlikely(not is_addressable(sources, place)):
        place = e.bytes.rows | ARENA()
        if table_reserve(&e.bytes, <size_t>run.length) != 0:
            return -1
        memcpy(e.bytes.data + e.bytes.rows, run.data, <size_t>run.length)
        e.bytes.rows += <size_t>run.length
    extent = <extent_t *>table_row(&e.rows)
    if extent == NULL:
        return -1
    extent.offset = run.offset
    extent.place = place
    extent.length = <uint32_t>run.length
    extent.before = flow.extent if flow.epoch == e.epoch else 0
    flow.extent = <uint32_t>e.rows.rows
    flow.epoch = e.epoch
    return 0


cdef int extents_gap(extents_t *e, int32_t flow, const run_t *run) noexcept nogil:
    cdef gap_row_t *row = <gap_row_t *>table_row(&e.gaps)
    if row == NULL:
        return -1
    row.offset = run.offset
    row.length = run.length
    row.time = run.time
    row.flow = flow
    row.reason = run.reason
    memset(row.padding, 0, sizeof(row.padding))
    return 0


cdef int extents_stamp(extents_t *e, int32_t flow, const run_t *run) noexcept nogil:
    cdef stamp_t *row = <stamp_t *>table_row(&e.stamps)
    if row == NULL:
        return -1
    row.end = run.offset + run.length
    row.time = run.time
    row.flow = flow
    row.padding = 0
    return 0


cdef int64_t count_differing(const uint8_t *a, const uint8_t *b, size_t n) noexcept nogil:
    cdef int64_t count = 0
    cdef size_t i
    if memcmp(a, b, n) == 0:
        return 0
    for i in range(n):
        count += a[i] != b[i]
    return count


cdef inline const uint8_t *bytes_of(
    extents_t *e, const sources_t *sources, const extent_t *extent
) noexcept nogil:
    cdef const uint8_t *shown
    cdef const source_t *source
    if extent.place >> 63:
        return e.bytes.data + (extent.place & ~ARENA())
    shown = shown_at(sources, extent.place, extent.length)
    if shown != NULL or sources.read_back == NULL:
        return shown
    # a spooled stream: what was written can be read
    e.scratch.rows = 0
    if table_reserve(&e.scratch, extent.length) != 0:
        return NULL
    source = source_of(sources, extent.place)
    if not sources.read_back(
        sources.context, <size_t>(source - <const source_t *>sources.rows.data), extent.place,
        extent.length, e.scratch.data
    ):
        return NULL
    return e.scratch.data


cdef int64_t extents_compare(
    extents_t *e, const sources_t *sources, const flow_t *flow, const run_t *run
) noexcept nogil:
    cdef uint32_t i = flow.extent if flow.epoch == e.epoch else 0
    cdef int steps = 0
    cdef const extent_t *extent
    cdef int64_t start, end, differ = 0
    cdef const uint8_t *known
    while i != 0 and steps < COMPARED_EXTENTS:
        extent = <const extent_t *>e.rows.data + (i - 1)
        start = extent.offset
        end = start + extent.length
        if end <= run.offset:
            break
        if start < run.offset:
            start = run.offset
        if end > run.offset + run.length:
            end = run.offset + run.length
        known = bytes_of(e, sources, extent)
        if start < end and known != NULL:
            differ += count_differing(
                run.data + (start - run.offset), known + (start - extent.offset),
                <size_t>(end - start))
        i = extent.before
        steps += 1
    return differ


cdef int64_t extents_find(
    extents_t *e, const sources_t *sources, const flow_t *flow, const uint8_t *data,
    uint32_t length
) noexcept nogil:
    cdef uint32_t i = flow.extent if flow.epoch == e.epoch else 0
    cdef int steps = 0
    cdef const extent_t *extent
    cdef const uint8_t *known
    if length < LEAST_COPY or memcmp(data, data + 1, length - 1) == 0:
        return -1
    while i != 0 and steps < COMPARED_EXTENTS:
        extent = <const extent_t *>e.rows.data + (i - 1)
        if extent.length == length:
            known = bytes_of(e, sources, extent)
            if known != NULL and memcmp(known, data, length) == 0:
                return extent.offset
        i = extent.before
        steps += 1
    return -1


cdef int extents_carry(
    extents_t *e, flow_t *flow, const extent_t *old, const uint8_t *old_bytes
) noexcept nogil:
    cdef uint32_t i = flow.extent, n = 0
    cdef int64_t need
    cdef extent_t *extent
    cdef size_t at = e.rows.rows, j
    if flow.mms == NULL or flow.epoch != e.epoch:
        return 0
    need = mms_needed_from(flow.mms)
    while i != 0 and old[i - 1].offset + old[i - 1].length > need:
        n += 1
        i = old[i - 1].before
    if n == 0:
        return 0
    if table_reserve(&e.rows, n) != 0:
        return -1
    e.rows.rows += n
    i = flow.extent
    j = n
    while j:
        j -= 1
        extent = <extent_t *>e.rows.data + at + j
        extent[0] = old[i - 1]
        i = old[i - 1].before
    for j in range(n):
        extent = <extent_t *>e.rows.data + at + j
        extent.before = <uint32_t>(at + j) if j else 0
        if extent.place >> 63:
            if table_reserve(&e.bytes, extent.length) != 0:
                return -1
            memcpy(e.bytes.data + e.bytes.rows, old_bytes + (extent.place & ~ARENA()),
                   extent.length)
            extent.place = e.bytes.rows | ARENA()
            e.bytes.rows += extent.length
    flow.extent = <uint32_t>e.rows.rows
    flow.epoch = e.epoch + 1
    return 0
