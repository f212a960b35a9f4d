# Tunnels over IP and over UDP.
from mmscodec._kernels.net.cursor cimport cursor_t, network_t

# One step each: the header at the cursor is passed over. The next step, or a result.
cdef int gre_step(network_t *net, cursor_t *c) noexcept nogil
cdef int tunnel_step(network_t *net, cursor_t *c) noexcept nogil
