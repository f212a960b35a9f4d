# Rows in the order of a key: a radix sort, linear in the rows, which Ctrl-C ends.
from libc.stdint cimport uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.interrupt cimport interrupted_at

cdef enum:
    DIGIT = 11  # bits sorted by at a time
    DIGITS = 6
    PLACES = 1 << DIGIT


cdef inline void count_digits(
    const uint64_t *keys, size_t n, size_t counts[DIGITS][PLACES]
) noexcept nogil:
    # how often each digit has each value
    cdef size_t i, j
    memset(counts, 0, DIGITS * PLACES * sizeof(size_t))
    for i in range(n):
        if interrupted_at(i):
            return
        for j in range(<size_t>DIGITS):
            counts[j][(keys[i] >> (DIGIT * j)) & (PLACES - 1)] += 1


cdef inline bint is_constant(const size_t *counts, size_t n) noexcept nogil:
    # does a digit have one value in all n keys?
    cdef size_t i
    for i in range(<size_t>PLACES):
        if counts[i] != 0:
            return counts[i] == n
    return True


cdef inline void order_by(
    const uint64_t *keys, uint32_t *order, uint32_t *scratch, size_t n,
    size_t counts[DIGITS][PLACES]
) noexcept nogil:
    # `order`, the numbers below n in any order, becomes ascending by the key of each; equal keys
    # stay as they stood. `scratch` has n places. Ends early where it is `interrupted()`.
    cdef size_t i, j, at, size
    cdef uint64_t digit
    count_digits(keys, n, counts)
    for j in range(<size_t>DIGITS):
        if is_constant(counts[j], n):
            continue
        at = 0
        for i in range(<size_t>PLACES):  # from numbers of keys to where the first of each goes
            size = counts[j][i]
            counts[j][i] = at
            at += size
        for i in range(n):
            if interrupted_at(i):
                return
            digit = (keys[order[i]] >> (DIGIT * j)) & (PLACES - 1)
            scratch[counts[j][digit]] = order[i]
            counts[j][digit] += 1
        memcpy(order, scratch, n * sizeof(uint32_t))
