# What every fuzz target needs: a broken promise ends the process, where libFuzzer sees it.
from libc.stdint cimport uint8_t, uint32_t
from libc.stdlib cimport abort

# One input; nothing of it stays, and nothing is kept from one call to the next.
ctypedef void (*target_t)(const uint8_t *p, size_t n) noexcept nogil


cdef inline void must(bint held) noexcept nogil:
    if not held:
        abort()


cdef inline uint32_t take(const uint8_t **p, size_t *n, size_t size) noexcept nogil:
    # a little-endian number of `size` bytes from the front, as far as there are any
    cdef uint32_t value = 0
    cdef size_t i
    for i in range(size):
        if n[0] == 0:
            break
        value |= <uint32_t>p[0][0] << (8 * i)
        p[0] += 1
        n[0] -= 1
    return value


cdef inline uint32_t touch(const uint8_t *p, size_t n) noexcept nogil:
    # reads every byte, so that the sanitizer sees one that is not there
    cdef uint32_t sum = 0
    cdef size_t i
    for i in range(n):
        sum = sum * 31 + p[i]
    return sum
