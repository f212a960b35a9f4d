from libc.stdint cimport uint8_t, uint32_t

cdef int inflate(
    const uint8_t *data, uint32_t length, uint8_t *out, uint32_t capacity
) noexcept nogil
