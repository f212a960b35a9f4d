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

cdef struct form_t:
    int form
    const uint32_t *numbers  # of pcapng: the interface of each record
    int64_t origin  # of pcapng: ns that are taken from each time

# Bytes that n records take in one of these forms, or -1 when one lies outside of the source.
cdef int64_t records_size(
    const frames_t *src, const record_row_t *rows, size_t n, int form
) noexcept nogil
# Writes n records in a form to `out`, which has `capacity` bytes: room for them, unless the rows
# were changed since they were measured. Returns the bytes written, up to the first record that
# does not fit.
cdef size_t records_write(
    const frames_t *src, const record_row_t *rows, size_t n, const form_t *how, uint8_t *out,
    size_t capacity
) noexcept nogil
