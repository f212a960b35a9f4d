# The search for a header after damage, at the start in the middle of a stream, and inside of a
# packet whose size may be wrong: headers that need no border in front of them
# (docs/decisions/0022).
#
# Answers as in evidence.pxd. At each byte a fixed number of headers is looked at, none of them
# further than LOOK_AHEAD behind it, so that work and waiting are bounded.
from libc.stdint cimport uint8_t, uint32_t, uint64_t

from mmscodec._kernels.core.layout cimport RESEND_SIGNATURE, SESSION_ID
from mmscodec._kernels.core.wire cimport likely, load_le32, load_le64
from mmscodec._kernels.mms.evidence cimport (
    NO, NO_LOCATION, PAIR_LOCATION, SMALL_LOCATION, WAIT, YES, begins_header,
    counted_on, flags_of, incarnation_of, is_announced, is_head, is_known, is_last_fragment,
    is_packet_pair, is_resend, is_signed, is_sound, is_text, linked, plain, size_of, wait_for,
)
from mmscodec._kernels.mms.state cimport mms_view_t

cdef extern from "mmscodec_scan.h" nogil:
    size_t scan_for_data(const uint8_t *p, size_t start, size_t stop) noexcept
    size_t scan_for_datagram(const uint8_t *p, size_t start, size_t stop) noexcept
    size_t scan_for_play(
        const uint8_t *p, size_t start, size_t stop, uint8_t incarnation, uint8_t high) noexcept
    size_t scan_for_signature(const uint8_t *p, size_t start, size_t stop) noexcept

cdef enum:
    HOPS = 8  # packets behind a header that are looked at
    LOOK_AHEAD = 3 << 16  # bytes

    TOLD = 1  # the stream made such a packet likely: less proof is asked for
    ALONE = 2  # nothing is known about the stream, and LocationId is that of a file
    CROSS = 4  # what does not belong to it may prove it too, if it is proven itself


cdef inline int chain(mms_view_t *v, size_t at, uint64_t last, int trust) noexcept nogil:
    # Do the packets behind the Data header at `at` prove it? `last`: the Data packet in front.
    cdef uint64_t d = load_le64(v.p + at), later, first = d
    cdef size_t begin = at, total = 0
    cdef int links = 0, crossed = 0, _hop, answer
    at += size_of(d)
    for _hop in range(HOPS):
        if at - begin > LOOK_AHEAD:
            return NO
        if v.wall and at >= v.wall:
            return YES if at == v.wall and (links or trust & TOLD) else NO
        if at > v.n or v.n - at < 8:
            if not v.final:
                return wait_for(v, at + 16)
            if links or (trust & ALONE and crossed):
                return YES
            if at == v.n:
                return YES if trust & TOLD else NO
            return YES if linked(last, first) and size_of(first) <= v.s.model.largest else NO
        v.s.framing.looked += 16
        answer = is_sound(v, at, &total)
        if answer == WAIT:
            return WAIT
        if answer == YES:
            if links or trust & TOLD:
                return YES
            crossed += 1
            at += total
            continue
        later = load_le64(v.p + at)
        if not is_head(later):
            return NO
        if not linked(d, later):
            if trust & TOLD and trust & CROSS:
                return chain(v, at, 0, 0)
            return trust & ALONE and crossed and <uint8_t>(flags_of(later) - flags_of(d)) <= 1
        links += 1
        if links == 2 or crossed or trust & TOLD:
            return YES
        d = later
        at += size_of(d)
    return YES if trust & ALONE and crossed else NO


cdef inline int proven_data(mms_view_t *v, size_t at, uint64_t last) noexcept nogil:
    # A Data packet without a border in front of it; 8 bytes are there. `last`: as in `chain`.
    cdef uint64_t h = load_le64(v.p + at)
    cdef int answer, trust = CROSS
    if v.s.options.client or not is_head(h) or size_of(h) < 9 or <uint32_t>h >= NO_LOCATION:
        return NO
    if is_packet_pair(h) or plain(last, h):
        return YES
    answer = begins_header(v, at, h)
    if answer != NO:
        return answer
    if is_text(h):
        return NO
    if linked(last, h) or is_known(v.s, h) or is_last_fragment(h):
        trust |= TOLD
    if v.s.model.fresh and <uint32_t>h < SMALL_LOCATION:
        trust |= ALONE
    return chain(v, at, last, trust)


cdef inline int proven(mms_view_t *v, size_t at, uint64_t last) noexcept nogil:
    # any header that needs no border in front of it; 8 bytes are there
    cdef size_t total = 0
    cdef int answer = is_sound(v, at, &total)
    if answer != NO:
        return answer
    answer = is_resend(v, at, &total)
    if answer == YES and at + total > v.n:
        answer = NO if v.final else wait_for(v, at + total)
    return proven_data(v, at, last) if answer == NO else answer


