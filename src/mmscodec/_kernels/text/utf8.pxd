# Text of the wire as UTF-8. Every function here writes to `dst`, which has room for the bound that
# stands beside it, and returns how many bytes it wrote. What is no character, be it half of a
# surrogate pair or a number beyond the last one, becomes U+FFFD, so the output is always valid.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp
from mmscodec._kernels.core.wire cimport load_le16, load_own32, likely


cdef enum:
    NUL_KEPT = 0      # a NUL is a character like others
    NUL_FIRST = 1     # the text ends at the first
    NUL_TRAILING = 2  # those at the end are no part of it
    NUL_STRINGS = 3   # one string, and of the next two those that begin with "HOST: " or "VIA: "


cdef inline size_t put(uint8_t *dst, uint32_t c) noexcept nogil:
    # at most 4 bytes
    if likely(c < 0x80):
        dst[0] = <uint8_t>c
        return 1
    if c < 0x800:
        dst[0] = <uint8_t>(0xC0 | c >> 6)
        dst[1] = <uint8_t>(0x80 | (c & 0x3F))
        return 2
    if c > 0x10FFFF or c >> 11 == 0x1B:
        c = 0xFFFD
    if c < 0x10000:
        dst[0] = <uint8_t>(0xE0 | c >> 12)
        dst[1] = <uint8_t>(0x80 | (c >> 6 & 0x3F))
        dst[2] = <uint8_t>(0x80 | (c & 0x3F))
        return 3
    dst[0] = <uint8_t>(0xF0 | c >> 18)
    dst[1] = <uint8_t>(0x80 | (c >> 12 & 0x3F))
    dst[2] = <uint8_t>(0x80 | (c >> 6 & 0x3F))
    dst[3] = <uint8_t>(0x80 | (c & 0x3F))
    return 4


cdef inline size_t from_page(
    const uint8_t *src, size_t size, const uint16_t *page, int nul, uint8_t *dst
) noexcept nogil:
    # 8-bit text, `page` has the character of every byte: at most 3 bytes each
    cdef size_t i, at = 0
    while nul == NUL_TRAILING and size and src[size - 1] == 0:
        size -= 1
    for i in range(size):
        if nul == NUL_FIRST and src[i] == 0:
            break
        at += put(dst + at, page[src[i]])
    return at


cdef inline size_t from_ucs4(const uint8_t *src, size_t size, uint8_t *dst) noexcept nogil:
    # text as NumPy holds it, in the machine's byte order, NULs behind it: at most `size` bytes
    cdef size_t i, at = 0, units = size // 4
    while units and load_own32(src + 4 * units - 4) == 0:
        units -= 1
    for i in range(units):
        at += put(dst + at, load_own32(src + 4 * i))
    return at


cdef inline size_t units_of(const uint8_t *src, size_t units, uint8_t *dst) noexcept nogil:
    # UTF-16: at most 3 bytes a unit
    cdef size_t i = 0, at = 0
    cdef uint32_t c, low
    while i < units:
        c = load_le16(src + 2 * i)
        i += 1
        if (c & 0xFC00) == 0xD800 and i < units:
            low = load_le16(src + 2 * i)
            if (low & 0xFC00) == 0xDC00:
                c = 0x10000 + ((c & 0x3FF) << 10) + (low & 0x3FF)
                i += 1
        at += put(dst + at, c)
    return at


cdef inline size_t string_end(const uint8_t *src, size_t at, size_t units) noexcept nogil:
    # the first NUL from unit `at` on, or the end
    while at < units and load_le16(src + 2 * at):
        at += 1
    return at


cdef inline bint named(const uint8_t *src, size_t units) noexcept nogil:
    # "HOST: " or "VIA: " in UTF-16
    return (units >= 6 and memcmp(src, b"H\0O\0S\0T\0:\0 ", 12) == 0) or (
        units >= 5 and memcmp(src, b"V\0I\0A\0:\0 ", 10) == 0)


cdef inline size_t from_utf16(
    const uint8_t *src, size_t size, int nul, uint8_t *dst
) noexcept nogil:
    # little-endian; an odd byte at the end is left out: at most 3 bytes for 2
    cdef size_t units = size // 2, end, at, _string
    if nul == NUL_TRAILING:
        while units and load_le16(src + 2 * units - 2) == 0:
            units -= 1
    if nul < NUL_FIRST or nul == NUL_TRAILING:
        return units_of(src, units, dst)
    end = string_end(src, 0, units)
    at = units_of(src, end, dst)
    if nul == NUL_FIRST:
        return at
    for _string in range(2):
        if end >= units:
            break
        src, units = src + 2 * (end + 1), units - end - 1
        end = string_end(src, 0, units)
        if named(src, end):
            dst[at] = 0
            at += 1 + units_of(src, end, dst + at + 1)
    return at
