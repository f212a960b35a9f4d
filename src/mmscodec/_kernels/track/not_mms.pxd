# Connections in which MMS was to be expected and is not: attempts that got no answer, and Windows
# Media served over another protocol. Counted by reason, with the first of each.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from mmscodec._kernels.track.flow_table cimport connection_t

cdef enum:
    MMS_PORT = 1755

cdef enum not_mms_reason_t:
    NOT_MMS_UNANSWERED = 0  # a SYN to the port of MMS, and nothing came back
    NOT_MMS_REFUSED = 1  # a RST came back
    NOT_MMS_SILENT = 2  # connected to the port of MMS, and nothing was sent
    NOT_MMS_HTTP = 3  # Windows Media over HTTP
    NOT_MMS_RTSP = 4
    NOT_MMS_OTHER = 5  # something else on the port of MMS
    NOT_MMS_REASONS = 6

cdef struct not_mms_row_t:
    uint64_t connections
    uint64_t frames
    int64_t time  # of the first connection
    uint8_t src[16]
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port

cdef struct not_mms_t:
    not_mms_row_t rows[NOT_MMS_REASONS]

# What the first bytes of a stream that is not MMS, eight at least, show it to be: a reason, or 0.
cdef uint8_t served_by(const uint8_t *p, size_t n) noexcept nogil
# A connection has ended, and its streams are still there.
cdef void not_mms_note(not_mms_t *rows, const connection_t *c) noexcept nogil
