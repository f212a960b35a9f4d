# Round trips and windows of a TCP connection, out of acknowledgments without payload.
#
# They never go by the fast path, so nothing is added there: of the flow that is acknowledged its
# hot members tell when its last segment came, and how far its bytes went.
from libc.stdint cimport INT64_MAX, int64_t
from mmscodec._kernels.core.elapsed cimport elapsed
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.tcp_reassembly cimport TCP_OPEN
from mmscodec._kernels.track.flow_table cimport flow_t


cdef inline void sample_round_trip(flow_t *peer, int64_t sample) noexcept nogil:
    # count in a time from a segment to its acknowledgment
    if peer.figures.rtt_count == 0 or sample < peer.figures.rtt_min:
        peer.figures.rtt_min = sample
    if sample > peer.figures.rtt_max:
        peer.figures.rtt_max = sample
    peer.figures.rtt_sum += min(sample, INT64_MAX - peer.figures.rtt_sum)
    peer.figures.rtt_count += 1


# `s` is a segment of `flow` without payload, SYN, FIN or RST; it was counted.
cdef inline void note_ack(
    flow_t *flow, flow_t *peer, const segment_t *s, int64_t time
) noexcept nogil:
    if s.window == 0:
        flow.figures.zero_windows += 1
    if flow.figures.handshake == 0 and flow.tcp.syn and peer.tcp.syn and s.ack == peer.isn + 1:
        flow.figures.handshake = max(elapsed(time, flow.first_time), <int64_t>1)
    # all that the other side sent is acknowledged, and the last that it sent were new bytes
    if s.ack == peer.tcp.next_seq and s.ack != peer.figures.sampled \
            and peer.tcp.state == TCP_OPEN and peer.tcp.next != 0 \
            and peer.packets != peer.figures.last_ack:
        if peer.tcp.retransmissions == peer.figures.resent and time >= peer.last_time:
            sample_round_trip(peer, elapsed(time, peer.last_time))
        peer.figures.sampled = s.ack
    peer.figures.resent = peer.tcp.retransmissions
    flow.figures.last_ack = flow.packets
