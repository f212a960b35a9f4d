# The fields of an ASF data packet whose place and size its flags say.
from libc.stdint cimport uint8_t, uint32_t
from mmscodec._kernels.core.wire cimport load_le16, load_le32

cdef struct packet_fields_t:
    # offsets of the fields of an ASF data packet, and their sizes where those vary
    uint32_t flags
    uint32_t length
    uint32_t length_size
    uint32_t padding
    uint32_t padding_size
    uint32_t times  # send time (4) and duration (2)


cdef inline uint32_t field_size(uint32_t kind) noexcept nogil:
    # bytes of a field whose length type (two bits) is `kind`
    return 4 if kind == 3 else kind


cdef inline uint32_t load_field(const uint8_t *p, uint32_t size) noexcept nogil:
    # the number in `size` bytes at p, which are there: 0, 1, 2 or 4
    if size == 4:
        return load_le32(p)
    if size == 2:
        return load_le16(p)
    return p[0] if size == 1 else 0
