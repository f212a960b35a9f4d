# One thread finds segments in frames, another takes them to their connections: blocks in between.
from libc.stdint cimport int64_t, uint8_t, uint64_t
from mmscodec._kernels.net.cursor cimport network_fault_t, network_t
from mmscodec._kernels.track.flow_table cimport flows_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.track.tracker cimport track_t

cdef enum:
    RELAY_ITEMS = 2048

cdef struct relay_fault_t:
    network_fault_t fault
    int64_t time
    size_t before  # item that comes after it

cdef struct relay_t:
    table_t items  # item_t
    table_t faults  # relay_fault_t
    table_t copies  # void *, payload of reassembled datagrams
    uint64_t packets
    uint64_t segments
    uint64_t skipped

cdef int relay_init(relay_t *r) noexcept nogil
cdef void relay_free(relay_t *r) noexcept nogil
cdef void relay_clear(relay_t *r) noexcept nogil
# Frames into the block; room for `count` items must be there. 0, or -1 without memory.
cdef int relay_fill(
    relay_t *r, network_t *network, const flows_t *flows, const uint8_t *ports, bint stable,
    const record_t *records, size_t count
) noexcept nogil
# The block to the connections. 0, or -1 without memory.
cdef int relay_take(relay_t *r, track_t *t) noexcept nogil
