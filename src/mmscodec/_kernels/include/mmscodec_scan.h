/* The vectorised part of the search for a header after damage. */
#ifndef MMSCODEC_SCAN_H
#define MMSCODEC_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* ASF Header Object, 75B22630-668E-11CF-A6D9-00AA0062CE6C, as it stands on the wire */
static const uint8_t MMSCODEC_ASF_HEADER_GUID[16] = {0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11,
                                                     0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C};
#define ASF_HEADER_GUID MMSCODEC_ASF_HEADER_GUID

/* The first i in [start, stop) where a Data header with a small LocationId (high byte 0 or
   `other_high`), a playIncarnation and a PacketSize could stand; bytes up to stop + 8 are readable.
   Blocks are tested without a branch, so that compilers make vector code of it. */
static inline size_t scan_for_small_location(const uint8_t *p, size_t start, size_t stop,
                                             uint8_t other_high) {
    size_t i = start;
    while (i < stop && stop - i >= 64) {
        uint8_t any = 0;
        const uint8_t *q = p + i;
        for (int j = 0; j < 64; j++)
            any |= (uint8_t)((q[j + 3] == 0) | (q[j + 3] == other_high)) &
                   (uint8_t)(q[j + 4] != 0) & (uint8_t)((q[j + 6] > 8) | (q[j + 7] != 0));
        if (any) break;
        i += 64;
        continue;
    }
    for (; i < stop; i++) {
        const uint8_t *q = p + i;
        if ((q[3] == 0 || q[3] == other_high) && q[4] != 0 && (q[6] > 8 || q[7] != 0)) return i;
    }
    return stop;
}

#endif
