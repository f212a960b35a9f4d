# Rows as lines of text. A line is made by a program, a list of operations that each append
# something to the line; their columns hold a value for each row. `tables/lines.py` has their names.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.text.cells cimport plain_cell, quoted
from mmscodec._kernels.text.json cimport json_page, json_utf8, json_utf16
from mmscodec._kernels.text.numbers cimport (
    decimal, dotted, hex_bytes, hexadecimal, iso_time, moment_t, seconds, signed_decimal, to_right)
from mmscodec._kernels.text.spans cimport part, spans_t

cdef enum:
    LITERAL = 0      # `data`
    INTEGER = 1      # right-aligned in `arg` columns
    UNSIGNED = 2
    NUMBER = 3       # decimal, or from 65536 on hexadecimal; `arg` 1: without a sign
    WORD = 4         # `data` from ends[i] to ends[i + 1]
    JSON_UTF16 = 5   # a part; `arg` says how NULs end it
    JSON_PAGE = 6
    JSON_UTF8 = 7
    HEX = 8          # a part
    SKIP = 9         # `arg` operations, where the mask says so
    JUMP = 10        # `arg` operations
    REPEAT = 11      # `arg` operations for items ints[row] to ints[row + 1], `data` between them
    TIME = 12        # ISO 8601
    IPV4 = 13
    SECONDS = 14     # of ns, right-aligned in `arg` columns
    OPEN = 15        # a cell of CSV begins
    CLOSE = 16       # and ends: quoted if it must be
    STRIP = 17       # take away spaces at the end of the line
    CELL_UTF8 = 18   # a part as CSV has it

cdef enum:
    LINES_DONE = 0
    LINES_FULL = 1
    LINES_OUTSIDE = 2  # a row, word or part that is not there


cdef struct op_t:
    int code
    int arg
    size_t count           # rows of the columns; of LITERAL, JUMP, OPEN, CLOSE, STRIP no matter
    const int64_t *ints
    const uint8_t *mask    # where it is not 0, `null` stands instead; or NULL
    const uint8_t *data
    size_t size
    const uint8_t *null
    size_t null_size
    const int64_t *ends
    size_t words
    const uint16_t *page
    spans_t spans

cdef struct out_t:
    uint8_t *data
    size_t at
    size_t size
    size_t cell  # where the cell that is open begins
    moment_t moment


cdef inline int append(out_t *out, const uint8_t *src, size_t size) noexcept nogil:
    # `size` bytes to the line. LINES_DONE or LINES_FULL
    if out.size - out.at < size:
        return LINES_FULL
    memcpy(out.data + out.at, src, size)
    out.at += size
    return LINES_DONE


cdef inline int append_word(const op_t *op, size_t row, out_t *out) noexcept nogil:
    # the word of a row to the line. Returns LINES_*
    cdef size_t word = <size_t>op.ints[row]
    if word >= op.words:
        return LINES_OUTSIDE
    return append(out, op.data + op.ends[word], <size_t>(op.ends[word + 1] - op.ends[word]))


cdef inline int append_number(const op_t *op, size_t row, out_t *out) noexcept nogil:
    # the number of a row to the line, as the operation says. LINES_DONE or LINES_FULL
    cdef uint8_t *dst = out.data + out.at
    cdef int64_t value = op.ints[row]
    cdef size_t count
    if out.size - out.at < 64 + <size_t>op.arg:
        return LINES_FULL
    if op.code == INTEGER:
        count = signed_decimal(value, dst)
    elif op.code == UNSIGNED:
        count = decimal(<uint64_t>value, dst)
    elif op.code == TIME:
        count = iso_time(value, &out.moment, dst)
    elif op.code == IPV4:
        count = dotted(<uint32_t>value, dst)
    elif op.code == SECONDS:
        count = seconds(value, dst)
    elif value < 65536 and (value >= 0 or op.arg == 0):
        count = signed_decimal(value, dst)
    elif value >> 32:
        count = 0
        while value >> (4 * (count + 8)) and count < 8:
            count += 1
        return wide_number(<uint64_t>value, count, out)
    else:
        count = hexadecimal(<uint32_t>value, dst)
    out.at += to_right(dst, count, <size_t>op.arg)
    return LINES_DONE


cdef inline int wide_number(uint64_t value, size_t more, out_t *out) noexcept nogil:
    # hexadecimal with `more` digits than eight
    cdef uint8_t *dst = out.data + out.at
    cdef uint8_t low[10]
    cdef size_t i, n
    cdef uint32_t d
    dst[0], dst[1] = c'0', c'x'
    for i in range(more):
        n = 8 + more - 1 - i
        d = <uint32_t>(value >> (4 * n)) & 15
        dst[2 + i] = <uint8_t>(d + 48 if d < 10 else d + 55)
    hexadecimal(<uint32_t>value, low)
    memcpy(dst + 2 + more, low + 2, 8)
    out.at += 10 + more
    return LINES_DONE


