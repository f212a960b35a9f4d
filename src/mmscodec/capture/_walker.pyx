# The binding of the record kernel: shows it the buffers of a source and keeps its faults.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._block cimport Block
from mmscodec._kernels.records cimport (
    FORMAT_PCAP, FORMAT_PCAPNG, READ_END, READ_FAULT, READ_MEMORY, READ_MORE, comment_t,
    interface_t, read_fault_t, reader_batch, reader_free, reader_init,
)
from mmscodec._kernels.segment cimport record_t
from mmscodec._kernels.table cimport table_free, table_init, table_row, table_t

from mmscodec.schema import dtypes

cdef enum:
    BATCH = 256
    MAX_FAULTS = 1 << 16  # beyond it, faults are counted, not kept

cdef struct row_t:
    # a row of `dtypes.RECORDS`
    int64_t time
    uint64_t position
    uint32_t caplen
    uint32_t wire_len
    uint32_t linktype
    uint32_t interface


cdef class Walker:
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
        reader_init(&self.reader)
        table_init(&self.fault_rows, sizeof(read_fault_t))
        self.source = source
        self.reader.base = source.base if position is None else position

    def __dealloc__(self):
        self.release()
        reader_free(&self.reader)
        table_free(&self.fault_rows)

    cdef void release(self):
        if self.shown:
            PyBuffer_Release(&self.view)
            self.shown = False
        self.buf = NULL

    cdef int fill(self, record_t *out, size_t cap, size_t *count) noexcept nogil:
        cdef size_t got
        cdef int status
        count[0] = 0
        while True:
            status = reader_batch(
                &self.reader, self.buf, self.size, &self.pos, out + count[0], cap - count[0], &got
            )
            count[0] += got
            if status != READ_FAULT:
                return status
            if self.keep(&self.reader.fault) != 0:
                return READ_MEMORY

    cdef int keep(self, const read_fault_t *fault) noexcept nogil:
        cdef void *row
        if self.fault_rows.rows >= MAX_FAULTS:
            self.lost_faults += 1
            return 0
        row = table_row(&self.fault_rows)
        if row == NULL:
            return -1
        memcpy(row, fault, sizeof(read_fault_t))
        return 0

    cdef int more(self) except -1:
        cdef uint64_t position = self.reader.base + self.pos, start
        cdef read_fault_t fault
        self.release()
        buffer, begin, final = self.source.window(position, self.reader.need)
        start = begin
        PyObject_GetBuffer(buffer, &self.view, PyBUF_SIMPLE)
        self.shown = True
        self.buf = <const unsigned char *>self.view.buf
        self.size = self.view.len
        if start > position or position - start > self.size:
            self.size = self.pos = 0
            raise ValueError("the source's window is not where it was asked for")
        self.pos = position - start
        self.reader.base = start
        self.reader.final = final
        for offset, length, code, field, need, have in self.source.take_faults():
            memset(&fault, 0, sizeof(fault))
            fault.offset = offset + self.source.base
            fault.length = length
            fault.code = code
            fault.field = field
            fault.need = need
            fault.have = have
            if self.keep(&fault) != 0:
                raise MemoryError
        return 0

    cdef int next_batch(self, record_t *out, size_t cap, size_t *count) except -1:
        cdef int status
        while True:
            with nogil:
                status = self.fill(out, cap, count)
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
        cdef Block block = Block(sizeof(row_t))
        while left:
            want = BATCH if left > BATCH else left
            self.next_batch(batch, want, &count)
            if count == 0:
                break
            if append(&block.table, batch, count) != 0:
                raise MemoryError
            left -= count
        block.shrink()
        return block.array(dtypes.RECORDS)

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
        self.size = self.pos = 0

    @property
    def position(self):
        """Where in the capture the next record is."""
        return self.reader.base + self.pos

    @property
    def format(self):
        """``"pcap"``, ``"pcapng"``, or ``""`` for what is no capture."""
        if self.reader.format == FORMAT_PCAP:
            return "pcap"
        return "pcapng" if self.reader.format == FORMAT_PCAPNG else ""

    @property
    def faults(self):
        """Faults so far, an array of `dtypes.FAULTS` (a copy)."""
        cdef Block block = Block(sizeof(read_fault_t))
        cdef size_t i
        cdef void *row
        for i in range(self.fault_rows.rows):
            row = table_row(&block.table)
            if row == NULL:
                raise MemoryError
            memcpy(row, self.fault_rows.data + i * sizeof(read_fault_t), sizeof(read_fault_t))
        return block.array(dtypes.FAULTS)

    @property
    def dropped_faults(self):
        """Faults beyond the ceiling of 65 536 of one source."""
        return self.lost_faults

    @property
    def interfaces(self):
        """The interfaces seen, by the number in `record_t.interface` from `first_interface` on.

        A list of dictionaries: linktype, link_flags (the upper bits of a pcap link type, FCS
        length and reserved), snaplen, tsresol (octet), tsoffset (s).
        """
        cdef interface_t *f
        cdef list found = []
        cdef size_t i
        for i in range(self.reader.interfaces.rows):
            f = (<interface_t *>self.reader.interfaces.data) + i
            found.append({
                "linktype": f.linktype, "link_flags": f.link_flags, "snaplen": f.snaplen,
                "tsresol": f.tsresol, "tsoffset": f.offset_s,
            })
        return found

    @property
    def first_interface(self):
        """Number of the first of `interfaces`; not 0 only after 131 072 of them."""
        return self.reader.dropped_interfaces

    @property
    def comments(self):
        """Comments of a pcapng file: (record number or -1, block type, position, text)."""
        cdef comment_t *c
        cdef list found = []
        cdef size_t i
        for i in range(self.reader.comments.rows):
            c = (<comment_t *>self.reader.comments.data) + i
            text = PyBytes_FromStringAndSize(
                <const char *>self.reader.texts.data + c.start, c.length
            )
            found.append((c.record, c.block, c.position, text.decode("utf-8", "replace")))
        return found

    @property
    def dropped_comments(self):
        """Comments beyond the ceiling of 65 536 of them and 16 MiB of text."""
        return self.reader.dropped_comments


cdef int append(table_t *table, record_t *batch, size_t count) noexcept nogil:
    cdef size_t i
    cdef row_t *row
    for i in range(count):
        row = <row_t *>table_row(table)
        if row == NULL:
            return -1
        row.time = batch[i].time
        row.position = batch[i].position
        row.caplen = batch[i].caplen
        row.wire_len = batch[i].wire_len
        row.linktype = batch[i].linktype
        row.interface = batch[i].interface
    return 0
