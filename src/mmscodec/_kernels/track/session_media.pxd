# The Data packets of a plain session: its header, its starts of playback, and how they came.
from libc.stdint cimport int64_t
from libc.string cimport memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.layout cimport DATA_HEADER, DATA_HEADER_LEN, DATA_MEDIA
from mmscodec._kernels.core.table cimport table_at, table_row
from mmscodec._kernels.track.session_plain cimport (
    MOST_SEGMENTS, TAG_HEADER, TAG_MEDIA, asked_t, media_row_t, plain_row_t, plain_t, segment_row_t,
)

cdef enum:
    LAST_FRAGMENT = 0x08
    STALL = 1_000_000_000  # ns; a longer gap is one that viewers see


cdef inline segment_row_t *segment_at(plain_t *p, int64_t number) noexcept nogil:
    # a start of playback of this session; good until the next one is made
    return <segment_row_t *>table_at(p.segments, <size_t>(p.row.segments + number))


cdef inline int64_t request_of(plain_t *p, const media_row_t *packet) noexcept nogil:
    # row of the StartPlaying that brought this packet, the latest before it of those with its tag,
    # or the first; -1 where a report stands for it
    cdef int64_t late = 0, found = -1
    cdef bint any_yet = False
    cdef asked_t *one
    cdef size_t i
    for i in range(p.asked_count):
        one = &p.asked[i]
        if one.header or one.incarnation & 0xFF != packet.play_incarnation:
            continue
        late = one.time if not any_yet or one.time > late else late
        if any_yet and late > packet.time:
            break
        found, any_yet = one.row, True
    return found


cdef inline bint add_head(plain_t *p, int64_t row) noexcept nogil:
    # a fragment of the header: numbered from 0 on under one tag, in order; else False
    cdef plain_row_t *out = p.row
    cdef const media_row_t *packet = &p.data[row]
    if out.head_count == 0:
        out.head_tag = packet.play_incarnation
    elif p.data[p.heads[out.head_count - 1]].time > packet.time:
        return False
    if packet.play_incarnation != out.head_tag or packet.location_id != out.head_count:
        return False
    p.heads[out.head_count] = row
    out.head_count += 1
    return True


cdef inline bint begin_segment(plain_t *p, int64_t row) noexcept nogil:
    # another start of playback; False: nobody asked for it, there are too many, or no memory
    cdef const media_row_t *packet = &p.data[row]
    cdef segment_row_t *made
    if not p.tags[packet.play_incarnation] & TAG_MEDIA:
        return False
    if p.row.segment_count == MOST_SEGMENTS:
        return False
    made = <segment_row_t *>table_row(p.segments)
    if made == NULL:
        return False
    memset(made, 0, sizeof(segment_row_t))
    made.session, made.tag = p.session, packet.play_incarnation
    made.begin = p.row.media + p.row.media_count
    made.request, made.first_row, made.first_time = request_of(p, packet), row, packet.time
    p.row.segment_count += 1
    return True


cdef inline bint add_media(plain_t *p, int64_t row, bint begins) noexcept nogil:
    # an ASF packet: later than the one before, and behind it within a start; else False
    cdef plain_row_t *out = p.row
    cdef const media_row_t *packet = &p.data[row]
    cdef const media_row_t *before
    if out.media_count:
        before = &p.data[p.media[out.media_count - 1]]
        if before.time > packet.time:
            return False
        if not begins and packet.location_id <= before.location_id:
            return False
        if not begins and packet.location_id - before.location_id > 1:
            out.jumps += 1
            out.left_out += packet.location_id - before.location_id - 1
    if begins and not begin_segment(p, row):
        return False
    segment_at(p, out.segment_count - 1).count += 1
    p.media[out.media_count] = row
    out.media_count += 1
    out.media_bytes += <int64_t>packet.length - DATA_HEADER_LEN
    return True


cdef inline bint plain_packets(plain_t *p, const int64_t *rows, size_t count) noexcept nogil:
    # divides the Data packets of the server's flow, whose offsets ascend; False: it is not plain
    cdef const media_row_t *packet
    cdef const media_row_t *last = NULL  # of the media
    cdef size_t i, step = 0, last_step = 0
    cdef int64_t first_heads = 0
    cdef bint begins
    for i in range(count):
        packet = &p.data[rows[i]]
        if packet.kind != DATA_HEADER and packet.kind != DATA_MEDIA:
            continue  # packet-pair filler
        if interrupted_at(i):
            p.interrupted = True
            return False
        while step < p.start_count and p.starts[step] <= packet.offset:
            step += 1
        first_heads += packet.kind == DATA_HEADER and packet.location_id == 0
        if packet.kind == DATA_HEADER or p.tags[packet.play_incarnation] == TAG_HEADER:
            if first_heads > 1 or not add_head(p, rows[i]):
                return False
            continue
        begins = last == NULL or last_step != step
        begins = begins or last.play_incarnation != packet.play_incarnation
        if not add_media(p, rows[i], begins):
            return False
        last, last_step = packet, step
    return True


cdef inline void end_header(plain_t *p) noexcept nogil:
    # how many fragments are one header, whether it is whole, and what completed it
    cdef plain_row_t *out = p.row
    cdef int64_t i, total = 0, size = 0
    out.head_parts = out.head_count
    for i in range(out.head_count):
        total += <int64_t>p.data[p.heads[i]].length - DATA_HEADER_LEN
        if p.data[p.heads[i]].af_flags & LAST_FRAGMENT:
            out.head_parts, out.head_complete = i + 1, 1
            break
    if not out.head_complete and out.head_count:
        size = p.kinds.header_size[out.opened] if out.opened >= 0 else 0
        out.head_complete = 0 < size <= total
    if out.head_complete:
        i = out.head_parts - 1
        while i and p.data[p.heads[i - 1]].time == p.data[p.heads[i]].time:
            i -= 1
        out.head_row = p.heads[i]
        out.head_time = p.data[p.heads[i]].time


cdef inline void gaps_of(plain_t *p) noexcept nogil:
    # silence between media packets, without pauses and seeks
    cdef plain_row_t *out = p.row
    cdef int64_t i, before, now
    cdef size_t b = 0
    for i in range(1, out.media_count):
        if interrupted_at(<size_t>i):
            p.interrupted = True
            return
        before, now = p.data[p.media[i - 1]].time, p.data[p.media[i]].time
        while b < p.break_count and p.breaks[b] <= before:
            b += 1
        if b < p.break_count and p.breaks[b] <= now:
            continue
        if now - before > out.longest_gap:
            out.longest_gap = now - before
        if now - before > STALL:
            out.stalls += 1
            out.stalled += now - before
        else:
            out.playing += now - before


cdef inline bint plain_media(plain_t *p, const int64_t *rows, size_t count) noexcept nogil:
    # the Data packets of the server's flow; False: the session is not plain
    if not plain_packets(p, rows, count):
        return False
    end_header(p)
    gaps_of(p)
    return True


cdef inline int64_t first_from(
    const media_row_t *data, const int64_t *rows, int64_t count, int64_t time
) noexcept nogil:
    # the first of `count` rows, whose times ascend, that did not come before a time; or `count`
    cdef int64_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) >> 1
        if data[rows[middle]].time < time:
            low = middle + 1
        else:
            high = middle
    return low
