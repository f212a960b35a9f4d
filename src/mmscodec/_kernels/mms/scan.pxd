# MMS framing (spec notes sections 2 to 4): the scan of a byte stream into tables.
#
# One state per direction of a connection. Offsets in rows are stream offsets. The same scan serves
# a whole buffer (`mms_scan` with final), a decoder fed in chunks, and the segments of a capture
# (`mms_push`), so all of them give the same rows.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t

cdef enum:
    MMS_OK = 0
    MMS_NO_MEMORY = -1
    MMS_STOPPED = 1  # a fault was met and the stream is set to stop there

    KIND_MEDIA = 0
    KIND_HEADER = 1
    KIND_PACKET_PAIR = 2

    DIRECTION_UNKNOWN = 0
    TO_SERVER = 1
    TO_CLIENT = 2

cdef struct packet_row_t:
    int64_t offset
    int64_t first_message
    uint64_t time_sent
    uint32_t length
    uint32_t chunk_count
    uint32_t message_count
    uint16_t seq
    uint16_t mbz

cdef struct message_row_t:
    int64_t offset
    int64_t packet
    uint32_t length
    uint32_t mid

cdef struct data_row_t:
    int64_t offset
    uint32_t length
    uint32_t location_id
    uint8_t play_incarnation
    uint8_t af_flags
    uint8_t kind
    uint8_t padding[5]

cdef struct fault_row_t:
    int64_t offset
    int64_t length
    uint16_t code
    uint16_t field
    uint32_t padding
    int64_t need
    int64_t have

# what follows the row in a capture; `position` is the place of a message in the arena
cdef struct row_tail_t:
    int64_t time
    int32_t flow
    uint8_t direction
    uint8_t padding[3]
    int64_t position

cdef struct mms_tables_t:
    table_t packets
    table_t messages
    table_t data
    table_t faults
    table_t arena  # bytes of control messages, kept only in captures
    table_t joined  # lent bytes and those behind them, side by side for one look
    bint capture

cdef struct mms_stream_t:
    # where the stream stands; what a media packet touches comes first
    int64_t position  # stream offset of the first byte that no row and no fault covers yet
    int64_t time
    uint64_t payload_left  # of a Data packet whose payload is passing by
    uint32_t last_location  # what the last Data packet looked like
    uint32_t last_size
    uint8_t last_incarnation
    bint have_last
    bint header_open  # a header is being collected
    bint skipping  # bytes, since a fault
    table_t carry  # bytes kept until they can be decided, by mms_push alone
    size_t carry_start
    const uint8_t *lent  # or where they lie, as long as they lie in one piece that stays
    size_t lent_size
    int64_t piece_end[4]  # where the pieces before this one ended, the latest first, as far as
    int64_t piece_time[4]  # bytes of them wait in the carry, and when they came
    uint64_t need  # bytes from `position` on without which nothing more can be decided
    # settings
    uint32_t max_packet  # ceiling on the bytes of one TcpMessageHeader packet
    bint datagrams  # RequestPacketListResend may stand where a packet begins
    bint stop_at_fault
    bint live  # a peer may wait for an answer: believe a packet that ends where the bytes end
    bint skip_payload  # do not wait for the payload of a Data packet whose header is sure
    int32_t flow
    uint8_t direction  # by the first message or Data packet
    bint fresh  # nothing was found yet
    uint32_t largest  # size of the largest Data packet so far
    uint64_t announced[4]  # incarnations that the server's answers named
    uint8_t header_incarnation
    uint32_t header_next
    bint fault_silent  # nothing is reported if no byte is skipped
    fault_row_t fault
    uint64_t payload_lost  # bytes of the payload that a gap took
    data_row_t pending

cdef void mms_stream_init(mms_stream_t *s, uint32_t max_packet) noexcept nogil
cdef void mms_tables_init(mms_tables_t *t, bint capture) noexcept nogil
cdef void mms_tables_free(mms_tables_t *t) noexcept nogil

# Scan n bytes at p, which stand at stream offset s.position. With `final` nothing will follow.
# Returns a status; *used is the number of bytes that rows and faults cover now.
cdef int mms_scan(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *p, size_t n, bint final, size_t *used
) noexcept nogil

# Begin in the middle of a stream: look for the first believable header.
cdef void mms_midstream(mms_stream_t *s) noexcept nogil

# Copy the first `size` bytes of each message to dst, `stride` bytes apart, shorter ones filled with
# zeros. Positions count from `base`; lengths are message lengths. All lie in n bytes at src, or -1.
cdef int mms_gather(
    const uint8_t *src, size_t n, int64_t base, const uint8_t *positions, size_t position_stride,
    const uint8_t *lengths, size_t length_stride, size_t count, uint8_t *dst, size_t stride,
    size_t size
) noexcept nogil

# parts that mms/stream.pyx shares
cdef void mms_begin_skip(
    mms_stream_t *s, int64_t offset, uint16_t code, uint16_t field, int64_t need, int64_t have
) noexcept nogil
cdef int mms_put_fault(mms_stream_t *s, mms_tables_t *t, const fault_row_t *fault) noexcept nogil
cdef int mms_put_data(mms_stream_t *s, mms_tables_t *t, const data_row_t *data) noexcept nogil
cdef void mms_read_data(
    mms_stream_t *s, const uint8_t *q, size_t left, int64_t offset, data_row_t *row
) noexcept nogil
cdef int mms_put_message(
    mms_stream_t *s, mms_tables_t *t, const uint8_t *m, int64_t offset, uint32_t mid,
    uint32_t length, int64_t packet
) noexcept nogil
