# One direction of a TCP connection for callers in Python: tests, notebooks, other sources of
# segments. The capture engine uses the kernel itself.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.string cimport memset
from mmscodec._kernels.net.segment cimport TCP_ACK, segment_t
from mmscodec._kernels.net.pieces cimport (
    RUN_DATA, RUN_GAP, checksum_t, run_t, tcp_pool_free, tcp_pool_init, tcp_pool_t, tcp_release,
)
from mmscodec._kernels.net.tcp_reassembly cimport (
    GAP_END, TCP_NEW, tcp_ack, tcp_discard, tcp_feed, tcp_finish, tcp_init, tcp_t,
)


cdef class Reassembler:
    """Puts the segments of one direction of a TCP connection in order.

    Parameters
    ----------
    held_limit : int
        Bytes that may wait behind a hole; beyond it the oldest hole is given up.
    pending_limit : int
        Pieces that may wait.

    Notes
    -----
    Methods return a list of ``(kind, offset, value, time)``: kind ``"data"`` and ``"old"`` with
    the bytes, ``"gap"`` with the number of missing bytes. Stream offset 0 is the byte after the
    SYN. The first copy of a byte wins; `conflicts` counts bytes of later copies that differ.
    """

    cdef tcp_t direction
    cdef tcp_pool_t pool

    def __cinit__(self, *, held_limit=1 << 20, pending_limit=10000):
        tcp_init(&self.direction)
        if tcp_pool_init(&self.pool) != 0:
            raise MemoryError
        self.pool.held_limit = held_limit
        self.pool.pending_limit = pending_limit

    def __dealloc__(self):
        tcp_discard(&self.direction, &self.pool)
        tcp_pool_free(&self.pool)

    cdef list runs(self):
        cdef run_t *run
        cdef size_t i
        cdef list result = []
        for i in range(self.pool.runs.rows):
            run = <run_t *>self.pool.runs.data + i
            if run.kind == RUN_GAP:
                result.append(("gap", run.offset, run.length, run.time))
            else:
                result.append((
                    "data" if run.kind == RUN_DATA else "old", run.offset,
                    PyBytes_FromStringAndSize(<const char *>run.data, run.length), run.time,
                ))
        tcp_release(&self.pool)
        return result

    def push(self, seq, payload=b"", *, flags=TCP_ACK, wire_len=None, time=0, checksum=0):
        """Take a segment; `wire_len` is more than the payload where the capture cut it."""
        cdef segment_t s
        cdef Py_buffer view
        cdef int status
        memset(&s, 0, sizeof(s))
        PyObject_GetBuffer(payload, &view, PyBUF_SIMPLE)
        try:
            s.seq = seq & 0xFFFFFFFF
            s.tcp_flags = flags
            s.payload = <const unsigned char *>view.buf
            s.length = view.len
            s.wire_len = view.len if wire_len is None else wire_len
            status = tcp_feed(
                &self.direction, &self.pool, &s, 0, False, time, <checksum_t><int>checksum)
            result = self.runs()
        finally:
            PyBuffer_Release(&view)
        if status != 0:
            raise MemoryError
        return result

    def ack(self, number, *, time=0):
        """Take an acknowledgement of the other direction."""
        if tcp_ack(&self.direction, &self.pool, number & 0xFFFFFFFF, time) != 0:
            raise MemoryError
        return self.runs()

    def finish(self):
        """Give out what waits, each hole as a gap."""
        if tcp_finish(&self.direction, &self.pool, GAP_END) != 0:
            raise MemoryError
        return self.runs()

    @property
    def next(self):
        """Stream offset of the next byte."""
        return self.direction.next

    @property
    def next_seq(self):
        """Its sequence number, None before the first segment."""
        return None if self.direction.state == TCP_NEW else self.direction.next_seq

    @property
    def pending(self):
        """Pieces that wait behind a hole."""
        return self.direction.pieces.count

    @property
    def held(self):
        """Bytes in them."""
        return self.direction.pieces.held

    @property
    def conflicts(self):
        """Bytes whose copies differ, among those that waited."""
        return self.direction.conflicts

    @property
    def retransmissions(self):
        """Segments with bytes seen before."""
        return self.direction.retransmissions

    @property
    def dropped(self):
        """Bytes too far away to be believed."""
        return self.direction.dropped

    @property
    def nodes(self):
        """Places ever taken for waiting pieces; shows that they are used again."""
        return self.pool.nodes.rows
