# One TCP segment or UDP datagram: what the network layer hands to the flows.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp

cdef enum:
    TCP_FIN = 0x01
    TCP_SYN = 0x02
    TCP_RST = 0x04
    TCP_PSH = 0x08
    TCP_ACK = 0x10
    PROTOCOL_TCP = 6
    PROTOCOL_UDP = 17

cdef struct segment_t:
    # one TCP segment or UDP datagram
    uint8_t src[16]  # IPv4 as ::ffff:a.b.c.d
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port
    uint8_t protocol  # PROTOCOL_TCP or PROTOCOL_UDP
    uint8_t tcp_flags
    uint16_t window
    uint32_t seq
    uint32_t ack
    uint32_t scope  # hash of VLAN and tunnel identifiers; equal addresses in other scopes differ
    uint32_t length  # payload bytes there
    uint32_t wire_len  # payload bytes on the wire; more than `length` where the frame was cut
    const uint8_t *payload
    bint owned  # payload is not in the record but in the defragmenter, until its next call

cdef struct endpoints_t:
    # who sends to whom, as in segment_t
    uint8_t src[16]
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port


cdef inline bint has_endpoints(const segment_t *s, const endpoints_t *e) noexcept nogil:
    # do these send the segment, and get it?
    return (
        e.src_port == s.src_port and e.dst_port == s.dst_port
        and memcmp(e.src, s.src, 16) == 0 and memcmp(e.dst, s.dst, 16) == 0
    )
