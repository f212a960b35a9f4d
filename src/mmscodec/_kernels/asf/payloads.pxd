# The payloads of one ASF data packet: where their data end, whatever its Padding Length says.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from mmscodec._kernels.asf.fields cimport packet_fields_t

cdef enum payloads_end_t:
    PAYLOADS_BROKEN = -1  # they leave the packet
    PAYLOADS_OPEN = 0  # one payload that runs on to the padding, wherever that begins
    PAYLOADS_LIMITED = 1  # the same, but its media object ends at `end`, and so must the payload
    PAYLOADS_EXACT = 2  # their own lengths say that they end at `end`

cdef struct payloads_t:
    size_t data  # where the data of the last payload begin
    size_t end
    uint64_t key_streams[2]  # a bit for each of 128 streams: a key frame of it begins here

# Walks the payloads of the packet of n bytes at p, whose fields are `at`.
cdef payloads_end_t packet_payloads(
    const uint8_t *p, size_t n, const packet_fields_t *at, payloads_t *out
) noexcept nogil
# Padding Length of a packet of which `have` bytes of `size` came, and which says `padding` > 0: of
# the bytes that came where the server kept to the rules, of the whole packet where it cut padding
# off and left the field as it was.
cdef uint64_t packet_padding(
    const uint8_t *p, size_t have, size_t size, const packet_fields_t *at, uint64_t padding
) noexcept nogil
