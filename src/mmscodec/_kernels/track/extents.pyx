# See extents.pxd for the contract.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memmove, memset
from mmscodec._kernels.core.search cimport lower_bound
from mmscodec._kernels.core.table cimport (
    table_end, table_free, table_init, table_reserve, table_row,
)
from mmscodec._kernels.core.wire cimport unlikely
from mmscodec._kernels.mms.stream cimport mms_needed_from
from mmscodec._kernels.net.pieces cimport CHECKSUM_UNKNOWN
from mmscodec._kernels.track.checksum cimport HEADERS
from mmscodec._kernels.track.sources cimport ARENA, is_addressable, shown_at, source_of, source_t

cdef enum:
    COMPARED_EXTENTS = 64  # how far back copies of retransmitted bytes are compared
    LEAST_COPY = 16  # bytes that tell a copy of a segment
    EPOCH_COST = 1024  # bytes of an epoch's own, with the objects that hold its tables


cdef void extents_init(extents_t *e) noexcept nogil:
    memset(e, 0, sizeof(extents_t))
    table_init(&e.rows, sizeof(extent_t))
    table_init(&e.links, sizeof(link_t))
    table_init(&e.judged, sizeof(judged_t))
    table_init(&e.past, sizeof(epoch_t))
    table_init(&e.gaps, sizeof(gap_row_t))
    table_init(&e.stamps, sizeof(stamp_t))
    table_init(&e.bytes, 1)
    table_init(&e.scratch, 1)
    e.epoch = 1


cdef void extents_free(extents_t *e) noexcept nogil:
    while e.forgotten < e.past.rows:
        forget_oldest(e)
    table_free(&e.past)
    table_free(&e.links)
    table_free(&e.judged)
    table_free(&e.rows)
    table_free(&e.gaps)
    table_free(&e.stamps)
    table_free(&e.bytes)
    table_free(&e.scratch)


cdef int note_link(
    extents_t *e, const flow_t *flow, size_t number, uint32_t before
) noexcept nogil:
    # extent `number` of the epoch that begins follows extent `before` of the flow's own epoch
    cdef link_t *link
    if before == 0:
        return 0
    link = <link_t *>table_row(&e.links)
    if link == NULL:
        return -1
    link.extent = number
    link.epoch = flow.epoch
    link.before = before
    return 0


cdef int keep_bytes(
    extents_t *e, const uint8_t *data, size_t before, size_t length
) noexcept nogil:
    # into the arena, with the `before` bytes in front of them and zeros up to HEADERS
    if table_reserve(&e.bytes, length + HEADERS) != 0:
        return -1
    memset(table_end(&e.bytes), 0, HEADERS - before)
    memcpy(table_end(&e.bytes) + HEADERS - before, data - before, before + length)
    e.bytes.rows += HEADERS + length
    return 0


cdef int extents_keep(
    extents_t *e, const uint8_t *data, size_t before, size_t length, uint64_t *place
) noexcept nogil:
    if keep_bytes(e, data, before, length) != 0:
        return -1
    place[0] = (e.bytes.rows - length) | ARENA()
    return 0


cdef int note_judged(extents_t *e, size_t extent, uint8_t checksum) noexcept nogil:
    # ascending: extents are judged as they are added
    cdef judged_t *row = <judged_t *>table_row(&e.judged)
    if row == NULL:
        return -1
    row.extent = extent
    row.checksum = checksum
    return 0


cdef size_t headers_of(const sources_t *sources, const run_t *run) noexcept nogil:
    # how many bytes of its frame stand in front of a run, HEADERS at most
    cdef const source_t *source
    cdef uint64_t before
    if run.memory != NULL or run.place >> 63:
        return 0
    source = source_of(sources, run.place)
    if run.place < source.shown_from:
        return 0
    before = run.place - source.shown_from
    if before > source.shown_size or source.shown + before != run.data:
        return 0
    return HEADERS if before > HEADERS else <size_t>before


