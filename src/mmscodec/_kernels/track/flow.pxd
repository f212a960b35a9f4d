# One direction of a connection: what protocol it is, and who gets its next run.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t
from mmscodec._kernels.mms.state cimport mms_stream_t
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.pieces cimport run_t
from mmscodec._kernels.track.flow_table cimport connection_t, flow_t
from mmscodec._kernels.track.state cimport tracker_t

cdef struct flow_fault_t:
    int32_t flow  # -1: of the capture
    uint16_t code
    uint16_t field
    int64_t offset
    int64_t length
    int64_t need
    int64_t have
    int64_t time

# Every function returns 0, or -1 without memory.

# A row of faults.
cdef int flow_fault(tracker_t *t, const flow_fault_t *fault) noexcept nogil
# The flow has a row from now on.
cdef int flow_show(tracker_t *t, connection_t *c, int side) noexcept nogil
# Its bytes are kept, its missing bytes noted.
cdef int flow_keep(tracker_t *t, flow_t *flow, const run_t *run) noexcept nogil
cdef int flow_gap(tracker_t *t, flow_t *flow, const run_t *run) noexcept nogil
# The MMS stream of a flow begins; NULL without memory.
cdef mms_stream_t *flow_begin_mms(tracker_t *t, flow_t *flow) noexcept nogil
# The next run of a flow, to whoever wants it.
cdef int flow_deliver(tracker_t *t, connection_t *c, int side, run_t *run) noexcept nogil
# All runs that the reassembly put into the pool.
cdef int flow_consume(tracker_t *t, connection_t *c, int side) noexcept nogil
# The flow is of no known protocol: kept whole where all flows are, else set aside. 0, or -1.
cdef int flow_unknown(tracker_t *t, connection_t *c, int side) noexcept nogil
# What waits in its MMS stream is given up, with a fault.
cdef int flow_give_up(tracker_t *t, flow_t *flow) noexcept nogil
# The flow is of no interest: nothing more is held of it.
cdef void flow_set_aside(tracker_t *t, flow_t *flow) noexcept nogil
# Nothing more of this flow will come: what waits is delivered (flush), then it ends.
cdef int flow_flush(tracker_t *t, connection_t *c, int side, uint8_t reason) noexcept nogil
# What was not known when both flows of the connection were flushed is kept, or not wanted.
cdef int flow_settle(tracker_t *t, connection_t *c, int side) noexcept nogil
cdef int flow_end(tracker_t *t, flow_t *flow) noexcept nogil
# What the flow owns is given back.
cdef void flow_forget(tracker_t *t, flow_t *flow) noexcept nogil


cdef inline void count_packet(flow_t *flow, const segment_t *s, int64_t time) noexcept nogil:
    # count a segment and its time
    if flow.packets == 0:
        flow.first_time = time
    flow.packets += 1
    flow.bytes += s.wire_len
    flow.last_time = time
