# Records as the bytes of a new pcap or pcapng file, without its header.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.pcapfile.record_rows cimport record_row_t

cdef enum:
    FORM_PCAP_US = 0
    FORM_PCAP_NS = 1
    FORM_PCAPNG = 2

cdef struct frames_t:
    # where the frames lie: the byte at `data` is at position `start`
    const uint8_t *data
    uint64_t start
    uint64_t size

# Bytes that n records take in one of these forms, or -1 when one lies outside of the source.
cdef int64_t records_size(
    const frames_t *src, const record_row_t *rows, size_t n, int form
) noexcept nogil
# Writes n records, whose times are in `nano` seconds or in microseconds, to `out`, which has
# `capacity` bytes: room for them, unless the rows were changed since they were measured. Returns
# the bytes written, up to the first record that does not fit.
cdef size_t records_write_pcap(
    const frames_t *src, const record_row_t *rows, size_t n, bint nano, uint8_t *out,
    size_t capacity
) noexcept nogil
# The same as pcapng, with the interface number of each record and times that count from `origin`.
cdef size_t records_write_pcapng(
    const frames_t *src, const record_row_t *rows, size_t n, const uint32_t *numbers,
    int64_t origin, uint8_t *out, size_t capacity
) noexcept nogil
