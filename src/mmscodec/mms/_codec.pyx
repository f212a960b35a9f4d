# The binding between buffers and the scan: decode, Decoder, and the memory of a batch.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, RELEASE_GIL, raise_interrupt, readable
from mmscodec._kernels.mms.scan cimport mms_scan, mms_stream_init, mms_tables_free, mms_tables_init
from mmscodec._kernels.mms.state cimport (
    MMS_NO_MEMORY, MMS_STOPPED, fault_row_t, mms_stream_t, mms_tables_t,
)
from mmscodec._kernels.mms.stream cimport (
    mms_feed_seam, mms_stream_free, mms_undecided,
)
from mmscodec._kernels.mms.whole cimport (
    MMS_BAD_LENGTH, mms_scan_datagrams, mms_scan_large, mms_scan_pieces,
)
from mmscodec._kernels.core.table cimport table_init, table_resize, table_t
from mmscodec._kernels.core.tail cimport (
    tail_append, tail_drop, tail_size, tail_t, tail_to_front,
)

from mmscodec.errors import MalformedError
from mmscodec.schema import faults as fault_texts
from mmscodec.schema.mms import MAX_PACKET
from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS

DEFAULT_MAX_PACKET = MAX_PACKET


cdef class BatchBase:
    # Rows stay in C tables until somebody asks for them, so that feeding a decoder costs no array.

    def __cinit__(self):
        mms_tables_init(&self.tables, False)
        self.pieces = ()
        self.fresh = True

    def __dealloc__(self):
        mms_tables_free(&self.tables)

    cdef int begin(self) except -1:
        # who writes the rows is alone, and ends with `busy = False`
        self.idle()
        self.busy = True
        return 0

    cdef int idle(self) except -1:
        if self.busy:
            raise RuntimeError("this batch is in use by another thread")
        return 0

    cdef object take(self, int kind, table_t *table, object dtype):
        # Any allocation may run the collector, and so let another thread come here: the block is
        # there before the rows move into it, and both get arrays of the same block.
        cdef Block block
        cdef list blocks
        self.idle()
        self.fresh = False
        if self._blocks is None:
            blocks = [None, None, None, None]
            if self._blocks is None:
                self._blocks = blocks
        block = self._blocks[kind]
        if block is None:
            made = Block.__new__(Block, table.itemsize)
            block = self._blocks[kind]
            if block is None:
                block = self._blocks[kind] = made
        if table.data != NULL and block.table.data == NULL:
            block.table = table[0]
            table_init(table, block.table.itemsize)
        return block.array(dtype)

    cdef void give_back(self, int kind, table_t *table) except *:
        # memory of an earlier batch, unless an array of it still lives
        cdef Block block
        if self._blocks is not None:
            block = self._blocks[kind]
            self._blocks[kind] = None
            if block is not None and block.exports == 0:
                table[0] = block.table
                table_init(&block.table, table.itemsize)
        table.rows = 0

    cdef void recycle(self) except *:
        if self.fresh:  # nothing was written or looked at: most batches of a decoder
            self.fresh = False
            return
        self._packets = self._messages = self._data = self._faults = None
        self._columns = self._findings = None
        self.pieces = ()
        self.give_back(0, &self.tables.packets)
        self.give_back(1, &self.tables.messages)
        self.give_back(2, &self.tables.data)
        self.give_back(3, &self.tables.faults)

    cdef int interrupt(self) except -1:
        # a scan that Ctrl-C ended leaves no rows
        try:
            raise_interrupt()
        except BaseException:
            self.recycle()
            raise
        return 0

    cdef void trim(self) noexcept:
        # give back memory behind the rows where there is much of it
        trim_table(&self.tables.packets)
        trim_table(&self.tables.messages)
        trim_table(&self.tables.data)

    @property
    def packets(self):
        if self._packets is None:
            self._packets = self.take(0, &self.tables.packets, PACKETS)
        return self._packets

    @property
    def messages(self):
        if self._messages is None:
            self._messages = self.take(1, &self.tables.messages, MESSAGES)
        return self._messages

    @property
    def data(self):
        if self._data is None:
            self._data = self.take(2, &self.tables.data, DATA)
        return self._data

    def _restore_tables(self, tables, pieces, consumed):
        # unpickling
        self.fresh = False
        self._packets, self._messages, self._data, self._faults = tables
        self.pieces = pieces
        self.consumed = consumed

    def _fault_rows(self):
        if self._faults is None:
            self._faults = self.take(3, &self.tables.faults, FAULTS)
        return self._faults


cdef inline void trim_table(table_t *table) noexcept:
    if table.rows + (table.rows >> 2) < table.capacity \
            and table.capacity * table.itemsize > 1 << 20:
        table_resize(table, table.rows)


