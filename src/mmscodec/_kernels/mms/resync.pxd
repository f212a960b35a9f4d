# Is this a header? The judgement on which framing after damage rests (spec notes, section 2).
#
# A TcpMessageHeader has eight fixed bytes and says so by itself. A Data packet has none: it is
# believed for what stands around it. A packet just like the last one is believed at once; any other
# for its successor; and after damage only as part of a chain. Every function sees `left` bytes at q
# and answers NO, YES or, where bytes still to come could change the answer, WAIT, with s.need = the
# bytes from q on that it waits for. With `final` nothing will come and it never answers WAIT. An
# answer never changes when more bytes are seen, so cutting a stream elsewhere gives the same rows.
from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memchr, memcmp

from mmscodec._kernels.core.layout cimport SEAL, SESSION_ID
from mmscodec._kernels.mms.scan cimport mms_stream_t
from mmscodec._kernels.core.wire cimport load_le16, load_le32, load_le64

cdef extern from "mmscodec_scan.h" nogil:
    size_t scan_for_small_location(
        const uint8_t *p, size_t start, size_t stop, uint8_t other_high) noexcept
    const uint8_t *ASF_HEADER_GUID

cdef extern from * nogil:
    """
    #define MMSCODEC_PAIR_LOCATION 0xF0F0F000u
    """
    const uint32_t PAIR_LOCATION "MMSCODEC_PAIR_LOCATION"  # LocationId of packet pairs

cdef enum:
    NO = 0
    YES = 1
    WAIT = 2
    TAIL = 3  # the input ends inside a packet that is believed
    PERHAPS = 4  # a packet may stand there, but not because of the one in front of it

    # A stream leaves out Data packets of deselected streams, so LocationId may jump a little.
    NEAR = 64
    FAR = 4096
    SMALL_LOCATION = 1 << 24


cdef inline bint announced(const mms_stream_t *s, uint8_t incarnation) noexcept nogil:
    return (s.announced[incarnation >> 6] >> (incarnation & 63)) & 1


cdef inline void announce(mms_stream_t *s, uint8_t incarnation) noexcept nogil:
    s.announced[incarnation >> 6] |= <uint64_t>1 << (incarnation & 63)


cdef inline int wait_for(mms_stream_t *s, uint64_t need) noexcept nogil:
    s.need = need
    return WAIT


cdef inline bint follows(const mms_stream_t *s, uint32_t location, uint8_t inc) noexcept nogil:
    return s.have_last and inc == s.last_incarnation \
        and <uint32_t>(location - s.last_location - 1) < NEAR


cdef inline bint is_packet_pair(uint64_t header) noexcept nogil:
    return <uint32_t>header >> 1 == PAIR_LOCATION >> 1 \
        and <uint16_t>(header >> 32) == 0x10FF


cdef inline int believe_packet(
    mms_stream_t *s, const uint8_t *q, size_t left, bint final
) noexcept nogil:
    # a TcpMessageHeader whose length and first chunkLen can be true
    cdef uint32_t length
    if left < 8:
        return NO if final else wait_for(s, 16)
    if load_le32(q + 4) != SESSION_ID:
        return NO
    if left < 16:
        return YES if final else wait_for(s, 16)
    if load_le32(q + 12) != SEAL:
        return NO
    length = load_le32(q + 8)
    if length < 16 or length & 7 or <uint64_t>length + 16 > s.max_packet:
        return NO
    if length == 16:
        return YES
    if left < 36:
        return YES if final else wait_for(s, 36)
    return 0 < load_le32(q + 32) <= (length - 16) >> 3


