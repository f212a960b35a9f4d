# Loads and stores of wire integers; the only place that touches byte order.
#
# memcpy is legal on any alignment and compiles to one instruction. Widening happens before any
# shift. Every caller has checked that the bytes are there.
from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

cdef extern from "mmscodec_wire.h" nogil:
    uint16_t load_le16(const uint8_t *p) noexcept
    uint32_t load_le32(const uint8_t *p) noexcept
    uint64_t load_le64(const uint8_t *p) noexcept
    # a number of ours in a table, in the byte order of the machine
    uint32_t load_own32(const uint8_t *p) noexcept
    uint64_t load_own64(const uint8_t *p) noexcept
    uint16_t load_be16(const uint8_t *p) noexcept
    uint32_t load_be32(const uint8_t *p) noexcept
    uint64_t load_be64(const uint8_t *p) noexcept
    void store_le16(uint8_t *p, uint16_t v) noexcept
    void store_le32(uint8_t *p, uint32_t v) noexcept
    void store_le64(uint8_t *p, uint64_t v) noexcept
    void store_be16(uint8_t *p, uint16_t v) noexcept
    void store_be32(uint8_t *p, uint32_t v) noexcept
    void prefetch(const void *p) noexcept
    void prefetch_write(const void *p) noexcept
    bint likely(bint x) noexcept
    bint unlikely(bint x) noexcept
