# Fuzz target of ASF data packets.
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy, memset
from mmscodec._kernels.asf.packet cimport (
    PACKET_UNMENDED, packet_fields, packet_fields_t, packet_filler, packet_mend, packet_state_t,
)
from mmscodec._kernels.asf.payloads cimport (
    PAYLOADS_BROKEN, packet_padding, packet_payloads, payloads_t,
)
from tools.fuzz.targets.check cimport must, take


cdef void asf_packet(const uint8_t *p, size_t n) noexcept nogil:
    # fields and payloads stay inside; what is filled up parses as before, and ends where it did
    cdef packet_fields_t at, again
    cdef payloads_t payloads
    cdef packet_state_t state
    cdef size_t size = n + (take(&p, &n, 1) & 63)
    cdef uint8_t *whole
    if packet_fields(p, n, &at) != 0:
        return
    must(at.times + 6 <= n)
    if packet_payloads(p, n, &at, &payloads) != PAYLOADS_BROKEN:
        must(payloads.data <= n and payloads.end <= n)
    packet_padding(p, n, size, &at, 1 + (n & 255))
    whole = <uint8_t *>malloc(size)
    memset(whole, 0xA5, size)
    memcpy(whole, p, n)
    state = packet_mend(whole, n, size, &at)
    if state != PACKET_UNMENDED:
        must(packet_fields(whole, size, &again) == 0)
        must(memcmp(whole + again.times, p + at.times, 6) == 0)
    if size >= 32:
        packet_filler(whole, size, 1234)
        must(packet_fields(whole, size, &again) == 0)
    free(whole)


TARGETS = {"asf_packet": <size_t>&asf_packet}
