# TcpMessageHeader packets: is what the header says true? (docs/decisions/0022) First the messages
# are walked and nothing is written; rows are written when the packet is believed.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp

from mmscodec._kernels.core.layout cimport (
    FAULT_BAD_CHUNK_LEN, FAULT_BAD_MESSAGE_LENGTH, FAULT_TOO_LONG, FIELD_CHUNK_LEN,
    FIELD_MESSAGE_LENGTH, SESSION_ID, TCP_HEADER_LEN,
)
from mmscodec._kernels.core.wire cimport load_le32, load_le64
from mmscodec._kernels.mms.evidence cimport (
    NO, TAIL, WAIT, YES, is_border, is_expected, is_head, is_signed, wait_for,
)
from mmscodec._kernels.mms.faults cimport mms_begin_skip
from mmscodec._kernels.mms.state cimport mms_view_t

cdef struct walk_t:
    uint64_t total  # bytes of the packet, by messageLength: more than a size_t of 32 bits holds
    size_t good  # bytes up to the end of the last whole message
    uint64_t size  # of the message that does not fit, if `broken`
    bint broken
    bint strange  # a MID that neither side sends

cdef enum:
    LARGE_PACKET = 512  # bytes


cdef inline bint like_signature(const uint8_t *q, size_t n) noexcept nogil:
    # may n < 16 bytes at q, at the end of a packet, be the beginning of a TcpMessageHeader?
    cdef uint8_t start[4]
    start[0] = 1
    start[1] = start[2] = 0
    if n <= 4:
        return memcmp(q, start, n if n < 3 else 3) == 0
    start[0] = 0xCE
    start[1] = 0xFA
    start[2] = 0x0B
    start[3] = 0xB0
    return memcmp(q + 4, start, n - 4 if n < 8 else 4) == 0


cdef inline int first_signature(
    mms_view_t *v, size_t start, size_t end, size_t *place
) noexcept nogil:
    # YES: another TcpMessageHeader begins at *place in [start, end); it may reach beyond, but not
    # beyond what is there. With options.skip_payload, no byte of a packet is ever missing and none
    # is waited for: only headers that end in it count.
    cdef const uint8_t *found = v.p + start + 4
    cdef const uint8_t *stop = v.p + (end if v.n - end >= 4 else v.n - 4) + 4
    while stop - found > 0:
        found = <const uint8_t *>memchr(found, 0xCE, <size_t>(stop - found))
        if found == NULL:
            break
        place[0] = <size_t>(found - v.p) - 4
        if (v.n - place[0] >= 16 or (v.final and v.n - place[0] >= 8)) \
                and is_signed(v, place[0]) == YES \
                and (end - place[0] > 4 or like_signature(v.p + place[0], end - place[0])) \
                and (end - place[0] >= 16 or not v.s.options.skip_payload):
            v.s.framing.looked += place[0] - start
            return YES
        found += 1
    v.s.framing.looked += end - start
    return NO


cdef inline int header_inside(mms_view_t *v, size_t at, size_t end) noexcept nogil:
    # As `first_signature` in the packet at `at`, which ends at `end`; WAIT where its last bytes may
    # be the first ones of a header
    cdef size_t i, j, place
    if first_signature(v, at + 16, end, &place) == YES:
        return YES
    if v.final or v.s.options.skip_payload or v.n - end >= 16:
        return NO
    for j in range(1, 16):
        i = end - j
        if v.n - i < 16 and like_signature(v.p + i, j):
            return wait_for(v, i + 16)
    return NO


cdef inline bint is_next_data(mms_view_t *v, size_t at) noexcept nogil:
    # Is what should be a message the Data packet that was to be expected? No message looks like
    # one: the upper half of its MID would be a PacketSize below 8.
    cdef uint64_t h = load_le64(v.p + at)
    return is_head(h) and not v.s.options.client and is_expected(v, h)


