# Frames in which no segment was found, counted by the header at which the walk through them ended.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.wire cimport load_be16
from mmscodec._kernels.net.numbers cimport (
    ETHERTYPE_IPV4, ETHERTYPE_IPV6, LINKTYPE_ETHERNET, LINKTYPE_IPV4, LINKTYPE_IPV6, LINKTYPE_RAW,
    LINKTYPE_RAW_12, LINKTYPE_RAW_14,
)

cdef enum:
    UNREAD_ROWS = 32  # kinds that are told apart; the last row has all others

cdef enum unread_t:
    # what the number of a row is
    UNREAD_LINK = 1  # link type that is not read
    UNREAD_CONTRADICTS = 2  # link type whose frames are none
    UNREAD_ETHERTYPE = 3
    UNREAD_PROTOCOL = 4  # of IP
    UNREAD_OTHER = 5  # no number

cdef struct unread_row_t:
    uint64_t frames
    int64_t time  # of the first
    uint32_t number
    uint8_t what

cdef struct unread_frames_t:
    unread_row_t rows[UNREAD_ROWS]
    uint32_t count


cdef inline void unread_note(
    unread_frames_t *u, uint8_t what, uint32_t number, int64_t time
) noexcept nogil:
    # count a frame that was not read, for this reason
    cdef uint32_t i = 0
    while i < u.count and (u.rows[i].what != what or u.rows[i].number != number):
        i += 1
    if i == UNREAD_ROWS:
        i = UNREAD_ROWS - 1
        u.rows[i].what = UNREAD_OTHER
        u.rows[i].number = 0
    elif i == u.count:
        u.count += 1
        u.rows[i].frames = 0
        u.rows[i].time = time
        u.rows[i].number = number
        u.rows[i].what = what
    u.rows[i].frames += 1


cdef inline bint whole_datagram(const uint8_t *p, uint32_t captured, uint32_t wire) noexcept nogil:
    # an IP datagram of just this length
    if captured < 20:
        return False
    if p[0] >> 4 == 4:
        return p[0] & 15 >= 5 and load_be16(p + 2) == wire
    return p[0] >> 4 == 6 and load_be16(p + 4) + <uint32_t>40 == wire


cdef inline bint contradicts(const record_t *r) noexcept nogil:
    # Is the frame plainly of another link type than its file says? A datagram without a link
    # header, or one behind that of Ethernet.
    cdef const uint8_t *p = r.data
    cdef uint32_t wire = r.wire_len if r.wire_len > r.caplen else r.caplen
    cdef bint raw = r.linktype in (
        LINKTYPE_RAW, LINKTYPE_RAW_12, LINKTYPE_RAW_14, LINKTYPE_IPV4, LINKTYPE_IPV6,
    )
    if not raw and whole_datagram(p, r.caplen, wire):
        return True
    return r.linktype != LINKTYPE_ETHERNET and r.caplen >= 34 \
        and load_be16(p + 12) in (ETHERTYPE_IPV4, ETHERTYPE_IPV6) \
        and whole_datagram(p + 14, r.caplen - 14, wire - 14)
