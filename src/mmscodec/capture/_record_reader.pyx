# The binding of the record kernel: shows it the buffers of a source and keeps its faults.
from cpython.bytes cimport PyBytes_FromStringAndSize
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._block cimport Block
from mmscodec._buffer cimport raise_interrupt, readable
from mmscodec._kernels.pcapfile.reader cimport reader_free, reader_init
from mmscodec._kernels.pcapfile.records cimport (
    FORMAT_PCAP, FORMAT_PCAPNG, READ_END, READ_MEMORY, READ_MORE, comment_t,
    interface_t, read_fault_t,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_free, table_init, table_row
from mmscodec._kernels.pcapfile.record_rows cimport record_row_t, record_rows_append
from mmscodec._kernels.pcapfile.walk cimport walk_fill, walk_keep_fault

from mmscodec.schema import dtypes

cdef enum:
    BATCH = 256


cdef class RecordReader:
    """The records of one source, in the order of the file.

    Parameters
    ----------
    source : mmscodec.capture.mapped.Source
        Its ``window`` is asked for bytes, its ``take_faults`` for what was wrong with them.

    Notes
    -----
    One walker belongs to one thread. The buffer shown last is held until the next one or `close`.
    """

    def __cinit__(self, source, position=None):
        reader_init(&self.walk.reader)
        table_init(&self.walk.fault_rows, sizeof(read_fault_t))
        table_init(&self.walk.fault_times, sizeof(int64_t))
        self.source = source
        self.walk.reader.base = source.base if position is None else position

    def __dealloc__(self):
        self.release()
        reader_free(&self.walk.reader)
        table_free(&self.walk.fault_rows)
        table_free(&self.walk.fault_times)

    cdef void release(self):
        self.walk.buf = NULL
        self.walk.size = self.walk.pos  # nothing is left to look at, should the source fail now
        self.view = None

    cdef int more(self) except -1:
        cdef uint64_t position = self.walk.reader.base + self.walk.pos, start
        cdef read_fault_t fault
        self.release()
        buffer, begin, final = self.source.window(position, self.walk.reader.need)
        start = begin
        self.view = readable(buffer)
        self.walk.buf = self.view.data
        self.walk.size = self.view.size
        if start > position or position - start > self.walk.size:
            self.walk.size = self.walk.pos = 0
            raise ValueError("the source's window is not where it was asked for")
        self.walk.pos = position - start
        self.walk.reader.base = start
        self.walk.reader.final = final
        for offset, length, code, field, need, have in self.source.take_faults():
            memset(&fault, 0, sizeof(fault))
            fault.offset = offset + self.source.base
            fault.length = length
            fault.code = code
            fault.field = field
            fault.need = need
            fault.have = have
            if walk_keep_fault(&self.walk, &fault) != 0:
                raise MemoryError
        return 0

    cdef int next_batch(self, record_t *out, size_t cap, size_t *count) except -1:
        cdef int status
        while True:
            with nogil:
                status = walk_fill(&self.walk, out, cap, count)
            raise_interrupt()
            PyErr_CheckSignals()
            if status == READ_MEMORY:
                raise MemoryError
            if count[0] or status == READ_END:
                return 0
            if status == READ_MORE:
                self.more()

    def rows(self, limit=None):
        """Records as an array of `dtypes.RECORDS`: all that are left, or up to `limit`."""
        cdef record_t batch[BATCH]
        cdef size_t count, want, left = <size_t>-1 if limit is None else limit
        cdef Block block = Block(sizeof(record_row_t))
        while left:
            want = BATCH if left > BATCH else left
            self.next_batch(batch, want, &count)
            if count == 0:
                break
            if record_rows_append(&block.table, batch, count) != 0:
                raise MemoryError
            left -= count
        block.shrink()
        return block.array(dtypes.RECORDS)

    def first_time(self):
        """Time of the next record, which is taken, or None."""
        cdef record_t record
        cdef size_t count
        self.next_batch(&record, 1, &count)
        return record.time if count else None

    def count(self):
        """Number of records left, and the sums of their captured and wire lengths."""
        cdef record_t batch[BATCH]
        cdef size_t count, i
        cdef uint64_t total = 0, captured = 0, wire = 0
        while True:
            self.next_batch(batch, BATCH, &count)
            if count == 0:
                return total, captured, wire
            total += count
            for i in range(count):
                captured += batch[i].caplen
                wire += batch[i].wire_len

    def close(self):
        """Let the buffer go; pointers and windows taken from it are void."""
        self.release()
        self.walk.size = self.walk.pos = 0

    @property
    def position(self):
        """Where in the capture the next record is."""
        return self.walk.reader.base + self.walk.pos

    @property
    def format(self):
        """``"pcap"``, ``"pcapng"``, or ``""`` for what is no capture."""
        if self.walk.reader.format == FORMAT_PCAP:
            return "pcap"
        return "pcapng" if self.walk.reader.format == FORMAT_PCAPNG else ""

    @property
    def faults(self):
        """Faults so far, an array of `dtypes.FAULTS` (a copy)."""
        cdef Block block = Block(sizeof(read_fault_t))
        cdef size_t i
        cdef void *row
        for i in range(self.walk.fault_rows.rows):
            row = table_row(&block.table)
            if row == NULL:
                raise MemoryError
            memcpy(row, self.walk.fault_rows.data + i * sizeof(read_fault_t), sizeof(read_fault_t))
        return block.array(dtypes.FAULTS)

    @property
    def dropped_faults(self):
        """Faults beyond the ceiling of 65 536 of one source."""
        return self.walk.lost_faults

    @property
    def interfaces(self):
        """The interfaces seen, by the number in `record_t.interface` from `first_interface` on.

        A list of dictionaries: linktype, link_flags (the upper bits of a pcap link type, FCS
        length and reserved), snaplen, tsresol (octet), tsoffset (s).
        """
        cdef interface_t *f
        cdef list found = []
        cdef size_t i
        for i in range(self.walk.reader.interfaces.rows):
            f = (<interface_t *>self.walk.reader.interfaces.data) + i
            found.append({
                "linktype": f.linktype, "link_flags": f.link_flags, "snaplen": f.snaplen,
                "tsresol": f.tsresol, "tsoffset": f.offset_s,
            })
        return found

    @property
    def first_interface(self):
        """Number of the first of `interfaces`; not 0 only after 131 072 of them."""
        return self.walk.reader.dropped_interfaces

    @property
    def comments(self):
        """Comments of a pcapng file: (record number or -1, block type, position, text)."""
        cdef comment_t *c
        cdef list found = []
        cdef size_t i
        for i in range(self.walk.reader.comments.rows):
            c = (<comment_t *>self.walk.reader.comments.data) + i
            text = PyBytes_FromStringAndSize(
                <const char *>self.walk.reader.texts.data + c.start, c.length
            )
            found.append((c.record, c.block, c.position, text.decode("utf-8", "replace")))
        return found

    @property
    def dropped_comments(self):
        """Comments beyond the ceiling of 65 536 of them and 16 MiB of text."""
        return self.walk.reader.dropped_comments
