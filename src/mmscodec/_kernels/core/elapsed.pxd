# The time between two moments of a capture, which may be any two numbers.
from libc.stdint cimport INT64_MAX, int64_t, uint64_t


cdef inline int64_t elapsed(int64_t later, int64_t earlier) noexcept nogil:
    # later - earlier, or the nearest number that is a time; never -2^63, which stands for none
    cdef uint64_t size
    if later >= earlier:
        size = <uint64_t>later - <uint64_t>earlier
        return <int64_t>min(size, <uint64_t>INT64_MAX)
    size = <uint64_t>earlier - <uint64_t>later
    return -<int64_t>min(size, <uint64_t>INT64_MAX)
