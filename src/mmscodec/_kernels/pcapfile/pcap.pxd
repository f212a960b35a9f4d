# Records of a pcap file; called through `reader_batch` only.
from libc.stdint cimport uint8_t
from mmscodec._kernels.pcapfile.records cimport reader_t
from mmscodec._kernels.core.record cimport record_t

# The file header at `pos`, of which four bytes are there. READ_OK with `pos` behind it, READ_MORE,
# READ_FAULT or READ_MEMORY.
cdef int pcap_start(reader_t *r, const uint8_t *buf, size_t n, size_t *pos) noexcept nogil
# As `reader_batch`, for records of this format.
cdef int pcap_batch(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count,
) noexcept nogil