cdef inline bint hopeless(mms_view_t *v, size_t at, uint64_t last) noexcept nogil:
    # Most bytes by far: `proven` would say NO, which the Data header at `at` and what stands behind
    # it tell at one glance.
    cdef uint64_t h = load_le64(v.p + at), later
    cdef size_t behind = at + size_of(h)
    if behind > v.n or v.n - behind < 16:
        return False
    later = load_le64(v.p + behind)
    return later >> 32 != SESSION_ID and not linked(h, later) and h >> 32 != SESSION_ID \
        and incarnation_of(h) != incarnation_of(last) \
        and not is_announced(v.s, incarnation_of(h)) and not is_last_fragment(h) \
        and <uint32_t>h != 0 and <uint32_t>h >> 1 != PAIR_LOCATION >> 1 \
        and <uint32_t>h != RESEND_SIGNATURE


cdef inline size_t next_look(mms_view_t *v, size_t at, size_t stop) noexcept nogil:
    # the first place from `at` on where a header may begin, by some of its bytes, or stop
    if at >= stop:
        return stop
    if v.s.options.client:
        return scan_for_signature(v.p, at, stop)
    if v.s.options.datagrams:
        return scan_for_datagram(v.p, at, stop)
    return scan_for_data(v.p, at, stop)


# The next header from `at` on, in front of `stop`; YES with *at, NO or WAIT.
cdef inline int search(
    mms_view_t *v, size_t *at, size_t stop, size_t except_at
) noexcept nogil:
    # YES: a proven header at *at < stop. WAIT: none before *at. NO: none before stop, which is *at.
    # Not at `except_at`.
    cdef uint64_t last = v.s.model.last
    cdef size_t i = at[0], last_place = v.n - 7 if v.n >= 8 else 0
    cdef size_t limit = stop if stop < last_place else last_place
    cdef int answer
    v.s.framing.looked += limit - i if limit > i else 0
    while True:
        i = next_look(v, i, limit)
        if i >= limit:
            break
        v.s.framing.looked += 16
        answer = NO
        if i != except_at and not likely(hopeless(v, i, last)):
            answer = proven(v, i, last)
        if answer != NO:
            v.s.framing.looked -= limit - i
            at[0] = i
            return answer
        i += 1
    if at[0] < limit:
        at[0] = limit
    if limit < stop:
        if not v.final:
            return wait_for(v, at[0] + 8)
        at[0] = stop
    return NO


cdef inline int goes_on(mms_view_t *v, size_t at, uint64_t last) noexcept nogil:
    # may a packet begin behind a TcpMessageHeader packet that was found inside of a Data packet?
    cdef uint64_t h
    cdef int answer
    if v.wall and at >= v.wall:
        return YES if at == v.wall else NO
    if at > v.n or v.n - at < 8:
        return (YES if at == v.n else NO) if v.final else wait_for(v, at + 16)
    answer = is_signed(v, at)
    if answer != NO:
        return answer
    h = load_le64(v.p + at)
    if not is_head(h):
        return NO
    if linked(last, h) or is_known(v.s, h):
        return YES
    answer = begins_header(v, at, h)
    if answer != NO:
        return answer
    return NO if is_text(h) else chain(v, at, 0, 0)


cdef inline int proven_inside(
    mms_view_t *v, size_t at, uint64_t d, size_t limit, bint wide
) noexcept nogil:
    # Is the header at `at` better than the size of the Data packet with header d around it, which
    # ends at `limit`? It continues that packet, or stands in front of what does; or, where `wide`,
    # it begins another play.
    cdef uint64_t h = load_le64(v.p + at)
    cdef size_t total = 0
    cdef int answer = is_sound(v, at, &total)
    if answer == WAIT:
        return WAIT
    if answer == YES:
        return goes_on(v, at + total, d)
    if not is_head(h) or size_of(h) < 9 or <uint32_t>h >= NO_LOCATION:
        return NO
    if not linked(d, h):
        if not wide:
            return NO
        answer = begins_header(v, at, h)
        return answer if answer != NO or is_text(h) else chain(v, at, 0, 0)
    if at + size_of(h) == limit:
        return YES
    return NO if is_text(h) else chain(v, at, d, TOLD if counted_on(d, h) else 0)


cdef inline int search_inside(
    mms_view_t *v, size_t *at, uint64_t d, size_t limit, bint wide
) noexcept nogil:
    # As `search`, inside of the Data packet with header d, from *at up to `limit`, where it ends.
    # `wide`: see `proven_inside`.
    cdef size_t i = at[0], last_place = v.n - 7 if v.n >= 8 else 0
    cdef size_t stop = limit if limit < last_place else last_place
    cdef int answer
    v.s.framing.looked += limit - i
    while i < stop:
        if wide:
            i = scan_for_data(v.p, i, stop)
        else:
            i = scan_for_play(v.p, i, stop, incarnation_of(d), <uint8_t>(d >> 24))
        if i >= stop:
            break
        v.s.framing.looked += 16
        answer = NO
        if not (wide and hopeless(v, i, d)):
            answer = proven_inside(v, i, d, limit, wide)
        if answer != NO:
            v.s.framing.looked -= limit - i
            at[0] = i
            return answer
        i += 1
    at[0] = limit
    return NO
