# ASF data packets from where they lie in the capture to where they go in the file: gathered,
# padded, their padding length mended. Spec section 11; the packet layout is that of ASF.
from cpython.buffer cimport PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memmove, memset
from mmscodec._kernels.core.wire cimport load_le16, load_le32, store_le16, store_le32

import os

cdef extern from "mmscodec_file.h" nogil:
    bint FILE_HAS_PLACES
    int file_write_at(int fd, const void *p, size_t n, int64_t offset) noexcept
    int file_reserve(int fd, int64_t offset, int64_t n) noexcept
    void file_start_writing(int fd, int64_t offset, int64_t n) noexcept

#: Whether this system writes at a place in a file, as `PacketWriter.write` does.
HAS_PLACES = bool(FILE_HAS_PLACES)

cdef enum:
    FILLER = 0xFFFFFFFF  # `source` of a row that stands for a missing packet
    FILLER_LEN = 14

    WHOLE = 0  # states: what was done with a packet
    MENDED = 1  # its padding length was raised
    WIDENED = 2  # a padding length was put in or widened
    IMPLIED = 3  # its packet length field says where it ends
    UNMENDED = 4  # filled up with zeros that it does not know of
    FILLED = 5  # made up in the place of a missing one
    TORN = 6  # some of its bytes are not in the capture
    STATES = 7

cdef struct plan_t:
    int64_t offset  # of the payload in its flow
    uint32_t length
    uint32_t source  # index in the list of flows

cdef struct extent_t:
    int64_t offset  # in the flow
    uint64_t place
    uint32_t length
    uint32_t padding

cdef struct packet_t:
    # where the fields of an ASF data packet stand
    uint32_t flags
    uint32_t length
    uint32_t length_size
    uint32_t padding
    uint32_t padding_size
    uint32_t times  # send time (4) and duration (2)


cdef inline uint32_t field_size(uint32_t kind) noexcept nogil:
    return 4 if kind == 3 else kind


cdef inline uint32_t load_field(const uint8_t *p, uint32_t size) noexcept nogil:
    if size == 4:
        return load_le32(p)
    if size == 2:
        return load_le16(p)
    return p[0] if size == 1 else 0


cdef inline void store_field(uint8_t *p, uint32_t size, uint32_t value) noexcept nogil:
    if size == 4:
        store_le32(p, value)
    elif size == 2:
        store_le16(p, <uint16_t>value)
    elif size == 1:
        p[0] = <uint8_t>value


cdef inline bint fits(uint32_t size, uint64_t value) noexcept nogil:
    return size != 0 and value < <uint64_t>1 << (8 * size)


cdef int locate(const uint8_t *p, size_t n, packet_t *at) noexcept nogil:
    # 0 if the n bytes begin like an ASF data packet, else -1
    cdef size_t pos = 0
    cdef uint32_t flags
    if n < 1:
        return -1
    if p[0] & 0x80:  # error correction data, not opaque, with its length in the low bits
        if p[0] & 0x70:
            return -1
        pos = 1 + (p[0] & 0x0F)
    if n < pos or n - pos < 2 or p[pos] & 0x80:
        return -1
    flags = p[pos]
    at.flags = <uint32_t>pos
    at.length = at.flags + 2
    at.length_size = field_size(flags >> 5 & 3)
    at.padding_size = field_size(flags >> 3 & 3)
    at.padding = at.length + at.length_size + field_size(flags >> 1 & 3)
    at.times = at.padding + at.padding_size
    return 0 if at.times <= n and n - at.times >= 6 else -1


cdef int widen(
    uint8_t *p, size_t have, size_t size, const packet_t *at, uint64_t padding
) noexcept nogil:
    # put in a padding length of two bytes, or of one where there is room for no more
    cdef size_t added = size - have
    cdef uint32_t wanted = 2 if added >= 2 or at.padding_size == 1 else 1
    cdef size_t grow = wanted - at.padding_size
    if at.padding_size >= wanted or added < grow:
        return UNMENDED
    padding += added - grow
    if not fits(wanted, padding):
        return UNMENDED
    memmove(p + at.padding + wanted, p + at.times, have - at.times)
    store_field(p + at.padding, wanted, <uint32_t>padding)
    p[at.flags] = <uint8_t>((p[at.flags] & ~0x18) | wanted << 3)
    memset(p + have + grow, 0, added - grow)
    return WIDENED


