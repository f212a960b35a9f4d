# Columns out of messages: which rows are of each kind, and their fixed fields side by side.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

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

cdef enum:
    KINDS = 130  # slots of MIDs (mms_slot), the last of them for what is no kind, and RESENDS
    NO_KIND = 128
    RESENDS = 129

# Where the columns of a table of messages stand; rows are `stride` bytes, in the machine's byte
# order.
cdef struct mids_t:
    size_t stride
    size_t mid_at
    size_t length_at
    uint32_t resend_size  # bytes that a resend request has at least

# The slot of a MID, or of the signature of resend requests.
cdef unsigned slot_of_mid(uint32_t mid) noexcept nogil
# How many of `count` rows at `rows` are of each kind, added to KINDS counts. A message that is too
# short for the fixed part of its kind is of none.
cdef void mms_count_kinds(
    const uint8_t *rows, size_t count, const mids_t *mids, uint64_t *counts
) noexcept nogil
# Writes their numbers to `out`, kind after kind, each ascending: those of a kind from at[kind] on
# and never beyond stop[kind], should the table have changed since it was counted.
cdef void mms_sort_kinds(
    const uint8_t *rows, size_t count, const mids_t *mids, uint64_t *at, const uint64_t *stop,
    int64_t *out
) noexcept nogil