cdef inline int believe_chain(
    mms_stream_t *s, const uint8_t *q, size_t left, bint final
) noexcept nogil:
    # a Data packet that just continues, or with two more of its kind or a packet behind it
    cdef const uint8_t *h = q
    cdef size_t rest = left
    cdef uint64_t header
    cdef uint32_t location, later
    cdef uint32_t size
    cdef uint8_t inc
    cdef int links = 0
    cdef int answer
    if left < 8:
        return NO if final else wait_for(s, 16)
    header = load_le64(q)
    location = <uint32_t>header
    inc = <uint8_t>(header >> 32)
    size = <uint32_t>(header >> 48)
    if size < 9 or inc == 0:
        return NO
    if follows(s, location, inc) and size == s.last_size:
        return YES
    if location >= SMALL_LOCATION and not (s.have_last and location - s.last_location < FAR):
        return NO
    if left >= 16:
        if load_le32(q + 12) == SEAL:
            return NO
    elif not final:
        return wait_for(s, 16)
    while True:
        if rest < <size_t>size + 8:
            if not final:
                return wait_for(s, <uint64_t>(h - q) + size + 16)
            if links > 0:
                return YES
            return s.have_last and inc == s.last_incarnation \
                and <uint32_t>(location - s.last_location - 1) < FAR
        h += size
        rest -= size
        if load_le32(h + 4) == SESSION_ID:
            answer = believe_packet(s, h, rest, final)
            if answer == WAIT:
                s.need += <uint64_t>(h - q)
            if answer != NO:
                return answer
        header = load_le64(h)
        later = <uint32_t>header
        size = <uint32_t>(header >> 48)
        if <uint8_t>(header >> 32) != inc or size < 9 or <uint32_t>(later - location - 1) >= NEAR:
            return NO
        location = later
        links += 1
        if links == 2:
            return YES


cdef inline const uint8_t *find_session_id(const uint8_t *p, const uint8_t *end) noexcept nogil:
    # the first p whose next four bytes are CE FA 0B B0, or `end`
    while end - p >= 4:
        p = <const uint8_t *>memchr(p, 0xCE, <size_t>(end - p) - 3)
        if p == NULL:
            return end
        if load_le32(p) == SESSION_ID:
            return p
        p += 1
    return end


cdef inline bint begins_packet(mms_stream_t *s, const uint8_t *q, size_t left) noexcept nogil:
    # could a packet begin here? By its first 16 bytes alone, so that the answer never changes
    cdef uint32_t location
    if left < 16:
        return True
    if load_le32(q + 4) == SESSION_ID:
        return load_le32(q + 12) == SEAL
    location = load_le32(q)
    if load_le16(q + 6) < 8 or q[4] == 0:
        return False
    return location == 0 or follows(s, location, q[4]) \
        or (announced(s, q[4]) and location < SMALL_LOCATION)


cdef inline int believe_inner(
    mms_stream_t *s, const uint8_t *q, size_t left, bint final
) noexcept nogil:
    # a TcpMessageHeader packet where a Data packet claims to be: only with a packet behind it
    cdef int answer = believe_packet(s, q, left, final)
    cdef uint64_t total
    if answer != YES:
        return answer
    if left < 16:
        return NO
    total = <uint64_t>load_le32(q + 8) + 16
    if left < total + 16 and not final:
        return wait_for(s, total + 16)
    return left >= total and begins_packet(s, q + total, left - total)


cdef inline int find_header(
    mms_stream_t *s, const uint8_t *p, size_t n, size_t *pos, size_t stop, bint inner, bint final
) noexcept nogil:
    # YES: a believable header at *pos < stop. WAIT: none before *pos. NO: none before stop.
    # `inner`: inside of a packet that may be good, so TcpMessageHeaders need more evidence.
    cdef size_t i = pos[0]
    cdef size_t next_packet = i
    cdef size_t limit
    cdef const uint8_t *found
    cdef uint8_t high = <uint8_t>(s.last_location >> 24) if s.have_last else 0
    cdef int answer
    cdef bint known = False  # next_packet is where the next signature stands
    while i < stop:
        if not known or next_packet < i:
            found = find_session_id(p + i + 4, p + n) if n - i >= 8 else p + n
            next_packet = <size_t>(found - p) - 4 if found != p + n else n
            known = True
        limit = next_packet if next_packet < stop else stop
        if limit > i:
            # Data packets before the next signature
            if n - i >= 16:
                i = scan_for_small_location(p, i, limit if limit < n - 15 else n - 15, high)
            if i >= limit:
                i = limit
                continue
            answer = believe_chain(s, p + i, n - i, final)
        else:
            if inner:
                answer = believe_inner(s, p + i, n - i, final)
            else:
                answer = believe_packet(s, p + i, n - i, final)
            if answer == NO:
                answer = believe_chain(s, p + i, n - i, final)
        if answer != NO:
            pos[0] = i
            return answer
        i += 1
    pos[0] = stop
    return NO


