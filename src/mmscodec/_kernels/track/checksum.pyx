# See checksum.pxd for the contract.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcmp
from mmscodec._kernels.core.wire cimport load_be16, load_be32
from mmscodec._kernels.net.pieces cimport CHECKSUM_BAD, CHECKSUM_GOOD, CHECKSUM_UNKNOWN
from mmscodec._kernels.net.segment cimport PROTOCOL_TCP
from mmscodec._kernels.track.flow_table cimport sender


cdef uint64_t sum_words(const uint8_t *p, size_t n) noexcept nogil:
    # of 16 bits each, an odd last byte filled up (RFC 1071)
    cdef uint64_t total = 0
    cdef size_t i = 0
    while n - i >= 4:
        total += load_be32(p + i)
        i += 4
    if n - i >= 2:
        total += load_be16(p + i)
        i += 2
    if i < n:
        total += <uint64_t>p[i] << 8
    return total


cdef uint32_t fold(uint64_t total) noexcept nogil:
    # the one's complement sum of 16 bits
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return <uint32_t>total


cdef uint32_t find_tcp(
    const connection_t *c, int side, const uint8_t *payload, size_t before
) noexcept nogil:
    # length of the TCP header that ends where the payload begins, or 0
    cdef uint16_t src = c.dst_port if side else c.src_port
    cdef uint16_t dst = c.src_port if side else c.dst_port
    cdef uint32_t head = 20
    cdef const uint8_t *t
    while head <= 60 and head <= before:
        t = payload - head
        if (t[12] >> 4) * 4 == head and load_be16(t) == src and load_be16(t + 2) == dst:
            return head
        head += 4
    return 0


cdef uint32_t datagram_rest(
    const connection_t *c, int side, const uint8_t *t, size_t before, uint64_t *addresses
) noexcept nogil:
    # Bytes of TCP in the IP datagram whose header ends at `t`, 0 where it is none of this side's;
    # the sum of its addresses.
    cdef const uint8_t *src = sender(c, side)
    cdef const uint8_t *dst = sender(c, 1 - side)
    if before >= 20 and (t - 20)[0] == 0x45 and (t - 11)[0] == PROTOCOL_TCP \
            and memcmp(t - 8, src + 12, 4) == 0 and memcmp(t - 4, dst + 12, 4) == 0 \
            and load_be16(t - 18) > 40:
        addresses[0] = sum_words(t - 8, 8)
        return load_be16(t - 18) - <uint32_t>20
    if before >= 40 and (t - 40)[0] >> 4 == 6 and (t - 34)[0] == PROTOCOL_TCP \
            and memcmp(t - 32, src, 16) == 0 and memcmp(t - 16, dst, 16) == 0:
        addresses[0] = sum_words(t - 32, 32)
        return load_be16(t - 36)
    return 0


cdef checksum_t checksum_judge(
    const connection_t *c, int side, const uint8_t *payload, size_t before, size_t length
) noexcept nogil:
    cdef uint32_t head = find_tcp(c, side, payload, before), rest, stated
    cdef uint64_t pseudo = 0
    cdef const uint8_t *t
    if head == 0:
        return CHECKSUM_UNKNOWN
    t = payload - head
    rest = datagram_rest(c, side, t, before - head, &pseudo)
    if rest <= head or rest - head > length:
        return CHECKSUM_UNKNOWN
    pseudo += <uint64_t>PROTOCOL_TCP + rest
    stated = load_be16(t + 16)
    if fold(pseudo + sum_words(t, rest)) == 0xFFFF:
        return CHECKSUM_GOOD
    # nothing, or what the sender's network card is to go on from
    return CHECKSUM_UNKNOWN if stated == 0 or stated == fold(pseudo) else CHECKSUM_BAD
