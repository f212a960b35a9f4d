# Numbers and times as text. Every function writes to `dst`, which has room for the bound that
# stands beside it, and returns how many bytes it wrote.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memmove, memset
from mmscodec._kernels.text.json cimport digit

cdef enum:
    MAX_TIME = 30  # bytes of a time


cdef inline size_t decimal(uint64_t value, uint8_t *dst) noexcept nogil:
    # at most 20 bytes
    cdef uint8_t digits[20]
    cdef size_t count = 0, i
    while True:
        digits[count] = <uint8_t>(48 + value % 10)
        value //= 10
        count += 1
        if value == 0:
            break
    for i in range(count):
        dst[i] = digits[count - 1 - i]
    return count


cdef inline size_t signed_decimal(int64_t value, uint8_t *dst) noexcept nogil:
    # at most 20 bytes
    if value >= 0:
        return decimal(<uint64_t>value, dst)
    dst[0] = c'-'
    return 1 + decimal(0 - <uint64_t>value, dst + 1)


cdef inline void fixed(uint64_t value, size_t width, uint8_t *dst) noexcept nogil:
    # `width` digits, with zeros in front
    while width:
        width -= 1
        dst[width] = <uint8_t>(48 + value % 10)
        value //= 10


cdef inline size_t hexadecimal(uint32_t value, uint8_t *dst) noexcept nogil:
    # 0x and eight digits in capitals: 10 bytes
    cdef int i
    cdef uint8_t c
    dst[0], dst[1] = c'0', c'x'
    for i in range(8):
        c = digit(value >> (28 - 4 * i))
        dst[2 + i] = c - 32 if c > 57 else c
    return 10


cdef inline size_t hex_bytes(const uint8_t *src, size_t size, uint8_t *dst) noexcept nogil:
    # two digits a byte
    cdef size_t i
    for i in range(size):
        dst[2 * i], dst[2 * i + 1] = digit(src[i] >> 4), digit(src[i])
    return 2 * size


cdef inline size_t dotted(uint32_t value, uint8_t *dst) noexcept nogil:
    # an IPv4 address, the most significant octet first: at most 15 bytes
    cdef size_t at = 0
    cdef int shift
    for shift in range(24, -8, -8):
        at += decimal(value >> shift & 255, dst + at)
        if shift:
            dst[at] = c'.'
            at += 1
    return at


cdef inline size_t iso_time(int64_t time, uint8_t *dst) noexcept nogil:
    # ns since 1970 as 2026-11-21T00:06:07.793120000Z, UTC: 30 bytes. Years 1677 to 2262 are all
    # that 64 bits hold. The date by the rule of 400 Gregorian years, counted from 1 March.
    cdef int64_t seconds = time // 1000000000, ns = time - seconds * 1000000000, days, rest
    cdef int64_t era, day, year, month
    if ns < 0:
        ns, seconds = ns + 1000000000, seconds - 1
    days = seconds // 86400
    rest = seconds - days * 86400
    if rest < 0:
        rest, days = rest + 86400, days - 1
    days += 719468  # from 0000-03-01
    era = days // 146097
    day = days - era * 146097
    year = (day - day // 1460 + day // 36524 - day // 146096) // 365
    day -= 365 * year + year // 4 - year // 100
    year += 400 * era
    month = (5 * day + 2) // 153
    day -= (153 * month + 2) // 5
    if month >= 10:
        month, year = month - 9, year + 1
    else:
        month += 3
    fixed(<uint64_t>year, 4, dst)
    dst[4] = dst[7] = c'-'
    fixed(<uint64_t>month, 2, dst + 5)
    fixed(<uint64_t>(day + 1), 2, dst + 8)
    dst[10] = c'T'
    fixed(<uint64_t>(rest // 3600), 2, dst + 11)
    dst[13] = dst[16] = c':'
    fixed(<uint64_t>(rest // 60 % 60), 2, dst + 14)
    fixed(<uint64_t>(rest % 60), 2, dst + 17)
    dst[19] = c'.'
    fixed(<uint64_t>ns, 9, dst + 20)
    dst[29] = c'Z'
    return 30


cdef inline size_t seconds(int64_t ns, uint8_t *dst) noexcept nogil:
    # with six decimals: at most 31 bytes and a NUL
    cdef size_t count = <size_t>snprintf(<char *>dst, 32, "%.6f", <double>ns / 1e9)
    dst[count - 7] = c'.'  # whatever the locale of the process has
    return count


cdef inline size_t to_right(uint8_t *dst, size_t count, size_t width) noexcept nogil:
    # `count` bytes at `dst` with spaces in front up to `width`
    if count >= width:
        return count
    memmove(dst + (width - count), dst, count)
    memset(dst, c' ', width - count)
    return width