cdef object error_of(BatchBase batch):
    if batch.tables.faults.rows == 0:
        # another thread has filled the batch anew before its fault could be read
        return MalformedError("mms fault in a batch that another thread has filled anew")
    cdef fault_row_t *row = <fault_row_t *>(
        batch.tables.faults.data + (batch.tables.faults.rows - 1) * batch.tables.faults.itemsize)
    field = fault_texts.FAULT_FIELDS.get(row.field, "")
    error = MalformedError(
        "mms " + fault_texts.text(row.code, row.field, row.offset, row.length, row.need, row.have),
        offset=row.offset,
        field=field,
        need=row.need,
        have=row.have,
        code=row.code,
        section=fault_texts.FAULT_SECTIONS.get(row.code, ""),
    )
    error.batch = batch
    return error


cdef bint is_stop(object on_fault) except -1:
    if on_fault == "record":
        return False
    if on_fault == "raise":
        return True
    raise ValueError(f"on_fault is 'record' or 'raise', not {on_fault!r}")


cdef bint is_udp(object transport) except -1:
    if transport == "tcp":
        return False
    if transport == "udp":
        return True
    raise ValueError(f"transport is 'tcp' or 'udp', not {transport!r}")


cdef uint32_t packet_ceiling(object max_packet) except 0:
    if not 32 <= max_packet <= 0xFFFFFFFF:
        raise ValueError(f"max_packet is 32 to 2**32 - 1 bytes, not {max_packet}")
    return max_packet


cdef int scan_whole(
    mms_stream_t *stream, mms_tables_t *tables, const uint8_t *p, size_t n, size_t *used
) noexcept:
    cdef int status
    if n < RELEASE_GIL:
        return mms_scan(stream, tables, p, n, True, used)
    with nogil:
        status = mms_scan_large(stream, tables, p, n, used)
    return status


def decode_into(BatchBase batch, buf, transport, on_fault, max_packet):
    cdef mms_stream_t stream
    cdef Py_buffer view
    cdef size_t used = 0
    cdef int status
    mms_stream_init(&stream, packet_ceiling(max_packet))
    stream.options.datagrams = is_udp(transport)
    stream.options.stop_at_fault = is_stop(on_fault)
    PyObject_GetBuffer(buf, &view, PyBUF_SIMPLE)
    try:
        batch.begin()
        try:
            batch.recycle()
            status = scan_whole(
                &stream, &batch.tables, <const uint8_t *>view.buf, <size_t>view.len, &used)
            batch.interrupt()
            batch.consumed = <int64_t>used
            batch.pieces = ((0, buf),)
            batch.trim()
        finally:
            batch.busy = False
    finally:
        PyBuffer_Release(&view)
    if status == MMS_NO_MEMORY:
        raise MemoryError
    if status == MMS_STOPPED:
        raise error_of(batch)


