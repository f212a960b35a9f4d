# Frames to TCP segments and UDP datagrams for callers in Python: tests, tools, notebooks. The
# capture engine uses the kernel itself.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._block cimport Block
from mmscodec._kernels.net.network cimport (
    NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT, network_decode, network_fault_t,
    network_finish, network_free, network_init, network_more, network_t,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.core.table cimport table_reserve, table_row
from mmscodec.capture._inflate cimport inflate

import os
from typing import NamedTuple

import numpy as np

RECORD_DTYPE = np.dtype([
    ("position", "<u8"), ("time", "<i8"), ("caplen", "<u4"), ("wire_len", "<u4"),
    ("linktype", "<u4"), ("interface", "<u4"),
])
SEGMENT_DTYPE = np.dtype([
    ("src", "V16"), ("dst", "V16"), ("payload", "<u8"), ("record", "<u4"), ("length", "<u4"),
    ("wire_len", "<u4"), ("seq", "<u4"), ("ack", "<u4"), ("scope", "<u4"), ("src_port", "<u2"),
    ("dst_port", "<u2"), ("window", "<u2"), ("protocol", "u1"), ("tcp_flags", "u1"),
    ("owned", "u1"), ("", "V7"),
])
FAULT_DTYPE = np.dtype([
    ("offset", "<i8"), ("length", "<i8"), ("code", "<u2"), ("field", "<u2"), ("", "V4"),
    ("need", "<i8"), ("have", "<i8"),
])

cdef struct row_t:
    uint8_t src[16]
    uint8_t dst[16]
    uint64_t payload
    uint32_t record
    uint32_t length
    uint32_t wire_len
    uint32_t seq
    uint32_t ack
    uint32_t scope
    uint16_t src_port
    uint16_t dst_port
    uint16_t window
    uint8_t protocol
    uint8_t tcp_flags
    uint8_t owned
    uint8_t padding[7]

cdef struct fault_row_t:
    int64_t offset
    int64_t length
    uint16_t code
    uint16_t field
    uint32_t padding
    int64_t need
    int64_t have

cdef struct place_t:
    # RECORD_DTYPE
    uint64_t position
    int64_t time
    uint32_t caplen
    uint32_t wire_len
    uint32_t linktype
    uint32_t interface_id


class Segment(NamedTuple):
    """A TCP segment or UDP datagram; IPv4 addresses are ``::ffff:a.b.c.d``."""

    src: bytes
    dst: bytes
    src_port: int
    dst_port: int
    protocol: int
    tcp_flags: int
    window: int
    seq: int
    ack: int
    scope: int
    wire_len: int
    payload: bytes


class NetworkFault(NamedTuple):
    """Why a frame gave nothing: ``offset`` and ``length`` of the bytes given up, and the rest."""

    offset: int
    length: int
    code: int
    field: int
    need: int
    have: int


cdef object fault_of(const network_fault_t *fault):
    return NetworkFault(
        fault.position, fault.length, fault.code, fault.field, fault.need, fault.have
    )


cdef object segment_of(const segment_t *s):
    return Segment(
        PyBytes_FromStringAndSize(<const char *>s.src, 16),
        PyBytes_FromStringAndSize(<const char *>s.dst, 16),
        s.src_port, s.dst_port, s.protocol, s.tcp_flags, s.window, s.seq, s.ack, s.scope,
        s.wire_len, PyBytes_FromStringAndSize(<const char *>s.payload, s.length),
    )


cdef int store_fault(Block faults, const network_fault_t *fault) noexcept nogil:
    cdef fault_row_t *row = <fault_row_t *>table_row(&faults.table)
    if row == NULL:
        return -1
    row.offset = <int64_t>fault.position
    row.length = fault.length
    row.code = fault.code
    row.field = fault.field
    row.padding = 0
    row.need = fault.need
    row.have = fault.have
    return 0


cdef inline void store_segment(
    row_t *row, const segment_t *s, uint32_t record, const uint8_t *base
) noexcept nogil:
    memcpy(row.src, s.src, 16)
    memcpy(row.dst, s.dst, 16)
    row.payload = 0 if s.owned else <uint64_t>(s.payload - base)
    row.record = record
    row.length = s.length
    row.wire_len = s.wire_len
    row.seq = s.seq
    row.ack = s.ack
    row.scope = s.scope
    row.src_port = s.src_port
    row.dst_port = s.dst_port
    row.window = s.window
    row.protocol = s.protocol
    row.tcp_flags = s.tcp_flags
    row.owned = s.owned
    memset(row.padding, 0, 7)


cdef inline void add_to_sums(uint64_t *sums, const segment_t *s) noexcept nogil:
    sums[0] += 1
    sums[1] += s.length
    sums[2] += <uint64_t>s.seq + s.src_port + s.dst[15] + s.wire_len


cdef inline int frame_at(
    const Py_buffer *view, const place_t *place, record_t *record
) noexcept nogil:
    cdef uint64_t size = <uint64_t>view.len
    if place.position > size or size - place.position < place.caplen:
        return -1
    record.data = <const uint8_t *>view.buf + place.position
    record.caplen = place.caplen
    record.wire_len = place.wire_len
    record.time = place.time
    record.position = place.position
    record.linktype = place.linktype
    record.interface_id = place.interface_id
    return 0


cdef class Network:
    """Takes frames of any supported link type apart, down to TCP and UDP.

    Parameters
    ----------
    max_fragment_bytes, max_fragments : int
        Memory for incomplete IP datagrams and their number; beyond either, the oldest is dropped.
    max_fragment_age : float
        Seconds of capture time after which an incomplete datagram is dropped.
    max_depth : int
        Tunnels inside each other.
    ignore_vlan : bool
        Leave VLAN ids out of `scope`, for captures that show only one direction tagged.
    """

    cdef network_t net

    def __cinit__(
        self, *, max_fragment_bytes=32 << 20, max_fragments=65535, max_fragment_age=60.0,
        max_depth=4, ignore_vlan=False,
    ):
        network_init(&self.net, int.from_bytes(os.urandom(8), "little"))
        self.net.fragments.max_bytes = max_fragment_bytes
        self.net.fragments.max_pending = max_fragments
        self.net.fragments.max_age = <int64_t>(max_fragment_age * 1e9)
        self.net.max_depth = max_depth
        self.net.ignore_vlan = ignore_vlan
        self.net.inflate = inflate

    def __dealloc__(self):
        network_free(&self.net)

    def decode(self, frame, *, linktype=1, wire_len=None, time=0, position=0):
        """Decode one frame.

        Parameters
        ----------
        frame : buffer
            The captured bytes.
        linktype : int
            A LINKTYPE_ number, flag bits masked away.
        wire_len : int, optional
            Bytes the frame had on the wire; those captured by default.
        time : int
            Nanoseconds since 1970, for the age of fragments.
        position : int
            Where the frame lies in its source, for faults.

        Returns
        -------
        Segment or NetworkFault or None
            None for all that is neither TCP nor UDP, and for a fragment that waits for others. Of
            a frame with several packets, the first that is something.
        """
        cdef list found = self.decode_all(
            frame, linktype=linktype, wire_len=wire_len, time=time, position=position
        )
        return found[0] if found else None

    def decode_all(self, frame, *, linktype=1, wire_len=None, time=0, position=0):
        """Decode one frame that may hold several packets, as aggregates of 802.11 do.

        Parameters are those of `decode`.

        Returns
        -------
        list of Segment and NetworkFault
        """
        cdef record_t record
        cdef segment_t s
        cdef Py_buffer view
        cdef int result
        cdef list found = []
        PyObject_GetBuffer(frame, &view, PyBUF_SIMPLE)
        try:
            if view.len > 0xFFFFFFFF:
                raise ValueError("a frame has less than 4 GiB")
            record.data = <const uint8_t *>view.buf
            record.caplen = <uint32_t>view.len
            record.wire_len = record.caplen if wire_len is None else wire_len
            record.time = time
            record.position = position
            record.linktype = linktype
            record.interface_id = 0
            result = network_decode(&self.net, &record, &s)
            while result != NETWORK_NOTHING:
                found.append(
                    fault_of(&self.net.fault) if result == NETWORK_FAULT else segment_of(&s)
                )
                result = network_more(&self.net, &s)
        finally:
            PyBuffer_Release(&view)
        return found

    def decode_array(self, source, records):
        """Decode many frames of one buffer.

        Parameters
        ----------
        source : buffer
            Holds the frames.
        records : ndarray of `RECORD_DTYPE`
            Where they lie.

        Returns
        -------
        segments : ndarray of `SEGMENT_DTYPE`
            `record` is a row of `records`, `payload` an offset in `source` (0 when `owned`: the
            payload was in a reassembled datagram and is gone).
        faults : ndarray of `FAULT_DTYPE`
        """
        cdef Block segments = Block(sizeof(row_t))
        cdef Block faults = Block(sizeof(fault_row_t))
        cdef Py_buffer view, places
        cdef int status
        if records.dtype != RECORD_DTYPE:
            raise TypeError(f"records have dtype {records.dtype}, not RECORD_DTYPE")
        PyObject_GetBuffer(source, &view, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(records, &places, PyBUF_SIMPLE)
            try:
                status = self.run(&view, &places, segments, faults)
            finally:
                PyBuffer_Release(&places)
        finally:
            PyBuffer_Release(&view)
        if status == -2:
            raise ValueError("a record lies outside the buffer")
        if status != 0:
            raise MemoryError
        return segments.array(SEGMENT_DTYPE), faults.array(FAULT_DTYPE)

    cdef int run(
        self, const Py_buffer *view, const Py_buffer *places, Block segments, Block faults
    ) noexcept:
        cdef const place_t *place = <const place_t *>places.buf
        cdef size_t i, count = <size_t>places.len // sizeof(place_t)
        cdef record_t record
        cdef row_t *row
        cdef segment_t s
        cdef int result
        if table_reserve(&segments.table, count) != 0:
            return -1
        with nogil:
            for i in range(count):
                if frame_at(view, &place[i], &record) != 0:
                    return -2
                result = network_decode(&self.net, &record, &s)
                while result != NETWORK_NOTHING:
                    if result == NETWORK_FAULT:
                        if store_fault(faults, &self.net.fault) != 0:
                            return -1
                    else:
                        row = <row_t *>table_row(&segments.table)
                        if row == NULL:
                            return -1
                        store_segment(row, &s, <uint32_t>i, <const uint8_t *>view.buf)
                    if result == NETWORK_SEGMENT:
                        break
                    result = network_more(&self.net, &s)
        return 0

    def totals(self, source, records):
        """As `decode_array`, but only the sums: for measuring.

        Returns
        -------
        tuple of int
            Segments, their payload bytes, and a sum over decoded fields.
        """
        cdef Py_buffer view, places
        cdef uint64_t sums[3]
        if records.dtype != RECORD_DTYPE:
            raise TypeError(f"records have dtype {records.dtype}, not RECORD_DTYPE")
        PyObject_GetBuffer(source, &view, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(records, &places, PyBUF_SIMPLE)
            try:
                status = self.run_totals(&view, &places, sums)
            finally:
                PyBuffer_Release(&places)
        finally:
            PyBuffer_Release(&view)
        if status != 0:
            raise ValueError("a record lies outside the buffer")
        return sums[0], sums[1], sums[2]

    cdef int run_totals(
        self, const Py_buffer *view, const Py_buffer *places, uint64_t *sums
    ) noexcept:
        cdef const place_t *place = <const place_t *>places.buf
        cdef size_t i, count = <size_t>places.len // sizeof(place_t)
        cdef record_t record
        cdef segment_t s
        cdef int result
        sums[0] = sums[1] = sums[2] = 0
        with nogil:
            for i in range(count):
                if frame_at(view, &place[i], &record) != 0:
                    return -2
                result = network_decode(&self.net, &record, &s)
                if result == NETWORK_SEGMENT:
                    add_to_sums(sums, &s)
                    continue
                while result != NETWORK_NOTHING:
                    if result != NETWORK_FAULT:
                        add_to_sums(sums, &s)
                    result = network_more(&self.net, &s)
        return 0

    def finish(self):
        """Drop the datagrams that wait for fragments: a list of one `NetworkFault` for each."""
        cdef list faults = []
        while network_finish(&self.net) == NETWORK_FAULT:
            faults.append(fault_of(&self.net.fault))
        return faults

    @property
    def pending(self):
        """Datagrams that wait for fragments."""
        return self.net.fragments.pending

    @property
    def held(self):
        """Bytes of memory they take."""
        return self.net.fragments.bytes
