# The loop over the headers of one frame.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from mmscodec._kernels.core.layout cimport (
    FAULT_BAD_NETWORK_HEADER, FAULT_FRAGMENT_DROPPED, FIELD_FRAGMENT,
)
from mmscodec._kernels.net.cursor cimport (
    NETWORK_FAULT, NETWORK_NOTHING, NETWORK_OTHER, NETWORK_SEGMENT, NETWORK_SEVERAL, STEP_AGGREGATE,
    STEP_ETHERNET, STEP_ETHERTYPE, STEP_GRE, STEP_IP, STEP_IPV4, STEP_IPV6, STEP_LINK, STEP_LLC,
    STEP_MPLS, STEP_NEXT, STEP_PPP, STEP_PROTOCOL, STEP_TUNNEL, cursor_t,
)
from mmscodec._kernels.net.fragments cimport (
    fragments_drop_oldest,
    fragments_free,
    fragments_init,
    fragments_release,
)
from mmscodec._kernels.net.ip cimport ip_step, ipv4_step, ipv6_step, protocol_step
from mmscodec._kernels.net.link cimport (
    aggregate_step,
    ethernet_step,
    ethertype_step,
    link_step,
    llc_step,
    mpls_step,
    next_step,
    ppp_step,
    wifi_step,
)
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP, PROTOCOL_UDP
from mmscodec._kernels.net.tunnels cimport gre_step, tunnel_step
from mmscodec._kernels.net.unread cimport (
    UNREAD_CONTRADICTS, UNREAD_ETHERTYPE, UNREAD_LINK, UNREAD_OTHER, UNREAD_PROTOCOL, contradicts,
    unread_note,
)


cdef void network_init(network_t *net, uint64_t seed) noexcept nogil:
    fragments_init(&net.fragments, seed)
    net.max_depth = 4
    net.ignore_vlan = False
    net.rest.wire = 0
    net.inflate = NULL
    net.squeezed = net.unfolded = 0
    net.unread.count = 0


cdef void network_free(network_t *net) noexcept nogil:
    fragments_free(&net.fragments)


cdef int step(network_t *net, cursor_t *c, segment_t *out, int which) noexcept nogil:
    # do one step; the next one, or a result
    if which == STEP_ETHERTYPE:
        return ethertype_step(net, c)
    if which == STEP_IPV4:
        return ipv4_step(net, c, out)
    if which == STEP_PROTOCOL:
        return protocol_step(net, c, out)
    if which == STEP_IPV6:
        return ipv6_step(net, c, out)
    if which == STEP_ETHERNET:
        return ethernet_step(net, c)
    if which == STEP_LINK:
        return link_step(net, c)
    if which == STEP_IP:
        return ip_step(net, c)
    if which == STEP_LLC:
        return llc_step(net, c)
    if which == STEP_PPP:
        return ppp_step(net, c)
    if which == STEP_MPLS:
        return mpls_step(net, c)
    if which == STEP_GRE:
        return gre_step(net, c)
    if which == STEP_TUNNEL:
        return tunnel_step(net, c)
    if which == STEP_NEXT:
        return next_step(net, c)
    if which == STEP_AGGREGATE:
        return aggregate_step(net, c)
    return wifi_step(net, c)


cdef int walk(network_t *net, cursor_t *c, segment_t *out, int which) noexcept nogil:
    # Every step takes bytes off the frame or goes on to a lower layer, so the loop ends.
    cdef segment_t datagram  # the last UDP datagram on a tunnel's port
    cdef bint fallback = False
    while which >= STEP_LINK:
        net.ended = which
        which = step(net, c, out, which)
        if which == STEP_TUNNEL:
            datagram = out[0]
            fallback = True
    if which == NETWORK_SEGMENT:
        return which
    net.ended_kind = c.kind
    net.ended_headers = c.headers
    if fallback and net.rest.wire == 0 and (
        which == NETWORK_OTHER
        or (which == NETWORK_FAULT and net.fault.code == FAULT_BAD_NETWORK_HEADER)
    ):
        out[0] = datagram
        return NETWORK_SEGMENT
    if which != NETWORK_FAULT and net.fragments.dropped:
        return report_drops(net)
    return which if which == NETWORK_FAULT else NETWORK_NOTHING


cdef int lead(network_t *net, segment_t *out, int status) noexcept nogil:
    # on to the next packet of the frame, as long as nothing is in those before it
    cdef cursor_t c
    while status == NETWORK_NOTHING and net.rest.wire:
        c = net.rest
        net.rest.wire = 0
        status = walk(net, &c, out, STEP_AGGREGATE)
    return NETWORK_SEVERAL if status == NETWORK_SEGMENT and net.rest.wire else status


cdef int network_more(network_t *net, segment_t *out) noexcept nogil:
    return lead(net, out, NETWORK_NOTHING)


cdef void note_unread(network_t *net, const record_t *rec, int status) noexcept nogil:
    # nothing was found in a frame: what stands in the way?
    cdef uint32_t kind = net.ended_kind
    if net.ended_headers == 0 and contradicts(rec):
        unread_note(&net.unread, UNREAD_CONTRADICTS, rec.linktype, rec.time)
    elif status == NETWORK_FAULT:
        return  # a row says it
    elif net.ended == STEP_LINK:
        unread_note(&net.unread, UNREAD_LINK, rec.linktype, rec.time)
    elif net.ended == STEP_ETHERTYPE:
        unread_note(&net.unread, UNREAD_ETHERTYPE, kind, rec.time)
    elif net.ended == STEP_PROTOCOL and kind != PROTOCOL_TCP and kind != PROTOCOL_UDP:
        unread_note(&net.unread, UNREAD_PROTOCOL, kind, rec.time)
    elif net.ended != STEP_IPV4 and net.ended != STEP_PROTOCOL:  # a fragment waits for others
        unread_note(&net.unread, UNREAD_OTHER, 0, rec.time)


cdef int network_slow(network_t *net, const record_t *rec, segment_t *out) noexcept nogil:
    cdef cursor_t c
    cdef int status
    c.p = rec.data
    c.n = rec.caplen
    c.wire = rec.wire_len if rec.wire_len > rec.caplen else rec.caplen
    c.offset = 0
    c.kind = rec.linktype
    c.scope = 0
    c.headers = 0
    c.extensions = 0
    c.version = 0
    c.jumbo = False
    c.owned = False
    c.inflated = False
    c.time = rec.time
    c.position = rec.position
    net.rest.wire = 0  # what a caller did not ask for is gone
    status = lead(net, out, walk(net, &c, out, STEP_LINK))
    if status == NETWORK_NOTHING or status == NETWORK_FAULT:
        note_unread(net, rec, status)
    return status


cdef int report_drops(network_t *net) noexcept nogil:
    # one fault for all fragments dropped since the last report
    net.fault.position = net.fragments.dropped_position
    net.fault.length = <uint32_t>min(net.fragments.dropped_bytes, <uint64_t>0xFFFFFFFF)
    net.fault.code = FAULT_FRAGMENT_DROPPED
    net.fault.field = FIELD_FRAGMENT
    net.fault.need = <int64_t>net.fragments.dropped_need
    net.fault.have = <int64_t>net.fragments.dropped_bytes
    net.fragments.dropped = 0
    net.fragments.dropped_bytes = 0
    net.fragments.dropped_need = 0
    return NETWORK_FAULT


cdef int network_finish(network_t *net) noexcept nogil:
    while True:
        if net.fragments.dropped:
            return report_drops(net)
        if not fragments_drop_oldest(&net.fragments):
            fragments_release(&net.fragments)
            return NETWORK_NOTHING
