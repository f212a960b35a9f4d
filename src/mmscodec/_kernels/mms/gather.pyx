# See mms/gather.pxd.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.layout cimport RESEND_SIGNATURE, mms_slot, mms_slot_rules
from mmscodec._kernels.core.wire cimport load_own32

cdef enum:
    SMALLEST = 0x7FFF  # see mms_slot_rules


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


cdef unsigned slot_of_mid(uint32_t mid) noexcept nogil:
    return RESENDS if mid == <uint32_t>RESEND_SIGNATURE else mms_slot(mid)


cdef inline unsigned slot_of_row(const uint8_t *row, const mids_t *mids) noexcept nogil:
    # the slot of a message, NO_KIND where it is too short for the fixed part of its kind
    cdef unsigned slot = slot_of_mid(load_own32(row + mids.mid_at))
    cdef uint32_t least = mids.resend_size if slot == RESENDS \
        else mms_slot_rules[slot] & <uint32_t>SMALLEST
    return slot if load_own32(row + mids.length_at) >= least else NO_KIND


cdef void mms_count_kinds(
    const uint8_t *rows, size_t count, const mids_t *mids, uint64_t *counts
) noexcept nogil:
    cdef mids_t m = mids[0]
    cdef size_t i
    for i in range(count):
        counts[slot_of_row(rows + i * m.stride, &m)] += 1


cdef void mms_sort_kinds(
    const uint8_t *rows, size_t count, const mids_t *mids, uint64_t *at, const uint64_t *stop,
    int64_t *out
) noexcept nogil:
    cdef mids_t m = mids[0]
    cdef unsigned slot
    cdef size_t i
    for i in range(count):
        slot = slot_of_row(rows + i * m.stride, &m)
        if at[slot] < stop[slot]:  # else somebody else writes to the table
            out[at[slot]] = <int64_t>i
            at[slot] += 1
