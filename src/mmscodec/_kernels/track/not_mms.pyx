# See not_mms.pxd for the contract.
from libc.stdint cimport uint8_t
from libc.string cimport memchr, memcmp, memcpy, strlen
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP
from mmscodec._kernels.net.tcp_reassembly cimport TCP_NEW
from mmscodec._kernels.track.flow_table cimport STATE_MMS, STATE_WINMX, flow_t

cdef enum:
    LOOKED_AT = 2048  # bytes of a request or response in which words are looked for
    FIRST_LINE = 512


cdef bint has_word(const uint8_t *p, size_t n, const char *word) noexcept nogil:
    # does the word stand anywhere in n bytes at p?
    cdef size_t length = strlen(word)
    cdef const uint8_t *end = p + n
    cdef const uint8_t *at = p
    while <size_t>(end - at) >= length:
        at = <const uint8_t *>memchr(at, word[0], <size_t>(end - at) - length + 1)
        if at == NULL:
            return False
        if memcmp(at, word, length) == 0:
            return True
        at += 1
    return False


cdef bint is_windows_media(const uint8_t *p, size_t n) noexcept nogil:
    # the words of [MS-WMSP] in a request or a response
    return has_word(p, n, b"NSPlayer") or has_word(p, n, b"x-mms-framed") \
        or has_word(p, n, b"vnd.ms.wms") or has_word(p, n, b"xPlayStrm") \
        or has_word(p, n, b"Server: Cougar") or has_word(p, n, b"Server: WMServer") \
        or has_word(p, n, b"NSServer") or has_word(p, n, b"WMFSDK")


cdef uint8_t served_by(const uint8_t *p, size_t n) noexcept nogil:
    cdef const uint8_t *line
    cdef size_t first = n if n < FIRST_LINE else FIRST_LINE
    line = <const uint8_t *>memchr(p, 10, first)
    if line != NULL:
        first = <size_t>(line - p)
    if memcmp(p, b"RTSP/1.", 7) == 0 or (65 <= p[0] <= 90 and has_word(p, first, b" RTSP/1.")):
        return NOT_MMS_RTSP
    if n > LOOKED_AT:
        n = LOOKED_AT
    if memcmp(p, b"HTTP/1.", 7) == 0 or (65 <= p[0] <= 90 and has_word(p, first, b" HTTP/1.")):
        return NOT_MMS_HTTP if is_windows_media(p, n) else 0
    return 0


cdef inline bint is_known(const flow_t *flow) noexcept nogil:
    # a stream with something of its protocol in it
    return flow.state == STATE_WINMX or (
        flow.state == STATE_MMS and (flow.mms == NULL or not flow.mms.model.fresh)
    )


cdef int reason_of(const connection_t *c) noexcept nogil:
    # -1: none
    cdef const flow_t *a = &c.flow[0]
    cdef const flow_t *b = &c.flow[1]
    if a.served != 0 or b.served != 0:
        return a.served if a.served != 0 else b.served
    if (c.src_port != MMS_PORT and c.dst_port != MMS_PORT) or is_known(a) or is_known(b):
        return -1
    if a.bytes != 0 or b.bytes != 0:
        return NOT_MMS_OTHER
    if not a.tcp.syn and not b.tcp.syn:
        return -1  # the rest of a connection that was over before
    if b.packets == 0:  # side 0 sent the first segment
        return NOT_MMS_UNANSWERED
    return NOT_MMS_REFUSED if a.tcp.state == TCP_NEW or b.tcp.state == TCP_NEW else NOT_MMS_SILENT


cdef void not_mms_note(not_mms_t *rows, const connection_t *c) noexcept nogil:
    cdef not_mms_row_t *row
    cdef int reason
    if c.protocol != PROTOCOL_TCP:
        return
    reason = reason_of(c)
    if reason < 0:
        return
    row = &rows.rows[reason]
    if row.connections == 0:
        memcpy(row.src, c.src, 16)
        memcpy(row.dst, c.dst, 16)
        row.src_port = c.src_port
        row.dst_port = c.dst_port
        row.time = c.flow[0].first_time
    row.connections += 1
    row.frames += <uint64_t>c.flow[0].packets + c.flow[1].packets
