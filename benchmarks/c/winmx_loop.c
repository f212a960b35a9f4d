/* The work of winmx.decode written by hand in plain C: walk from header to header, check every
   length, write the same rows into arrays that are there already. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    int64_t offset;
    uint32_t length;
    uint16_t type, data_length;
} packet_row;

typedef struct {
    int64_t packet;
    uint16_t record;
    uint8_t current, unused;
    uint32_t primary_ip; /* big-endian on the wire, of this machine in the row */
    uint8_t rest[8];
} node_row;

static inline uint16_t le16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static inline uint32_t be32(const uint8_t *p) {
    uint32_t v; memcpy(&v, p, 4); return __builtin_bswap32(v);
}

/* Index only. */
size_t winmx_index(const uint8_t *b, size_t n, packet_row *packets) {
    size_t p = 0, k = 0;
    while (n - p >= 4) {
        uint16_t type = le16(b + p), length = le16(b + p + 2);
        if (n - p - 4 < length) break;
        packets[k++] = (packet_row){(int64_t)p, length + 4u, type, length};
        p += 4 + (size_t)length;
    }
    return k;
}

/* The 12-byte records of all node lists. */
size_t winmx_records(const uint8_t *b, size_t n, uint8_t *out) {
    size_t p = 0, k = 0;
    while (n - p >= 4) {
        uint16_t type = le16(b + p), length = le16(b + p + 2);
        if (n - p - 4 < length) break;
        if (type == 0x03A1 && length == 96) {
            memcpy(out + k, b + p + 4, 96);
            k += 96;
        } else if (type == 0x03A1) {
            memcpy(out + k, b + p + 4, length / 12 * 12);
            k += length / 12 * 12;
        }
        p += 4 + (size_t)length;
    }
    return k / 12;
}

/* The index and the node rows with packet, record and current. */
size_t winmx_nodes(const uint8_t *b, size_t n, packet_row *packets, node_row *nodes) {
    size_t p = 0, k = 0, m = 0;
    while (n - p >= 4) {
        uint16_t type = le16(b + p), length = le16(b + p + 2);
        if (n - p - 4 < length) break;
        if (type == 0x03A1) {
            for (int i = 0; i < length / 12; i++, m++) {
                nodes[m].packet = (int64_t)k;
                nodes[m].record = (uint16_t)i;
                nodes[m].current = i == 0;
                nodes[m].unused = 0;
                nodes[m].primary_ip = be32(b + p + 4 + 12 * i);
                memcpy(nodes[m].rest, b + p + 8 + 12 * i, 8);
            }
        }
        packets[k++] = (packet_row){(int64_t)p, length + 4u, type, length};
        p += 4 + (size_t)length;
    }
    return m;
}

size_t winmx_encode(const uint8_t *records, size_t lists, uint8_t *out) {
    for (size_t i = 0; i < lists; i++) {
        out[100 * i] = 0xA1;
        out[100 * i + 1] = 0x03;
        out[100 * i + 2] = 96;
        out[100 * i + 3] = 0;
        memcpy(out + 100 * i + 4, records + 96 * i, 96);
    }
    return lists * 100;
}

/* Stream cipher, one stream, one byte after the other, by the formulas of the notes. */
void winmx_decipher(const uint8_t *src, uint8_t *dst, size_t n, uint8_t *k, const uint8_t *t0,
                    const uint8_t *t2, const uint8_t *t4, const uint8_t *t6) {
    uint8_t k0 = k[0], k1 = k[1], k2 = k[2], k3 = k[3];
    for (size_t i = 0; i < n; i++) {
        uint8_t c = src[i];
        switch (k2 & 3) {
        case 0: dst[i] = t2[k1 ^ c]; break;
        case 1: dst[i] = t6[k1 ^ c]; break;
        case 2: dst[i] = k0 ^ t0[c]; break;
        default: dst[i] = k3 ^ t6[c];
        }
        k0 += k1;
        k1 ^= k3;
        k2 += t4[c];
        k3 ^= k2;
        k1++, k2++, k3++;
    }
    k[0] = k0, k[1] = k1, k[2] = k2, k[3] = k3;
}
