# Which frames of a capture belong to chosen flows, and between which addresses frames go.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.net.network cimport network_t
from mmscodec._kernels.net.segment cimport endpoints_t

cdef struct flow_key_t:
    # a row of `KEYS` in export.py
    endpoints_t endpoints
    uint32_t scope
    int64_t first
    int64_t last
    uint8_t protocol
    uint8_t pad[7]

cdef struct key_slot_t:
    uint64_t hash
    const flow_key_t *key

cdef struct fragment_link_t:
    # a row of `rows` that holds a fragment of a datagram
    uint64_t row
    uint64_t datagram

cdef struct selection_t:
    table_t rows  # record_row_t: records of the flows, and all that are fragments
    table_t wanted  # uint8_t of each: it belongs to a flow by itself
    table_t links  # fragment_link_t

# Tables without rows; whoever calls this frees them.
cdef void selection_init(selection_t *s) noexcept nogil
# Writes the slots of n keys, ascending by hash; they point at the keys.
cdef void select_keys(const flow_key_t *keys, size_t n, key_slot_t *slots) noexcept nogil
# Adds the rows of a batch of records that belong to one of n flows. Records come in the order of
# the capture; `net` joins their fragments. 0, or -1 without memory.
cdef int select_records(
    network_t *net, const key_slot_t *flows, size_t n, const record_t *batch, size_t count,
    selection_t *out
) noexcept nogil


cdef struct ends_row_t:
    # a segment in a record, or a fragment: who sends to whom
    endpoints_t endpoints
    uint32_t row  # of the record
    uint8_t protocol
    uint8_t fragment  # its ports are not known
    uint8_t pad[2]

# Adds to `found.rows` a batch of records that hold segments or fragments, to `ends` what is in
# them, and to `found.links` what they have fragments of. With `odd` only of records that have
# fragments, or more than one segment. 0, or -1 without memory.
cdef int select_ends(
    network_t *net, const record_t *batch, size_t count, bint odd, selection_t *found,
    table_t *ends
) noexcept nogil
