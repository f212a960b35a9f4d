# Node lists (docs/spec/winmx.md, 4 and 7.2): a regular run of them in place, records and rows of
# nodes out of scanned packets, and the frames of a list. Nothing here checks what a scan or
# `check_packets` has checked.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.winmx.scan cimport index_t

# how many frames of 100 bytes with the header A1 03 60 00 the buffer starts with
cdef size_t regular_run(const uint8_t *src, size_t length) noexcept nogil
# the records of as many frames of a regular run as dst has room for; how many frames
cdef size_t copy_lists(
    const uint8_t *src, size_t frames, uint8_t *dst, size_t capacity) noexcept nogil
# the index and the node rows of a regular run; 0, or -1 when there is no memory
cdef int regular_packets(size_t frames, int64_t base, table_t *packets) noexcept nogil
cdef int regular_nodes(const uint8_t *src, size_t frames, table_t *nodes) noexcept nogil
# the 12 bytes of each record of node lists and peer-cache replies, at most `room`; how many
cdef size_t gather_records(
    const index_t *index, int framing, bint stream, uint8_t *dst, size_t room) noexcept nogil
# the 96 bytes of every node list; 0, -1 without memory, 1 and the row in `odd` where one has not
# eight records
cdef int gather_lists(const index_t *index, table_t *lists, size_t *odd) noexcept nogil
# one row for each record, at most the `total` that the scan counted; 0, or -1
cdef int gather_nodes(
    const index_t *index, int framing, size_t total, bint stream, table_t *nodes) noexcept nogil
# `lists` frames of `each` records, as many as dst has room for; bytes written
cdef size_t write_lists(
    const uint8_t *records, size_t lists, size_t each, uint8_t *dst, size_t capacity) noexcept nogil
