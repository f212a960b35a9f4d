# Which frames of a capture belong to chosen flows.
from libc.stdlib cimport free, malloc
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, readable
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.network cimport network_free, network_init, network_t
from mmscodec._kernels.pcapfile.record_rows cimport record_row_t
from mmscodec._kernels.track cimport select as kernel
from mmscodec.capture._inflate cimport inflate
from mmscodec.capture._merge cimport Merge

from mmscodec.schema import dtypes

cdef enum:
    BATCH = 256

LINKS = [("row", "=u8"), ("datagram", "=u8")]


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
