# WinMX frames: scan, gather and write. Sections 3, 4, 10 and 12 of the notes.
#
# A scan hops from header to header and writes one packet_t for each whole frame; it never fails,
# because every four bytes are a header. Gathers read the index and copy fields out.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t

cdef enum:
    NODE_LIST = 0x03A1
    NODE_SIZE = 12  # bytes of a node record
    LIST_SIZE = 96  # data of a NodeList with its eight records
    LIST_FRAME = 100
    # framings
    FRAMES = 0  # u16 type, u16 length, data
    PRIMARY = 1  # 17-byte header, length in byte 15; type = first payload byte
    LEGACY = 2  # u16 length, then u16 type and data, already decoded
    DATAGRAM = 3  # the whole buffer is one deciphered datagram; type = byte 4
    CACHE = 4  # the whole buffer is one deciphered peer-cache reply of 149 bytes
    CACHE_REPLY = 149
    PRIMARY_HEADER = 17
    STREAM_FROM = 4 << 20  # bytes of output from which stores pass the cache by
    NO_TYPE = 0xFFFF  # a primary packet without payload
    # how a field of a packet is found
    OP_FIXED = 0  # `size` bytes, copied to dst
    OP_CSTR = 1  # up to a 00 byte; extent to dst
    OP_TEXT = 2  # to the end, less one 00 byte there; extent to dst
    OP_REST = 3  # to the end; extent to dst
    OP_COUNTED = 4  # as many bytes as the u8 at cond says; extent to dst
    # when it is there
    ALWAYS = 0
    OPTIONAL = 1  # when bytes are left; the u8 at cond says so
    WHEN = 2  # when the u8 at cond equals `value`
    WHEN_OTHER = 3  # when the u8 at cond is neither 0 nor `value`

cdef struct packet_t:
    int64_t offset
    uint32_t length
    uint16_t type
    uint16_t data_length

cdef struct node_t:
    int64_t packet
    uint16_t record
    uint8_t current
    uint8_t unused
    uint8_t wire[12]

cdef struct fault_t:
    int64_t offset
    int64_t length
    uint16_t code
    uint16_t field
    uint32_t unused
    int64_t need
    int64_t have

cdef struct extent_t:
    # packed in rows: 8 bytes offset, 4 bytes length
    int64_t offset
    uint32_t length

cdef struct op_t:
    uint8_t kind
    uint8_t flag
    uint16_t size
    uint16_t value
    uint16_t field
    uint32_t dst
    uint32_t cond

cdef struct program_t:
    const op_t *ops
    uint32_t op_count
    uint32_t head  # bytes of the frame before the first field
    uint32_t itemsize
    uint32_t surplus  # where the row holds the count of bytes behind the last field
    uint32_t repeat  # first op that repeats to the end of the data; op_count = none
    uint32_t item  # where a repeated row holds its number

cdef struct scan_t:
    size_t consumed  # bytes of whole frames
    size_t need  # bytes from `consumed` on that the next frame has, as far as known
    size_t nodes  # records in the NodeLists among them

# 0, or -1 when there is no memory; rows written stay good
cdef int scan(
    const uint8_t *src, size_t length, int64_t base, int framing,
    table_t *packets, table_t *faults, scan_t *out) noexcept nogil
cdef size_t regular_run(const uint8_t *src, size_t length) noexcept nogil
# the records of as many frames of a regular run as dst has room for; how many frames
cdef size_t copy_lists(
    const uint8_t *src, size_t frames, uint8_t *dst, size_t capacity) noexcept nogil
# Is every header of the run right? If so, `records` and `nodes` (or NULL) have its rows appended; a
# table for which there is no memory has none. If not, no rows.
cdef bint verified(
    const uint8_t *src, size_t frames, table_t *records, table_t *nodes) noexcept nogil
cdef int regular_packets(size_t frames, int64_t base, table_t *packets) noexcept nogil
cdef int regular_nodes(const uint8_t *src, size_t frames, table_t *nodes) noexcept nogil
cdef size_t gather_records(
    const uint8_t *src, int64_t base, int framing, const packet_t *packets, size_t count,
    bint stream, uint8_t *dst, size_t room) noexcept nogil
cdef void advise(void *p, size_t size) noexcept nogil
cdef int gather_lists(
    const uint8_t *src, int64_t base, const packet_t *packets, size_t count,
    table_t *lists, size_t *odd) noexcept nogil
cdef int gather_nodes(
    const uint8_t *src, int64_t base, int framing, const packet_t *packets, size_t count,
    size_t first, size_t total, bint stream, table_t *nodes) noexcept nogil
cdef int gather_rows(
    const uint8_t *src, int64_t base, const packet_t *packets, size_t count, int type,
    const program_t *program, table_t *rows, table_t *faults) noexcept nogil
cdef int check_rows(
    const uint8_t *src, int64_t base, const packet_t *packets, size_t count,
    const uint8_t *choice, const program_t *programs, table_t *scratch, table_t *faults,
) noexcept nogil
# `lists` frames of `each` records, as many as dst has room for; bytes written
cdef size_t write_lists(
    const uint8_t *records, size_t lists, size_t each, uint8_t *dst, size_t capacity) noexcept nogil
