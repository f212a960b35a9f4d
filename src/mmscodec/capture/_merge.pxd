# The records of several sources as one sequence in order of time.
#
# Always the earliest of the next records comes, and each source keeps its own order: what mergecap
# does. A source is begun when its first record is due, the time of which was looked at when it was
# opened: of files that follow each other one is open at a time, at the cost of a comparison a
# record.
from libc.stdint cimport int64_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec.capture._record_reader cimport RecordReader, walk_t

cdef enum:
    # beside READ_OK, READ_MORE, READ_END and READ_MEMORY
    MERGE_BEGIN = 32  # a source that was not begun is due: `begin`
    MERGE_CLOSE = 33  # the source in hand is at its end: `close`

    HELD = 64

cdef struct merge_input_t:
    # a source that was begun
    walk_t *walk
    int64_t time  # of its next record; INT64_MIN while that is not known
    size_t number
    bint stable  # its bytes stay where they are
    size_t at
    size_t have
    record_t held[HELD]  # read, and not their turn yet


cdef class Merge:
    cdef object coming  # sources not begun, but for the next one
    cdef object following
    cdef list walkers  # by number; None for those that ended, unless `keep`
    cdef bint keep
    cdef size_t max_stable
    cdef merge_input_t **heap  # the source in hand first
    cdef size_t inputs
    cdef size_t room
    cdef size_t streams  # inputs that are not stable
    cdef bint more_to_come
    cdef int64_t due  # first time of the next source; INT64_MAX: after all others
    cdef bint full  # the next source has to wait for one to end
    cdef bint overdue
    cdef readonly size_t delayed
    cdef size_t current  # number of the source of the last record handed out
    cdef bint stable  # of that one

    # Records up to `cap`, all of stable sources or all of others; their `data` is good until `more`
    # or `close`. Status as of `walk_fill`, or MERGE_...; it is about the source in hand
    cdef size_t take_held(
        self, merge_input_t *input, int64_t until, record_t *out, size_t room
    ) noexcept nogil
    cdef int fill(self, record_t *out, size_t cap, size_t *count) noexcept nogil
    cdef int refill(
        self, merge_input_t *input, int64_t until, record_t *out, size_t cap, size_t *count
    ) noexcept nogil
    cdef int64_t limit(self) noexcept nogil
    cdef bint turn(self, merge_input_t *input) noexcept nogil
    cdef void leave_fast_path(self) noexcept nogil
    cdef RecordReader in_hand(self)
    cdef bint all_stable(self) noexcept nogil
    cdef int look_ahead(self) except -1
    cdef RecordReader begin(self)
    cdef RecordReader close_reader(self)
    # Records for those who need nothing else; 0: the end
    cdef int next_batch(self, record_t *out, size_t cap, size_t *count) except -1
