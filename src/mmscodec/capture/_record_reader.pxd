# Walks the records of one source; for the engine and for tables of records.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._buffer cimport Buffer
from mmscodec._kernels.pcapfile.records cimport read_fault_t, reader_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_t


cdef struct row_t:
    # a row of `dtypes.RECORDS`
    int64_t time
    uint64_t position
    uint32_t caplen
    uint32_t wire_len
    uint32_t linktype
    uint32_t interface_id

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


cdef class RecordReader:
    cdef walk_t walk
    cdef Buffer view  # what the source showed last, or None
    cdef readonly object source
    cdef size_t seen  # faults that the engine took
    cdef size_t number  # of the source among those of the engine
    cdef bint stable  # its bytes stay where they are shown

    cdef void release(self)
    # Has the source show more, after READ_MORE
    cdef int more(self) except -1
    # `count` is 0 only when the source is at its end
    cdef int next_batch(self, record_t *out, size_t cap, size_t *count) except -1

# Rows of `dtypes.RECORDS` for a table of them. 0, or -1 without memory
cdef int append_rows(table_t *table, const record_t *batch, size_t count) noexcept nogil
