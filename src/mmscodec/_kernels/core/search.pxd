# The binary search of tables that ascend by a number.
from libc.stdint cimport uint8_t, uint64_t


cdef inline size_t lower_bound(
    const void *rows, size_t count, size_t stride, uint64_t key
) noexcept nogil:
    # The first of `count` rows whose number is not below `key`; `count` if there is none. The
    # uint64 numbers stand at `rows` and every `stride` bytes behind, aligned, and ascend.
    cdef size_t low = 0, high = count, mid
    while low < high:
        mid = (low + high) >> 1
        if (<const uint64_t *>(<const uint8_t *>rows + mid * stride))[0] < key:
            low = mid + 1
        else:
            high = mid
    return low
