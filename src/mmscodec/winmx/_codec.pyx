# Buffers in, tables out: the binding of the WinMX kernels. Documented in batch.py and decode.py.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from cpython.unicode cimport PyUnicode_Decode, PyUnicode_DecodeLatin1
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, RELEASE_GIL, readable
from mmscodec._kernels.winmx cimport fields as packet_fields, scan as kernel
from mmscodec._kernels.core.table cimport table_reserve, table_t
from mmscodec._kernels.core.wire cimport load_le16

import numpy as np

from mmscodec.schema.winmx.dtypes import FAULT_ROWS, NODES, PACKET_ROWS, RECORD

cdef enum:
    SLICE = 1 << 18  # bytes scanned, then gathered; more than the longest frame


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
    cdef bint asked_records  # what was asked for since the last scan
    cdef bint asked_nodes
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
        cdef bint records, nodes
        self.begin()
        try:
            records = self.asked_records and self.record_block is not None
            nodes = self.asked_nodes and self.node_block is not None
            self.asked_records = self.asked_nodes = False
            self.empty()
            self.hold(source)
            self.link = link
            self.framing = framing
            self.start = start
            src = self.view.data
            length = self.view.size
            if framing == kernel.FRAMES and self.take_regular(
                src, length, records, nodes
            ):
                return
            if framing == kernel.FRAMES and (records or nodes) and length > SLICE:
                status = self.scan_slices(src, length, records, nodes, &found)
            elif length >= RELEASE_GIL:
                with nogil:
                    status = kernel.scan(
                        src, length, start, framing, &self.packet_block.table,
                        &self.fault_block.table, &found)
            else:
                status = kernel.scan(
                    src, length, start, framing, &self.packet_block.table,
                    &self.fault_block.table, &found)
            if status != 0:
                self.empty()
                raise MemoryError("no memory for the rows")
            self.consumed = start + <int64_t>found.consumed
            self.need = found.need
            self.total_nodes = found.nodes
        finally:
            self.busy = False

    cdef int scan_slices(
        self, const uint8_t *src, size_t length, bint records, bint nodes, kernel.scan_t *found
    ):
        # Scan and gather slice by slice, while the bytes are in the cache: for a batch that was
        # asked for its nodes or records before.
        cdef size_t pos = 0, piece, before, total = 0
        cdef table_t *packets = &self.packet_block.table
        cdef table_t *node_table = &self.node_block.table if nodes else NULL
        cdef table_t *record_table = &self.record_block.table if records else NULL
        cdef const kernel.packet_t *rows
        cdef int64_t at
        cdef int status = 0
        cdef bint stream = length >= kernel.STREAM_FROM
        with nogil:
            while status == 0:
                piece = length - pos if length - pos < SLICE else SLICE
                before = packets.rows
                at = self.start + <int64_t>pos
                status = kernel.scan(
                    src + pos, piece, at, kernel.FRAMES, packets, &self.fault_block.table, found)
                rows = <const kernel.packet_t *>packets.data + before
                if status == 0 and found.nodes and node_table != NULL:
                    status = kernel.gather_nodes(
                        src + pos, at, kernel.FRAMES, rows, packets.rows - before, before,
                        found.nodes, stream, node_table)
                if status == 0 and found.nodes and record_table != NULL:
                    status = table_reserve(record_table, found.nodes)
                    if status == 0:
                        record_table.rows += kernel.gather_records(
                            src + pos, at, kernel.FRAMES, rows, packets.rows - before, stream,
                            record_table.data + record_table.rows * kernel.NODE_SIZE, found.nodes)
                total += found.nodes
                pos += found.consumed
                if piece < SLICE:
                    break
        found.consumed = pos
        found.nodes = total
        if status == 0:
            if records:
                self._cache["records"] = True
            if nodes:
                self._cache["nodes"] = True
        return status

    cdef bint take_regular(self, const uint8_t *src, size_t length, bint records, bint nodes):
        # A buffer that is nothing but a long regular run: its index follows from its length and
        # is written when somebody asks for it. What was asked for of this batch's last contents
        # is gathered along with the check, while the bytes are in the cache.
        cdef size_t whole = length // kernel.LIST_FRAME, frames = 0
        cdef table_t *to_records = &self.record_block.table if records else NULL
        cdef table_t *to_nodes = &self.node_block.table if nodes else NULL
        if whole < 64 or kernel.regular_run(src, 64 * kernel.LIST_FRAME) != 64:
            return False
        with nogil:
            if to_records == NULL and to_nodes == NULL:
                frames = kernel.regular_run(src, length)
            elif kernel.verified(src, whole, to_records, to_nodes):
                frames = whole
        if frames != whole:
            return False
        if to_records != NULL and to_records.rows == frames * 8:  # there was memory for them
            self._cache["records"] = True
        if to_nodes != NULL and to_nodes.rows == frames * 8:
            self._cache["nodes"] = True
        length -= frames * kernel.LIST_FRAME
        src += frames * kernel.LIST_FRAME
        self.need = 4
        if length >= 4:  # a frame begun; it may be another, shorter one that is whole
            self.need = 4 + <size_t>load_le16(src + 2)
            if length >= self.need:
                return self.untake(to_records, to_nodes)
        self.regular = frames
        self.total_nodes = frames * 8
        self.consumed = self.start + <int64_t>(frames * kernel.LIST_FRAME)
        return True

    cdef bint untake(self, table_t *records, table_t *nodes):
        # a whole frame follows the run: everything is looked at again
        self._cache = {}
        if records != NULL:
            records.rows = 0
        if nodes != NULL:
            nodes.rows = 0
        return False

    cdef int index(self) except -1:
        # the rows of a regular run, now that they are needed
        if self.busy:
            raise RuntimeError("this batch is in use by another thread")
        if self.regular:
            if kernel.regular_packets(self.regular, self.start, &self.packet_block.table) != 0:
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
        cdef const kernel.packet_t *row
        cdef size_t i, count = given.size // sizeof(kernel.packet_t)
        cdef uint64_t at
        if count == 0:
            return 0
        if table_reserve(table, count) != 0:
            raise MemoryError
        memcpy(table.data, given.data, count * sizeof(kernel.packet_t))
        row = <const kernel.packet_t *>table.data
        for i in range(count):
            at = <uint64_t>row[i].offset - <uint64_t>self.start
            if row[i].offset < self.start or at > self.view.size \
                    or self.view.size - at < row[i].length:
                raise ValueError(f"packet {i} does not lie in the buffer")
            self.check_length(&row[i], i)
            if self.framing == kernel.FRAMES and row[i].type == kernel.NODE_LIST:
                self.total_nodes += row[i].data_length // kernel.NODE_SIZE
            elif self.framing == kernel.CACHE:
                self.total_nodes += kernel.cache_size(&row[i])
        table.rows = count
        return 0

    cdef int check_length(self, const kernel.packet_t *row, size_t i) except -1:
        cdef uint32_t size = <uint32_t>row.data_length + 4
        if (self.framing == kernel.FRAMES and row.length != size) or (
            self.framing == kernel.CACHE and row.length != <uint32_t>row.data_length + 17
        ):
            raise ValueError(f"packet {i} has another length than its data says")
        return 0

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
        cdef const uint8_t *src = self.bytes_held()
        cdef const kernel.packet_t *packets
        cdef size_t count, total = self.total_nodes
        cdef int status = 0
        cdef bint stream = total * sizeof(kernel.node_t) >= kernel.STREAM_FROM
        self.asked_nodes = True
        self.enter()
        try:
            if "nodes" in self._cache:
                return block.array(NODES)
            self.node_block = None  # another thread that comes now makes its own
            if block is None:
                block = Block(sizeof(kernel.node_t))
            packets = <const kernel.packet_t *>self.packet_block.table.data
            count = self.packet_block.table.rows
            if self.regular:
                with nogil:
                    status = kernel.regular_nodes(src, total // 8, &block.table)
            elif total >= 1024:
                with nogil:
                    status = kernel.gather_nodes(
                        src, self.start, self.framing, packets, count, 0, total, stream,
                        &block.table)
            elif total:
                status = kernel.gather_nodes(
                    src, self.start, self.framing, packets, count, 0, total, False, &block.table)
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
        cdef const uint8_t *src = self.bytes_held()
        cdef const kernel.packet_t *packets
        cdef size_t count, total = self.total_nodes
        cdef bint stream = total * kernel.NODE_SIZE >= kernel.STREAM_FROM
        self.asked_records = True
        self.enter()
        try:
            if "records" in self._cache:
                return block.array(RECORD)
            self.record_block = None
            if block is None:
                block = Block(kernel.NODE_SIZE)
            if table_reserve(&block.table, total) != 0:
                raise MemoryError("no memory for the records")
            packets = <const kernel.packet_t *>self.packet_block.table.data
            count = self.packet_block.table.rows
            with nogil:
                if self.regular:
                    block.table.rows = 8 * kernel.copy_lists(
                        src, total // 8, block.table.data,
                        block.table.capacity * kernel.NODE_SIZE)
                else:
                    block.table.rows = kernel.gather_records(
                        src, self.start, self.framing, packets, count, stream, block.table.data,
                        total)
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
        cdef const uint8_t *src
        cdef const kernel.packet_t *packets
        cdef size_t count
        cdef int status
        fill(&program, ops, layout)
        self.index()
        self.enter()
        src = self.bytes_held()
        packets = <const kernel.packet_t *>self.packet_block.table.data
        count = self.packet_block.table.rows
        with nogil:
            status = packet_fields.gather_rows(
                src, self.start, packets, count, type, &program, &rows.table, &faults.table)
        self.readers -= 1
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
        cdef int status
        cdef size_t count
        cdef const kernel.packet_t *packets
        cdef const uint8_t *src
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
        src = self.bytes_held()
        packets = <const kernel.packet_t *>self.packet_block.table.data
        count = self.packet_block.table.rows
        with nogil:
            status = packet_fields.check_rows(
                src, self.start, packets, count, choice, programs, &scratch.table, &faults.table)
        self.readers -= 1
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


cdef int check_ops(bytes ops, size_t itemsize) except -1:
    # what the ops write lies in the row
    cdef const packet_fields.op_t *op = <const packet_fields.op_t *>PyBytes_AS_STRING(ops)
    cdef size_t i, size
    for i in range(<size_t>len(ops) // sizeof(packet_fields.op_t)):
        size = op[i].size if op[i].kind == packet_fields.OP_FIXED else 12
        if op[i].dst + size > itemsize or op[i].cond >= itemsize:
            raise ValueError("a layout that does not fit its row")
    return 0


cdef int fill(packet_fields.program_t *program, bytes ops, layout) except -1:
    cdef size_t count = len(ops) // sizeof(packet_fields.op_t)
    fields = layout.dtype.fields
    check_ops(ops, layout.dtype.itemsize)
    program.ops = <const packet_fields.op_t *>PyBytes_AS_STRING(ops)
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
    cdef const uint8_t *src = batch.bytes_held()
    cdef const kernel.packet_t *packets
    cdef size_t count
    cdef size_t odd = 0
    cdef int status
    batch.index()
    packets = <const kernel.packet_t *>batch.packet_block.table.data
    count = batch.packet_block.table.rows
    if table_reserve(&block.table, batch.total_nodes // 8 + 1) != 0:
        raise MemoryError
    batch.enter()
    with nogil:
        status = kernel.gather_lists(src, batch.start, packets, count, &block.table, &odd)
    batch.readers -= 1
    if status < 0:
        raise MemoryError
    if status > 0:
        return None, odd
    return block.array(np.dtype((RECORD, (8,)))), -1


cdef class Carry:
    """The unfinished tail of a stream: at most one frame less a byte, and what it lacks."""

    cdef bytearray tail
    cdef readonly int64_t position
    cdef readonly size_t need

    def __cinit__(self, int64_t position=0):
        self.tail = bytearray()
        self.position = position
        self.need = 0

    def __len__(self):
        return len(self.tail)

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
        cdef bytes data
        if type(chunk) is bytes:
            data = chunk
        else:
            data = bytes(memoryview(chunk).cast("B"))
        if not self.tail:
            return data
        self.tail += data
        if <size_t>len(self.tail) < self.need:
            return None
        data = bytes(self.tail)
        self.tail = bytearray()
        return data

    cpdef keep(self, bytes data, BatchBase batch):
        """Keep of `data` what `batch` did not consume."""
        cdef Py_ssize_t done = <Py_ssize_t>(batch.consumed - self.position)
        self.position = batch.consumed
        self.need = batch.need
        if done < len(data):
            self.tail = bytearray(data[done:])

    cpdef drop(self):
        """Forget the bytes kept."""
        self.tail = bytearray()