cdef inline int walk_messages(mms_view_t *v, size_t at, walk_t *w) noexcept nogil:
    # From message to message of the packet at `at`: NO where the next packet begins instead.
    cdef size_t left = v.n - at, place
    cdef uint64_t size
    cdef uint32_t mid, sender
    cdef const uint8_t *q = v.p + at
    w.good = TCP_HEADER_LEN
    w.broken = w.strange = False
    while w.good < w.total and left >= w.good + 8:
        size = <uint64_t>load_le32(q + w.good) << 3
        mid = load_le32(q + w.good + 4)
        if mid == SESSION_ID and first_signature(v, at + 16, at + w.good, &place) == NO:
            return NO
        if mid == SESSION_ID or size == 0 or size > w.total - w.good:
            if is_next_data(v, at + w.good):
                return NO
            w.broken = True
            w.size = size
            return YES
        if left - w.good < size:
            return YES
        sender = mid >> 16
        if sender != 3 and sender != 4:
            if is_next_data(v, at + w.good):
                return NO
            w.strange = True
        w.good += <size_t>size
    return YES


cdef inline int refuse_packet(
    mms_view_t *v, size_t at, uint16_t code, uint16_t field, uint64_t need, uint64_t have
) noexcept nogil:
    # begin to skip at `at` of the view, with this fault; NO
    mms_begin_skip(v.s, v.base + <long long>at, code, field, <long long>need, <long long>have)
    return NO


cdef inline int refuse_length(
    mms_view_t *v, size_t at, size_t right, uint64_t total
) noexcept nogil:
    # the same for a messageLength that the messages contradict
    return refuse_packet(
        v, at, FAULT_BAD_MESSAGE_LENGTH, FIELD_MESSAGE_LENGTH, right - 16, total - 16)


cdef inline int refuse_chunk(mms_view_t *v, size_t at, const walk_t *w) noexcept nogil:
    # the same for the chunkLen at which the messages stop to tile the packet
    return refuse_packet(
        v, at, FAULT_BAD_CHUNK_LEN, FIELD_CHUNK_LEN, w.size, w.total - w.good)


cdef inline int judge_cut(mms_view_t *v, size_t at, walk_t *w) noexcept nogil:
    # the packet at `at` is cut off by the end of the input
    cdef size_t place
    if first_signature(v, at + 16, v.n, &place) == YES:
        return refuse_length(v, at, place - at, w.total)
    if walk_messages(v, at, w) == NO:
        return refuse_length(v, at, w.good, w.total)
    return refuse_chunk(v, at, w) if w.broken else TAIL


cdef inline int judge_whole(mms_view_t *v, size_t at, walk_t *w) noexcept nogil:
    # The packet at `at` is all there. If something speaks against it, what stands behind decides.
    cdef size_t end = at + <size_t>w.total, place
    cdef int answer
    if w.total > LARGE_PACKET and first_signature(v, at + 16, end, &place) == YES:
        # before its messages are walked, which those of the packet inside would be once more
        answer = is_border(v, end)
        if answer != YES:
            return WAIT if answer == WAIT else refuse_length(v, at, place - at, w.total)
    if walk_messages(v, at, w) == NO:
        return refuse_length(v, at, w.good, w.total)
    v.s.framing.looked += w.good
    if not (w.broken or w.strange):
        if v.s.options.live and end == v.n:
            return YES
        answer = header_inside(v, at, end)
        if answer != YES:
            return YES if answer == NO else WAIT
    answer = is_border(v, end)
    if answer != NO:
        return answer
    return refuse_chunk(v, at, w) if w.broken else refuse_length(v, at, w.good, w.total)


cdef inline int judge_packet(mms_view_t *v, size_t at, walk_t *w) noexcept nogil:
    # The packet at `at`, whose sessionId and seal are right; at least 16 bytes are there. YES,
    # WAIT, TAIL, or NO with its fault in v.s.
    cdef uint32_t length = load_le32(v.p + at + 8)
    if length < 16 or length & 7:
        return refuse_packet(
            v, at, FAULT_BAD_MESSAGE_LENGTH, FIELD_MESSAGE_LENGTH, 16, length)
    w.total = <uint64_t>length + 16
    if w.total > v.s.options.max_packet:
        return refuse_packet(
            v, at, FAULT_TOO_LONG, FIELD_MESSAGE_LENGTH, v.s.options.max_packet, w.total)
    if v.n - at >= w.total:
        return judge_whole(v, at, w)
    return judge_cut(v, at, w) if v.final else wait_for(v, at + <size_t>w.total)
