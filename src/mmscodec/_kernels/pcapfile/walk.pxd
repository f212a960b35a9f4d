# A walk over the records of one source, which keeps the faults that it meets.
from libc.stdint cimport int64_t, uint8_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.pcapfile.records cimport read_fault_t, reader_t

cdef struct walk_t:
    # what a walk over one source consists of, for who takes records without the GIL
    reader_t reader
    const uint8_t *buf
    size_t size
    size_t pos
    table_t fault_rows  # read_fault_t
    table_t fault_times  # int64_t of each: of the record in front of it, else of the first one
    size_t timed  # so many have theirs; the others wait for the first record
    int64_t last_time  # of a record, valid once there was one
    bint begun  # there was one
    bint limited  # the source was not read to its end, for a limit of ours
    size_t lost_faults

# The next records that lie in the buffer shown, up to `cap`; their `data` is good until `more`.
# Faults on the way become rows. Status as of `reader_batch`, never READ_FAULT.
cdef int walk_fill(walk_t *w, record_t *out, size_t cap, size_t *count) noexcept nogil
# One fault more, unless there are too many: then it is counted. 0, or -1 without memory.
cdef int walk_keep_fault(walk_t *w, const read_fault_t *fault) noexcept nogil
