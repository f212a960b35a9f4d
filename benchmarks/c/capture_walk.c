/* What a C programmer would write for one capture: pcap of Ethernet, IPv4 and TCP alone, one lookup
   of the flow and one row a packet. No check that the format could be another, no reassembly, no
   protocol. With `ahead` the walk prefetches where the record `ahead` places on would be. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct { uint64_t key; uint32_t id, next_seq; } slot;
typedef struct { uint64_t offset; uint32_t length, seq, flow, padding; } row;

static inline uint32_t u32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }

size_t capture_walk(const uint8_t *b, size_t n, slot *table, size_t mask, row *out,
                    size_t *flows, size_t ahead) {
    size_t p = 24, k = 0;
    *flows = 0;
    memset(table, 0, (mask + 1) * sizeof *table);
    while (n - p >= 16) {
        uint32_t size = u32(b + p + 8);
        if (n - p - 16 < size) break;
        const uint8_t *e = b + p + 16;
        if (ahead) {
            size_t next = p + (size + 16) * ahead;
            if (next < n) { __builtin_prefetch(b + next); __builtin_prefetch(b + next + 64); }
        }
        if (size >= 54 && e[12] == 8 && e[13] == 0 && e[23] == 6) {
            const uint8_t *ip = e + 14;
            uint32_t ihl = (ip[0] & 15) * 4;
            const uint8_t *t = ip + ihl;
            uint64_t key = ((uint64_t)u32(ip + 12) << 32) ^ u32(ip + 16);
            key ^= (uint64_t)u32(t) * 0x9E3779B97F4A7C15ULL;
            uint64_t h = (key * 0xD6E8FEB86659FD93ULL) >> 32 & mask;
            while (table[h].key && table[h].key != key) h = (h + 1) & mask;
            if (!table[h].key) { table[h].key = key; table[h].id = (uint32_t)(*flows)++; }
            uint32_t length = (uint32_t)((ip[2] << 8) | ip[3]) - ihl - (t[12] >> 4) * 4;
            uint32_t seq = __builtin_bswap32(u32(t + 4));
            table[h].next_seq = seq + length;
            out[k++] = (row){(uint64_t)(t + (t[12] >> 4) * 4 - b), length, seq, table[h].id, 0};
        }
        p += 16 + size;
    }
    return k;
}
