/* What Cython cannot say: byte-order loads that become one instruction, prefetch, branch hints. */
#ifndef MMSCODEC_WIRE_H
#define MMSCODEC_WIRE_H

#include <stdint.h>
#include <string.h>

#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
#define MMSCODEC_BIG_ENDIAN 1
#else
#define MMSCODEC_BIG_ENDIAN 0
#endif

static inline uint16_t mmscodec_swap16(uint16_t v) { return (uint16_t)((v << 8) | (v >> 8)); }
static inline uint32_t mmscodec_swap32(uint32_t v) {
    return ((v & 0xFFu) << 24) | ((v & 0xFF00u) << 8) | ((v >> 8) & 0xFF00u) | (v >> 24);
}
static inline uint64_t mmscodec_swap64(uint64_t v) {
    return ((uint64_t)mmscodec_swap32((uint32_t)v) << 32) | mmscodec_swap32((uint32_t)(v >> 32));
}

#define MMSCODEC_WIRE(bits)                                                                  \
    static inline uint##bits##_t load_le##bits(const uint8_t *p) {                           \
        uint##bits##_t v;                                                                    \
        memcpy(&v, p, sizeof v);                                                             \
        return MMSCODEC_BIG_ENDIAN ? mmscodec_swap##bits(v) : v;                             \
    }                                                                                        \
    static inline uint##bits##_t load_own##bits(const uint8_t *p) {                          \
        uint##bits##_t v;                                                                    \
        memcpy(&v, p, sizeof v);                                                             \
        return v;                                                                            \
    }                                                                                        \
    static inline uint##bits##_t load_be##bits(const uint8_t *p) {                           \
        uint##bits##_t v;                                                                    \
        memcpy(&v, p, sizeof v);                                                             \
        return MMSCODEC_BIG_ENDIAN ? v : mmscodec_swap##bits(v);                             \
    }                                                                                        \
    static inline void store_le##bits(uint8_t *p, uint##bits##_t v) {                        \
        if (MMSCODEC_BIG_ENDIAN) v = mmscodec_swap##bits(v);                                 \
        memcpy(p, &v, sizeof v);                                                             \
    }                                                                                        \
    static inline void store_be##bits(uint8_t *p, uint##bits##_t v) {                        \
        if (!MMSCODEC_BIG_ENDIAN) v = mmscodec_swap##bits(v);                                \
        memcpy(p, &v, sizeof v);                                                             \
    }

MMSCODEC_WIRE(16)
MMSCODEC_WIRE(32)
MMSCODEC_WIRE(64)

/* A prefetch of any address is harmless: it never faults. */
#if defined(__GNUC__) || defined(__clang__)
static inline void prefetch(const void *p) { __builtin_prefetch(p, 0, 3); }
static inline void prefetch_write(const void *p) { __builtin_prefetch(p, 1, 3); }
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#else
static inline void prefetch(const void *p) { (void)p; }
static inline void prefetch_write(const void *p) { (void)p; }
#define likely(x) (x)
#define unlikely(x) (x)
#endif

#endif
