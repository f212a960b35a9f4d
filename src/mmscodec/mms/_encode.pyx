# Binding of the write kernels: takes buffers by hand, makes the output, lets go of the GIL.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memset

from mmscodec._buffer cimport Buffer, RELEASE_GIL, raise_interrupt, readable, writable
from mmscodec._kernels.core.allocator cimport advise_block
from mmscodec._kernels.core.layout cimport MMS_KINDS, mms_row_size
from mmscodec._kernels.mms.write cimport (
    WRITE_LONG,
    WRITE_MID,
    extents_t,
    message_rows_t,
    mms_join_extents,
    mms_measure_data,
    mms_measure_messages,
    mms_write_data,
    mms_write_messages,
    mms_write_runs,
    packet_heads_t,
)
from mmscodec._kernels.core.table cimport table_free, table_init, table_t

from mmscodec.errors import EncodeError


cdef class _Output:
    # a new bytes object, or the caller's buffer
    cdef uint8_t *dst
    cdef object whole
    cdef Buffer buffer
    cdef int64_t size

    def __cinit__(self, out, int64_t size):
        self.size = size
        if out is None:
            self.whole = PyBytes_FromStringAndSize(NULL, size)
            self.dst = <uint8_t *>PyBytes_AS_STRING(self.whole)
            advise_block(self.dst, <size_t>size)  # page faults would cost more than the writing
            return
        self.buffer = writable(out)
        if self.buffer.size < <size_t>size:
            raise EncodeError(
                f"out has {self.buffer.size} bytes, {size} are needed",
                field="out", need=size, have=self.buffer.size,
            )
        self.dst = self.buffer.data
        self.whole = out

    cdef object result(self, size_t written):
        # arrays that another thread changed since they were measured give other bytes
        raise_interrupt()
        if written != <size_t>self.size:
            raise EncodeError("the arrays changed while they were encoded")
        if self.buffer is None:
            return self.whole
        return memoryview(self.whole).cast("B")[:self.size]


def messages(
    rows, size_t count, unsigned int kind, tail, tails, bint bare, heads, out
):
    """Packets, or bare messages, from contiguous rows of one kind.

    `heads` is what the headers hold: chunk count; seq and timeSent of all packets, or None and the
    column of each: (chunk_count, seq, seqs, time, times).
    """
    chunk_count, seq, seqs, time, times = heads
    cdef message_rows_t m
    cdef packet_heads_t h
    cdef Buffer row_buffer = readable(rows)
    cdef Buffer tail_buffer = None, tails_buffer = None, seqs_buffer = None, times_buffer = None
    cdef _Output output
    cdef int status = 0
    cdef size_t bad = 0
    cdef int64_t total
    cdef size_t written
    if kind == 0 or kind >= MMS_KINDS:
        raise ValueError("no such kind of message")
    memset(&m, 0, sizeof(m))
    memset(&h, 0, sizeof(h))
    m.rows = row_buffer.data
    m.count = count
    m.kind = kind
    m.stride = mms_row_size[kind]
    if row_buffer.size != count * m.stride:
        raise ValueError("rows of another size")
    if tails is not None:
        tail_buffer = readable(tail)
        tails_buffer = readable(tails)
        m.tail = tail_buffer.data
        m.tails = <const int64_t *>tails_buffer.data
        m.tail_size = tail_buffer.size
        check_rising(m.tails, tails_buffer.size, count, tail_buffer.size)
    if seqs is not None:
        seqs_buffer = readable(seqs)
        h.seqs = <const uint16_t *>column(seqs_buffer, count, sizeof(uint16_t))
    if times is not None:
        times_buffer = readable(times)
        h.times = <const uint64_t *>column(times_buffer, count, sizeof(uint64_t))
    h.bare = bare
    h.chunk_whole = chunk_count == "spec"
    h.chunk_fixed = not isinstance(chunk_count, str)
    h.chunk_count = chunk_count if h.chunk_fixed else 0
    h.seq = seq
    h.time = time
    with nogil:
        total = mms_measure_messages(&m, bare, &status, &bad)
    raise_interrupt()
    if total < 0:
        raise refusal(status, bad)
    output = _Output(out, total)
    if total >= RELEASE_GIL:
        with nogil:
            written = mms_write_messages(&m, &h, output.dst, <size_t>total)
    else:
        written = mms_write_messages(&m, &h, output.dst, <size_t>total)
    return output.result(written)


