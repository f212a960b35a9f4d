# See mms/gather.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.wire cimport load_own32


cdef int mms_gather(
    const uint8_t *src, size_t n, int64_t base, const messages_t *messages, uint8_t *dst,
    size_t capacity, size_t stride, size_t size
) noexcept nogil:
    cdef const uint8_t *where = messages.positions
    cdef const uint8_t *sizes = messages.lengths
    cdef size_t i
    cdef int64_t position
    cdef uint32_t length
    cdef size_t at
    if size > stride or (stride != 0 and messages.count > capacity // stride):
        return -1
    for i in range(messages.count):
        if interrupted_at(i):
            return 0
        memcpy(&position, where, 8)
        memcpy(&length, sizes, 4)
        where += messages.position_stride
        sizes += messages.length_stride
        position -= base
        if position < 0 or <uint64_t>position > n or n - <size_t>position < length:
            return -1
        at = <size_t>position
        if length >= size:
            memcpy(dst, src + at, size)
        else:
            memcpy(dst, src + at, length)
            memset(dst + length, 0, size - length)
        dst += stride
    return 0


cdef inline size_t wanted(const uint8_t *row, const kind_t *kind) noexcept nogil:
    # 1 or 0, for loops without a branch: kinds follow each other in no order
    return <int>(load_own32(row + kind.mid_at) == kind.mid) \
        & <int>(load_own32(row + kind.length_at) >= kind.least)


cdef size_t mms_count_kind(const uint8_t *rows, size_t count, const kind_t *kind) noexcept nogil:
    cdef kind_t k = kind[0]
    cdef size_t found = 0, i
    for i in range(count):
        found += wanted(rows + i * k.stride, &k)
    return found


cdef size_t mms_select_kind(
    const uint8_t *rows, size_t count, const kind_t *kind, int64_t *out, size_t most
) noexcept nogil:
    cdef kind_t k = kind[0]  # a copy, which `out` cannot overlap
    cdef size_t found = 0, i
    for i in range(count):
        out[found] = <int64_t>i
        found += wanted(rows + i * k.stride, &k)
        if found > most:  # somebody else writes to the table
            return most
    return found