cdef int extents_add(
    extents_t *e, const sources_t *sources, flow_t *flow, const run_t *run
) noexcept nogil:
    cdef extent_t *extent
    cdef uint64_t place = run.place
    if unlikely(e.rows.rows >= <size_t>0xFFFFFFFE):
        return -1
    if unlikely(not is_addressable(sources, place)):
        if extents_keep(
            e, run.data, headers_of(sources, run), <size_t>run.length, &place
        ) != 0:
            return -1
    if unlikely(run.checksum != CHECKSUM_UNKNOWN) \
            and note_judged(e, e.rows.rows + 1, run.checksum) != 0:
        return -1
    if flow.epoch != e.epoch and note_link(e, flow, e.rows.rows + 1, flow.extent) != 0:
        return -1
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


# ---- the last extents of a flow, through the epochs


cdef void enter_epoch(const extents_t *e, walk_t *w, uint32_t epoch) noexcept nogil:
    # the walk goes on in this epoch; its rows are NULL where that is forgotten
    cdef const epoch_t *past
    cdef size_t back = e.epoch - epoch
    w.epoch = epoch
    w.rows = NULL
    w.bytes = NULL
    w.links = w.judged = NULL
    if back == 0:
        w.rows = <const extent_t *>e.rows.data
        w.bytes = e.bytes.data
        w.links = &e.links
        w.judged = &e.judged
    elif back <= e.past.rows - e.forgotten:
        past = <const epoch_t *>e.past.data + (e.past.rows - back)
        w.rows = past.rows
        w.bytes = past.bytes
        w.links = &past.links
        w.judged = &past.judged


cdef void walk_begin(const extents_t *e, walk_t *w, const flow_t *flow) noexcept nogil:
    enter_epoch(e, w, flow.epoch)
    w.number = flow.extent
    w.first = 0
    w.steps = COMPARED_EXTENTS


cdef const link_t *link_of(const table_t *links, uint32_t extent) noexcept nogil:
    # NULL where an extent is the first of its flow
    cdef const link_t *rows = <const link_t *>links.data
    cdef size_t at = lower_bound(rows, links.rows, sizeof(link_t), extent)
    return rows + at if at < links.rows and rows[at].extent == extent else NULL


cdef judged_t *judged_of(const table_t *judged, uint32_t extent) noexcept nogil:
    # NULL where nothing was noted
    cdef judged_t *rows = <judged_t *>judged.data
    cdef size_t at = lower_bound(rows, judged.rows, sizeof(judged_t), extent)
    return rows + at if at < judged.rows and rows[at].extent == extent else NULL


cdef judged_t *walk_judged(const walk_t *w) noexcept nogil:
    return judged_of(w.judged, w.first)


cdef const extent_t *walk_next(const extents_t *e, walk_t *w) noexcept nogil:
    # the next extent, `w.bytes` being those of its epoch; NULL: no more, too far back, forgotten
    cdef const extent_t *extent
    cdef const link_t *link
    if w.number == 0 and w.first != 0:
        # the flow's first one of an epoch was seen: on in an earlier one
        link = link_of(w.links, w.first)
        w.first = 0
        if link != NULL:
            w.number = link.before
            enter_epoch(e, w, link.epoch)
    if w.number == 0 or w.rows == NULL or w.steps == 0:
        return NULL
    extent = w.rows + (w.number - 1)
    w.first = w.number
    w.number = extent.before
    w.steps -= 1
    return extent


cdef const uint8_t *extents_bytes(
    extents_t *e, const sources_t *sources, uint64_t place, uint64_t length
) noexcept nogil:
    cdef const uint8_t *shown = shown_at(sources, place, length)
    cdef const source_t *source
    if shown != NULL or sources.read_back == NULL:
        return shown
    # a spooled stream: what was written can be read
    e.scratch.rows = 0
    if table_reserve(&e.scratch, <size_t>length) != 0:
        e.starved = True
        return NULL
    source = source_of(sources, place)
    if not sources.read_back(
        sources.context, <size_t>(source - <const source_t *>sources.rows.data), place, length,
        e.scratch.data
    ):
        return NULL
    return e.scratch.data


