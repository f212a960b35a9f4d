# One ASF data packet: where its header fields stand, and how a short one is filled up to the size
# that all packets of a file have. The packet layout is that of ASF.
from libc.stdint cimport uint8_t, uint32_t
from mmscodec._kernels.asf.fields cimport packet_fields_t

cdef enum packet_state_t:
    # what was done with a packet, by which it is counted
    PACKET_WHOLE = 0
    PACKET_MENDED = 1  # its padding length was raised
    PACKET_WIDENED = 2  # a padding length was put in or widened
    PACKET_IMPLIED = 3  # its packet length field says where it ends
    PACKET_UNMENDED = 4  # filled up with zeros that it does not know of
    PACKET_FILLER = 5  # made up in the place of a missing one
    PACKET_TORN = 6  # some of its bytes are not in the capture
    PACKET_STATES = 7

# Finds the fields of the packet of n bytes at p. 0, or -1: they do not begin like a data packet.
cdef int packet_fields(const uint8_t *p, size_t n, packet_fields_t *at) noexcept nogil
# Fills a packet of `have` bytes, whose fields are `at`, up to `size`, so that it ends where it did.
# Writes all of p[have:size], or leaves it alone and returns PACKET_UNMENDED.
cdef packet_state_t packet_mend(
    uint8_t *p, size_t have, size_t size, const packet_fields_t *at
) noexcept nogil
# Writes a packet of `size` bytes without payloads, sent at `send` ms.
cdef void packet_filler(uint8_t *p, size_t size, uint32_t send) noexcept nogil
