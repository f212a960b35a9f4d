# Captured frames out of the bytes of a pcap or pcapng file that lie in memory.
#
# `reader_batch` is a state machine over one long stream of bytes, of which the caller shows the
# part `buf[0:n]`. `pos` is where the next record starts; it only grows. What the reader needs of
# the past is in `reader_t`, so the next call may show another buffer, as long as it starts with
# the byte at the old `pos` or before it, and `base` says where in the stream that buffer starts.
#
# Returned status (rows written before it are always good):
#   READ_OK     `out` is full
#   READ_MORE   the record at `pos` is not complete; `need` bytes from `pos` on would do.
#               Never with `final` set
#   READ_END    everything was read; only with `final` set, or of what is no capture
#   READ_FAULT  `fault` says what was wrong and how much is skipped; call again to go on
#   READ_MEMORY no memory for a table
from libc.stdint cimport uint8_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.pcapfile.records cimport reader_t

# A reader of which nothing was asked; whoever calls this calls reader_free.
cdef void reader_init(reader_t *r) noexcept nogil
cdef void reader_free(reader_t *r) noexcept nogil
cdef int reader_batch(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count,
) noexcept nogil
