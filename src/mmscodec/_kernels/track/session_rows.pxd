# What the kernels of sessions look at, control messages above all, and the rows that they write.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t


cdef struct control_row_t:
    # a row of `cap.messages`
    int64_t offset
    int64_t packet
    uint32_t length
    uint32_t mid
    int64_t time
    int32_t flow
    uint8_t direction
    uint8_t padding[11]

cdef struct control_t:
    # the messages of a capture, and which of them each session has in causal order
    const control_row_t *rows
    const int64_t *hr  # by row, as the two below; -1 = the message has no such field
    const int64_t *incarnation
    const int64_t *cookie
    const int64_t *order  # rows, session by session
    const int64_t *bounds  # of each session in `order`, and the end

cdef struct exchange_row_t:
    # a row of `cap.exchanges`
    int32_t session
    uint8_t match
    uint8_t padding[3]
    uint32_t request_mid
    uint32_t response_mid
    int64_t request
    int64_t response
    int64_t time
    int64_t latency
    int64_t hr
    int64_t incarnation
    int64_t responses
    int64_t data
    int64_t data_latency
    int64_t unused

cdef struct transition_row_t:
    # a row of `cap.transitions`
    int32_t session
    uint8_t side
    uint8_t before
    uint8_t after
    uint8_t padding
    int64_t time
    int64_t message
    int64_t data
    int64_t unused

cdef struct event_t:
    # a Data packet that shows a state: the last one of a header (tag -1), or the first of a start
    int64_t time
    int64_t row
    int64_t tag

cdef struct stance_t:
    # what the states of a session depend on, beside its messages
    int64_t ended  # time of the end of its connection, -1 = not seen
    uint32_t attributes
    int32_t server_major
    uint8_t udp  # Data came over UDP
    uint8_t padding[7]


cdef inline bint succeeded(int64_t hr) noexcept nogil:
    # an HRESULT that is there (not -1) and whose bit 31 is clear
    return hr >> 31 == 0