cdef inline int successor(
    mms_stream_t *s, const uint8_t *q, uint32_t location, uint8_t inc, uint32_t size, size_t left,
    bint final
) noexcept nogil:
    # may the bytes behind the Data packet at q begin a packet? At least 8 of them are there.
    cdef const uint8_t *h = q + size
    cdef uint64_t header = load_le64(h)
    cdef uint32_t later = <uint32_t>header
    cdef uint8_t later_inc = <uint8_t>(header >> 32)
    cdef int32_t step = <int32_t>(later - location)
    if <uint32_t>(header >> 32) == SESSION_ID:
        if left - size < 16:
            return PERHAPS if final else wait_for(s, <uint64_t>size + 16)
        if load_le32(h + 12) == SEAL:
            return PERHAPS
    if header >> 48 < 8:
        return NO
    if later_inc == inc and step != 0 and -FAR <= step <= FAR:
        return YES
    if (later == 0 and later_inc != 0) or is_packet_pair(header) or follows(s, later, later_inc) \
            or (announced(s, later_inc) and later < SMALL_LOCATION):
        return PERHAPS
    return NO


cdef inline int believe_data(
    mms_stream_t *s, const uint8_t *q, size_t left, bint final
) noexcept nogil:
    # at a packet border, no TcpMessageHeader: a Data packet? At least 8 bytes are there.
    cdef uint64_t header = load_le64(q)
    cdef uint32_t location = <uint32_t>header
    cdef uint8_t inc = <uint8_t>(header >> 32)
    cdef uint32_t size = <uint32_t>(header >> 48)
    cdef bint continues = follows(s, location, inc)
    cdef bint sure  # the header is, its size may be damaged
    cdef size_t pos
    cdef int answer
    if size < 8:
        return NO
    if is_packet_pair(header):
        return YES
    if size > 8:
        if left < 16:
            if not final:
                return wait_for(s, 16)
        elif not continues and load_le32(q + 12) == SEAL and load_le32(q + 8) >= 16 \
                and load_le32(q + 8) & 7 == 0:
            return NO  # a TcpMessageHeader with a damaged sessionId
    if continues and size == s.last_size:
        return YES
    sure = continues or (announced(s, inc) and location < SMALL_LOCATION)
    if location == 0 and size >= 24:
        if left < 24:
            if not final:
                return wait_for(s, 24)
        elif memcmp(q + 8, ASF_HEADER_GUID, 16) == 0:
            sure = True
    pos = 8 if sure else 1
    if left < <size_t>size + 8:
        if not final:
            if s.live and sure and left == size:
                return YES
            return wait_for(s, <uint64_t>size + 16)
        # Cut off by the end of the input, or rubbish in front of headers? A packet that ends just
        # there is believed, and one that would not be surprising.
        answer = YES if left >= size else TAIL
        if left == size or (sure and size <= s.largest) or (s.fresh and location < SMALL_LOCATION):
            return answer
        return NO if find_header(s, q, left, &pos, left, sure, True) == YES else answer
    answer = successor(s, q, location, inc, size, left, final)
    if answer == YES or answer == WAIT or answer == (PERHAPS if sure else NO):
        return YES if answer == PERHAPS else answer
    # One of the two is not what it seems. If the size is damaged or this is rubbish, a header
    # stands inside of what it claims.
    answer = find_header(s, q, left, &pos, size, True, final)
    if answer == WAIT:
        s.need += pos
        return WAIT
    return NO if answer == YES else YES
