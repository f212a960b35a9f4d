# Columns out of messages: which rows are of one kind, and their fixed fields side by side.
from libc.stdint cimport int64_t, uint8_t, uint32_t

# Where messages lie: positions (int64) and lengths (uint32), each some bytes apart
cdef struct messages_t:
    const uint8_t *positions
    size_t position_stride
    const uint8_t *lengths
    size_t length_stride
    size_t count

# Copy the first `size` bytes of each message to dst, `stride` bytes apart, shorter ones filled with
# zeros; dst has `capacity` bytes. Positions count from `base`. All messages lie in n bytes at src
# and fit, or -1.
cdef int mms_gather(
    const uint8_t *src, size_t n, int64_t base, const messages_t *messages, uint8_t *dst,
    size_t capacity, size_t stride, size_t size
) noexcept nogil

# Which rows of a table of messages are meant; rows are `stride` bytes, in the machine's byte order.
cdef struct kind_t:
    size_t stride
    size_t mid_at  # where in a row its uint32 columns stand
    size_t length_at
    uint32_t mid
    uint32_t least  # bytes that a message has at least

# How many of `count` rows at `rows` are of a kind.
cdef size_t mms_count_kind(const uint8_t *rows, size_t count, const kind_t *kind) noexcept nogil
# Writes their numbers to `out`, which has room for `most` and one more. Returns how many there are:
# `most` at most, should the table have changed since it was counted.
cdef size_t mms_select_kind(
    const uint8_t *rows, size_t count, const kind_t *kind, int64_t *out, size_t most
) noexcept nogil
