# Flows: their rows, where their bytes lie, what protocol they are, and who gets the next run.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.track.flow_table cimport connection_t, probe_t, side_t
from mmscodec._kernels.mms.scan cimport mms_stream_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.tcp_reassembly cimport run_t
from mmscodec._kernels.track.tracker cimport extent_t, track_t

cdef void forget_side(track_t *t, side_t *side) noexcept nogil
cdef int32_t track_row(track_t *t, connection_t *c, int number) noexcept nogil
cdef void sync_side(track_t *t, side_t *side) noexcept nogil
cdef int track_keep(track_t *t, side_t *side, const run_t *run) noexcept nogil
cdef int track_next_epoch(
    track_t *t, const extent_t *old, const uint8_t *old_bytes
) noexcept nogil
cdef int stamp(track_t *t, side_t *side, const run_t *run) noexcept nogil
cdef int gap_row(track_t *t, side_t *side, const run_t *run) noexcept nogil
cdef mms_stream_t *stream_of(track_t *t, side_t *side) noexcept nogil
cdef int deliver(track_t *t, connection_t *c, int number, run_t *run) noexcept nogil
cdef int consume(track_t *t, connection_t *c, int number) noexcept nogil
cdef void track_drop_probe(track_t *t, side_t *side) noexcept nogil
cdef int hold_run(track_t *t, connection_t *c, side_t *side, run_t *run) noexcept nogil
cdef void set_aside(track_t *t, side_t *side) noexcept nogil
cdef int finish_connection(track_t *t, uint32_t number, uint8_t reason) noexcept nogil
cdef int end_connection(track_t *t, uint32_t number, uint8_t reason) noexcept nogil
cdef int track_fault(
    track_t *t, int32_t flow, int64_t offset, int64_t length, uint16_t code, uint16_t field,
    int64_t need, int64_t have, int64_t time
) noexcept nogil


cdef inline const uint8_t *sender(const connection_t *c, int number) noexcept nogil:
    if number:
        return c.dst
    return c.src


cdef inline void count_packet(side_t *side, const segment_t *s, int64_t time) noexcept nogil:
    if side.packets == 0:
        side.first_time = time
    side.packets += 1
    side.bytes += s.wire_len
    side.last_time = time
