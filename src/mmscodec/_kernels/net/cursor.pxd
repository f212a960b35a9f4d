# Where the network decoder stands in a frame, and how its steps report.
#
# A step looks at the header at `p`, moves the cursor behind it and names the next step, or ends
# with a result. Steps of several modules follow each other in the loop of net/network.pyx, so a
# tunnel needs no recursion and no stack.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.layout cimport FAULT_BAD_NETWORK_HEADER, FAULT_SNAPPED
from mmscodec._kernels.net.fragments cimport fragments_t
from mmscodec._kernels.net.unread cimport unread_frames_t

cdef enum:
    # results of network_decode
    NETWORK_NOTHING = 0  # neither TCP nor UDP, or a fragment that waits for others
    NETWORK_SEGMENT = 1
    NETWORK_FAULT = 2
    NETWORK_OTHER = 3  # inside the loop: no IP here; outside it is NOTHING
    NETWORK_SEVERAL = 4  # a segment, and more packets in the same frame

cdef enum:
    STEP_LINK = 16  # kind: link type
    STEP_ETHERNET
    STEP_ETHERTYPE  # kind: what stands at p
    STEP_LLC
    STEP_PPP
    STEP_MPLS
    STEP_WIFI
    STEP_IP  # version by the first nibble
    STEP_IPV4
    STEP_IPV6
    STEP_PROTOCOL  # kind: IP protocol or IPv6 next header
    STEP_GRE
    STEP_TUNNEL  # kind: UDP port
    STEP_AGGREGATE  # a part of an 802.11 aggregate
    STEP_NEXT  # kind: as NSH and VXLAN-GPE number what follows

cdef struct network_fault_t:
    uint64_t position  # of the first byte concerned, in the source of the record
    uint32_t length  # bytes given up: the rest of the frame, or the fragments dropped
    uint16_t code
    uint16_t field
    int64_t need
    int64_t have

# Raw DEFLATE into `out`: the bytes written, -1 if it is none, -2 if it has more than `capacity`.
ctypedef int (*inflate_t)(
    const uint8_t *data, uint32_t length, uint8_t *out, uint32_t capacity
) noexcept nogil

cdef struct cursor_t:
    const uint8_t *p
    uint32_t n  # bytes captured from p on
    uint32_t wire  # bytes on the wire from p on; never under n
    uint32_t offset  # of p in the frame; stands still inside a reassembled datagram
    uint32_t kind
    uint32_t scope
    uint32_t headers  # IP headers so far
    uint32_t extensions  # IPv6 extension headers so far
    uint8_t version  # of the last IP header
    bint jumbo  # IPv6 payload length was 0
    bint owned  # p lies in a reassembled datagram
    bint inflated  # so does what IPComp had compressed; once a frame
    int64_t time
    uint64_t position  # of the frame

cdef struct network_t:
    fragments_t fragments
    network_fault_t fault  # of the last call that returned NETWORK_FAULT
    uint32_t max_depth  # tunnels inside each other
    bint ignore_vlan  # VLAN ids stay out of `scope`
    inflate_t inflate  # NULL: what is compressed is passed over
    uint64_t squeezed  # bytes that were inflated
    uint64_t unfolded  # and what came of them, used or not
    unread_frames_t unread
    int ended  # step at which the last walk ended, its `kind` and the IP headers before it
    uint32_t ended_kind
    uint32_t ended_headers
    cursor_t rest  # of a frame with several packets: the next one; none while `wire` is 0


cdef inline void advance(cursor_t *c, uint32_t k) noexcept nogil:
    # over k captured bytes
    c.p += k
    c.n -= k
    c.wire -= k
    if not c.owned:
        c.offset += k


cdef inline void trim(cursor_t *c, uint32_t length) noexcept nogil:
    # a length field ends what follows: the rest is padding, a trailer or a checksum
    if length < c.wire:
        c.wire = length
        if c.n > length:
            c.n = length


cdef inline int fault(
    network_t *net, const cursor_t *c, uint16_t code, uint16_t field, int64_t need
) noexcept nogil:
    # note the fault of the bytes left; NETWORK_FAULT
    net.fault.position = c.position + c.offset
    net.fault.length = c.n
    net.fault.code = code
    net.fault.field = field
    net.fault.need = need
    net.fault.have = c.n
    return NETWORK_FAULT


cdef inline int bad(
    network_t *net, const cursor_t *c, uint16_t field, int64_t need
) noexcept nogil:
    # the same for a header whose field contradicts what is there
    return fault(net, c, FAULT_BAD_NETWORK_HEADER, field, need)


cdef inline int short_of(
    network_t *net, const cursor_t *c, uint16_t field, int64_t need
) noexcept nogil:
    # fewer than `need` bytes are there: the snap length cut them off, or they never were
    return fault(
        net, c, <uint16_t>(FAULT_SNAPPED if c.wire >= need else FAULT_BAD_NETWORK_HEADER),
        field, need,
    )


cdef inline uint32_t scope_mix(uint32_t scope, uint32_t kind, uint32_t value) noexcept nogil:
    # one more identifier into the scope; a single VLAN id is its own scope
    scope = scope * <uint32_t>0x01000193 ^ value
    if kind:
        scope = (scope ^ (scope >> 15)) * <uint32_t>0x85EBCA6B + kind * <uint32_t>0x9E3779B1
        scope ^= scope >> 13
    return scope