cdef int mend(uint8_t *p, size_t have, size_t size, const packet_t *at) noexcept nogil:
    # fill a packet of `have` bytes up to `size`, so that it still ends where it did
    cdef uint64_t padding = load_field(p + at.padding, at.padding_size)
    cdef uint64_t length = load_field(p + at.length, at.length_size)
    cdef int state = MENDED
    memset(p + have, 0, size - have)
    if at.length_size != 0:
        if length == have:
            if at.padding_size == 0 or not fits(at.length_size, size) \
                    or not fits(at.padding_size, padding + size - have):
                return IMPLIED
            store_field(p + at.length, at.length_size, <uint32_t>size)
        elif length != size:
            return IMPLIED if length < have else UNMENDED
    if fits(at.padding_size, padding + size - have):
        store_field(p + at.padding, at.padding_size, <uint32_t>(padding + size - have))
        return state
    return widen(p, have, size, at, padding)


cdef void make_filler(uint8_t *p, size_t size, uint32_t send) noexcept nogil:
    # a packet without payloads: padding follows its header
    memset(p, 0, size)
    if size < FILLER_LEN or size - FILLER_LEN > 0xFFFF:
        return
    p[0] = 0x82  # error correction data of two bytes
    p[3] = 0x11  # several payloads, padding length of two bytes
    p[4] = 0x5D  # sizes of the payload's fields
    store_le16(p + 5, <uint16_t>(size - FILLER_LEN))
    store_le32(p + 7, send)
    p[13] = 0x80  # of payloads with lengths of two bytes, none


