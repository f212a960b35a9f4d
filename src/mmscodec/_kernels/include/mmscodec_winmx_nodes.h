/* Copies of 0x03A1 records: eight node rows of 24 bytes, or the 96 bytes as they are. In rows the
   address is a number of the machine, on the wire its octets stand in network order.

   Large outputs pass the cache by (`stream`): they will not be read soon, and ordinary stores would
   first fetch every line they are about to overwrite. Measured on 100 MB: 1.3 times the speed for
   rows, twice the speed for records. */
#ifndef MMSCODEC_WINMX_NODES_H
#define MMSCODEC_WINMX_NODES_H

#include <stdint.h>
#include <string.h>

static inline uint32_t winmx_address(const uint8_t *p) {
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

#if defined(__SSE2__) && defined(__x86_64__)
#include <emmintrin.h>

/* the address in the upper half: one swap of eight bytes, four of which are zero */
static inline uint64_t winmx_high(const uint8_t *p) {
#if defined(__GNUC__)
    uint32_t ip;
    memcpy(&ip, p, 4);
    return __builtin_bswap64(ip);
#else
    return (uint64_t)winmx_address(p) << 32;
#endif
}

static inline void winmx_nodes(uint8_t *dst, const uint8_t *src, uint64_t packet, int stream) {
    stream = stream && ((uintptr_t)dst & 15) == 0;
    for (int i = 0; i < 8; i += 2) { /* two rows are three vectors */
        uint64_t rest, rest2;
        memcpy(&rest, src + 12 * i + 4, 8);
        memcpy(&rest2, src + 12 * i + 16, 8);
        uint64_t head = winmx_high(src + 12 * i) | (uint64_t)(i == 0) << 16 | (uint64_t)i;
        uint64_t head2 = winmx_high(src + 12 * i + 12) | (uint64_t)(i + 1);
        __m128i a = _mm_set_epi64x((long long)head, (long long)packet);
        __m128i b = _mm_set_epi64x((long long)packet, (long long)rest);
        __m128i c = _mm_set_epi64x((long long)rest2, (long long)head2);
        __m128i *to = (__m128i *)(dst + 24 * i);
        if (stream) {
            _mm_stream_si128(to, a);
            _mm_stream_si128(to + 1, b);
            _mm_stream_si128(to + 2, c);
        } else {
            _mm_storeu_si128(to, a);
            _mm_storeu_si128(to + 1, b);
            _mm_storeu_si128(to + 2, c);
        }
    }
}

static inline void winmx_list(uint8_t *dst, const uint8_t *src, int stream) {
    if (stream && ((uintptr_t)dst & 15) == 0) {
        for (int i = 0; i < 6; i++)
            _mm_stream_si128((__m128i *)dst + i, _mm_loadu_si128((const __m128i *)src + i));
    } else {
        memcpy(dst, src, 96);
    }
}

static inline void winmx_fence(void) { _mm_sfence(); }

#else

static inline void winmx_nodes(uint8_t *dst, const uint8_t *src, uint64_t packet, int stream) {
    (void)stream;
    for (int i = 0; i < 8; i++) {
        uint16_t record = (uint16_t)i;
        uint32_t ip;
        memcpy(dst, &packet, 8);
        memcpy(dst + 8, &record, 2);
        dst[10] = i == 0;
        dst[11] = 0;
        ip = winmx_address(src + 12 * i);
        memcpy(dst + 12, &ip, 4);
        memcpy(dst + 16, src + 12 * i + 4, 8);
        dst += 24;
    }
}

static inline void winmx_list(uint8_t *dst, const uint8_t *src, int stream) {
    (void)stream;
    memcpy(dst, src, 96);
}

static inline void winmx_fence(void) {}

#endif
#endif
