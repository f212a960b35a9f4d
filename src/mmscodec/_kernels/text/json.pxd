# Text as JSON has it inside of quotation marks, in ASCII alone: what a terminal would act on, and
# all beyond ASCII, is \uXXXX. Every function writes to `dst`, which has room for the bound that
# stands beside it, and returns how many bytes it wrote.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from mmscodec._kernels.core.wire cimport likely, load_le16
from mmscodec._kernels.text.utf8 cimport (
    NUL_FIRST, NUL_KEPT, NUL_STRINGS, NUL_TRAILING, named, string_end)


cdef inline uint8_t digit(uint32_t value) noexcept nogil:
    # of hexadecimal numbers
    value &= 15
    return <uint8_t>(value + 48 if value < 10 else value + 87)


cdef inline size_t unit(uint32_t c, uint8_t *dst) noexcept nogil:
    # \uXXXX: 6 bytes
    dst[0], dst[1] = c'\\', c'u'
    dst[2], dst[3], dst[4], dst[5] = digit(c >> 12), digit(c >> 8), digit(c >> 4), digit(c)
    return 6


cdef inline size_t escaped(uint32_t c, uint8_t *dst) noexcept nogil:
    # a character: at most 12 bytes
    if likely(32 <= c < 127 and c != c'"' and c != c'\\'):
        dst[0] = <uint8_t>c
        return 1
    if c >= 0x10000:
        return unit(0xD800 + ((c - 0x10000) >> 10), dst) + unit(0xDC00 + (c & 0x3FF), dst + 6)
    dst[0], dst[1] = c'\\', <uint8_t>c
    if c == c'"' or c == c'\\':
        return 2
    if c == 8:
        dst[1] = c'b'
    elif c == 9:
        dst[1] = c't'
    elif c == 10:
        dst[1] = c'n'
    elif c == 12:
        dst[1] = c'f'
    elif c == 13:
        dst[1] = c'r'
    else:
        return unit(c, dst)
    return 2


cdef inline size_t json_page(
    const uint8_t *src, size_t size, const uint16_t *page, int nul, uint8_t *dst
) noexcept nogil:
    # 8-bit text: at most 6 bytes each. No page: the characters have the numbers of the bytes.
    cdef size_t i, at = 0
    for i in range(size):
        if nul == NUL_FIRST and src[i] == 0:
            break
        at += escaped(src[i] if page == NULL else page[src[i]], dst + at)
    return at


cdef inline size_t json_utf8(const uint8_t *src, size_t size, uint8_t *dst) noexcept nogil:
    # valid UTF-8: at most 6 bytes each
    cdef size_t i = 0, at = 0, more
    cdef uint32_t c
    while i < size:
        c = src[i]
        i += 1
        more = 0
        if c >= 0xF0:
            c, more = c & 7, 3
        elif c >= 0xE0:
            c, more = c & 15, 2
        elif c >= 0xC0:
            c, more = c & 31, 1
        while more and i < size:
            c = c << 6 | (src[i] & 63)
            i += 1
            more -= 1
        at += escaped(c, dst + at)
    return at


cdef inline size_t json_units(const uint8_t *src, size_t units, uint8_t *dst) noexcept nogil:
    # UTF-16: at most 7 bytes a unit. Half of a pair is the text \udXXX, whose backslash is escaped.
    cdef size_t i = 0, at = 0
    cdef uint32_t c, low
    while i < units:
        c = load_le16(src + 2 * i)
        i += 1
        if c >> 11 != 0x1B:
            at += escaped(c, dst + at)
            continue
        low = load_le16(src + 2 * i) if c < 0xDC00 and i < units else 0
        if (low & 0xFC00) == 0xDC00:
            at += unit(c, dst + at) + unit(low, dst + at + 6)
            i += 1
        else:
            dst[at] = c'\\'
            at += 1 + unit(c, dst + at + 1)
    return at


cdef inline size_t json_utf16(
    const uint8_t *src, size_t size, int nul, uint8_t *dst
) noexcept nogil:
    # little-endian, ended as `utf8.from_utf16` does: at most 7 bytes for 2
    cdef size_t units = size // 2, end, at
    cdef int _string
    if nul == NUL_TRAILING:
        while units and load_le16(src + 2 * units - 2) == 0:
            units -= 1
    if nul == NUL_KEPT or nul == NUL_TRAILING:
        return json_units(src, units, dst)
    end = string_end(src, 0, units)
    at = json_units(src, end, dst)
    for _string in range(2 if nul == NUL_STRINGS else 0):
        if end >= units:
            break
        src, units = src + 2 * (end + 1), units - end - 1
        end = string_end(src, 0, units)
        if named(src, end):
            at += unit(0, dst + at)
            at += json_units(src, end, dst + at)
    return at
