# Records of a pcapng file; called through `reader_batch` only.
from libc.stdint cimport uint8_t
from mmscodec._kernels.pcapfile.records cimport reader_t
from mmscodec._kernels.core.record cimport record_t

# As `reader_batch`, for a file of this format.
cdef int pcapng_batch(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count,
) noexcept nogil
