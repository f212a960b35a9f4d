# Data packets where a packet has to begin: are they what they seem, and what do they say about
# those to come? (docs/decisions/0022) Answers as in evidence.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memset

from mmscodec._kernels.core.layout cimport (
    DATA_HEADER, DATA_MEDIA, DATA_PACKET_PAIR, SEAL, SESSION_ID,
)
from mmscodec._kernels.core.wire cimport likely, load_le32, load_le64
from mmscodec._kernels.mms.evidence cimport (
    ASF_HEADER_GUID, NO, PLAIN_STEP, SMALL_LOCATION, TAIL, WAIT, YES, begins_header, counted_on,
    flags_of, incarnation_of, is_expected, is_head, is_known, is_packet_pair, is_resend, is_signed,
    is_sound, is_text, linked, plain, size_of, wait_for, within,
)
from mmscodec._kernels.mms.resync cimport (
    HOPS, LOOK_AHEAD, proven, proven_data, search, search_inside,
)
from mmscodec._kernels.mms.state cimport (
    CLIENT_SPOKE, SERVER_SPOKE, data_row_t, mms_model_t, mms_view_t,
)

cdef enum:
    # what stands behind a Data packet says about it (WAIT and YES as in evidence.pxd)
    NOTHING = 4  # no packet begins there
    ANCHOR = 5  # one does, but it might do so behind a later packet too
    UNDECIDED = 6  # ANCHOR, and bytes that are missing could make it YES
    SMALL_PACKET = 72  # bytes of the TcpMessageHeader packets that servers put between Data packets


cdef inline bint same_count(uint64_t a, uint64_t b) noexcept nogil:
    # b comes right behind a, or next to right behind it where AFFlags prove that none is between
    return counted_on(a, b) and within(
        a, b, PLAIN_STEP if <uint8_t>(flags_of(b) - flags_of(a)) == 1 else 1)


cdef inline bint small_packet_before(mms_view_t *v, size_t start, size_t stop) noexcept nogil:
    # does a TcpMessageHeader packet of SMALL_PACKET bytes or less end at `stop`?
    # Not where the payload, from `start` on, begins with one: then it is made of them.
    cdef size_t size
    if stop - start < 32 or (
        load_le32(v.p + start + 4) == SESSION_ID and load_le32(v.p + start + 12) == SEAL
    ):
        return False
    for size in range(<size_t>32, <size_t>SMALL_PACKET + 1, 8):
        if stop - start < size:
            return False
        if load_le32(v.p + stop - size + 4) == SESSION_ID \
                and load_le32(v.p + stop - size + 12) == SEAL \
                and load_le32(v.p + stop - size + 8) == size - 16:
            return True
    return False


cdef inline int next_data_counts(mms_view_t *v, size_t at, uint64_t d) noexcept nogil:
    # Behind TcpMessageHeader packets from `at` on: is the next Data packet the one that comes right
    # behind the one with header d?
    cdef size_t begin = at, total = 0
    cdef int _hop, answer
    for _hop in range(HOPS):
        if at - begin > LOOK_AHEAD:
            return NO
        if at > v.n or v.n - at < 8:
            return NO if v.final else wait_for(v, at + 16)
        v.s.framing.looked += 16
        answer = is_sound(v, at, &total)
        if answer == WAIT:
            return WAIT
        if answer == NO:
            return YES if is_head(load_le64(v.p + at)) and same_count(d, load_le64(v.p + at)) \
                else NO
        at += total
    return NO


cdef inline int unknown_behind(mms_view_t *v, size_t at, size_t *limit) noexcept nogil:
    # An unknown packet behind an unknown one: do they tile up to something known, at *limit?
    cdef uint64_t h = load_le64(v.p + at)
    cdef size_t end
    cdef int answer = proven(v, at, 0)
    if answer != NO:
        return ANCHOR if answer == YES else WAIT
    end = at + size_of(h)
    if end > v.n or v.n - end < 8:
        if not v.final:
            return wait_for(v, end + 16)
        limit[0] = end
        return ANCHOR if end == v.n else NOTHING
    answer = is_signed(v, end)
    if answer == WAIT:
        return WAIT
    h = load_le64(v.p + end)
    if answer == YES or (is_head(h) and linked(v.s.model.last, h)):
        limit[0] = end
        return ANCHOR
    return NOTHING


cdef inline int behind(
    mms_view_t *v, size_t at, uint64_t d, bint sure, size_t *limit
) noexcept nogil:
    # What stands behind the Data packet with header d at `at`, which is all there? *limit: how far
    # a better header has to be looked for.
    cdef size_t end = at + size_of(d), total = 0
    cdef bint alike = plain(v.s.model.last, d)
    cdef uint64_t h
    cdef int answer
    limit[0] = end
    if v.n - end < 8:
        if not v.final:
            return wait_for(v, end + 16)
        return YES if alike else ANCHOR
    h = load_le64(v.p + end)
    if likely(same_count(d, h)) and is_head(h) \
            and (alike or not small_packet_before(v, at + 8, end)):
        return YES
    answer = is_signed(v, end)
    if answer == NO:
        answer = is_resend(v, end, &total)
        if answer == YES:
            return YES if alike else ANCHOR
    if answer == WAIT:
        return WAIT
    if answer == YES:
        if alike:
            return YES
        answer = next_data_counts(v, end, d)
        if answer == YES and small_packet_before(v, at + 8, end):
            return ANCHOR
        return UNDECIDED if answer == WAIT else (YES if answer == YES else ANCHOR)
    if not is_head(h):
        return NOTHING
    if linked(d, h) or is_expected(v, h):
        return YES if alike else ANCHOR
    answer = begins_header(v, end, h)
    if answer != NO:
        return WAIT if answer == WAIT else (YES if alike else ANCHOR)
    return NOTHING if sure else unknown_behind(v, end, limit)


