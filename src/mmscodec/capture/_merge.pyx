# See _merge.pxd. A heap of the sources that were begun, by the time of their next record.
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport INT64_MAX, INT64_MIN, int64_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy
from mmscodec._block cimport Block
from mmscodec._buffer cimport raise_interrupt
from mmscodec._kernels.pcapfile.records cimport READ_END, READ_MEMORY, READ_MORE, READ_OK
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.pcapfile.record_rows cimport record_row_t, record_rows_append
from mmscodec._kernels.pcapfile.walk cimport walk_fill
from mmscodec.capture._record_reader cimport RecordReader

from mmscodec.schema import dtypes

cdef enum:
    BATCH = 256
    # Read side by side: a mapped file costs a mapping (the system has 65 530) and 4 KiB, a stream
    # a descriptor and what its decompression needs
    MAX_INPUTS = 4096
    MAX_STREAMS = 64


cdef inline bint before(const merge_input_t *a, const merge_input_t *b) noexcept nogil:
    # of equal times the one that was begun first
    return a.time < b.time or (a.time == b.time and a.number < b.number)


cdef class Merge:
    """The records of several sources in order of time.

    Parameters
    ----------
    sources : iterable of mmscodec.capture.mapped.Source
        Ascending by `first`, a time before which they have no record at their start; one of None
        is taken when all before it have ended.
    keep : bool
        Keep the walkers of sources that have ended.
    max_stable : int
        Sources whose bytes stay where they are, as the engine likes it best; those that come after
        so many are let go of when they were walked. A process may have 65 530 mappings.

    Notes
    -----
    Records that stand in disorder within one source stay as they are, and those behind them wait
    for them. Beyond 64 streams or 4 096 files at a time the next one has to wait until one ends;
    `delayed` counts those whose first record was due by then.
    """

    def __cinit__(self, sources, *, keep=False, max_stable=1 << 15):
        self.coming = iter(sources)
        self.walkers = []
        self.keep = keep
        self.max_stable = max_stable
        self.look_ahead()

    def __dealloc__(self):
        cdef size_t i
        for i in range(self.inputs):
            free(self.heap[i])
        free(self.heap)

    cdef int look_ahead(self) except -1:
        # when is the next source due, and may it be begun?
        if self.following is None:
            self.following = next(self.coming, None)
            self.more_to_come = self.following is not None
            self.overdue = False
        if not self.more_to_come:
            self.due = INT64_MAX
            self.full = False
            return 0
        first = self.following.first
        self.due = INT64_MAX if first is None else first
        self.full = self.inputs >= MAX_INPUTS or (
            self.streams >= MAX_STREAMS and not self.following.stable)
        return 0

    cdef RecordReader begin(self):
        # the next source, which may not have shown anything yet
        cdef merge_input_t *input
        cdef RecordReader walker = RecordReader(self.following)
        cdef merge_input_t **heap
        cdef size_t i
        if self.inputs == self.room:
            heap = <merge_input_t **>realloc(
                self.heap, (self.room * 2 + 4) * sizeof(merge_input_t *)
            )
            if heap == NULL:
                raise MemoryError
            self.heap = heap
            self.room = self.room * 2 + 4
        input = <merge_input_t *>malloc(sizeof(merge_input_t))
        if input == NULL:
            raise MemoryError
        input.walk = &walker.walk
        input.time = INT64_MIN
        input.number = len(self.walkers)
        input.stable = walker.stable = self.following.stable and input.number < self.max_stable
        input.at = input.have = 0
        self.walkers.append(walker)
        self.streams += not input.stable
        self.delayed += self.overdue
        i = self.inputs
        while i != 0:  # nothing is as early as what is not known
            self.heap[i] = self.heap[(i - 1) // 2]
            i = (i - 1) // 2
        self.heap[0] = input
        self.inputs += 1
        self.following = None
        self.look_ahead()
        return walker

    cdef RecordReader close_reader(self):
        # the source in hand has ended; its walker has closed
        cdef merge_input_t *input = self.heap[0]
        cdef RecordReader walker = self.in_hand()
        walker.close()
        walker.source.walked()
        if not self.keep:
            self.walkers[input.number] = None
        self.streams -= not input.stable
        free(input)
        self.inputs -= 1
        self.heap[0] = self.heap[self.inputs]
        self.leave_fast_path()
        self.look_ahead()
        return walker

    cdef RecordReader in_hand(self):
        return <RecordReader>self.walkers[self.heap[0].number]

    cdef bint all_stable(self) noexcept nogil:
        return self.streams == 0 and self.inputs != 0

    cdef void leave_fast_path(self) noexcept nogil:
        # the first of the heap to where it belongs
        cdef size_t i = 0, child
        cdef merge_input_t *input
        if self.inputs == 0:
            return
        input = self.heap[0]
        while True:
            child = 2 * i + 1
            if child >= self.inputs:
                break
            if child + 1 < self.inputs and before(self.heap[child + 1], self.heap[child]):
                child += 1
            if not before(self.heap[child], input):
                break
            self.heap[i] = self.heap[child]
            i = child
        self.heap[i] = input

    cdef int64_t limit(self) noexcept nogil:
        # the last time at which it is the turn of the source in hand
        cdef int64_t until = INT64_MAX if self.full else self.due
        cdef int64_t time
        cdef size_t i
        for i in range(1, self.inputs if self.inputs < 3 else 3):
            time = self.heap[i].time
            if time != INT64_MIN and self.heap[i].number < self.heap[0].number:
                time -= 1
            if time < until:
                until = time
        return until

    cdef bint turn(self, merge_input_t *input) noexcept nogil:
        # records of the input in hand are left over: it is the turn of another one, or of a source
        # that was not begun
        input.time = input.held[input.at].time
        self.leave_fast_path()
        if self.heap[0].time <= self.due:
            return False
        if self.full:
            self.overdue = True
        return not self.full

    cdef int refill(
        self, merge_input_t *input, int64_t until, record_t *out, size_t cap, size_t *count
    ) noexcept nogil:
        # records up to `until` into `out`, the rest of those that were read into the input
        cdef size_t got, i = 0
        cdef int status
        if cap > HELD:
            cap = HELD
        status = walk_fill(input.walk, out, cap, &got)
        input.at = input.have = 0
        if until == INT64_MAX:
            i = got
        else:
            while i < got and out[i].time <= until:
                i += 1
        if i < got:
            input.have = got - i
            memcpy(input.held, out + i, (got - i) * sizeof(record_t))
        count[0] = i
        return status

    cdef size_t take_held(
        self, merge_input_t *input, int64_t until, record_t *out, size_t room
    ) noexcept nogil:
        # records up to `until` that were read before; how many
        cdef size_t n = 0
        while n < room and input.at < input.have and input.held[input.at].time <= until:
            out[n] = input.held[input.at]
            n += 1
            input.at += 1
        return n

    cdef int fill(self, record_t *out, size_t cap, size_t *count) noexcept nogil:
        cdef size_t n = 0, got
        cdef int status = READ_OK
        cdef int64_t until
        cdef merge_input_t *input
        while n < cap:
            if self.inputs == 0:
                status = MERGE_BEGIN if self.more_to_come else READ_END
                break
            input = self.heap[0]
            if n != 0 and input.stable != self.stable:
                break
            until = self.limit()
            status = READ_OK
            if input.at < input.have:
                got = self.take_held(input, until, out + n, cap - n)
            else:
                status = self.refill(input, until, out + n, cap - n, &got)
            if got != 0:
                n += got
                self.current = input.number
                self.stable = input.stable
            if input.have == 0 and status != READ_OK:
                status = MERGE_CLOSE if status == READ_END else status
                break
            status = READ_OK
            if input.at < input.have and n < cap and self.turn(input):
                status = MERGE_BEGIN
                break
        count[0] = n
        return status

    cdef int next_batch(self, record_t *out, size_t cap, size_t *count) except -1:
        cdef int status
        while True:
            with nogil:
                status = self.fill(out, cap, count)
            raise_interrupt()
            PyErr_CheckSignals()
            if status == READ_MEMORY:
                raise MemoryError
            if count[0] != 0 or status == READ_END:
                return 0
            if status == READ_MORE:
                self.in_hand().more()
            elif status == MERGE_BEGIN:
                self.begin()
            elif status == MERGE_CLOSE:
                self.close_reader()

    def rows(self):
        """All records as an array of `dtypes.RECORDS`; `interface` counts within each source."""
        cdef record_t batch[BATCH]
        cdef size_t count
        cdef Block block = Block(sizeof(record_row_t))
        while True:
            self.next_batch(batch, BATCH, &count)
            if count == 0:
                block.shrink()
                return block.array(dtypes.RECORDS)
            if record_rows_append(&block.table, batch, count) != 0:
                raise MemoryError

    @property
    def kept(self):
        """The walkers of the sources begun so far, in the order of sources."""
        return list(self.walkers)