def data(heads, size_t count, starts, payload, out):
    """Data packets from 8-byte headers and the places of their payloads in one buffer."""
    cdef Buffer head_buffer = readable(heads)
    cdef Buffer start_buffer = readable(starts)
    cdef Buffer source = readable(payload)
    cdef const uint8_t *head = <const uint8_t *>column(head_buffer, count, 8)
    cdef const int64_t *start = <const int64_t *>column(start_buffer, count, sizeof(int64_t))
    cdef const uint8_t *src = source.data
    cdef size_t bad = 0, n = source.size
    cdef _Output output
    cdef int64_t total
    cdef size_t written
    with nogil:
        total = mms_measure_data(head, count, start, n, &bad)
    raise_interrupt()
    if total < 0:
        raise EncodeError(f"payload of row {bad} lies outside the buffer", field="Payload")
    output = _Output(out, total)
    if total >= RELEASE_GIL:
        with nogil:
            written = mms_write_data(head, count, start, src, n, output.dst, <size_t>total)
    else:
        written = mms_write_data(head, count, start, src, n, output.dst, <size_t>total)
    return output.result(written)


def extents(source, int64_t base, first, second, out):
    """Bytes of the rows of two tables, merged by offset.

    Each table is (rows, row count, row size, place of the i8 offset, place of the u4 length).
    """
    cdef Buffer buffer = readable(source)
    cdef Buffer a_buffer = readable(first[0])
    cdef Buffer b_buffer = readable(second[0])
    cdef extents_t a = extents_of(a_buffer, first)
    cdef extents_t b = extents_of(b_buffer, second)
    cdef const uint8_t *src = buffer.data
    cdef size_t n = buffer.size
    cdef _Output output
    cdef table_t runs
    cdef int64_t total
    cdef size_t written
    table_init(&runs, 16)
    try:
        with nogil:
            total = mms_join_extents(&a, &b, base, n, &runs)
        raise_interrupt()
        if total == -2:
            raise MemoryError
        if total < 0:
            raise EncodeError("a row lies outside the bytes it was decoded from", field="offset")
        output = _Output(out, total)
        if total >= RELEASE_GIL:
            with nogil:
                written = mms_write_runs(&runs, src, n, output.dst, <size_t>total)
        else:
            written = mms_write_runs(&runs, src, n, output.dst, <size_t>total)
        return output.result(written)
    finally:
        table_free(&runs)


cdef extents_t extents_of(Buffer buffer, table) except *:
    cdef extents_t e
    cdef size_t offset = table[3], length = table[4]
    e.count = table[1]
    e.stride = table[2]
    if offset + 8 > e.stride or length + 4 > e.stride:
        raise ValueError("columns outside the row")
    if buffer.size != e.count * e.stride:
        raise ValueError("rows of another size")
    e.offsets = buffer.data + offset
    e.lengths = buffer.data + length
    return e


cdef const void *column(Buffer buffer, size_t count, size_t size) except? NULL:
    if buffer.size != count * size:
        raise ValueError(f"{buffer.size} bytes, {count * size} expected")
    return buffer.data


cdef int check_rising(const int64_t *tails, size_t size, size_t count, int64_t end) except -1:
    cdef size_t i
    if size != (count + 1) * sizeof(int64_t) or tails[0] < 0 or tails[count] > end:
        raise ValueError("tails do not fit their bytes")
    for i in range(count):
        if tails[i] > tails[i + 1]:
            raise ValueError("tails do not rise")
    return 0


cdef object refusal(int status, size_t row):
    if status == WRITE_MID:
        return EncodeError(f"row {row} holds another message's MID", field="MID", offset=row)
    if status == WRITE_LONG:
        return EncodeError(f"row {row} is too long", field="messageLength", offset=row)
    return EncodeError(f"row {row} is longer than its chunkLen", field="chunkLen", offset=row)