cdef inline bint is_next_fragment(const mms_model_t *m, uint64_t h) noexcept nogil:
    # does the header carry on the ASF header that is being collected?
    return m.header_open and incarnation_of(h) == m.header_incarnation \
        and <uint32_t>h == m.header_next


cdef inline bint damaged_session_id(mms_view_t *v, size_t at) noexcept nogil:
    # the rest of a TcpMessageHeader stands there
    return v.n - at >= 16 and load_le32(v.p + at + 12) == SEAL \
        and load_le32(v.p + at + 8) >= 16 and load_le32(v.p + at + 8) & 7 == 0


cdef inline int is_sure(mms_view_t *v, size_t at, uint64_t h) noexcept nogil:
    # YES: by what came before, a Data packet with this header is expected; its size may be wrong
    if linked(v.s.model.last, h):
        return YES
    if size_of(h) >= 16:
        if v.n - at < 16 and not v.final:
            return wait_for(v, at + 16)
        if damaged_session_id(v, at):
            return TAIL  # it is no Data packet
    if is_known(v.s, h) or is_packet_pair(h) or is_next_fragment(&v.s.model, h):
        return YES
    return begins_header(v, at, h)


cdef inline int judge_inside(
    mms_view_t *v, size_t at, uint64_t h, bint sure, int back, size_t *better
) noexcept nogil:
    # YES: a header stands at *better > at that says that the packet at `at` does not reach so far.
    # NO, or WAIT. `back`: what stands behind the packet. *better comes in as the end of the search.
    cdef size_t limit = better[0]
    cdef int answer
    better[0] = at + 1
    if back != NOTHING and at + size_of(h) <= v.n:
        v.wall = limit
    if sure:
        answer = search_inside(
            v, better, h, limit, back == NOTHING or size_of(h) > v.s.model.largest)
    else:
        answer = search(v, better, limit, at + size_of(h))
    v.wall = 0
    return answer


cdef inline int judge_data(
    mms_view_t *v, size_t at, bint *sure, size_t *better
) noexcept nogil:
    # At a packet border, no TcpMessageHeader: a Data packet? At least 8 bytes are there. Where the
    # answer is NO and *better is not 0, a better header stands there. *sure: see is_sure.
    cdef uint64_t h = load_le64(v.p + at)
    cdef size_t end = at + size_of(h), later
    cdef int answer, back = ANCHOR
    better[0] = 0
    sure[0] = False
    if not is_head(h) or v.s.options.client:
        return NO
    if v.s.options.skip_payload and plain(v.s.model.last, h):
        return YES
    answer = is_sure(v, at, h)
    if answer == WAIT or answer == TAIL:
        return NO if answer == TAIL else WAIT
    sure[0] = answer == YES
    if v.s.model.senders == CLIENT_SPOKE:
        answer = proven_data(v, at, 0)
        if answer != YES:
            return answer
    if end > v.n and not v.final:
        return wait_for(v, end + 16)
    if v.s.options.live and not v.final and v.n - end < 16 and (sure[0] or end == v.n):
        return YES
    better[0] = v.n
    if end <= v.n:
        back = behind(v, at, h, sure[0], better)
    if back == WAIT and v.s.options.live and sure[0]:
        back = YES
    later = v.need
    if back == NOTHING and not sure[0]:
        better[0] = 0
        return NO
    if back == YES or back == WAIT:
        return back
    answer = judge_inside(v, at, h, sure[0], back, better)
    if answer == YES and back == UNDECIDED:
        return wait_for(v, later)
    if answer != NO:
        return NO if answer == YES else WAIT
    better[0] = 0
    if end <= v.n:
        return YES
    return TAIL if sure[0] or (<uint32_t>h < SMALL_LOCATION and not is_text(h)) else NO


cdef inline void note_fragment(mms_model_t *m, uint64_t h, data_row_t *row) noexcept nogil:
    # does the Data packet belong to the ASF header that is being collected?
    if incarnation_of(h) != m.header_incarnation:
        return
    if <uint32_t>h != m.header_next:
        m.header_open = False
        return
    row.kind = DATA_HEADER
    m.header_next += 1
    if flags_of(h) & 0x08:  # last fragment, 14.1 S6
        m.header_open = False


cdef inline void take_data(
    mms_model_t *m, const uint8_t *q, size_t left, int64_t offset, data_row_t *row
) noexcept nogil:
    # Write the row of the Data packet at q, of which `left` bytes are there, and what it says about
    # those to come.
    cdef uint64_t h = load_le64(q)
    row.offset = offset
    row.location_id = <uint32_t>h
    row.play_incarnation = incarnation_of(h)
    row.af_flags = flags_of(h)
    row.length = size_of(h)
    row.kind = DATA_MEDIA
    memset(row.padding, 0, sizeof(row.padding))
    m.senders |= SERVER_SPOKE
    if is_packet_pair(h):
        row.kind = DATA_PACKET_PAIR
        return
    if <uint32_t>h == 0 and row.length >= 24 and left >= 24 \
            and memcmp(q + 8, ASF_HEADER_GUID, 16) == 0:
        m.header_open = True
        m.header_incarnation = incarnation_of(h)
        m.header_next = 0
    if m.header_open:
        note_fragment(m, h, row)
    m.fresh = False
    m.last = h
    if m.awaited == incarnation_of(h):
        m.awaited = 0
    if row.length > m.largest:
        m.largest = row.length
