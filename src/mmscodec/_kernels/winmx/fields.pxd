# The fields of a packet, copied into a row of its type as a program says.
# Section 10 of docs/spec/winmx.md.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.winmx.scan cimport fault_t, index_t

cdef enum:
    # how a field of a packet is found
    OP_FIXED = 0  # `size` bytes, copied to dst
    OP_CSTR = 1  # up to a 00 byte; extent to dst
    OP_TEXT = 2  # to the end, less one 00 byte there; extent to dst
    OP_REST = 3  # to the end; extent to dst
    OP_COUNTED = 4  # as many bytes as the u8 at cond says; extent to dst
    OP_QUOTED = 5  # up to a quotation mark, where `value` is 1 less a space there; extent to dst
    OP_IPV4 = 6  # four octets in network order, as a number to dst
    # when it is there
    ALWAYS = 0
    OPTIONAL = 1  # when bytes are left; the u8 at cond says so
    WHEN = 2  # when the u8 at cond equals `value`
    WHEN_OTHER = 3  # when the u8 at cond is neither 0 nor `value`

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

# Rows of all packets of `type`, or of all packets where it is -1; a packet that lacks a field has a
# fault instead. 0, or -1 when there is no memory.
cdef int gather_rows(
    const index_t *index, int type, const program_t *program, table_t *rows, table_t *faults,
) noexcept nogil
# The faults alone, of packets of many types: choice[type] is 0, or 1 + the number of a program;
# programs that repeat stand right behind the one of the packet that they belong to, and one
# without ops behind the last.
cdef int check_rows(
    const index_t *index, const uint8_t *choice, const program_t *programs, table_t *scratch,
    table_t *faults,
) noexcept nogil
# Does all that the ops write lie in a row of `itemsize` bytes?
cdef bint ops_fit(const op_t *ops, size_t op_count, size_t itemsize) noexcept nogil
