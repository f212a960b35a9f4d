# Writing MMS packets from arrays. Every function writes what its `measure` twin promised, up to
# `capacity` bytes at dst, and returns how many it wrote: fewer where the arrays were changed in
# between, as another thread may do. It stops before the first row that does not fit any more.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t

cdef enum:
    WRITE_OK = 0
    WRITE_SHORT = 1  # chunkLen of the row is smaller than its fields
    WRITE_LONG = 2  # the message does not fit into messageLength
    WRITE_MID = 3  # MID of the row is that of another message

# Rows of one kind of message, one packet each. `tails`: count + 1 rising offsets into `tail`, the
# variable fields of each row; NULL = none.
cdef struct message_rows_t:
    const uint8_t *rows
    size_t count
    size_t stride
    unsigned int kind
    const uint8_t *tail
    size_t tail_size
    const int64_t *tails

# What goes into the TcpMessageHeader of each packet. Arrays that are NULL are replaced by the
# number beside them; seq counts up, modulo 65,536.
cdef struct packet_heads_t:
    bint bare  # no TcpMessageHeader at all
    bint chunk_whole  # chunkCount counts the whole packet, as the specification has it
    bint chunk_fixed  # chunkCount is `chunk_count`
    uint32_t chunk_count
    uint16_t seq
    const uint16_t *seqs
    uint64_t time
    const uint64_t *times

# Rows of a table with i8 offsets and u4 lengths somewhere in each row.
cdef struct extents_t:
    const uint8_t *offsets
    const uint8_t *lengths
    size_t stride
    size_t count

# Bytes that mms_write_messages will write, or -1 with *status and the row in *bad.
cdef int64_t mms_measure_messages(
    const message_rows_t *m, bint bare, int *status, size_t *bad
) noexcept nogil
cdef size_t mms_write_messages(
    const message_rows_t *m, const packet_heads_t *h, uint8_t *dst, size_t capacity
) noexcept nogil

# `heads`: count Data headers of 8 bytes with PacketSize >= 8; payload i starts at starts[i] of n
# bytes at src. Bytes to write, or -1 if a payload lies outside.
cdef int64_t mms_measure_data(
    const uint8_t *heads, size_t count, const int64_t *starts, size_t n, size_t *bad
) noexcept nogil
cdef size_t mms_write_data(
    const uint8_t *heads, size_t count, const int64_t *starts, const uint8_t *src, size_t n,
    uint8_t *dst, size_t capacity
) noexcept nogil

# The bytes of two tables' rows, merged by offset, as runs (u8 place in src, u8 length) of rows
# that are neighbours there. Offsets count from `base` = first byte at src, which has n bytes.
# Returns the sum of the lengths, -1 if a row lies outside, -2 if there is no memory.
cdef int64_t mms_join_extents(
    const extents_t *a, const extents_t *b, int64_t base, size_t n, table_t *runs
) noexcept nogil
cdef size_t mms_write_runs(
    const table_t *runs, const uint8_t *src, size_t n, uint8_t *dst, size_t capacity
) noexcept nogil
