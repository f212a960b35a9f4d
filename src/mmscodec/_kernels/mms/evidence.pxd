# What a header says by itself, and two headers about each other (docs/decisions/0022).
#
# A Data header is handled as the little-endian number that it is: PacketSize << 48 | AFFlags << 40
# | playIncarnation << 32 | LocationId. Functions that see a view answer NO, YES, or WAIT with
# v.need set; with v.final they never answer WAIT. No answer changes when more bytes are seen.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp
from mmscodec._kernels.core.layout cimport RESEND_HEADER_LEN, RESEND_SIGNATURE, SEAL, SESSION_ID
from mmscodec._kernels.core.wire cimport load_le16, load_le32, load_le64
from mmscodec._kernels.mms.state cimport mms_stream_t, mms_view_t

cdef extern from "mmscodec_scan.h" nogil:
    const uint8_t *ASF_HEADER_GUID

# no enumerators: they are wider than an int
cdef extern from * nogil:
    """
    #define MMSCODEC_PAIR_LOCATION 0xF0F0F000u
    #define MMSCODEC_NO_LOCATION 0xFFFF0000u
    """
    const uint32_t PAIR_LOCATION "MMSCODEC_PAIR_LOCATION"  # LocationId of packet pairs
    const uint32_t NO_LOCATION "MMSCODEC_NO_LOCATION"  # none is as large; rubbish of FF bytes is

cdef enum:
    NO = 0
    YES = 1
    WAIT = 2
    TAIL = 3  # the input ends inside a packet that is believed

    PLAIN_STEP = 64  # LocationIds apart: packets of deselected streams are left out
    NEAR_STEP = 4096  # while AFFlags need not count: bytes or datagrams were lost between
    FAR_STEP = 65535  # while AFFlags count: thinned play leaves out whole seconds
    SMALL_LOCATION = 1 << 24
    LAST_FRAGMENT_NUMBER = 256


cdef inline uint8_t incarnation_of(uint64_t h) noexcept nogil:
    # playIncarnation of a Data header
    return <uint8_t>(h >> 32)


cdef inline uint8_t flags_of(uint64_t h) noexcept nogil:
    # AFFlags of a Data header
    return <uint8_t>(h >> 40)


cdef inline uint32_t size_of(uint64_t h) noexcept nogil:
    # PacketSize of a Data header
    return <uint32_t>(h >> 48)


cdef inline bint is_head(uint64_t h) noexcept nogil:
    # can it be a Data header: incarnation 0 is never sent, and PacketSize counts the header
    return incarnation_of(h) != 0 and h >> 51 != 0


cdef inline bint within(uint64_t a, uint64_t b, uint32_t reach) noexcept nogil:
    # one incarnation, and LocationIds that differ by `reach` at most, up or down
    return incarnation_of(a) == incarnation_of(b) and <uint32_t>a != <uint32_t>b \
        and <uint32_t>(<uint32_t>b - <uint32_t>a + reach) <= 2 * reach


cdef inline bint plain(uint64_t last, uint64_t h) noexcept nogil:
    # just like the one before: incarnation, size, and a LocationId a little on or back
    return ((last ^ h) & <uint64_t>0xFFFF00FF00000000) == 0 \
        and <uint32_t>(<uint32_t>h - <uint32_t>last + PLAIN_STEP) <= 2 * PLAIN_STEP \
        and <uint32_t>h != <uint32_t>last


cdef inline bint counted_on(uint64_t a, uint64_t b) noexcept nogil:
    # one play, whose AFFlags count, stand still, or are those of header fragments
    cdef uint8_t flags = flags_of(b) - flags_of(a)
    if not within(a, b, FAR_STEP):
        return False
    return flags <= 1 or (
        <uint32_t>b - <uint32_t>a == 1 and ((flags_of(a) | flags_of(b)) & <uint8_t>0xF3) == 0)


cdef inline bint linked(uint64_t a, uint64_t b) noexcept nogil:
    # the one came not far from the other in the same play; a = 0: there was none
    return a != 0 and (within(a, b, NEAR_STEP) or counted_on(a, b))


cdef inline bint is_packet_pair(uint64_t h) noexcept nogil:
    # are LocationId and incarnation those of a packet pair?
    return <uint32_t>h >> 1 == PAIR_LOCATION >> 1 and <uint16_t>(h >> 32) == 0x10FF