cdef class PacketWriter:
    """Makes ASF data packets of one size out of the flows of a capture.

    Parameters
    ----------
    extents : list of numpy.ndarray
        Extents of each flow that a plan names, as `Capture.places` gives them.
    buffers : list of (int, buffer)
        The place of the first byte of each buffer, ascending, and the buffer.
    packet_size : int
        Size of every packet in the file.

    Attributes
    ----------
    counts : tuple of int
        Packets by state: whole, mended, widened, implied, unmended, filled, torn.
    first_send, last_send, last_end : int
        Send time of the first packet, the latest send time, and the latest end of a packet: ms;
        -1 before there was one.
    first_row : int
        Row of the plan that `first_send` is of.
    """

    cdef Py_buffer *flows
    cdef size_t flow_count
    cdef Py_buffer *views
    cdef uint64_t *places
    cdef size_t view_count
    cdef size_t view_hint
    cdef size_t *hints
    cdef readonly uint32_t packet_size
    cdef uint64_t tally[STATES]
    cdef readonly int64_t first_send
    cdef readonly int64_t last_send
    cdef readonly int64_t last_end
    cdef readonly int64_t first_row
    cdef list extents
    cdef list buffers

    def __cinit__(self, list extents, list buffers, uint32_t packet_size):
        if not 0 < packet_size <= 1 << 24:
            raise ValueError(f"packet size {packet_size}")
        self.packet_size = packet_size
        self.extents, self.buffers = extents, buffers
        self.first_send = self.last_send = self.last_end = self.first_row = -1
        memset(self.tally, 0, sizeof(self.tally))
        self.flows = <Py_buffer *>calloc(len(extents) + 1, sizeof(Py_buffer))
        self.hints = <size_t *>calloc(len(extents) + 1, sizeof(size_t))
        self.views = <Py_buffer *>calloc(len(buffers) + 1, sizeof(Py_buffer))
        self.places = <uint64_t *>calloc(len(buffers) + 1, sizeof(uint64_t))
        if self.flows == NULL or self.hints == NULL or self.views == NULL or self.places == NULL:
            raise MemoryError
        for rows in extents:
            PyObject_GetBuffer(rows, &self.flows[self.flow_count], PyBUF_SIMPLE)
            self.flow_count += 1
            if self.flows[self.flow_count - 1].len % sizeof(extent_t):
                raise TypeError("extents come from a capture")
        for place, buffer in buffers:
            self.places[self.view_count] = place
            PyObject_GetBuffer(buffer, &self.views[self.view_count], PyBUF_SIMPLE)
            self.view_count += 1

    def __dealloc__(self):
        cdef size_t i
        if self.views != NULL:
            for i in range(self.view_count):
                PyBuffer_Release(&self.views[i])
        if self.flows != NULL:
            for i in range(self.flow_count):
                PyBuffer_Release(&self.flows[i])
        free(self.flows)
        free(self.views)
        free(self.hints)
        free(self.places)

    @property
    def counts(self):
        return tuple(self.tally[i] for i in range(STATES))

    def twin(self):
        """Another writer over the same flows, for another thread, without counts."""
        return PacketWriter(self.extents, self.buffers, self.packet_size)

    def add(self, PacketWriter other not None):
        """Count what another writer did with other rows of the same plan."""
        for i in range(STATES):
            self.tally[i] += other.tally[i]
        if other.first_row >= 0 and not 0 <= self.first_row < other.first_row:
            self.first_row, self.first_send = other.first_row, other.first_send
        self.last_send = max(self.last_send, other.last_send)
        self.last_end = max(self.last_end, other.last_end)

    def fill(self, plan, size_t start, out):
        """Write packets into a buffer until it is full or the plan ends.

        Parameters
        ----------
        plan : numpy.ndarray
            `PLAN` rows.
        start : int
            First row.
        out : writable buffer

        Returns
        -------
        int
            Rows written; each took `packet_size` bytes.
        """
        cdef Py_buffer rows, target
        cdef size_t n, done = 0
        PyObject_GetBuffer(plan, &rows, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(out, &target, PyBUF_SIMPLE | PyBUF_WRITABLE)
            try:
                n = self.believed(&rows, start, <size_t>target.len // self.packet_size)
                with nogil:
                    done = self.run(
                        <const plan_t *>rows.buf, start, start + n, <uint8_t *>target.buf
                    )
            finally:
                PyBuffer_Release(&target)
        finally:
            PyBuffer_Release(&rows)
        return done

    def write(
        self, plan, size_t start, size_t stop, int descriptor, int64_t at, out, size_t align
    ):
        """Write packets to their places in a file. The GIL is released.

        Parameters
        ----------
        plan : numpy.ndarray
            `PLAN` rows.
        start, stop : int
            First row, and the one behind the last.
        descriptor : int
            Of a file that is open for writing.
        at : int
            Where in the file the packet of row 0 stands.
        out : writable buffer
            Packets are put together here: what suits the processor's cache, and not less than
            `align` and one packet.
        align : int
            What is written ends at multiples of it, where it can: the system likes that.

        Raises
        ------
        OSError
        """
        cdef Py_buffer rows, target
        cdef size_t n, part, whole, kept = 0  # bytes in the buffer that are not written yet
        cdef size_t size = self.packet_size
        cdef int64_t place = at + <int64_t>(start * size)
        cdef uint8_t *buffer
        cdef int error = 0
        PyObject_GetBuffer(plan, &rows, PyBUF_SIMPLE)
        try:
            PyObject_GetBuffer(out, &target, PyBUF_SIMPLE | PyBUF_WRITABLE)
            try:
                buffer = <uint8_t *>target.buf
                if align == 0 or <size_t>target.len < align or <size_t>target.len - align < size:
                    raise ValueError(f"no room for {align} bytes and a packet of {size}")
                n = self.believed(&rows, start, stop - start if stop > start else 0)
                with nogil:
                    while n > 0 and error == 0:
                        part = min(n, (<size_t>target.len - kept) // size)
                        self.run(<const plan_t *>rows.buf, start, start + part, buffer + kept)
                        start += part
                        n -= part
                        kept += part * size
                        whole = <size_t>((<uint64_t>place + kept) % align)
                        whole = kept - whole if n > 0 and whole < kept else kept
                        error = file_write_at(descriptor, buffer, whole, place)
                        place += <int64_t>whole
                        kept -= whole
                        memmove(buffer, buffer + whole, kept)
            finally:
                PyBuffer_Release(&target)
        finally:
            PyBuffer_Release(&rows)
        if error != 0:
            raise OSError(error, os.strerror(error))

    cdef size_t believed(self, const Py_buffer *rows, size_t start, size_t most) except? 0:
        # rows from `start` on, at most so many, each of a flow that is here
        cdef const plan_t *first = <const plan_t *>rows.buf
        cdef size_t i, n
        if rows.len % sizeof(plan_t):
            raise TypeError("not a plan")
        n = <size_t>rows.len // sizeof(plan_t)
        if start > n:
            raise IndexError(start)
        n = min(n - start, most)
        for i in range(start, start + n):
            if first[i].source != FILLER and (
                first[i].source >= self.flow_count or first[i].length > self.packet_size
            ):
                raise ValueError(f"row {i} of the plan: source {first[i].source}, "
                                 f"{first[i].length} bytes")
        return n

    cdef size_t run(
        self, const plan_t *plan, size_t start, size_t stop, uint8_t *out
    ) noexcept nogil:
        cdef size_t i
        for i in range(start, stop):
            self.one(plan, i, out + (i - start) * self.packet_size)
        return stop - start

    cdef void one(self, const plan_t *plan, size_t number, uint8_t *p) noexcept nogil:
        cdef const plan_t *row = plan + number
        cdef packet_t at
        cdef int state = WHOLE
        cdef int64_t send
        if row.source == FILLER:
            send = self.last_send if self.last_send >= 0 else 0
            make_filler(p, self.packet_size, <uint32_t>send)
            self.tally[FILLED] += 1
            return
        if self.copy(row, p) != 0:
            state = TORN
        if locate(p, row.length, &at) == 0:
            send = load_le32(p + at.times)
            if self.first_send < 0:
                self.first_send, self.first_row = send, <int64_t>number
            if send > self.last_send:
                self.last_send = send
            if send + load_le16(p + at.times + 4) > self.last_end:
                self.last_end = send + load_le16(p + at.times + 4)
            if row.length < self.packet_size and state == WHOLE:
                state = mend(p, row.length, self.packet_size, &at)
        elif row.length < self.packet_size and state == WHOLE:
            state = UNMENDED
        if row.length < self.packet_size and state in (UNMENDED, TORN):
            memset(p + row.length, 0, self.packet_size - row.length)
        self.tally[state] += 1

    cdef const uint8_t *find(self, uint64_t place, uint64_t length) noexcept nogil:
        # where `length` bytes lie in memory, or NULL
        cdef size_t i = self.view_hint, low = 0, high = self.view_count, mid
        if i >= self.view_count or place < self.places[i] \
                or place - self.places[i] >= <uint64_t>self.views[i].len:
            while low < high:
                mid = (low + high) >> 1
                if self.places[mid] <= place:
                    low = mid + 1
                else:
                    high = mid
            if low == 0:
                return NULL
            i = self.view_hint = low - 1
        place -= self.places[i]
        if place > <uint64_t>self.views[i].len or <uint64_t>self.views[i].len - place < length:
            return NULL
        return <const uint8_t *>self.views[i].buf + place

    cdef int copy(self, const plan_t *row, uint8_t *out) noexcept nogil:
        # 0, or -1 where bytes are missing, which are 0 then
        cdef const extent_t *rows = <const extent_t *>self.flows[row.source].buf
        cdef size_t n = <size_t>self.flows[row.source].len // sizeof(extent_t)
        cdef const uint8_t *found
        cdef int64_t at = row.offset, end = row.offset + row.length, start, stop
        cdef size_t i = self.hints[row.source], low = 0, high = n, mid
        cdef int result = 0
        if i >= n or rows[i].offset > at:
            i = n  # not here
        elif rows[i].offset + rows[i].length <= at:
            i += 1
            if i < n and (rows[i].offset > at or rows[i].offset + rows[i].length <= at):
                i = n
        if i >= n:
            while low < high:
                mid = (low + high) >> 1
                if rows[mid].offset + rows[mid].length <= at:
                    low = mid + 1
                else:
                    high = mid
            i = low
        while at < end:
            if i >= n or rows[i].offset >= end:
                memset(out + (at - row.offset), 0, <size_t>(end - at))
                result = -1
                break
            start = rows[i].offset if rows[i].offset > at else at
            stop = rows[i].offset + rows[i].length
            if stop > end:
                stop = end
            if start > at:
                memset(out + (at - row.offset), 0, <size_t>(start - at))
                result = -1
            found = self.find(rows[i].place + <uint64_t>(start - rows[i].offset),
                              <uint64_t>(stop - start))
            if found != NULL:
                memcpy(out + (start - row.offset), found, <size_t>(stop - start))
            else:
                memset(out + (start - row.offset), 0, <size_t>(stop - start))
                result = -1
            self.hints[row.source] = i
            at = stop
            i += 1
        return result


def reserve(int descriptor, int64_t at, int64_t length):
    """Take room on the disk for `length` bytes of a file, where the system can.

    Raises
    ------
    OSError
        There is not so much room, or a file may not be so long.
    """
    cdef int error
    with nogil:
        error = file_reserve(descriptor, at, length)
    if error != 0:
        raise OSError(error, os.strerror(error))


def start_writing(int descriptor, int64_t at, int64_t length):
    """Have the system begin to write these bytes to the disk, where it can, and do not wait."""
    with nogil:
        file_start_writing(descriptor, at, length)


def mended(packet, uint32_t size):
    """(bytes, state): an ASF data packet filled up to `size`, as `PacketWriter` does it."""
    cdef bytearray out = bytearray(packet)
    cdef size_t have = len(out)
    cdef packet_t at
    cdef int state = WHOLE
    if have > size:
        raise ValueError(f"a packet of {have} bytes does not fit into {size}")
    out.extend(bytes(size - have))
    cdef uint8_t *p = <uint8_t *>out
    if have < size:
        state = mend(p, have, size, &at) if locate(p, have, &at) == 0 else UNMENDED
    return bytes(out), state
