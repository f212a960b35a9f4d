# The binding of the pass: sources in, tables out.
from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memset
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, raise_interrupt, readable
from mmscodec._kernels.core.interrupt cimport interrupted
from mmscodec._kernels.core.layout cimport FAULT_FILES_OVERLAP
from mmscodec._kernels.net.unread cimport unread_row_t
from mmscodec._kernels.pcapfile.records cimport (
    READ_END, READ_MEMORY, READ_MORE, READ_OK, read_fault_t,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport (
    table_free, table_init, table_reserve, table_row, table_t,
)
from mmscodec._kernels.net.segment cimport PROTOCOL_UDP, endpoints_t
from mmscodec._kernels.track.flow cimport flow_fault, flow_fault_t
from mmscodec._kernels.track.protocol_detection cimport detect_waits
from mmscodec._kernels.net.fragments cimport datagram_t
from mmscodec._kernels.track.flow_table cimport (
    CLOSED_A, CLOSED_B, STATE_NEW, connection_at, connection_t,
)
from mmscodec._kernels.track.flow_rows cimport (
    flow_row_t, flow_rows_retire, flow_rows_touched, flow_rows_update_all,
)
from mmscodec._kernels.track.extents cimport extent_t
from mmscodec._kernels.track.mended cimport mended_row_t
from mmscodec._kernels.track.counters cimport counters_t
from mmscodec._kernels.track.not_mms cimport NOT_MMS_REASONS, not_mms_row_t
from mmscodec._kernels.track.sources cimport source_t
from mmscodec._kernels.track.tracker cimport (
    tracker_finish, tracker_free, tracker_init, tracker_next_epoch, tracker_records,
)
from mmscodec.capture._inflate cimport inflate
from mmscodec.capture._merge cimport MERGE_BEGIN, MERGE_CLOSE, Merge
from mmscodec.capture._record_reader cimport RecordReader

import collections
import os

from mmscodec.schema.mms import MAX_PACKET


cdef extern from "mmscodec_atomic.h" nogil:
    void shared_store(uint64_t *p, uint64_t v) noexcept

cdef enum:
    BATCH = 64
    ROOM = 1500  # bytes of a file to one expected row
    COMPARED_PART = 8  # of all bytes held, for what retransmissions are compared with
    ROUNDS = 1024  # batches between two looks at signals
    FREE_ROWS = 4096  # that may be carried from batch to batch whatever comes
    ROWS_A_RECORD = 8  # and as many more for each record
    BYTES_A_ROW = 256  # of carried bytes, which cost as much as a row

OPTIONS = {
    "mms": True,
    "winmx": False,
    "keep_all": False,
    "max_flows": 1 << 18,
    "max_held": 256 << 20,
    "max_held_flow": 1 << 20,
    "max_pending": 10000,
    "max_packet": MAX_PACKET,
    "ignore_vlan": False,
    "note_mended": False,
}


cdef class Engine:
    """Reads sources record by record into tables; see `mmscodec.capture.Capture`.

    Parameters
    ----------
    mms, winmx : bool
        Protocols to look for.
    keep_all : bool
        Keep every TCP and UDP flow, whatever it is.
    ports : iterable of int, optional
        Only segments from or to these ports.
    chosen : iterable of (bytes, int, bytes, int), optional
        Only these connections: two 16-byte addresses with their ports.
    filter : Filter, optional
        Only frames that a libpcap expression matches.
    max_flows, max_held, max_held_flow, max_pending : int
        Ceilings: connections; bytes held in all; bytes and pieces held in one flow.
    ignore_vlan : bool
        Equal addresses in different VLANs are one flow.
    note_mended : bool
        Note which bytes of which rows were made were damaged, for another pass.
    mended : (array, array), optional
        What an earlier pass noted, rows of `dtypes.MENDED`: ascending by place, and by copy.
    """

    def __cinit__(self, *, ports=None, chosen=(), filter=None, mended=None, **options):
        if unknown := options.keys() - OPTIONS:
            raise TypeError(f"no such option: {sorted(unknown)}")
        options = OPTIONS | options
        if tracker_init(&self.track, int.from_bytes(os.urandom(8), "little")) != 0:
            raise MemoryError
        self.views = []
        self.sources = []
        self.past = collections.deque()
        self.track.sources.context = <void *>self
        self.track.sources.read_back = read_back
        self.track.options.want_mms = options["mms"]
        self.track.options.want_winmx = options["winmx"]
        self.track.options.keep_all = options["keep_all"]
        self.track.options.max_flows = options["max_flows"]
        self.track.limit.ceiling = options["max_held"]
        self.track.extents.ceiling = <uint64_t>options["max_held"] // COMPARED_PART
        self.track.options.max_packet = options["max_packet"]
        self.track.network.ignore_vlan = options["ignore_vlan"]
        self.track.network.inflate = inflate
        self.track.pool.held_limit = options["max_held_flow"]
        self.track.pool.pending_limit = options["max_pending"]
        self.track.mended.wanted = options["note_mended"]
        if mended is not None:
            self.take_mended(mended[0], mended[1])
        if ports is not None:
            self.take_ports(ports)
        if filter is not None:
            self.take_filter(filter)
        for a, a_port, b, b_port in chosen:
            self.take_chosen(a, b, a_port, b_port)
            self.take_chosen(b, a, b_port, a_port)

    cdef int take_mended(self, known, copies) except -1:
        cdef Buffer by_place = readable(known), by_copy = readable(copies)
        self.views += [by_place, by_copy]
        self.track.mended.known = <const mended_row_t *>by_place.data
        self.track.mended.copies = <const mended_row_t *>by_copy.data
        self.track.mended.count = <size_t>len(known)
        return 0

    cdef int take_ports(self, ports) except -1:
        flags = bytearray(65536)
        for port in ports:
            flags[port] = 1
        self.ports = bytes(flags)
        self.track.options.ports = <const uint8_t *>self.ports
        return 0

    cdef int take_filter(self, filter) except -1:
        self.filter = filter  # keeps the programs
        self.filter_function = <filter_t><size_t>filter.function
        for linktype, address in filter.programs.items():
            if self.program_count == 64:
                raise ValueError("a filter for more than 64 link types")
            self.programs[self.program_count].linktype = linktype
            self.programs[self.program_count].instructions = <const void *><size_t>address
            self.program_count += 1
        return 0

    cdef int take_chosen(self, bytes src, bytes dst, src_port, dst_port) except -1:
        # one direction of a connection that is wanted, whatever it carries
        cdef endpoints_t *row = <endpoints_t *>table_row(&self.track.options.chosen)
        if row == NULL:
            raise MemoryError
        if len(src) != 16 or len(dst) != 16:
            raise ValueError("an address has 16 bytes")
        memcpy(row.src, <const char *>src, 16)
        memcpy(row.dst, <const char *>dst, 16)
        row.src_port = src_port
        row.dst_port = dst_port
        return 0

    def __dealloc__(self):
        tracker_free(&self.track)

    cdef int begin(self) except -1:
        # who writes the tracker is alone, and ends with `busy = False`
        if self.busy:
            raise RuntimeError("one capture, one pass: another call is under way")
        self.busy = True
        return 0

    cdef void note(self) noexcept:
        # what may be asked for at any time, as it is now
        self.noted.counters = self.track.counters
        self.noted.damaged = self.track.pool.damaged
        self.noted.connections = self.track.flows.count
        self.noted.unread = self.track.network.unread
        self.noted.not_mms = self.track.not_mms

    cdef int add_source(self, RecordReader walker) except -1:
        # the source that a walker was made for; sources come in the order of their positions
        source = walker.source
        cdef Buffer view = readable(source.mapping()[0]) if walker.stable else None
        cdef source_t *row = <source_t *>table_row(&self.track.sources.rows)
        if row == NULL:
            raise MemoryError
        memset(row, 0, sizeof(source_t))
        row.base = source.base
        self.sources.append(source)
        row.stable = view is not None
        row.addressable = source.addressable or row.stable
        walker.number = self.track.sources.current = self.track.sources.rows.rows - 1
        if view is not None:
            row.shown = view.data
            row.shown_from = row.base
            row.shown_size = view.size
            self.views.append(view)
            # room for the rows of large frames: growing would cost copies
            if table_reserve(&self.track.extents.rows, view.size // ROOM) != 0 \
                    or table_reserve(&self.track.tables.data, view.size // ROOM) != 0:
                raise MemoryError
        return 0

    cdef source_t *row_of(self, RecordReader walker) noexcept:
        return <source_t *>self.track.sources.rows.data + walker.number

    cdef void hide(self, RecordReader walker) noexcept:
        # nothing can be read of a source whose walker lets its buffer go
        cdef source_t *row = self.row_of(walker)
        if not row.stable:
            row.shown_size = 0

    cdef void show(self, RecordReader walker) noexcept:
        # what the walker sees now
        cdef source_t *row = self.row_of(walker)
        if not row.stable:
            row.shown = walker.walk.buf
            row.shown_from = walker.walk.reader.base
            row.shown_size = walker.walk.size

    cdef int fault(self, const read_fault_t *fault, int64_t time) except -1:
        # a fault of a file becomes one of the capture
        cdef flow_fault_t row
        row.flow = -1
        row.code = fault.code
        row.field = fault.field
        row.offset = fault.offset
        row.length = fault.length
        row.need = fault.need
        row.have = fault.have
        row.time = time
        if flow_fault(&self.track, &row) != 0:
            raise MemoryError
        return 0

    cdef int take_faults(self, RecordReader w, bint ended) except -1:
        # those in front of the first record get its time, so they wait for it
        cdef read_fault_t *row
        cdef size_t upto = w.walk.fault_rows.rows if ended else w.walk.timed
        while w.seen < upto:
            row = <read_fault_t *>w.walk.fault_rows.data + w.seen
            self.fault(
                row, (<int64_t *>w.walk.fault_times.data)[w.seen] if w.seen < w.walk.timed
                else self.track.counters.time)
            w.seen += 1
        return 0

    cdef bint turn(self, Merge merge, int status) except -1:
        # what the merge asks for; False at its end
        cdef RecordReader walker
        cdef read_fault_t overlap
        if status == READ_END:
            return False
        if status == MERGE_BEGIN:
            delayed = merge.delayed
            walker = merge.begin()
            self.add_source(walker)
            if merge.delayed != delayed:
                memset(&overlap, 0, sizeof(overlap))
                overlap.offset = walker.source.base
                overlap.code = FAULT_FILES_OVERLAP
                self.fault(&overlap, self.track.counters.time)
            return True
        walker = merge.in_hand()
        self.take_faults(walker, status == MERGE_CLOSE)
        if status == MERGE_CLOSE:
            self.hide(walker)
            merge.close_reader()
        elif status == READ_MORE:
            self.hide(walker)
            walker.more()
            self.show(walker)
        return True

    cdef size_t matching(self, record_t *batch, size_t count) noexcept nogil:
        # keep the records that the filter lets through; those of other link types are not
        cdef size_t kept = 0, i
        for i in range(count):
            if self.passes(batch + i):
                batch[kept] = batch[i]
                kept += 1
        return kept

    cdef bint passes(self, const record_t *record) noexcept nogil:
        cdef size_t i
        for i in range(self.program_count):
            if self.programs[i].linktype == record.linktype:
                return self.filter_function(
                    self.programs[i].instructions, record.data, record.wire_len, record.caplen
                ) != 0
        return False

    def run(self, Merge merge, row_limit=None, bint live=False, bint pause=False):
        """Take records until all sources end, or until the tables have `row_limit` rows.

        With `live` also until a source would have to be waited for, if there are rows by then;
        with `pause` also after a source has begun or ended. Returns True when all have ended.
        RuntimeError while another call is under way, as in `finish` and `drain`.
        """
        self.begin()
        try:
            return self.take_records(merge, row_limit, live, pause)
        finally:
            self.busy = False

    cdef int take_rounds(
        self, Merge merge, record_t *batch, size_t limit, size_t *taken, int *failed
    ) noexcept nogil:
        # some batches of records through the tracker, until the tables have `limit` rows; what the
        # merge says, `taken` grows by the records, and `failed` is 0 or -1: no memory
        cdef size_t count = 0
        cdef int status = READ_OK, _i
        for _i in range(ROUNDS):
            status = merge.fill(batch, BATCH, &count)
            taken[0] += count
            if self.filter_function != NULL:
                count = self.matching(batch, count)
            if count != 0:
                shared_store(&self.at, batch[count - 1].position)
                self.track.sources.current = merge.current
                failed[0] = tracker_records(&self.track, batch, count)
            if status != READ_OK or failed[0] != 0 or interrupted():
                break
            if self.most_rows() >= limit:
                break
        return status

    cdef size_t new_rows(self) noexcept nogil:
        # rows made of segments since the last batch
        return self.track.tables.data.rows + self.track.tables.messages.rows \
            + self.track.extents.rows.rows - self.carried

    cdef size_t most_rows(self) noexcept nogil:
        # the same, or rows of the largest other table: a batch may hold nothing but flows
        cdef size_t most = self.new_rows()
        most = max(most, self.track.rows.touched.rows)
        most = max(most, self.track.tables.faults.rows)
        most = max(most, self.track.tables.packets.rows)
        return max(most, self.track.extents.gaps.rows)

    cdef bint take_records(self, Merge merge, row_limit, bint live, bint pause) except -1:
        # `run` for who has begun
        cdef record_t batch[BATCH]
        cdef size_t taken = 0
        cdef size_t limit = <size_t>-1 if row_limit is None else row_limit
        cdef int status = READ_OK, failed = 0
        if limit < self.debt:
            limit = self.debt  # batches that carry more than they bring would cost time squared
        while True:
            self.note()
            self.inside = True
            with nogil:
                status = self.take_rounds(merge, batch, limit, &taken, &failed)
            self.inside = False
            raise_interrupt()
            if failed != 0 or status == READ_MEMORY:
                raise MemoryError
            PyErr_CheckSignals()
            if self.progress is not None:
                self.progress(self.at)
            if status == MERGE_CLOSE or status == READ_MORE:
                self.take_faults(merge.in_hand(), status == MERGE_CLOSE)
            if taken != 0 and status != READ_END and (
                self.most_rows() >= limit
                or (live and self.new_rows() != 0 and status == READ_MORE and merge.streams != 0
                    and taken * ROWS_A_RECORD + FREE_ROWS >= self.debt)
            ):
                return False
            if status != READ_OK and not self.turn(merge, status):
                return True
            if pause and (status == MERGE_BEGIN or status == MERGE_CLOSE):
                return False

    def finish(self):
        """The capture has ended: flows give out what they hold."""
        cdef int status
        if self.finished:
            return
        self.begin()
        self.finished = True
        self.note()
        self.inside = True
        with nogil:
            status = tracker_finish(&self.track)
        self.inside = self.busy = False
        if status != 0:
            raise MemoryError

    @property
    def rows(self):
        """Rows that wait to be drained."""
        return (
            self.track.tables.data.rows + self.track.tables.messages.rows
            + self.track.extents.rows.rows
        )

    @property
    def counts(self):
        """What `Capture.counts` has, and connections in hand; while a kernel runs, before it."""
        if not self.inside:
            self.note()
        cdef const counters_t *seen = &self.noted.counters
        return {
            "records": seen.packets,
            "segments": seen.segments,
            "other": seen.skipped,
            "evicted": seen.evicted,
            "damaged": seen.damaged + self.noted.damaged,
            "uncompared": seen.uncompared,
            "connections": self.noted.connections,
        }

    @property
    def not_understood(self):
        """What `not_understood.table` takes: counts of frames, and of connections by reason."""
        cdef unread_row_t *seen
        cdef not_mms_row_t *row
        cdef int i
        if not self.inside:
            self.note()
        frames, connections = [], []
        for i in range(<int>self.noted.unread.count):
            seen = &self.noted.unread.rows[i]
            frames.append((seen.what, seen.number, seen.frames, seen.time))
        for i in range(<int>NOT_MMS_REASONS):
            row = &self.noted.not_mms.rows[i]
            connections.append((
                row.connections, row.frames, row.time, row.src[:16], row.src_port, row.dst[:16],
                row.dst_port,
            ))
        return frames, connections

    def undecided(self, bint short=False):
        """(address, address) of connections that may still turn out to be wanted, 16 bytes each.

        Of those that were not judged yet, and of datagrams whose fragments are not all there;
        before `finish`. Of connections that began in the middle only if something in them looks
        like what is wanted, or if the capture is so `short` that nothing could.
        """
        cdef size_t i
        cdef connection_t *c
        cdef datagram_t *d
        cdef int32_t at = self.track.network.fragments.oldest
        found = set()
        for i in range(self.track.flows.connections.rows):
            c = connection_at(&self.track.flows, i)
            if c.live and may_be_wanted(c, short):
                found.add((c.src[:16], c.dst[:16]))
        while at >= 0:
            d = <datagram_t *>self.track.network.fragments.slots.data + at
            found.add((d.src[:16], d.dst[:16]))
            at = d.newer
        return found

    @property
    def _examined(self):
        """Bytes that judgements looked at, of flows that have ended: for tests."""
        return (
            self.track.counters.looked + self.track.extents.summed + self.track.pool.split
        )

    @property
    def _kept(self):
        """What is kept from batch to batch, in bytes and rows: for tests."""
        return {
            "compared": self.track.extents.held,
            "epochs": len(self.past),
            "waiting": self.track.pool.held,
            "detecting": self.track.limit.detecting,
            "undecided": self.track.limit.undecided,
            "carried": self.carried,
            "pieces": self.track.pool.nodes.rows,
            "queued": self.track.limit.queue.rows,
            "connections": self.track.flows.connections.rows,
            "slots": self.track.flows.mask + 1,
            "flows": self.track.rows.rows.rows,
            "streams": self.track.streams.blocks.rows,
        }

    def drain(self, bint retire=False):
        """The tables so far as blocks, by name; they start anew.

        With `retire` flows has copies of the rows that something happened to since the last time,
        and those that have ended are not kept any longer. Without it, all of them go: at the end.
        """
        self.begin()
        try:
            return self.take_tables(retire)
        finally:
            self.busy = False

    cdef dict take_tables(self, bint retire):
        cdef Block flows = Block(sizeof(flow_row_t)), extents, kept
        cdef int status
        if retire:
            if flow_rows_touched(&self.track.rows, &self.track.flows, &flows.table) != 0:
                raise MemoryError
        else:
            flow_rows_update_all(&self.track.rows, &self.track.flows)
        extents = take(&self.track.extents.rows)
        kept = take(&self.track.extents.bytes)
        self.past.append((extents, kept))
        status = tracker_next_epoch(
            &self.track, <const extent_t *>extents.table.data, extents.table.rows,
            kept.table.data, kept.table.rows)
        while <size_t>len(self.past) > self.track.extents.past.rows - self.track.extents.forgotten:
            self.past.popleft()
        if status != 0:
            raise MemoryError
        self.carried = self.track.extents.rows.rows
        self.debt = self.carried + self.track.extents.bytes.rows // BYTES_A_ROW
        if retire:
            flow_rows_retire(&self.track.rows)
        else:
            flows = take(&self.track.rows.rows)
            table_free(&self.track.rows.owners)
        return {
            "flows": flows,
            "packets": take(&self.track.tables.packets),
            "messages": take(&self.track.tables.messages),
            "data": take(&self.track.tables.data),
            "faults": take(&self.track.tables.faults),
            "control": take(&self.track.tables.arena),
            "extents": extents,
            "gaps": take(&self.track.extents.gaps),
            "stamps": take(&self.track.extents.stamps),
            "bytes": kept,
            "mended": take(&self.track.mended.found),
        }


cdef bint may_be_wanted(const connection_t *c, bint short) noexcept nogil:
    # may bytes that come later be judged together with some that were there?
    cdef bint all = short or c.protocol == PROTOCOL_UDP
    if c.attempt != NULL or detect_waits(&c.flow[0], &c.flow[1], all) \
            or detect_waits(&c.flow[1], &c.flow[0], all):
        return True
    return (
        c.flow[0].state == STATE_NEW and c.flow[1].state == STATE_NEW
        and (c.flow[0].tcp.syn or c.flow[1].tcp.syn) and c.closed != (CLOSED_A | CLOSED_B)
    )


cdef bint read_back(
    void *context, size_t number, uint64_t place, uint64_t length, uint8_t *out
) noexcept with gil:
    # bytes of a spooled source that are not shown any more
    cdef Engine engine = <Engine>context
    cdef Buffer held
    cdef uint64_t start
    try:
        source = engine.sources[number]
        if not source.addressable:
            return False
        buffer, base = source.mapping()
        held = readable(buffer)
        start = base
        if place < start or place - start > held.size or held.size - (place - start) < length:
            return False
        memcpy(out, held.data + (place - start), <size_t>length)
        return True
    except Exception:
        return False


cdef Block take(table_t *table):
    cdef Block block = Block(table.itemsize)
    block.table = table[0]
    table_init(table, block.table.itemsize)
    block.shrink()
    return block
