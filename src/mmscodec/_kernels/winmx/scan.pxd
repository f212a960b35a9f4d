# WinMX frames: from bytes to one row a packet. Sections 3, 4, 10 and 12 of docs/spec/winmx.md.
#
# A scan hops from header to header and writes one packet_t for each whole frame; it never fails,
# because every four bytes are a header. The gathers (nodes.pxd, fields.pxd) read the index.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_row, table_t

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
    CACHE = 4  # the whole buffer is one deciphered peer-cache reply, 149 bytes or cut
    TRANSFER = 5  # no frames: rows are found by who reads both sides
    CACHE_REPLY = 149
    RECORDS_FROM = 29  # where its records begin
    PRIMARY_HEADER = 17
    STREAM_FROM = 4 << 20  # bytes of output from which stores pass the cache by
    NO_TYPE = 0xFFFF  # a primary packet without payload
    LIST_HEADER = 0x006003A1  # type and length of a regular NodeList as one number
    AHEAD = 1024  # bytes to prefetch in front of the read position
    # what is wrong with a packet given by others
    PACKET_OUTSIDE = 1
    PACKET_OTHER_LENGTH = 2

cdef struct packet_t:
    int64_t offset
    uint32_t length
    uint16_t type
    uint16_t data_length

cdef struct index_t:
    # scanned packets and the bytes that they were scanned from; `base` is the offset of src[0]
    const uint8_t *src
    int64_t base
    const packet_t *packets
    size_t count

cdef struct checked_t:
    size_t nodes
    size_t row

cdef struct node_t:
    int64_t packet
    uint16_t record
    uint8_t current
    uint8_t unused
    uint32_t ip
    uint8_t rest[8]  # of the record, as on the wire

cdef struct fault_t:
    int64_t offset
    int64_t length
    uint16_t code
    uint16_t field
    int32_t packet  # row of the packet that it is in, -1
    int64_t need
    int64_t have

cdef struct scan_t:
    size_t consumed  # bytes of whole frames
    size_t need  # bytes from `consumed` on that the next frame has, as far as known
    size_t nodes  # records in the NodeLists among them


cdef inline size_t cache_size(const packet_t *packet) noexcept nogil:
    # records of a peer-cache reply
    return (packet.length - RECORDS_FROM) // NODE_SIZE if packet.length > RECORDS_FROM else 0


cdef inline int add_fault(
    table_t *faults, size_t packet, int64_t offset, int64_t length, int code, int field,
    int64_t need, int64_t have
) noexcept nogil:
    # add a fault. 0, or -1 without memory
    cdef fault_t *fault = <fault_t *>table_row(faults)
    if fault == NULL:
        return -1
    fault.offset = offset
    fault.length = length
    fault.code = <uint16_t>code
    fault.field = <uint16_t>field
    fault.packet = <int32_t>packet
    fault.need = need
    fault.have = have
    return 0


cdef struct streams_t:
    # streams that lie in one buffer
    const uint8_t *src
    const int64_t *starts
    const int64_t *lengths
    size_t count


cdef inline size_t streams_inside(
    const int64_t *starts, const int64_t *lengths, size_t count, size_t size
) noexcept nogil:
    # the first of `count` streams that does not lie in a buffer of `size` bytes, or `count`
    cdef size_t i
    for i in range(count):
        if starts[i] < 0 or lengths[i] < 0 or <size_t>starts[i] > size \
                or <size_t>lengths[i] > size - <size_t>starts[i]:
            return i
    return count


# 0, or -1 when there is no memory; rows written stay good
cdef int scan(
    const uint8_t *src, size_t length, int64_t base, int framing,
    table_t *packets, table_t *faults, scan_t *out) noexcept nogil
# The same of many streams, whose rows have offsets in the buffer. `ends` is filled: bytes of whole
# frames of each, and how many the frame begun has.
cdef int scan_streams(
    const streams_t *streams, int framing, table_t *packets, table_t *faults, int64_t *ends,
    size_t *nodes) noexcept nogil
# Do packets given by others lie in a buffer of `size` bytes from `start` on, with the length that
# their data says? 0 and the node records in them, or what is wrong with packet `row`.
cdef int check_packets(
    const packet_t *packets, size_t count, int64_t start, size_t size, int framing,
    checked_t *out) noexcept nogil
