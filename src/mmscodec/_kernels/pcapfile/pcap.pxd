# Records of a pcap file; called through `reader_batch` only.
from libc.stdint cimport uint8_t
from mmscodec._kernels.pcapfile.records cimport reader_t
from mmscodec._kernels.core.record cimport record_t

cdef int pcap_start(reader_t *r, const uint8_t *buf, size_t n, size_t *pos) noexcept nogil
cdef int pcap_batch(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count,
) noexcept nogil
