# Link headers: from the link type of a record to an IP header.
from mmscodec._kernels.net.cursor cimport cursor_t, network_t

# One step each: the header at the cursor is passed over. The next step, or a result.
cdef int link_step(network_t *net, cursor_t *c) noexcept nogil
cdef int ethernet_step(network_t *net, cursor_t *c) noexcept nogil
cdef int ethertype_step(network_t *net, cursor_t *c) noexcept nogil
cdef int llc_step(network_t *net, cursor_t *c) noexcept nogil
cdef int ppp_step(network_t *net, cursor_t *c) noexcept nogil
cdef int mpls_step(network_t *net, cursor_t *c) noexcept nogil
cdef int next_step(network_t *net, cursor_t *c) noexcept nogil
cdef int wifi_step(network_t *net, cursor_t *c) noexcept nogil
cdef int aggregate_step(network_t *net, cursor_t *c) noexcept nogil
