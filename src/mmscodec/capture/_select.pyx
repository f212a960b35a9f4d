# Which frames of a capture belong to chosen flows, and between which addresses frames go.
from libc.stdint cimport INT64_MIN, int64_t, uint64_t
from libc.stdlib cimport free, malloc
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, readable
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_row, table_t
from mmscodec._kernels.net.network cimport network_free, network_init, network_t
from mmscodec._kernels.pcapfile.record_rows cimport record_row_t
from mmscodec._kernels.track cimport select as kernel
from mmscodec.capture._inflate cimport inflate
from mmscodec.capture._merge cimport Merge

from mmscodec.schema import dtypes

cdef enum:
    BATCH = 256

LINKS = [("row", "=u8"), ("datagram", "=u8")]
ENDS = [
    ("src", "V16"), ("dst", "V16"), ("src_port", "=u2"), ("dst_port", "=u2"), ("row", "=u4"),
    ("protocol", "u1"), ("fragment", "u1"), ("padding", "=u2"),
]


def select_records(Merge merge, keys, bint ignore_vlan=False):
    """Records that belong to flows, fragments of their datagrams among them.

    Parameters
    ----------
    merge : Merge
        Is walked to its end.
    keys : contiguous array of `export.KEYS`
        One row for each flow, with the times between which it was open.
    ignore_vlan : bool
        As in `Engine`.

    Returns
    -------
    rows : array of `dtypes.RECORDS`
        Records that belong to a flow, and all that are fragments.
    wanted : array of bool
        Those that belong to a flow by themselves: that hold one of its segments, complete a
        datagram that is one, or are the first fragment of such.
    links : array
        row, and number of a datagram that it has a fragment of: `datagram`.
    """
    cdef Block rows = Block(sizeof(record_row_t)), wanted = Block(1)
    cdef Block links = Block(sizeof(kernel.fragment_link_t))
    cdef kernel.selection_t found
    cdef record_t batch[BATCH]
    cdef size_t count, n
    cdef network_t net
    cdef Buffer view = readable(keys)
    cdef kernel.key_slot_t *flows = NULL
    cdef int status = 0
    network_init(&net, 0)
    net.inflate = inflate
    net.ignore_vlan = ignore_vlan
    kernel.selection_init(&found)
    try:
        n = view.size // sizeof(kernel.flow_key_t)
        if view.size % sizeof(kernel.flow_key_t):
            raise ValueError("keys are of another dtype")
        flows = <kernel.key_slot_t *>malloc((n + 1) * sizeof(kernel.key_slot_t))
        if flows == NULL:
            raise MemoryError
        kernel.select_keys(<const kernel.flow_key_t *>view.data, n, flows)
        while True:
            merge.next_batch(batch, BATCH, &count)
            if count == 0:
                break
            with nogil:
                status = kernel.select_records(&net, flows, n, batch, count, &found)
            if status != 0:
                raise MemoryError
    finally:
        rows.table, wanted.table, links.table = found.rows, found.wanted, found.links
        free(flows)
        network_free(&net)
    return rows.array(dtypes.RECORDS), wanted.array("?"), links.array(LINKS)


cdef class Ends:
    """Walks records, and says between which addresses they go.

    Parameters
    ----------
    merge : Merge
    odd : bool
        Only records that have fragments, or more than one segment.
    """

    cdef Merge merge
    cdef network_t net
    cdef bint odd
    cdef readonly bint ended
    cdef readonly uint64_t records  # walked
    cdef readonly int64_t first  # time of the first record, the earliest there is if none was
    cdef readonly int64_t newest  # latest time of a record so far

    def __cinit__(self, *args, **kwargs):
        network_init(&self.net, 0)  # whatever the arguments: it is freed in any case

    def __init__(self, Merge merge, bint odd=False):
        self.net.inflate = inflate
        self.merge = merge
        self.odd = odd
        self.first = self.newest = INT64_MIN

    def __dealloc__(self):
        network_free(&self.net)

    def take(self, size_t count):
        """What is in about so many records more.

        Returns
        -------
        rows : array of `dtypes.RECORDS`
            Records that hold segments or fragments.
        numbers : array
            Of each, from 0 on: its number among all records.
        orders : array
            Latest time of a record up to it: when it is its turn among those of other files.
        ends : array of `ENDS`
            Segments in these rows, and fragments that complete none.
        links : array of `LINKS`
            As `select_records` gives them.
        """
        if self.merge is None:
            raise RuntimeError("made without its __init__")
        cdef Block rows = Block(sizeof(record_row_t)), ends = Block(sizeof(kernel.ends_row_t))
        cdef Block links = Block(sizeof(kernel.fragment_link_t)), wanted = Block(1)
        cdef Block numbers = Block(8), orders = Block(8)
        cdef kernel.selection_t found
        cdef uint64_t upto = self.records + count
        kernel.selection_init(&found)
        try:
            while self.records < upto and not self.ended:
                self.take_batch(&found, &ends.table, &numbers.table, &orders.table)
        finally:
            rows.table, wanted.table, links.table = found.rows, found.wanted, found.links
        return (
            rows.array(dtypes.RECORDS), numbers.array("=i8"), orders.array("=i8"),
            ends.array(ENDS), links.array(LINKS),
        )

    cdef int take_batch(
        self, kernel.selection_t *found, table_t *ends, table_t *numbers, table_t *orders
    ) except -1:
        # some records more
        cdef record_t batch[BATCH]
        cdef size_t got, i, before
        cdef int status
        self.merge.next_batch(batch, BATCH, &got)
        self.ended = got == 0
        if self.records == 0 and got != 0:
            self.first = batch[0].time
        for i in range(got):
            before = found.rows.rows
            status = kernel.select_ends(&self.net, batch + i, 1, self.odd, found, ends)
            self.newest = max(self.newest, batch[i].time)
            if status == 0 and found.rows.rows != before:
                status = self.note(numbers, orders)
            if status != 0:
                raise MemoryError
            self.records += 1
        return 0

    cdef int note(self, table_t *numbers, table_t *orders) noexcept:
        # the record in hand, which is a row. 0, or -1 without memory
        cdef int64_t *number = <int64_t *>table_row(numbers)
        cdef int64_t *order = <int64_t *>table_row(orders)
        if number == NULL or order == NULL:
            return -1
        number[0] = <int64_t>self.records
        order[0] = self.newest
        return 0