cdef inline bint is_last_fragment(uint64_t h) noexcept nogil:
    # of an ASF header, by its small number and its flags
    return <uint32_t>h < LAST_FRAGMENT_NUMBER and (flags_of(h) & 0xFB) == 8


cdef inline bint is_character(uint64_t unit) noexcept nogil:
    # is it one of printable ASCII as UTF-16 has it?
    return 0x20 <= (unit & 0xFFFF) < 0x7F


cdef inline bint is_text(uint64_t h) noexcept nogil:
    # four characters of UTF-16 make up this header
    return is_character(h) and is_character(h >> 16) and is_character(h >> 32) \
        and is_character(h >> 48)


cdef inline bint is_announced(const mms_stream_t *s, uint8_t incarnation) noexcept nogil:
    # did an answer of the server name this incarnation?
    return (s.model.announced[incarnation >> 6] >> (incarnation & 63)) & 1


cdef inline bint is_known(const mms_stream_t *s, uint64_t h) noexcept nogil:
    # a server's answer named its incarnation
    return is_announced(s, incarnation_of(h)) \
        and (<uint32_t>h < SMALL_LOCATION or incarnation_of(h) == s.model.awaited)


cdef inline int wait_for(mms_view_t *v, size_t need) noexcept nogil:
    # WAIT, until `need` bytes of the view are there
    v.need = need
    return WAIT


cdef inline int begins_header(mms_view_t *v, size_t at, uint64_t h) noexcept nogil:
    # the first fragment of an ASF header, by its GUID; h is the header at `at`
    if <uint32_t>h != 0 or size_of(h) < 24:
        return NO
    if v.n - at < 24:
        return NO if v.final else wait_for(v, at + 24)
    return YES if memcmp(v.p + at + 8, ASF_HEADER_GUID, 16) == 0 else NO


cdef inline int is_signed(mms_view_t *v, size_t at) noexcept nogil:
    # sessionId and seal stand there; at least 8 bytes do
    if load_le32(v.p + at + 4) != SESSION_ID:
        return NO
    if v.n - at < 16:
        return YES if v.final else wait_for(v, at + 16)
    return YES if load_le32(v.p + at + 12) == SEAL else NO


cdef inline int is_sound(mms_view_t *v, size_t at, size_t *total) noexcept nogil:
    # a TcpMessageHeader whose messageLength and first chunkLen can be true; *total = its bytes
    cdef uint32_t length
    cdef int answer = is_signed(v, at)
    if answer != YES:
        return answer
    total[0] = 32
    if v.n - at < 16:
        return YES
    length = load_le32(v.p + at + 8)
    if length < 16 or length & 7 or <uint64_t>length + 16 > v.s.options.max_packet:
        return NO
    total[0] = <size_t>length + 16
    if length == 16:
        return YES
    if v.n - at < 36:
        return YES if v.final else wait_for(v, at + 36)
    return YES if 0 < load_le32(v.p + at + 32) <= (length - 16) >> 3 else NO


cdef inline int is_resend(mms_view_t *v, size_t at, size_t *total) noexcept nogil:
    # a RequestPacketListResend, on UDP alone (2.2.5); at least 8 bytes are there
    if not v.s.options.datagrams or load_le32(v.p + at) != RESEND_SIGNATURE:
        return NO
    if v.n - at < RESEND_HEADER_LEN:
        return NO if v.final else wait_for(v, at + RESEND_HEADER_LEN)
    total[0] = RESEND_HEADER_LEN + 4 * <size_t>load_le16(v.p + at + 10)
    return YES


cdef inline int is_border(mms_view_t *v, size_t at) noexcept nogil:
    # may a packet begin here, by its header and by what came before?
    cdef uint64_t h
    cdef int answer
    if v.n - at < 16:
        return YES if v.final else wait_for(v, at + 16)
    if is_signed(v, at) == YES \
            or (v.s.options.datagrams and load_le32(v.p + at) == RESEND_SIGNATURE):
        return YES
    h = load_le64(v.p + at)
    if not is_head(h) or v.s.options.client:
        return NO
    answer = YES if is_expected(v, h) else begins_header(v, at, h)
    return answer


cdef inline bint is_expected(mms_view_t *v, uint64_t h) noexcept nogil:
    # no surprise where a packet begins: but for the header fragments that `begins_header` knows
    return linked(v.s.model.last, h) or is_known(v.s, h) or is_packet_pair(h)
