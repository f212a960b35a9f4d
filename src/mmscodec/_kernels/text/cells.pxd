# Cells of CSV. Every function says how much room it needs, and returns how many bytes there are.
from libc.stdint cimport uint8_t, uint32_t
from mmscodec._kernels.text.json cimport digit


cdef inline bint special(const uint8_t *src, size_t size) noexcept nogil:
    # whether a cell must be quoted
    cdef size_t i
    for i in range(size):
        if src[i] == c'"' or src[i] == c',' or src[i] == c'\n' or src[i] == c'\r':
            return True
    return False


cdef inline size_t quoted(uint8_t *cell, size_t size) noexcept nogil:
    # in place, room for 2 * size + 2; as it is where nothing in it needs quotation marks
    cdef size_t i, at, marks = 0
    if not special(cell, size):
        return size
    for i in range(size):
        marks += cell[i] == c'"'
    at = size + marks + 1
    cell[at] = c'"'
    for i in range(size, 0, -1):
        at -= 1
        cell[at] = cell[i - 1]
        if cell[at] == c'"':
            at -= 1
            cell[at] = c'"'
    cell[0] = c'"'
    return size + marks + 2


cdef inline bint hidden(const uint8_t *src, size_t left) noexcept nogil:
    # whether valid UTF-8 begins with a character that a terminal acts on: C1, marks of direction
    if left >= 2 and src[0] == 0xC2:
        return src[1] < 0xA0 or src[1] == 0xAD
    if left >= 3 and src[0] == 0xE2:
        return (src[1] == 0x80 and (0x8B <= src[2] <= 0x8F or 0xA8 <= src[2] <= 0xAE)) or (
            src[1] == 0x81 and 0xA0 <= src[2] <= 0xAF)
    return left >= 3 and src[0] == 0xEF and src[1] == 0xBB and src[2] == 0xBF


cdef inline size_t escape(uint32_t c, bint wide, uint8_t *dst) noexcept nogil:
    # \xNN or \uNNNN
    dst[0], dst[1] = c'\\', c'u' if wide else c'x'
    if not wide:
        dst[2], dst[3] = digit(c >> 4), digit(c)
        return 4
    dst[2], dst[3], dst[4], dst[5] = digit(c >> 12), digit(c >> 8), digit(c >> 4), digit(c)
    return 6


cdef inline size_t plain_cell(const uint8_t *src, size_t size, uint8_t *dst) noexcept nogil:
    # Valid UTF-8 in which no spreadsheet sees a formula, for an apostrophe stands in front of what
    # would begin one, and no terminal an order: at most 6 bytes each and one.
    cdef size_t i = 0, at = 0
    cdef uint32_t c
    if size and (src[0] == c'=' or src[0] == c'+' or src[0] == c'-' or src[0] == c'@'
                 or src[0] == c'\t' or src[0] == c'\r'):
        dst[0] = c"'"
        at = 1
    while i < size:
        c = src[i]
        if c < 32 or c == 127:
            at += escape(c, False, dst + at)
            i += 1
        elif c >= 0x80 and hidden(src + i, size - i):
            if c == 0xC2:
                at += escape(src[i + 1], False, dst + at)
                i += 2
            else:
                c = (c & 15) << 12 | <uint32_t>(src[i + 1] & 63) << 6 | (src[i + 2] & 63)
                at += escape(c, True, dst + at)
                i += 3
        else:
            dst[at] = <uint8_t>c
            at += 1
            i += 1
    return at
