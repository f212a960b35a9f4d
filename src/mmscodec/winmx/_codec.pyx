# Buffers in, tables out: the binding of the WinMX kernels. Documented in batch.py and decode.py.
from cpython.exc cimport PyErr_CheckSignals
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_Decode, PyUnicode_DecodeLatin1
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, RELEASE_GIL, raise_interrupt, readable, writable
from mmscodec._kernels.winmx cimport fields as packet_fields, nodes, scan as kernel
from mmscodec._kernels.core.table cimport table_reserve, table_t
from mmscodec._kernels.core.tail cimport (
    tail_append, tail_begin, tail_free, tail_init, tail_size, tail_t,
)
from mmscodec._kernels.core.wire cimport load_le16

import numpy as np

from mmscodec.schema.winmx.dtypes import FAULT_ROWS, NODES, PACKET_ROWS, RECORD

FRAMINGS = {
    "": kernel.FRAMES,
    "secondary": kernel.FRAMES,
    "chat": kernel.FRAMES,
    "primary": kernel.PRIMARY,
    "legacy": kernel.LEGACY,
    "udp": kernel.DATAGRAM,
    "cache": kernel.CACHE,
    "transfer": kernel.TRANSFER,
}


cdef class BatchBase:
    """Memory and kernels of a batch; everything for people is in `Batch`."""

    cdef Block packet_block
    cdef Block fault_block
    cdef Block node_block
    cdef Block record_block
    cdef object source  # the buffer that the rows were read from
    cdef Buffer view  # its memory, or None
    cdef bint busy  # the rows are being written
    cdef int readers  # threads that read them without the GIL
    cdef int framing
    cdef readonly str link
    cdef readonly int64_t start
    cdef readonly int64_t consumed
    cdef size_t total_nodes
    cdef size_t regular  # frames of a regular run whose index was not written yet
    cdef readonly size_t need
    cdef dict _cache

    def __cinit__(self):
        self.link = ""
        self._cache = {}
        self.packet_block = Block(sizeof(kernel.packet_t))
        self.fault_block = Block(sizeof(kernel.fault_t))
        self.packet_block.frozen = True

    cdef int begin(self) except -1:
        # who writes the rows is alone, and ends with `busy = False`
        if self.busy or self.readers:
            raise RuntimeError("this batch is in use by another thread")
        self.busy = True
        return 0

    cdef int enter(self) except -1:
        # who reads the rows may have company, and ends with `readers -= 1`
        if self.busy:
            raise RuntimeError("this batch is in use by another thread")
        self.readers += 1
        return 0

    cdef int hold(self, source) except -1:
        self.view = readable(source)
        self.source = source
        return 0

    cdef const uint8_t *bytes_held(self) noexcept:
        return self.view.data if self.view is not None else NULL

    def recycle(self):
        """Empty the batch; memory that no array shares is used again."""
        self.begin()
        try:
            self.empty()
        finally:
            self.busy = False

    cdef int empty(self) except -1:
        self.view = self.source = None
        if self._cache:
            self._cache = {}
        self.start = self.consumed = 0
        self.total_nodes = 0
        self.regular = 0
        self.need = 0
        self.packet_block = fresh(self.packet_block, sizeof(kernel.packet_t))
        self.packet_block.frozen = True
        self.fault_block = fresh(self.fault_block, sizeof(kernel.fault_t))
        if self.node_block is not None:
            self.node_block = fresh(self.node_block, sizeof(kernel.node_t))
        if self.record_block is not None:
            self.record_block = fresh(self.record_block, kernel.NODE_SIZE)
        return 0

    cpdef scan(self, source, str link, int64_t start):
        """Hold `source` and index its frames; offsets count from `start`."""
        cdef kernel.scan_t found
        cdef int status
        cdef int framing = FRAMINGS[link]
        cdef const uint8_t *src
        cdef size_t length
        self.begin()
        try:
            self.empty()
            self.hold(source)
            self.link = link
            self.framing = framing
            self.start = start
            src = self.view.data
            length = self.view.size
            if framing == kernel.FRAMES and self.take_regular(src, length):
                return
            if length >= RELEASE_GIL:
                with nogil:
                    status = kernel.scan(
                        src, length, start, framing, &self.packet_block.table,
                        &self.fault_block.table, &found)
            else:
                status = kernel.scan(
                    src, length, start, framing, &self.packet_block.table,
                    &self.fault_block.table, &found)
            self.interrupt()
            if status != 0:
                self.empty()
                raise MemoryError("no memory for the rows")
            self.consumed = start + <int64_t>found.consumed
            self.need = found.need
            self.total_nodes = found.nodes
        finally:
            self.busy = False

    def scan_many(self, source, str link, starts, lengths, done):
        """Hold `source` and index the frames of streams in it; offsets are those in `source`.

        Parameters
        ----------
        starts, lengths : arrays of int64
            Where each stream begins, and its bytes; ascending.
        done : array of int64, shape (streams, 2)
            Filled: bytes of whole frames of each, and how many the frame begun has.
        """
        cdef Buffer first = readable(starts), size = readable(lengths), out = writable(done)
        cdef const int64_t *start = <const int64_t *>first.data
        cdef const int64_t *length = <const int64_t *>size.data
        cdef int64_t *ends = <int64_t *>out.data
        cdef size_t count = first.size // sizeof(int64_t)
        cdef size_t listed = 0
        cdef kernel.streams_t streams
        cdef int status
        if size.size != first.size or out.size != 2 * first.size:
            raise ValueError("one length and two results a stream")
        self.begin()
        try:
            self.empty()
            self.framing = FRAMINGS[link]
            self.hold(source)
            self.link = link
            if kernel.streams_inside(start, length, count, self.view.size) != count:
                raise ValueError("a stream does not lie in the buffer")
            streams.src, streams.count = self.view.data, count
            streams.starts, streams.lengths = start, length
            with nogil:
                status = kernel.scan_streams(
                    &streams, self.framing, &self.packet_block.table, &self.fault_block.table,
                    ends, &listed,
                )
            self.total_nodes = listed
            self.interrupt()
            if status != 0:
                raise MemoryError("no memory for the rows")
            self.consumed = <int64_t>self.view.size
        except BaseException:
            self.empty()
            raise
        finally:
            self.busy = False

    cdef int interrupt(self) except -1:
        # a scan that Ctrl-C ended leaves no rows
        try:
            raise_interrupt()
        except BaseException:
            self.empty()
            raise
        return 0

    cdef bint take_regular(self, const uint8_t *src, size_t length) except -1:
        # A buffer that is nothing but a long regular run: its index follows from its length and
        # is written when somebody asks for it.
        cdef size_t whole = length // kernel.LIST_FRAME, frames
        if whole < 64 or nodes.regular_run(src, 64 * kernel.LIST_FRAME) != 64:
            return False
        with nogil:
            frames = nodes.regular_run(src, length)
        self.interrupt()
        if frames != whole:
            return False
        length -= frames * kernel.LIST_FRAME
        src += frames * kernel.LIST_FRAME
        self.need = 4
        if length >= 4:  # a frame begun; it may be another, shorter one that is whole
            self.need = 4 + <size_t>load_le16(src + 2)
            if length >= self.need:
                return False
        self.regular = frames
        self.total_nodes = frames * 8
        self.consumed = self.start + <int64_t>(frames * kernel.LIST_FRAME)
        return True

    cdef int index(self) except -1:
        # the rows of a regular run, now that they are needed
        cdef int status
        if self.busy:
            raise RuntimeError("this batch is in use by another thread")
        if self.regular:
            status = nodes.regular_packets(self.regular, self.start, &self.packet_block.table)
            try:
                raise_interrupt()
            except BaseException:
                self.packet_block.table.rows = 0
                raise
            if status != 0:
                raise MemoryError("no memory for the rows")
            self.regular = 0
        return 0

    def adopt(self, source, str link, int64_t start, rows, int64_t consumed):
        """Take rows of packets that were found elsewhere; every one must lie in `source`."""
        rows = np.ascontiguousarray(rows, PACKET_ROWS).view(np.uint8)
        self.begin()
        try:
            self.empty()
            self.hold(source)
            self.link = link
            self.framing = FRAMINGS[link]
            self.start = start
            self.consumed = consumed
            self.take_rows(readable(rows))
        except BaseException:
            self.empty()
            raise
        finally:
            self.busy = False

    cdef int take_rows(self, Buffer given) except -1:
        # a copy is judged, so that nobody changes what was judged
        cdef table_t *table = &self.packet_block.table
        cdef size_t count = given.size // sizeof(kernel.packet_t)
        cdef kernel.checked_t found
        cdef int wrong
        if count == 0:
            return 0
        if table_reserve(table, count) != 0:
            raise MemoryError
        memcpy(table.data, given.data, count * sizeof(kernel.packet_t))
        wrong = kernel.check_packets(
            <const kernel.packet_t *>table.data, count, self.start, self.view.size, self.framing,
            &found)
        raise_interrupt()
        if wrong == kernel.PACKET_OUTSIDE:
            raise ValueError(f"packet {found.row} does not lie in the buffer")
        if wrong == kernel.PACKET_OTHER_LENGTH:
            raise ValueError(f"packet {found.row} has another length than its data says")
        self.total_nodes = found.nodes
        table.rows = count
        return 0

    cdef kernel.index_t scanned(self) noexcept:
        # the rows for a gather; good until `readers` or `busy` is given back
        cdef kernel.index_t index
        index.src = self.bytes_held()
        index.base = self.start
        index.packets = <const kernel.packet_t *>self.packet_block.table.data
        index.count = self.packet_block.table.rows
        return index

    @property
    def packets(self):
        self.index()
        return self.packet_block.array(PACKET_ROWS)  # read-only: gathers read where these rows say

    @property
    def pieces(self):
        return ((self.start, self.source if self.source is not None else b""),)

    @property
    def is_regular(self):
        """True while nothing but node lists of eight records was found, without an index."""
        return self.regular > 0

    @property
    def cache(self):
        """What was worked out on demand, by name."""
        return self._cache

    def scan_faults(self):
        """Faults that the scan itself saw."""
        if self.busy:
            raise RuntimeError("this batch is in use by another thread")
        return self.fault_block.array(FAULT_ROWS)

    def node_rows(self):
        """One row for each node record, gathered when first asked for."""
        cdef Block block = self.node_block
        cdef kernel.index_t index
        cdef size_t total = self.total_nodes
        cdef int status = 0
        cdef bint stream = total * sizeof(kernel.node_t) >= kernel.STREAM_FROM
        self.enter()
        try:
            if "nodes" in self._cache:
                return block.array(NODES)
            self.node_block = None  # another thread that comes now makes its own
            if block is None:
                block = Block(sizeof(kernel.node_t))
            index = self.scanned()
            if self.regular:
                with nogil:
                    status = nodes.regular_nodes(index.src, total // 8, &block.table)
            elif total * sizeof(kernel.node_t) >= RELEASE_GIL:
                with nogil:
                    status = nodes.gather_nodes(
                        &index, self.framing, total, stream, &block.table)
            elif total:
                status = nodes.gather_nodes(&index, self.framing, total, False, &block.table)
            raise_interrupt()
            if status != 0:
                raise MemoryError("no memory for the nodes")
            self.node_block = block
            self._cache["nodes"] = True
        finally:
            self.readers -= 1
        return block.array(NODES)

    def record_rows(self):
        """The records alone, 12 bytes each, gathered when first asked for."""
        cdef Block block = self.record_block
        cdef kernel.index_t index
        cdef size_t total = self.total_nodes
        cdef bint stream = total * kernel.NODE_SIZE >= kernel.STREAM_FROM
        self.enter()
        try:
            if "records" in self._cache:
                return block.array(RECORD)
            self.record_block = None
            if block is None:
                block = Block(kernel.NODE_SIZE)
            if table_reserve(&block.table, total) != 0:
                raise MemoryError("no memory for the records")
            index = self.scanned()
            with nogil:
                if self.regular:
                    block.table.rows = 8 * nodes.copy_lists(
                        index.src, total // 8, block.table.data,
                        block.table.capacity * kernel.NODE_SIZE)
                else:
                    block.table.rows = nodes.gather_records(
                        &index, self.framing, stream, block.table.data, total)
            raise_interrupt()
            self.record_block = block
            self._cache["records"] = True
        finally:
            self.readers -= 1
        return block.array(RECORD)

    def gather(self, layout, int type):
        """(rows, faults) of all packets of a type; -1 takes every packet."""
        cdef bytes ops = layout.ops
        cdef Block rows = Block(layout.dtype.itemsize)
        cdef Block faults = Block(sizeof(kernel.fault_t))
        cdef packet_fields.program_t program
        cdef kernel.index_t index
        cdef int status
        fill(&program, ops, layout)
        self.index()
        self.enter()
        index = self.scanned()
        with nogil:
            status = packet_fields.gather_rows(
                &index, type, &program, &rows.table, &faults.table)
        self.readers -= 1
        raise_interrupt()
        if status != 0:
            raise MemoryError("no memory for the rows")
        return rows.array(layout.dtype), faults.array(FAULT_ROWS)

    def check(self, list layouts, dict numbers):
        """Faults in packets. `numbers`: type -> place in `layouts`, items behind their packet."""
        cdef Block scratch
        cdef Block faults = Block(sizeof(kernel.fault_t))
        cdef list kept = [layout.ops for layout in layouts]
        cdef packet_fields.program_t programs[256]
        cdef uint8_t *choice
        cdef bytes table = bytes(65536)
        cdef Py_ssize_t i, longest = 16
        cdef kernel.index_t index
        cdef int status
        self.index()
        if len(layouts) > 254:
            raise ValueError("too many layouts")
        table = PyBytes_FromStringAndSize(PyBytes_AS_STRING(table), 65536)
        choice = <uint8_t *>PyBytes_AS_STRING(table)
        for i in range(len(layouts)):
            fill(&programs[i], kept[i], layouts[i])
            longest = max(longest, layouts[i].dtype.itemsize)
        programs[len(layouts)].op_count = programs[len(layouts)].repeat = 0
        for type_, place in numbers.items():
            if not (0 <= type_ < 65536 and 0 <= place < len(layouts)):
                raise ValueError("a type or a place that is not there")
            choice[<int>type_] = 1 + place
        scratch = Block(longest)
        self.enter()
        index = self.scanned()
        with nogil:
            status = packet_fields.check_rows(
                &index, choice, programs, &scratch.table, &faults.table)
        self.readers -= 1
        raise_interrupt()
        if status != 0:
            raise MemoryError("no memory for the faults")
        return faults.array(FAULT_ROWS)

    def strings(self, offsets, lengths, encoding):
        """The bytes at stream offsets: str by `encoding`, or bytes where that is None."""
        cdef Py_ssize_t i, count = len(offsets)
        cdef list out = []
        cdef list at = offsets.tolist()
        cdef list size = lengths.tolist()
        cdef Buffer view = self.view  # held, as codecs may run anything
        cdef const char *src = <const char *>self.bytes_held()
        cdef int64_t start = self.start, end = view.size if view is not None else 0
        cdef int64_t offset
        cdef Py_ssize_t length
        cdef bint latin = encoding in ("latin-1", "iso-8859-1")
        cdef bytes name = b"" if encoding is None else encoding.encode()
        if self.busy:
            raise RuntimeError("this batch is in use by another thread")
        for i in range(min(count, len(size))):
            if i & 0xFFF == 0xFFF:
                PyErr_CheckSignals()
            offset = <int64_t>at[i] - start
            length = size[i]
            if length <= 0 or offset < 0 or offset > end - length:
                out.append(b"" if encoding is None else "")
            elif encoding is None:
                out.append(PyBytes_FromStringAndSize(src + offset, length))
            elif latin:
                out.append(PyUnicode_DecodeLatin1(src + offset, length, NULL))
            else:
                out.append(PyUnicode_Decode(src + offset, length, name, b"replace"))
        return out


cdef Block fresh(Block block, size_t itemsize):
    if block.exports:
        return Block(itemsize)
    block.table.rows = 0
    return block


cdef int fill(packet_fields.program_t *program, bytes ops, layout) except -1:
    cdef size_t count = len(ops) // sizeof(packet_fields.op_t)
    fields = layout.dtype.fields
    program.ops = <const packet_fields.op_t *>PyBytes_AS_STRING(ops)
    if not packet_fields.ops_fit(program.ops, count, layout.dtype.itemsize):
        raise ValueError("a layout that does not fit its row")
    program.op_count = <uint32_t>count
    program.head = layout.packet.head
    program.itemsize = layout.dtype.itemsize
    program.repeat = layout.repeat if layout.item else <uint32_t>count
    program.item = fields["item"][1] if layout.item else 0
    program.surplus = 0 if layout.item else fields["surplus"][1]
    return 0


def gathered_lists(BatchBase batch):
    """(records of all node lists, -1), or (None, row of the first that has not eight)."""
    cdef Block block = Block(kernel.LIST_SIZE)
    cdef kernel.index_t index
    cdef size_t odd = 0
    cdef int status
    batch.index()
    if table_reserve(&block.table, batch.total_nodes // 8 + 1) != 0:
        raise MemoryError
    batch.enter()
    index = batch.scanned()
    with nogil:
        status = nodes.gather_lists(&index, &block.table, &odd)
    batch.readers -= 1
    raise_interrupt()
    if status < 0:
        raise MemoryError
    if status > 0:
        return None, odd
    return block.array(np.dtype((RECORD, (8,)))), -1


cdef class Tail:
    """The unfinished frame at the end of a stream, and what it lacks.

    A batch shows its frames in one buffer, so the frame is completed by putting the next chunk
    behind it.
    """

    cdef tail_t kept
    cdef readonly int64_t position
    cdef readonly size_t need
    cdef readonly int64_t examined  # bytes copied or scanned: in proportion to the bytes fed

    def __cinit__(self, int64_t position=0):
        tail_init(&self.kept)
        self.examined = 0
        self.position = position
        self.need = 0

    def __dealloc__(self):
        tail_free(&self.kept)

    def __len__(self):
        return tail_size(&self.kept)

    def feed_into(self, BatchBase batch, chunk, str link):
        """Decode what `chunk` completes of a stream whose frames are plain."""
        cdef bytes data = self.join(chunk)
        if data is None:
            batch.scan(b"", link, self.position)
            return
        batch.scan(data, link, self.position)
        self.keep(data, batch)

    cpdef bytes join(self, chunk):
        """What can be decoded now as bytes, or None where the frame begun is still unfinished.

        Bytes objects are used where they lie; others may change, so they are copied.
        """
        cdef bytes data = chunk if type(chunk) is bytes else bytes(memoryview(chunk).cast("B"))
        cdef bytes joined
        cdef size_t have = tail_size(&self.kept), n = <size_t>len(data)
        cdef const uint8_t *p = <const uint8_t *>PyBytes_AS_STRING(data)
        self.examined += <int64_t>n
        if have == 0:
            return data
        if have + n < self.need:
            if tail_append(&self.kept, p, n) != 0:
                raise MemoryError
            return None
        self.examined += <int64_t>have
        joined = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>(have + n))
        memcpy(PyBytes_AS_STRING(joined), tail_begin(&self.kept), have)
        memcpy(PyBytes_AS_STRING(joined) + have, p, n)
        tail_free(&self.kept)
        return joined

    cpdef keep(self, bytes data, BatchBase batch):
        """Keep of `data` what `batch` did not consume."""
        cdef size_t done = <size_t>(batch.consumed - self.position), n = <size_t>len(data)
        self.examined += <int64_t>(n - done)
        if done < n and tail_append(
            &self.kept, <const uint8_t *>PyBytes_AS_STRING(data) + done, n - done
        ) != 0:
            raise MemoryError
        self.position = batch.consumed
        self.need = batch.need

    cpdef drop(self):
        """Forget the bytes kept."""
        tail_free(&self.kept)