cdef const uint8_t *extents_bytes_of(
    extents_t *e, const sources_t *sources, const extent_t *extent, const uint8_t *arena
) noexcept nogil:
    if extent.place >> 63:
        return arena + (extent.place & ~ARENA())
    return extents_bytes(e, sources, extent.place, extent.length)


cdef int64_t extents_find(
    extents_t *e, const sources_t *sources, const flow_t *flow, const uint8_t *data,
    uint32_t length
) noexcept nogil:
    cdef walk_t w
    cdef const extent_t *extent
    cdef const uint8_t *known
    if length < LEAST_COPY or memcmp(data, data + 1, length - 1) == 0:
        return -1
    walk_begin(e, &w, flow)
    while True:
        extent = walk_next(e, &w)
        if extent == NULL:
            return -1
        if extent.length == length:
            known = extents_bytes_of(e, sources, extent, w.bytes)
            if known != NULL and memcmp(known, data, length) == 0:
                return extent.offset


# ---- epochs


cdef void forget_oldest(extents_t *e) noexcept nogil:
    # the tables of the oldest epoch may go
    cdef epoch_t *past = <epoch_t *>e.past.data + e.forgotten
    table_free(&past.links)
    table_free(&past.judged)
    e.held -= past.size
    e.forgotten += 1


cdef int extents_turn(
    extents_t *e, const extent_t *rows, size_t count, const uint8_t *bytes, size_t size
) noexcept nogil:
    cdef epoch_t *past
    if e.forgotten > 1024 and e.forgotten * 2 > e.past.rows:
        e.past.rows -= e.forgotten
        memmove(e.past.data, e.past.data + e.forgotten * sizeof(epoch_t),
                e.past.rows * sizeof(epoch_t))
        e.forgotten = 0
    past = <epoch_t *>table_row(&e.past)
    if past == NULL:
        return -1
    past.rows = rows
    past.bytes = bytes
    past.links = e.links
    past.judged = e.judged
    past.size = count * sizeof(extent_t) + size + EPOCH_COST \
        + e.links.capacity * sizeof(link_t) + e.judged.capacity * sizeof(judged_t)
    table_init(&e.links, sizeof(link_t))
    table_init(&e.judged, sizeof(judged_t))
    e.held += past.size
    while e.held > e.ceiling:
        forget_oldest(e)
    return 0


cdef int extents_carry(
    extents_t *e, flow_t *flow, const extent_t *old, const uint8_t *old_bytes
) noexcept nogil:
    cdef uint32_t i = flow.extent, n = 0
    cdef int64_t need
    cdef extent_t *extent
    cdef size_t at = e.rows.rows, j
    cdef const table_t *judged = &(<const epoch_t *>e.past.data + (e.past.rows - 1)).judged
    cdef const judged_t *known
    if flow.mms == NULL or flow.epoch != e.epoch:
        return 0
    need = mms_needed_from(flow.mms)
    while i != 0 and old[i - 1].offset + old[i - 1].length > need:
        n += 1
        i = old[i - 1].before
    if n == 0:
        return 0
    if table_reserve(&e.rows, n) != 0 or note_link(e, flow, at + 1, i) != 0:
        return -1
    e.rows.rows += n
    i = flow.extent
    j = n
    while j:
        j -= 1
        extent = <extent_t *>e.rows.data + at + j
        extent[0] = old[i - 1]
        extent.before = i  # for the loop below
        i = old[i - 1].before
    for j in range(n):
        extent = <extent_t *>e.rows.data + at + j
        known = judged_of(judged, extent.before)
        if known != NULL and note_judged(e, at + j + 1, <uint8_t>known.checksum) != 0:
            return -1
        extent.before = <uint32_t>(at + j) if j else 0
        if extent.place >> 63:
            if keep_bytes(
                e, old_bytes + (extent.place & ~ARENA()), HEADERS, extent.length
            ) != 0:
                return -1
            extent.place = (e.bytes.rows - extent.length) | ARENA()
    flow.extent = <uint32_t>e.rows.rows
    flow.epoch = e.epoch + 1
    return 0
