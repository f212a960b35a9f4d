# ASF data packets from where they lie in the capture to where they go in a file.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.asf.packet cimport PACKET_STATES
from mmscodec._kernels.core.extent cimport extent_t

cdef extern from * nogil:
    """
    #define MMSCODEC_FILLER 0xFFFFFFFFu
    """
    const uint32_t FILLER "MMSCODEC_FILLER"  # `source` of a row that stands for a missing packet

cdef struct plan_t:
    int64_t offset  # of the payload in its flow
    uint32_t length
    uint32_t source  # index in the list of flows, or FILLER

cdef struct span_t:
    # memory that holds places [place, place + size)
    const uint8_t *data
    uint64_t place
    uint64_t size

cdef struct flow_extents_t:
    # the extents of one flow, ascending
    const extent_t *rows
    size_t count
    size_t last_span  # where the last search ended

cdef struct gather_t:
    const span_t *spans  # ascending by place
    size_t span_count
    size_t span_near
    flow_extents_t *flows
    size_t flow_count
    uint32_t packet_size
    uint64_t counts[PACKET_STATES]
    int64_t first_send  # ms; all are -1 before there was a packet
    int64_t last_send
    int64_t last_end

# Index of the first of `count` rows that names no flow here or is longer than a packet, or `count`.
cdef size_t gather_check(const gather_t *g, const plan_t *rows, size_t count) noexcept nogil
# Writes packets of `packet_size` bytes to `out`, one after the other, and counts them: as many as
# there are rows and as the `capacity` bytes hold, up to the first row that `gather_check` would
# name. Returns how many. Bytes that are missing are 0.
cdef size_t gather_packets(
    gather_t *g, const plan_t *rows, size_t count, uint8_t *out, size_t capacity
) noexcept nogil
# Writes the send time in ms of each of `count` packets to `sends`, -1 where its first bytes are
# missing or those of no ASF packet. Returns how many, as above.
cdef size_t gather_send_times(
    gather_t *g, const plan_t *rows, size_t count, int64_t *sends, size_t capacity
) noexcept nogil
# Writes the bytes of `count` rows to `out`, one behind the other: as many rows as its `capacity`
# bytes hold. Returns how many, as above. Bytes that are missing are 0.
cdef size_t gather_bytes(
    gather_t *g, const plan_t *rows, size_t count, uint8_t *out, size_t capacity
) noexcept nogil
