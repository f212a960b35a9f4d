# The binding of the ASF kernels.
from libc.stdint cimport int64_t, uint32_t
from libc.stdlib cimport calloc, free
from mmscodec._buffer cimport Buffer, readable, writable
from mmscodec._kernels.asf.gather cimport (
    flow_extents_t, gather_bytes, gather_check, gather_packets, gather_send_times, gather_t, plan_t,
    span_t,
)
from mmscodec._kernels.asf.fields cimport packet_fields_t
from mmscodec._kernels.asf.packet cimport PACKET_STATES, packet_fields
from mmscodec._kernels.asf.payloads cimport PAYLOADS_BROKEN, packet_payloads, payloads_t
from mmscodec._kernels.core.extent cimport extent_t


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
    """

    cdef gather_t gather
    cdef span_t *spans
    cdef list held
    cdef bint busy

    def __cinit__(self, list extents, list buffers, uint32_t packet_size):
        cdef Buffer held
        if not 0 < packet_size <= 1 << 24:
            raise ValueError(f"packet size {packet_size}")
        self.gather.packet_size = packet_size
        self.gather.first_send = self.gather.last_send = self.gather.last_end = -1
        self.gather.flows = <flow_extents_t *>calloc(len(extents) + 1, sizeof(flow_extents_t))
        self.gather.spans = self.spans = <span_t *>calloc(len(buffers) + 1, sizeof(span_t))
        if self.gather.flows == NULL or self.spans == NULL:
            raise MemoryError
        self.held = []
        for rows in extents:
            held = readable(rows)
            if held.size % sizeof(extent_t):
                raise TypeError("extents come from a capture")
            self.held.append(held)
            self.gather.flows[self.gather.flow_count].rows = <const extent_t *>held.data
            self.gather.flows[self.gather.flow_count].count = held.size // sizeof(extent_t)
            self.gather.flow_count += 1
        for place, buffer in buffers:
            held = readable(buffer)
            self.held.append(held)
            self.spans[self.gather.span_count] = span_t(held.data, place, held.size)
            self.gather.span_count += 1

    def __dealloc__(self):
        free(self.gather.flows)
        free(self.spans)

    cdef int begin(self) except -1:
        if self.busy:
            raise RuntimeError("this writer is in use by another thread")
        self.busy = True
        return 0

    @property
    def packet_size(self):
        """Bytes of every packet."""
        return self.gather.packet_size

    @property
    def first_send(self):
        """Send time of the first packet, ms; -1 before there was one."""
        return self.gather.first_send

    @property
    def last_send(self):
        """The latest send time, ms; -1 before there was one."""
        return self.gather.last_send

    @property
    def last_end(self):
        """The latest end of a packet, ms; -1 before there was one."""
        return self.gather.last_end

    @property
    def counts(self):
        """Packets by state: whole, mended, widened, implied, unmended, fillers, torn."""
        cdef size_t i
        return tuple([self.gather.counts[i] for i in range(<size_t>PACKET_STATES)])

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
            Number of packets written.
        """
        cdef Buffer held = readable(plan), target = writable(out)
        cdef size_t count = held.size // sizeof(plan_t), bad
        cdef const plan_t *rows = <const plan_t *>held.data
        if held.size % sizeof(plan_t):
            raise TypeError("not a plan")
        if start > count:
            raise IndexError(start)
        rows += start
        count = min(count - start, target.size // self.gather.packet_size)
        self.begin()
        with nogil:
            bad = gather_check(&self.gather, rows, count)
            if bad == count:
                bad = gather_packets(&self.gather, rows, count, target.data, target.size)
        self.busy = False
        if bad < count:
            raise ValueError(
                f"row {start + bad} of the plan: source {rows[bad].source}, "
                f"{rows[bad].length} bytes"
            )
        return count

    def send_times(self, plan, out):
        """Send time of each packet of a plan, ms; -1 where its head is missing, or none.

        Parameters
        ----------
        plan : numpy.ndarray
            `PLAN` rows.
        out : numpy.ndarray
            int64, as long as the plan.
        """
        cdef Buffer held = readable(plan), target = writable(out)
        cdef size_t count = held.size // sizeof(plan_t), bad
        cdef const plan_t *rows = <const plan_t *>held.data
        if held.size % sizeof(plan_t) or target.size != count * sizeof(int64_t):
            raise TypeError("a plan, and an int64 for each of its rows")
        self.begin()
        with nogil:
            bad = gather_check(&self.gather, rows, count)
            if bad == count:
                bad = gather_send_times(
                    &self.gather, rows, count, <int64_t *>target.data,
                    target.size // sizeof(int64_t))
        self.busy = False
        if bad < count:
            raise ValueError(f"row {bad} of the plan: source {rows[bad].source}")

    def copy(self, plan, out):
        """Write the bytes of the rows of a plan, one behind the other; what is missing is 0.

        Parameters
        ----------
        plan : numpy.ndarray
            `PLAN` rows, without fillers.
        out : writable buffer
            As long as all of them.
        """
        cdef Buffer held = readable(plan), target = writable(out)
        cdef size_t count = held.size // sizeof(plan_t), bad
        cdef const plan_t *rows = <const plan_t *>held.data
        if held.size % sizeof(plan_t):
            raise TypeError("not a plan")
        self.begin()
        with nogil:
            bad = gather_bytes(&self.gather, rows, count, target.data, target.size)
        self.busy = False
        if bad < count:
            raise ValueError(
                f"row {bad} of the plan: source {rows[bad].source}, {rows[bad].length} bytes"
            )


def key_frames(packet):
    """Numbers of the streams of which a key frame begins in an ASF data packet, as bits of an int.

    0 for bytes that are no ASF data packet.
    """
    cdef Buffer held = readable(packet)
    cdef packet_fields_t at
    cdef payloads_t found
    if packet_fields(held.data, held.size, &at) != 0 \
            or packet_payloads(held.data, held.size, &at, &found) == PAYLOADS_BROKEN:
        return 0
    return found.key_streams[0] | <object>found.key_streams[1] << 64
