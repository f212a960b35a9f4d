# Numbers and times as text. Every function writes to `dst`, which has room for the bound that
# stands beside it, and returns how many bytes it wrote.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdio cimport snprintf
from libc.string cimport memcpy, memmove, memset
from mmscodec._kernels.core.wire cimport store_le64
from mmscodec._kernels.text.json cimport digit

cdef enum:
    MAX_TIME = 30  # bytes of a time


cdef inline uint64_t eight_digits(uint32_t value) noexcept nogil:
    # of a number below 100000000 a decimal digit in each byte, the first in the lowest: two halves,
    # four pairs, eight digits, each by multiplication in all lanes at once
    cdef uint64_t lanes, upper
    upper = (<uint64_t>value * <uint64_t>3518437209) >> 45  # // 10000
    lanes = upper | (<uint64_t>value - upper * 10000) << 32
    upper = ((lanes * 10486) >> 20) & <uint64_t>0x7F0000007F  # // 100
    lanes = upper | (lanes - upper * 100) << 16
    upper = ((lanes * 103) >> 10) & <uint64_t>0xF000F000F000F  # // 10
    return upper | (lanes - upper * 10) << 8


cdef inline size_t decimal(uint64_t value, uint8_t *dst) noexcept nogil:
    # at most 20 bytes; up to 24 are written
    cdef uint64_t digits
    cdef size_t count = 0, zeros = 0
    if value >= 100000000:
        count = decimal(value // 100000000, dst)
        digits = eight_digits(<uint32_t>(value % 100000000))
    else:
        digits = eight_digits(<uint32_t>value)
        while zeros < 7 and (digits & 0xFF) == 0:
            digits >>= 8
            zeros += 1
    store_le64(dst + count, digits | <uint64_t>0x3030303030303030)
    return count + 8 - zeros


cdef inline size_t signed_decimal(int64_t value, uint8_t *dst) noexcept nogil:
    # at most 20 bytes; up to 25 are written
    if value >= 0:
        return decimal(<uint64_t>value, dst)
    dst[0] = c'-'
    return 1 + decimal(0 - <uint64_t>value, dst + 1)


cdef inline void fixed(uint32_t value, size_t width, uint8_t *dst) noexcept nogil:
    # `width` digits, at most eight, with zeros in front
    cdef uint64_t digits = eight_digits(value) >> (64 - 8 * width)
    while width:
        width -= 1
        dst[width] = <uint8_t>(48 + (digits >> (8 * width) & 0xFF))


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


cdef struct moment_t:
    int64_t second    # whose text is there, if any is
    uint8_t text[24]  # up to the point


cdef inline void moment_text(int64_t seconds, uint8_t *dst) noexcept nogil:
    # seconds since 1970 as 2026-11-21T00:06:07. UTC: 20 bytes. The date by the rule of 400
    # Gregorian years, counted from 1 March.
    cdef int64_t days = seconds // 86400, rest = seconds - days * 86400
    cdef int64_t era, day, year, month
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
    fixed(<uint32_t>year, 4, dst)
    dst[4] = dst[7] = c'-'
    fixed(<uint32_t>month, 2, dst + 5)
    fixed(<uint32_t>(day + 1), 2, dst + 8)
    dst[10] = c'T'
    fixed(<uint32_t>(rest // 3600), 2, dst + 11)
    dst[13] = dst[16] = c':'
    fixed(<uint32_t>(rest // 60 % 60), 2, dst + 14)
    fixed(<uint32_t>(rest % 60), 2, dst + 17)
    dst[19] = c'.'


cdef inline size_t iso_time(int64_t time, moment_t *last, uint8_t *dst) noexcept nogil:
    # ns since 1970 as 2026-11-21T00:06:07.793120000Z, UTC: 30 bytes. Years 1677 to 2262 are all
    # that 64 bits hold. `last` keeps the text of a second, which many rows share; it begins as 0.
    cdef int64_t second = time // 1000000000, ns = time - second * 1000000000
    if ns < 0:
        ns, second = ns + 1000000000, second - 1
    if last.text[0] == 0 or last.second != second:
        moment_text(second, last.text)
        last.second = second
    memcpy(dst, last.text, 20)
    dst[20] = <uint8_t>(48 + ns // 100000000)
    store_le64(dst + 21, eight_digits(<uint32_t>(ns % 100000000)) | <uint64_t>0x3030303030303030)
    dst[29] = c'Z'
    return 30


cdef inline size_t seconds(int64_t ns, uint8_t *dst) noexcept nogil:
    # with six decimals, as C has it of a double: at most 31 bytes and a NUL. What is no tie, and
    # within the digits of a double, is rounded by integers.
    cdef uint64_t whole
    cdef size_t count = 0
    if -(<int64_t>1 << 50) < ns < (<int64_t>1 << 50) and ns % 1000 != 500 and ns % 1000 != -500:
        if ns < 0:
            dst[0] = c'-'
            count, ns = 1, -ns
        whole = (<uint64_t>ns + 500) // 1000
        count += decimal(whole // 1000000, dst + count)
        dst[count] = c'.'
        fixed(<uint32_t>(whole % 1000000), 6, dst + count + 1)
        return count + 7
    count = <size_t>snprintf(<char *>dst, 32, "%.6f", <double>ns / 1e9)
    dst[count - 7] = c'.'  # whatever the locale of the process has
    return count


cdef inline size_t to_right(uint8_t *dst, size_t count, size_t width) noexcept nogil:
    # `count` bytes at `dst` with spaces in front up to `width`
    if count >= width:
        return count
    memmove(dst + (width - count), dst, count)
    memset(dst, c' ', width - count)
    return width
