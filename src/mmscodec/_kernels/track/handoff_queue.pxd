# One thread finds segments in frames, another takes them to their connections: blocks in between.
from libc.stdint cimport int64_t, uint64_t, uint8_t
from mmscodec._kernels.net.cursor cimport network_fault_t, network_t
from mmscodec._kernels.track.flow_table cimport flow_table_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.track.state cimport tracker_t

cdef enum:
    HANDOFF_ITEMS = 2048

cdef struct handoff_fault_t:
    network_fault_t fault
    int64_t time
    size_t before  # item that comes after it

cdef struct handoff_t:
    table_t items  # item_t
    table_t faults  # handoff_fault_t
    table_t copies  # void *, payload of reassembled datagrams
    uint64_t packets
    int64_t time  # of the last record, valid where there are some
    uint64_t segments
    uint64_t skipped

# An empty block. 0, or -1 without memory; whoever calls this calls handoff_free.
cdef int handoff_init(handoff_t *r) noexcept nogil
cdef void handoff_free(handoff_t *r) noexcept nogil
# Nothing is in the block; its memory stays.
cdef void handoff_clear(handoff_t *r) noexcept nogil
# Frames into the block; room for `count` items must be there. 0, or -1 without memory.
cdef int handoff_fill(
    handoff_t *r, network_t *network, const flow_table_t *flows, const uint8_t *ports, bint stable,
    const record_t *records, size_t count
) noexcept nogil
# The block to the connections. 0, or -1 without memory.
cdef int handoff_take(handoff_t *r, tracker_t *t) noexcept nogil