cdef inline int append_part(const op_t *op, size_t row, out_t *out) noexcept nogil:
    # the part of a row to the line, as the operation says. Returns LINES_*
    cdef size_t size = <size_t>op.spans.lengths[row]
    cdef uint8_t *dst = out.data + out.at
    cdef const uint8_t *src
    if size == 0:
        return LINES_DONE
    src = part(&op.spans, row)
    if src == NULL:
        return LINES_OUTSIDE
    if out.size - out.at < 7 * size + 16:
        return LINES_FULL
    if op.code == JSON_UTF16:
        out.at += json_utf16(src, size, op.arg, dst)
    elif op.code == JSON_PAGE:
        out.at += json_page(src, size, op.page, op.arg, dst)
    elif op.code == JSON_UTF8:
        out.at += json_utf8(src, size, dst)
    elif op.code == CELL_UTF8:
        out.at += plain_cell(src, size, dst)
    else:
        out.at += hex_bytes(src, size, dst)
    return LINES_DONE


cdef inline int append_value(const op_t *op, size_t row, out_t *out) noexcept nogil:
    # an operation that stands for itself
    if op.code == LITERAL:
        return append(out, op.data, op.size)
    if row >= op.count:
        return LINES_OUTSIDE
    if op.mask != NULL and op.mask[row]:
        return append(out, op.null, op.null_size)
    if op.code == WORD:
        return append_word(op, row, out)
    if JSON_UTF16 <= op.code <= HEX or op.code == CELL_UTF8:
        return append_part(op, row, out)
    return append_number(op, row, out)


cdef inline int append_items(const op_t *op, size_t row, out_t *out) noexcept nogil:
    # the operations behind REPEAT, once for each item
    cdef int64_t item
    cdef int status = LINES_DONE
    if row >= op.count:
        return LINES_OUTSIDE
    for item in range(op.ints[row], op.ints[row + 1]):
        if item > op.ints[row]:
            status = append(out, op.data, op.size)
        if status == LINES_DONE:
            status = write_line(op + 1, op + 1 + op.arg, <size_t>item, out)
        if status != LINES_DONE:
            return status
    return LINES_DONE


cdef inline int close_cell(out_t *out) noexcept nogil:
    # quote the cell that is open, if it must be. LINES_DONE or LINES_FULL
    cdef uint8_t *cell = out.data + out.cell
    cdef size_t size = out.at - out.cell
    if out.size - out.cell < 2 * size + 2:
        return LINES_FULL
    out.at = out.cell + quoted(cell, size)
    return LINES_DONE


cdef inline int write_line(const op_t *op, const op_t *end, size_t row, out_t *out) noexcept nogil:
    # the line of a row by the program from `op` to `end`. Returns LINES_*; with another than
    # LINES_DONE the line is not whole
    cdef size_t start = out.at
    cdef int status = LINES_DONE
    while op < end and status == LINES_DONE:
        if op.code == SKIP or op.code == JUMP:
            if op.code == SKIP and row >= op.count:
                return LINES_OUTSIDE
            if op.code == JUMP or op.mask[row]:
                op += op.arg
        elif op.code == REPEAT:
            status = append_items(op, row, out)
            op += op.arg
        elif op.code == OPEN:
            out.cell = out.at
        elif op.code == CLOSE:
            status = close_cell(out)
        elif op.code == STRIP:
            while out.at > start and out.data[out.at - 1] == c' ':
                out.at -= 1
        else:
            status = append_value(op, row, out)
        op += 1
    return status


cdef inline int write_lines(
    const op_t *ops, const size_t *starts, const int64_t *which, const int64_t *rows, size_t count,
    size_t *done, out_t *out,
) noexcept nogil:
    # Line i is row rows[i] of program which[i], which is ops[starts[which]] to the next start.
    # From line `done` on until all are written, or `out` is full behind the last whole one: `done`
    # and `out.at` say how far. Programs are known to be there. Returns LINES_*.
    cdef size_t line = done[0], whole
    cdef int status = LINES_DONE
    while line < count:
        whole = out.at
        status = write_line(ops + starts[which[line]], ops + starts[which[line] + 1],
                            <size_t>rows[line], out)
        if status != LINES_DONE:
            out.at = whole
            break
        line += 1
    done[0] = line
    return status
