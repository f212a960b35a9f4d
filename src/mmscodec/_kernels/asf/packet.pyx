# See asf/packet.pxd.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memmove, memset
from mmscodec._kernels.asf.fields cimport field_size, load_field
from mmscodec._kernels.asf.payloads cimport packet_padding
from mmscodec._kernels.core.wire cimport store_le16, store_le32

cdef enum:
    FILLER_LEN = 14


cdef inline void store_field(uint8_t *p, uint32_t size, uint32_t value) noexcept nogil:
    # write `value` into `size` bytes at p: 1, 2 or 4
    if size == 4:
        store_le32(p, value)
    elif size == 2:
        store_le16(p, <uint16_t>value)
    else:
        p[0] = <uint8_t>value


cdef inline bint fits(uint32_t size, uint64_t value) noexcept nogil:
    # is there a field of `size` bytes, large enough for the value?
    return size != 0 and value < <uint64_t>1 << (8 * size)


cdef int packet_fields(const uint8_t *p, size_t n, packet_fields_t *at) noexcept nogil:
    cdef size_t pos = 0
    cdef uint32_t flags
    if n < 1:
        return -1
    if p[0] & 0x80:  # error correction data, not opaque, with its length in the low bits
        if p[0] & 0x70:
            return -1
        pos = 1 + (p[0] & 0x0F)
    if n < pos or n - pos < 2 or p[pos] & 0x80:
        return -1
    flags = p[pos]
    at.flags = <uint32_t>pos
    at.length = at.flags + 2
    at.length_size = field_size(flags >> 5 & 3)
    at.padding_size = field_size(flags >> 3 & 3)
    at.padding = at.length + at.length_size + field_size(flags >> 1 & 3)
    at.times = at.padding + at.padding_size
    return 0 if at.times <= n and n - at.times >= 6 else -1


cdef packet_state_t widen(
    uint8_t *p, size_t have, size_t size, const packet_fields_t *at, uint64_t padding
) noexcept nogil:
    # put in a padding length of two bytes, or of one where there is room for no more; there is room
    # for one at least, so that the field never grows by more than what is added
    cdef size_t added = size - have
    cdef uint32_t wanted = 2 if added >= 2 or at.padding_size == 1 else 1
    cdef size_t grow = wanted - at.padding_size
    if at.padding_size >= wanted:
        return PACKET_UNMENDED
    padding += added - grow
    if not fits(wanted, padding):
        return PACKET_UNMENDED
    memmove(p + at.padding + wanted, p + at.times, have - at.times)
    store_field(p + at.padding, wanted, <uint32_t>padding)
    p[at.flags] = <uint8_t>((p[at.flags] & 0xE7) | wanted << 3)
    memset(p + have + grow, 0, added - grow)
    return PACKET_WIDENED


cdef packet_state_t packet_mend(
    uint8_t *p, size_t have, size_t size, const packet_fields_t *at
) noexcept nogil:
    cdef uint64_t padding = load_field(p + at.padding, at.padding_size)
    cdef uint64_t length = load_field(p + at.length, at.length_size)
    memset(p + have, 0, size - have)
    if at.length_size != 0:
        if length == have:
            if at.padding_size == 0 or not fits(at.length_size, size) \
                    or not fits(at.padding_size, padding + size - have):
                return PACKET_IMPLIED
            store_field(p + at.length, at.length_size, <uint32_t>size)
        elif length != size:
            return PACKET_IMPLIED if length < have else PACKET_UNMENDED
    if padding != 0 and length != have:
        # decided by the payloads: some servers cut the padding off and leave its length as it was
        padding = packet_padding(p, have, size, at, padding)
        if fits(at.padding_size, padding):
            store_field(p + at.padding, at.padding_size, <uint32_t>padding)
            return PACKET_MENDED
        return widen(p, have, size, at, padding - (size - have))
    if fits(at.padding_size, padding + size - have):
        store_field(p + at.padding, at.padding_size, <uint32_t>(padding + size - have))
        return PACKET_MENDED
    return widen(p, have, size, at, padding)


cdef void packet_filler(uint8_t *p, size_t size, uint32_t send) noexcept nogil:
    memset(p, 0, size)
    if size < FILLER_LEN or size - FILLER_LEN > 0xFFFF:
        return
    p[0] = 0x82  # error correction data of two bytes
    p[3] = 0x11  # several payloads, padding length of two bytes
    p[4] = 0x5D  # sizes of the payload's fields
    store_le16(p + 5, <uint16_t>(size - FILLER_LEN))
    store_le32(p + 7, send)
    p[13] = 0x80  # of payloads with lengths of two bytes, none
