from libc.stdint cimport int64_t, uint64_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.unread cimport unread_frames_t
from mmscodec._kernels.pcapfile.records cimport read_fault_t
from mmscodec._kernels.track.counters cimport counters_t
from mmscodec._kernels.track.not_mms cimport not_mms_t
from mmscodec._kernels.track.sources cimport source_t
from mmscodec._kernels.track.state cimport tracker_t
from mmscodec.capture._merge cimport Merge
from mmscodec.capture._record_reader cimport RecordReader


ctypedef unsigned int (*filter_t)(
    const void *program, const unsigned char *data, unsigned int wire_len, unsigned int caplen
) noexcept nogil

cdef struct program_t:
    unsigned int linktype
    const void *instructions

cdef struct noted_t:
    # what the pass counted, for threads that ask while a kernel counts on
    counters_t counters
    uint64_t damaged
    uint64_t connections
    unread_frames_t unread
    not_mms_t not_mms


cdef class Engine:
    cdef tracker_t track
    cdef list views  # a Buffer for each source whose bytes stay
    cdef list sources  # in the order of the tracker's
    cdef object past  # blocks of epochs that the tracker still looks at, oldest first
    cdef bytes ports
    cdef readonly bint finished
    cdef bint busy  # a call that writes the tracker is under way
    cdef bint inside  # a kernel writes it now, without the interpreter's lock
    cdef noted_t noted  # before it began
    cdef object filter  # keeps the programs
    cdef filter_t filter_function
    cdef program_t programs[64]
    cdef size_t program_count
    cdef public object progress  # called with the position now and then, or None
    cdef size_t carried  # rows that the last batch left here
    cdef size_t debt  # what carrying them cost, in rows
    cdef uint64_t at  # position of the record in hand, for a readahead

    cdef int take_mended(self, known, copies) except -1
    cdef int take_ports(self, ports) except -1
    cdef int take_filter(self, filter) except -1
    cdef int take_chosen(self, bytes src, bytes dst, src_port, dst_port) except -1
    cdef int begin(self) except -1
    cdef void note(self) noexcept
    cdef bint passes(self, const record_t *record) noexcept nogil
    cdef int take_rounds(
        self, Merge merge, record_t *batch, size_t limit, size_t *taken, int *failed
    ) noexcept nogil
    cdef size_t new_rows(self) noexcept nogil
    cdef size_t most_rows(self) noexcept nogil
    cdef bint take_records(self, Merge merge, row_limit, bint live, bint pause) except -1
    cdef dict take_tables(self, bint retire)
    cdef int add_source(self, RecordReader walker) except -1
    cdef source_t *row_of(self, RecordReader walker) noexcept
    cdef void hide(self, RecordReader walker) noexcept
    cdef void show(self, RecordReader walker) noexcept
    cdef size_t matching(self, record_t *batch, size_t count) noexcept nogil
    cdef int fault(self, const read_fault_t *fault, int64_t time) except -1
    cdef int take_faults(self, RecordReader w, bint ended) except -1
    cdef bint turn(self, Merge merge, int status) except -1
