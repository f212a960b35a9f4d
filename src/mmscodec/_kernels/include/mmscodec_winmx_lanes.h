/* The state of the WinMX stream cipher, stepped for eight streams at once.

   One vector holds the same state byte of all streams. GCC and clang write the vector code for
   any processor; other compilers get the plain loop. */
#ifndef MMSCODEC_WINMX_LANES_H
#define MMSCODEC_WINMX_LANES_H

#include <stdint.h>
#include <string.h>

#define WINMX_LANES 8

#if defined(__GNUC__) || defined(__clang__)
typedef uint8_t winmx_lanes_t __attribute__((vector_size(WINMX_LANES)));

/* In: `early` the cipher bytes, `choice` the step of each. Out: `early` the place in the decipher
   table, `choice` which table, `late` what goes over the table's value. Byte i of stream l is at
   i * 8 + l; `k` holds k0 of all streams, then k1, k2, k3. */
static inline void winmx_run_states(uint8_t *k, uint8_t *early, uint8_t *late, uint8_t *choice,
                                    size_t steps) {
    winmx_lanes_t k0, k1, k2, k3, c, t, m, after, odd;
    memcpy(&k0, k, 8);
    memcpy(&k1, k + 8, 8);
    memcpy(&k2, k + 16, 8);
    memcpy(&k3, k + 24, 8);
    for (size_t i = 0; i < steps; i++) {
        memcpy(&c, early + i * 8, 8);
        memcpy(&t, choice + i * 8, 8);
        m = k2 & 3;
        after = (winmx_lanes_t)(m >= 2);
        odd = 0 - (m & 1);
        c ^= k1 & ~after;
        after &= k0 ^ ((k0 ^ k3) & odd);
        memcpy(early + i * 8, &c, 8);
        memcpy(late + i * 8, &after, 8);
        memcpy(choice + i * 8, &m, 8);
        k0 += k1;
        k1 = (k1 ^ k3) + 1;
        k2 += t;
        k3 = (k3 ^ k2) + 1;
        k2 += 1;
    }
    memcpy(k, &k0, 8);
    memcpy(k + 8, &k1, 8);
    memcpy(k + 16, &k2, 8);
    memcpy(k + 24, &k3, 8);
}

#else

static inline void winmx_run_states(uint8_t *k, uint8_t *early, uint8_t *late, uint8_t *choice,
                                    size_t steps) {
    for (size_t i = 0; i < steps; i++) {
        for (int l = 0; l < 8; l++) {
            uint8_t *c = early + i * 8 + l, *t = choice + i * 8 + l;
            uint8_t m = k[16 + l] & 3, step = *t, after = (uint8_t)(0 - (m >> 1));
            *c ^= k[8 + l] & (uint8_t)~after;
            late[i * 8 + l] = after & (k[l] ^ ((k[l] ^ k[24 + l]) & (uint8_t)(0 - (m & 1))));
            *t = m;
            k[l] = (uint8_t)(k[l] + k[8 + l]);
            k[8 + l] = (uint8_t)((k[8 + l] ^ k[24 + l]) + 1);
            k[16 + l] = (uint8_t)(k[16 + l] + step);
            k[24 + l] = (uint8_t)((k[24 + l] ^ k[16 + l]) + 1);
            k[16 + l] = (uint8_t)(k[16 + l] + 1);
        }
    }
}

#endif
#endif
