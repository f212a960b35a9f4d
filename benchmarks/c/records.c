/* The walk of a little-endian pcap file as one would write it by hand: believes every length that
   fits, knows no variant, reports nothing. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    int64_t time;
    uint64_t position;
    uint32_t caplen, wire_len, linktype, interface;
} row_t;

static inline uint32_t u32(const uint8_t *p) {
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

/* counts records and sums both lengths */
#define COUNT(name, ahead)                                                           \
    void name(const uint8_t *b, size_t n, uint64_t *out) {                           \
        size_t p = 24;                                                               \
        uint64_t count = 0, captured = 0, wire = 0;                                  \
        while (p + 16 <= n) {                                                        \
            uint32_t caplen = u32(b + p + 8);                                        \
            if (caplen > n - p - 16) break;                                          \
            if (ahead) __builtin_prefetch(b + p + (size_t)(16 + caplen) * ahead);    \
            count++;                                                                 \
            captured += caplen;                                                      \
            wire += u32(b + p + 12);                                                 \
            p += 16 + (size_t)caplen;                                                \
        }                                                                            \
        out[0] = count;                                                              \
        out[1] = captured;                                                           \
        out[2] = wire;                                                               \
    }

COUNT(count_plain, 0)
COUNT(count_ahead, 12)

/* writes a row for each record */
size_t rows_ahead(const uint8_t *b, size_t n, row_t *out) {
    size_t p = 24, k = 0;
    while (p + 16 <= n) {
        uint32_t caplen = u32(b + p + 8);
        if (caplen > n - p - 16) break;
        __builtin_prefetch(b + p + (size_t)(16 + caplen) * 12);
        out[k].time = (int64_t)u32(b + p) * 1000000000 + (int64_t)u32(b + p + 4) * 1000;
        out[k].position = p + 16;
        out[k].caplen = caplen;
        out[k].wire_len = u32(b + p + 12);
        out[k].linktype = 1;
        out[k].interface = 0;
        k++;
        p += 16 + (size_t)caplen;
    }
    return k;
}
