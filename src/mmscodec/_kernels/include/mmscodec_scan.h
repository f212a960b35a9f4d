/* The vectorised part of the search for a header. */
#ifndef MMSCODEC_SCAN_H
#define MMSCODEC_SCAN_H

#include <stddef.h>
#include <stdint.h>

/* ASF Header Object, 75B22630-668E-11CF-A6D9-00AA0062CE6C, as it stands on the wire */
static const uint8_t MMSCODEC_ASF_HEADER_GUID[16] = {0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11,
                                                     0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C};
#define ASF_HEADER_GUID MMSCODEC_ASF_HEADER_GUID

/* The four searches below return the first i in [start, stop) that qualifies, or stop; bytes up to
   stop + 7 are readable. Blocks are tested without a branch, so that compilers make vector code. */
#define MMSCODEC_SEARCH(test)                                   \
    size_t i = start;                                           \
    while (i < stop && stop - i >= 64) {                        \
        uint8_t any = 0;                                        \
        for (int j = 0; j < 64; j++) {                          \
            const uint8_t *q = p + i + j;                       \
            any |= (uint8_t)(test);                             \
        }                                                       \
        if (any) break;                                         \
        i += 64;                                                \
    }                                                           \
    for (; i < stop; i++) {                                     \
        const uint8_t *q = p + i;                               \
        if (test) return i;                                     \
    }                                                           \
    return stop;

/* A playIncarnation, a PacketSize of 9 or more, and a LocationId below 0xFFFF0000: FF bytes are no
   packet. A TcpMessageHeader passes too. */
static inline size_t scan_for_data(const uint8_t *p, size_t start, size_t stop) {
    MMSCODEC_SEARCH((q[4] != 0) & ((q[6] > 8) | (q[7] != 0)) & ((q[2] & q[3]) != 0xFF))
}

/* The same, or the signature of a RequestPacketListResend, whatever follows it. */
static inline size_t scan_for_datagram(const uint8_t *p, size_t start, size_t stop) {
    MMSCODEC_SEARCH(((q[4] != 0) & ((q[6] > 8) | (q[7] != 0)) & ((q[2] & q[3]) != 0xFF)) |
                    ((q[0] == 0x0D) & (q[1] == 0xF0) & (q[2] == 0xEF) & (q[3] == 0xBE)))
}

/* A Data packet of one incarnation with LocationId near one of high byte `high`, or sessionId. */
static inline size_t scan_for_play(const uint8_t *p, size_t start, size_t stop,
                                   uint8_t incarnation, uint8_t high) {
    MMSCODEC_SEARCH(((q[4] == incarnation) & ((uint8_t)(q[3] - high + 1) <= 2)) |
                    ((q[4] == 0xCE) & (q[5] == 0xFA)))
}

/* sessionId at its place in a TcpMessageHeader, by two of its bytes. */
static inline size_t scan_for_signature(const uint8_t *p, size_t start, size_t stop) {
    MMSCODEC_SEARCH((q[4] == 0xCE) & (q[5] == 0xFA))
}

#endif
