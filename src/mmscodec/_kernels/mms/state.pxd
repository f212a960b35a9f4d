# The state of one direction of an MMS connection, and the rows that the scan of it writes. Types
# alone: each member of `mms_stream_t` says which file writes it.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.core.tail cimport tail_t

cdef enum:
    MMS_OK = 0
    MMS_NO_MEMORY = -1
    MMS_STOPPED = 1  # a fault was met and the stream is set to stop there

    CLIENT_SPOKE = 1  # bits of `senders`
    SERVER_SPOKE = 2

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
    table_t joined  # borrowed bytes and those behind them, side by side for one look
    bint capture

# set before the first byte, by whoever owns the stream
cdef struct mms_options_t:
    uint32_t max_packet  # ceiling on the bytes of one TcpMessageHeader packet
    int32_t flow
    bint datagrams  # RequestPacketListResend may stand where a packet begins
    bint stop_at_fault
    bint live  # a peer may wait for an answer: a whole packet is believed without the next one
    bint skip_payload  # a Data packet just like the last one is believed by its header alone
    bint client  # this side is known to be the client, which sends no Data packets

# where the scan stands: written by scan.pyx, and by stream.pyx where bytes pass it by
cdef struct mms_framing_t:
    int64_t position  # stream offset of the first byte that no row and no fault covers yet
    uint64_t need  # bytes from `position` on without which nothing more can be decided
    uint64_t looked  # bytes that judgements looked at, all in all: work is linear
    bint skipping  # bytes, since a fault
    bint fault_silent  # nothing is reported if no byte is skipped
    fault_row_t fault

# what the stream said about packets to come: written by data.pxd, packet.pxd and fast_scan.pxd
cdef struct mms_model_t:
    uint64_t last  # header of the last Data packet as a little-endian number, 0 if there was none
    uint64_t announced[4]  # incarnations that the server's answers named
    uint32_t largest  # size of the largest Data packet so far
    uint32_t header_next  # the fragment of an ASF header that comes next
    uint8_t header_incarnation
    uint8_t awaited  # incarnation named last, of which no Data packet came yet
    uint8_t direction  # as told, or by the first message or Data packet
    uint8_t senders  # whose messages were seen
    bint header_open  # an ASF header is being collected
    bint fresh  # nothing was found yet

# bytes that wait, and a payload that passes by: written by stream.pyx alone
cdef struct mms_tail_t:
    uint64_t payload_left  # of a Data packet whose payload is passing by
    uint64_t payload_lost  # bytes of it that a gap took
    tail_t kept  # bytes that cannot be decided yet
    const uint8_t *borrowed  # or where they lie, as long as they lie in one piece that stays
    size_t borrowed_size
    data_row_t pending  # the row of the Data packet whose payload is passing by

# when bytes came: written by arrivals.pxd alone
cdef struct mms_arrivals_t:
    int64_t time  # of the piece that is being scanned
    table_t waiting  # (end, time) of earlier pieces of which bytes still wait, from `first` on
    size_t first

cdef struct mms_stream_t:
    mms_framing_t framing
    mms_model_t model
    mms_tail_t tail
    mms_arrivals_t arrivals
    mms_options_t options
    uint64_t charged  # for what waits, against the ceiling of a capture: by track/flow.pyx

# The bytes that a judgement sees: n at p, of which the first stands at `base` in the stream
cdef struct mms_view_t:
    mms_stream_t *s
    const uint8_t *p
    size_t n
    int64_t base
    size_t need  # how far they have to reach for an answer other than WAIT
    size_t wall  # where a packet begins for certain while a search goes on in front of it, or 0
    bint final  # nothing will follow
