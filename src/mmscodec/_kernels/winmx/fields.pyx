# Fields of packets, by programs made from the schema. See winmx/fields.pxd.
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memchr, memcpy, memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.layout cimport FAULT_SHORT_FIELD, FAULT_UNTERMINATED, FIELD_LENGTH
from mmscodec._kernels.core.table cimport table_reserve, table_row
from mmscodec._kernels.core.wire cimport load_be32, store_le32, store_le64
from mmscodec._kernels.winmx.packets_of_type cimport (
    begin_packets, frame_of, next_packet, packets_of_type_t)
from mmscodec._kernels.winmx.scan cimport add_fault, packet_t


cdef inline void put_extent(uint8_t *dst, int64_t offset, size_t length) noexcept nogil:
    # write offset and length into a row
    store_le64(dst, <uint64_t>offset)
    store_le32(dst + 8, <uint32_t>length)


cdef inline bint is_there(const op_t *op, uint8_t *row, size_t left) noexcept nogil:
    # does the packet have this field? An optional one that it has is marked in the row
    if op.flag == ALWAYS:
        return True
    if op.flag == OPTIONAL:
        if left == 0:
            return False
        row[op.cond] = 1
        return True
    if op.flag == WHEN:
        return row[op.cond] == op.value
    return row[op.cond] != 0 and row[op.cond] != op.value


cdef inline int field_fault(
    const op_t *op, int code, int64_t offset, size_t need, size_t have, fault_t *fault
) noexcept nogil:
    # fills in `fault` and returns its code
    fault.offset = offset
    fault.code = <uint16_t>code
    fault.field = op.field
    fault.need = <int64_t>need
    fault.have = <int64_t>have
    return code


cdef inline size_t put_field(
    const op_t *op, const uint8_t *data, size_t left, size_t size, int64_t offset, uint8_t *row
) noexcept nogil:
    # the field of `size` bytes at `data` goes into the row; bytes of the packet that it takes
    cdef uint32_t address
    if op.kind == OP_FIXED:
        memcpy(row + op.dst, data, size)
        return size
    if op.kind == OP_IPV4:
        address = load_be32(data)
        memcpy(row + op.dst, &address, 4)
        return size
    if op.kind == OP_CSTR:
        put_extent(row + op.dst, offset, size)
        return size + 1
    if op.kind == OP_TEXT:
        put_extent(row + op.dst, offset, size - <size_t>(size != 0 and data[size - 1] == 0))
        return left
    if op.kind == OP_QUOTED:
        put_extent(
            row + op.dst, offset,
            size - <size_t>(op.value == 1 and size != 0 and data[size - 1] == 0x20))
        return size + 1
    put_extent(row + op.dst, offset, size)
    return size


cdef int walk(
    const op_t *ops, size_t op_count, const uint8_t *data, size_t length, int64_t offset,
    uint8_t *row, size_t *used, fault_t *fault
) noexcept nogil:
    # Fields one after the other from `used` on into a zeroed row. 0 with `used` behind the last
    # one, or a fault code with `fault` filled in.
    cdef size_t pos = used[0], size, left, i
    cdef const op_t *op
    cdef const uint8_t *end
    for i in range(op_count):
        op = &ops[i]
        left = length - pos
        if not is_there(op, row, left):
            continue
        size = left
        if op.kind == OP_FIXED or op.kind == OP_IPV4:
            size = op.size
        elif op.kind == OP_COUNTED:
            size = row[op.cond]
        elif op.kind == OP_CSTR or op.kind == OP_QUOTED:
            end = NULL
            if left != 0:
                end = <const uint8_t *>memchr(data + pos, 0x22 if op.kind == OP_QUOTED else 0, left)
            if end == NULL:
                return field_fault(
                    op, FAULT_UNTERMINATED, offset + <int64_t>pos, left + 1, left, fault)
            size = <size_t>(end - (data + pos))
        if left < size:
            return field_fault(op, FAULT_SHORT_FIELD, offset + <int64_t>pos, size, left, fault)
        pos += put_field(op, data + pos, left, size, offset + <int64_t>pos, row)
    used[0] = pos
    return 0


cdef int walk_packet(
    const index_t *index, size_t number, const program_t *program, table_t *rows, table_t *faults
) noexcept nogil:
    # The rows of one packet: one, or one for each item that repeats. 0, or -1: no memory.
    cdef const packet_t *packet = &index.packets[number]
    cdef const uint8_t *frame = frame_of(index, packet)
    cdef size_t pos = program.head, length = packet.length
    cdef size_t first, size = program.itemsize
    cdef uint32_t item = 0
    cdef bint repeats = program.repeat < program.op_count
    cdef uint8_t *row
    cdef fault_t fault
    while True:
        row = <uint8_t *>table_row(rows)
        if row == NULL:
            return -1
        memset(row, 0, size)
        store_le64(row, number)
        first = 0
        fault.code = 0
        if length < pos:  # shorter than its own header
            fault.code = FAULT_SHORT_FIELD
            fault.offset = packet.offset
            fault.field = FIELD_LENGTH
            fault.need = <int64_t>pos
            fault.have = <int64_t>length
        elif repeats:
            if item == 0 and walk(
                program.ops, program.repeat, frame, length, packet.offset, row, &pos, &fault
            ) != 0:
                rows.rows -= 1
                # the row of what stands before the items carries this fault
                return 0
            if pos == length:
                rows.rows -= 1
                return 0
            memset(row + 8, 0, size - 8)
            store_le32(row + program.item, item)
            first = program.repeat
        if fault.code == 0 and walk(
            program.ops + first, program.op_count - first, frame, length, packet.offset,
            row, &pos, &fault,
        ) == 0:
            if not repeats:
                store_le32(row + program.surplus, <uint32_t>(length - pos))
                return 0
            item += 1
            continue
        rows.rows -= 1
        return add_fault(
            faults, number, fault.offset, packet.offset + <int64_t>length - fault.offset,
            fault.code, fault.field, fault.need, fault.have)


cdef int gather_rows(
    const index_t *index, int type, const program_t *program, table_t *rows, table_t *faults
) noexcept nogil:
    cdef packets_of_type_t these
    cdef size_t i, found = 0
    for i in range(index.count):
        found += (index.packets[i].type == type) | (type < 0)
    if table_reserve(rows, found) != 0:
        return -1
    begin_packets(&these, index, type)
    while next_packet(&these):
        if walk_packet(index, these.number, program, rows, faults) != 0:
            return -1
    return 0


cdef int check_rows(
    const index_t *index, const uint8_t *choice, const program_t *programs, table_t *scratch,
    table_t *faults
) noexcept nogil:
    cdef size_t i
    cdef int number
    cdef const program_t *program
    for i in range(index.count):
        if interrupted_at(i):
            return 0
        number = choice[index.packets[i].type]
        if number == 0:
            continue
        program = &programs[number - 1]
        while True:
            scratch.rows = 0  # rows of scratch are as long as the longest
            if walk_packet(index, i, program, scratch, faults) != 0:
                return -1
            program += 1
            if program.op_count == 0 or program.repeat == program.op_count:
                break
    return 0


cdef bint ops_fit(const op_t *ops, size_t op_count, size_t itemsize) noexcept nogil:
    cdef size_t i, size
    for i in range(op_count):
        size = 12  # of an extent
        if ops[i].kind == OP_FIXED or ops[i].kind == OP_IPV4:
            size = ops[i].size
        if ops[i].dst + size > itemsize or ops[i].cond >= itemsize:
            return False
    return True