def decode_datagrams_into(BatchBase batch, buf, lengths, on_fault):
    # `lengths`: C-contiguous int64, one entry a datagram
    cdef mms_stream_t stream
    cdef Buffer held = readable(buf), sizes = readable(lengths)
    cdef int status = 0
    cdef bint stop = is_stop(on_fault)
    mms_stream_init(&stream, 32)
    stream.options.datagrams = True
    batch.begin()
    try:
        batch.recycle()
        with nogil:
            status = mms_scan_datagrams(
                &stream, &batch.tables, held.data, held.size, <const int64_t *>sizes.data,
                sizes.size // sizeof(int64_t), stop)
        batch.interrupt()
        batch.consumed = stream.framing.position
        batch.pieces = ((0, buf),)
    finally:
        batch.busy = False
    if status == MMS_NO_MEMORY:
        raise MemoryError
    if status == MMS_BAD_LENGTH:
        raise ValueError("datagram lengths reach past the end of the buffer")
    if stop and batch.tables.faults.rows:
        raise error_of(batch)


cdef class DecoderBase:
    cdef mms_stream_t stream
    cdef bint busy
    cdef readonly bint closed
    # while a call is under way, for threads that ask: where it began, and what waited
    cdef int64_t place
    cdef size_t waits

    def __cinit__(self, *args, **kwargs):
        mms_stream_init(&self.stream, DEFAULT_MAX_PACKET)

    def __dealloc__(self):
        mms_stream_free(&self.stream)

    def __init__(
        self, *, transport="tcp", on_fault="record", max_packet=DEFAULT_MAX_PACKET, live=False
    ):
        ceiling = packet_ceiling(max_packet)
        is_udp(transport)
        is_stop(on_fault)
        if self.busy:
            raise RuntimeError("one decoder, one thread: another call is under way")
        self.closed = False
        mms_stream_free(&self.stream)
        mms_stream_init(&self.stream, ceiling)
        self.stream.options.live = live
        self.stream.options.datagrams = is_udp(transport)
        self.stream.options.stop_at_fault = is_stop(on_fault)

    def __reduce__(self):
        raise TypeError("a live decoder cannot be pickled: it holds the state of one stream")

    @property
    def position(self):
        return self.place if self.busy else self.stream.framing.position

    @property
    def buffered(self):
        return self.waits if self.busy else mms_undecided(&self.stream)

    @property
    def _examined(self):
        # bytes that judgements looked at, all in all: in proportion to the bytes fed
        return self.stream.framing.looked

    cdef void begin(self, BatchBase batch) except *:
        if self.closed:
            raise ValueError("this decoder is closed")
        if self.busy:
            raise RuntimeError("one decoder, one thread: another call is under way")
        batch.begin()
        self.place, self.waits = self.stream.framing.position, mms_undecided(&self.stream)
        self.busy = True

    cdef int scan(
        self, BatchBase batch, const uint8_t *p, size_t n, bint final, size_t *used
    ) noexcept:
        cdef int status
        if n >= RELEASE_GIL:
            with nogil:
                status = mms_scan_pieces(&self.stream, &batch.tables, p, n, final, used)
            return status
        return mms_scan(&self.stream, &batch.tables, p, n, final, used)

    cdef int interrupt(self, BatchBase batch) except -1:
        # how far a scan came that Ctrl-C ended is not known: the decoder is closed
        try:
            batch.interrupt()
        except BaseException:
            self.closed = True
            raise
        return 0

    cdef int finish_tail(self, BatchBase batch, const uint8_t **p, size_t *n) except? -7:
        # What stands in the tail buffer, from its beginning on, with the first bytes of the chunk.
        # What is decided of it is a piece of the batch: a copy.
        cdef size_t taken = 0, done
        cdef int64_t base = self.stream.framing.position
        cdef int status
        if n[0] < RELEASE_GIL and self.stream.framing.need < RELEASE_GIL:
            status = mms_feed_seam(&self.stream, &batch.tables, p[0], n[0], &taken)
        else:
            with nogil:
                status = mms_feed_seam(&self.stream, &batch.tables, p[0], n[0], &taken)
        p[0] += taken
        n[0] -= taken
        done = <size_t>(self.stream.framing.position - base)
        if done and (batch.tables.packets.rows or batch.tables.data.rows
                     or batch.tables.messages.rows):
            batch.pieces = ((base, PyBytes_FromStringAndSize(
                <char *>self.stream.tail.kept.buffer.data, <Py_ssize_t>done)),)
        if tail_size(&self.stream.tail.kept) == 0:
            tail_drop(&self.stream.tail.kept)
        elif done:
            tail_to_front(&self.stream.tail.kept)
        return status

    cdef int feed(
        self, BatchBase batch, object chunk, const uint8_t *first, size_t n
    ) except? -7:
        # the n bytes of `chunk`, which begin at `first`
        cdef const uint8_t *p = first
        cdef size_t used = 0
        cdef int status = 0
        cdef int64_t base
        batch.recycle()
        if mms_undecided(&self.stream):
            status = self.finish_tail(batch, &p, &n)
        if status == 0 and n:
            base = self.stream.framing.position - (p - first)
            status = self.scan(batch, p, n, False, &used)
            self.interrupt(batch)
            if used:
                batch.pieces = (
                    (*batch.pieces, (base, chunk)) if batch.pieces else ((base, chunk),))
            if status == 0 and used < n:
                status = tail_append(&self.stream.tail.kept, p + used, n - used)
        batch.consumed = self.stream.framing.position
        if status != 0:
            self.closed = True  # what follows a fault was not looked at
        return status

    def _feed_into(self, BatchBase batch, chunk):
        cdef Py_buffer view
        cdef int status
        PyObject_GetBuffer(chunk, &view, PyBUF_SIMPLE)
        try:
            self.begin(batch)
            try:
                status = self.feed(batch, chunk, <const uint8_t *>view.buf, <size_t>view.len)
            finally:
                self.busy = batch.busy = False
        finally:
            PyBuffer_Release(&view)
        if status != 0:
            raise_status(batch, status)

    def _close_into(self, BatchBase batch):
        cdef size_t used = 0
        cdef int status
        cdef int64_t base
        cdef tail_t *tail
        self.begin(batch)
        try:
            base = self.stream.framing.position
            batch.recycle()
            tail = &self.stream.tail.kept
            status = self.scan(batch, tail.buffer.data, tail.buffer.rows, True, &used)
            self.interrupt(batch)
            self.closed = True
            if used:
                batch.pieces = (
                    (base, PyBytes_FromStringAndSize(<char *>tail.buffer.data, <Py_ssize_t>used)),)
                tail.start = used
                tail_to_front(&self.stream.tail.kept)
            batch.consumed = self.stream.framing.position
        finally:
            self.busy = batch.busy = False
        if status != 0:
            raise_status(batch, status)


cdef int raise_status(BatchBase batch, int status) except -1:
    if status == MMS_NO_MEMORY:
        raise MemoryError
    raise error_of(batch)
