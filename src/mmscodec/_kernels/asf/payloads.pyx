# See asf/payloads.pxd.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from mmscodec._kernels.asf.fields cimport field_size, load_field, packet_fields_t
from mmscodec._kernels.core.wire cimport load_le32

cdef enum:
    SEVERAL = 0x01  # in the length type flags
    KEY_FRAME = 0x80  # in the stream number
    COMPRESSED = 1  # replicated data so long: the payload holds several media objects
    DESCRIBED = 8  # replicated data at least so long begin with the size of the media object

cdef struct payload_t:
    size_t data
    uint32_t object_offset
    uint32_t object_size  # valid if `described`
    bint described
    bint key_frame
    uint32_t stream


cdef int payload_header(
    const uint8_t *p, size_t n, size_t pos, uint32_t properties, payload_t *out
) noexcept nogil:
    # the fields in front of the data of a payload (but its length), which begins at pos <= n; 0, or
    # -1 if they leave n bytes
    cdef uint32_t replicated_size = field_size(properties & 3)
    cdef uint32_t offset_size = field_size(properties >> 2 & 3)
    cdef uint32_t number_size = field_size(properties >> 4 & 3)
    cdef size_t fixed = 1 + number_size + offset_size + replicated_size
    cdef uint32_t replicated
    if n - pos < fixed:
        return -1
    out.key_frame = p[pos] & KEY_FRAME != 0
    out.stream = p[pos] & 0x7F
    pos += 1 + number_size
    out.object_offset = load_field(p + pos, offset_size)
    pos += offset_size
    replicated = load_field(p + pos, replicated_size)
    pos += replicated_size
    if replicated > n - pos:
        return -1
    out.described = replicated >= DESCRIBED
    out.object_size = load_le32(p + pos) if out.described else 0
    if replicated == COMPRESSED or out.object_offset != 0:
        out.key_frame = out.key_frame and replicated == COMPRESSED
    out.data = pos + replicated
    return 0


cdef inline void note_key_frame(payloads_t *out, const payload_t *one) noexcept nogil:
    # mark the stream of a payload that holds a key frame in `out`
    if one.key_frame:
        out.key_streams[one.stream >> 6] |= <uint64_t>1 << (one.stream & 63)


cdef payloads_end_t packet_payloads(
    const uint8_t *p, size_t n, const packet_fields_t *at, payloads_t *out
) noexcept nogil:
    cdef uint32_t properties = p[at.flags + 1], count, length_size, _i
    cdef size_t pos = at.times + 6
    cdef payload_t one
    cdef uint64_t left
    out.data = out.end = 0
    out.key_streams[0] = out.key_streams[1] = 0
    if p[at.flags] & SEVERAL == 0:
        if payload_header(p, n, pos, properties, &one) != 0:
            return PAYLOADS_BROKEN
        note_key_frame(out, &one)
        out.data = one.data
        if not one.described or one.object_offset > one.object_size:
            return PAYLOADS_OPEN
        left = one.object_size - one.object_offset
        if left > n - one.data:
            return PAYLOADS_OPEN
        out.end = one.data + <size_t>left
        return PAYLOADS_LIMITED
    if n <= pos:
        return PAYLOADS_BROKEN
    count, length_size = <uint32_t>(p[pos] & 0x3F), field_size(p[pos] >> 6)
    pos += 1
    for _i in range(count):
        if payload_header(p, n, pos, properties, &one) != 0 or n - one.data < length_size:
            return PAYLOADS_BROKEN
        left = load_field(p + one.data, length_size)
        pos = one.data + length_size
        if left > n - pos:
            return PAYLOADS_BROKEN
        note_key_frame(out, &one)
        out.data = pos
        pos += <size_t>left
    out.end = pos
    return PAYLOADS_EXACT


cdef bint all_zero(const uint8_t *p, size_t n) noexcept nogil:
    # are all n bytes at p zero?
    cdef size_t i
    for i in range(n):
        if p[i] != 0:
            return False
    return True


cdef uint64_t packet_padding(
    const uint8_t *p, size_t have, size_t size, const packet_fields_t *at, uint64_t padding
) noexcept nogil:
    cdef payloads_t found
    cdef uint64_t cut = size - have, rest
    cdef payloads_end_t kind = packet_payloads(p, have, at, &found)
    if kind == PAYLOADS_EXACT:
        return size - found.end
    if kind == PAYLOADS_LIMITED:
        if cut <= padding <= size and size - padding == found.end:
            return padding
        if padding <= have and have - padding == found.end:
            return padding + cut
    if kind == PAYLOADS_BROKEN or found.data < at.times + 6:
        found.data = at.times + 6
    if padding < cut:  # so much cannot be what was cut off
        if padding <= have - found.data and all_zero(p + have - padding, <size_t>padding):
            return padding + cut
        return cut
    rest = padding - cut  # what came of the padding, if only a part was cut off
    if rest > have - found.data or not all_zero(p + have - rest, <size_t>rest):
        return cut  # it says what cannot be: declared padding would reach into the payload
    if padding > have - found.data or not all_zero(p + have - padding, <size_t>padding):
        return padding
    return padding if padding == cut else padding + cut
