/* Eight node rows of 24 bytes from the eight 12-byte records of a 0x03A1 packet.

   Large outputs pass the cache by: the rows will not be read soon, and ordinary stores would first
   fetch every line they are about to overwrite. */
#ifndef MMSCODEC_WINMX_NODES_H
#define MMSCODEC_WINMX_NODES_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__) && defined(__x86_64__)
#include <emmintrin.h>

static inline void winmx_nodes(uint8_t *dst, const uint8_t *src, uint64_t packet, int stream) {
    uint64_t w[24];
    for (int i = 0; i < 8; i++) {
        uint32_t ip;
        memcpy(&ip, src + 12 * i, 4);
        w[3 * i] = packet;
        w[3 * i + 1] = (uint64_t)ip << 32 | (uint64_t)(i == 0) << 16 | (uint64_t)i;
        memcpy(&w[3 * i + 2], src + 12 * i + 4, 8);
    }
    if (stream) {
        for (int i = 0; i < 24; i++) _mm_stream_si64((long long *)(dst + 8 * i), (long long)w[i]);
    } else {
        memcpy(dst, w, sizeof w);
    }
}

static inline void winmx_fence(void) { _mm_sfence(); }

#else

static inline void winmx_nodes(uint8_t *dst, const uint8_t *src, uint64_t packet, int stream) {
    (void)stream;
    for (int i = 0; i < 8; i++) {
        uint16_t record = (uint16_t)i;
        memcpy(dst, &packet, 8);
        memcpy(dst + 8, &record, 2);
        dst[10] = i == 0;
        dst[11] = 0;
        memcpy(dst + 12, src + 12 * i, 12);
        dst += 24;
    }
}

static inline void winmx_fence(void) {}

#endif
#endif
