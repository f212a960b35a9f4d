# The checksum of a TCP segment, as the judge between copies that differ.
#
# Looked at only where copies differ, or where segments are out of order: reading every byte of a
# capture would cost more than all else. The headers are found in front of the payload.
from libc.stdint cimport uint8_t, uint32_t
from mmscodec._kernels.net.pieces cimport checksum_t
from mmscodec._kernels.track.flow_table cimport connection_t

cdef enum:
    HEADERS = 100  # bytes in front of a payload in which its headers are: IPv6 and a long TCP one

# Of the segment from side `side` whose payload begins at `payload`: `before` bytes in front of it
# can be read, `length` from there on.
cdef checksum_t checksum_judge(
    const connection_t *c, int side, const uint8_t *payload, size_t before, size_t length
) noexcept nogil
