/* What a programmer would write by hand for Ethernet, IPv4 without options, TCP or UDP: the roof of
   bench_network.py. `places` has 32 bytes a record: position u64, time i64, caplen, wire_len,
   linktype, interface u32. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    uint64_t position;
    int64_t time;
    uint32_t caplen, wire_len, linktype, interface;
} place_t;

typedef struct {
    uint8_t src[16], dst[16];
    uint16_t src_port, dst_port;
    uint8_t protocol, flags;
    uint16_t window;
    uint32_t seq, ack, length, wire_len;
    const uint8_t *payload;
} segment_t;

static uint16_t be16(const uint8_t *p) { return (uint16_t)(p[0] << 8 | p[1]); }
static uint32_t be32(const uint8_t *p) { return (uint32_t)be16(p) << 16 | be16(p + 2); }

static void address(uint8_t *to, const uint8_t *p) {
    static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    memcpy(to, prefix, 12);
    memcpy(to + 12, p, 4);
}

static int decode(const uint8_t *p, uint32_t n, segment_t *s) {
    if (n < 42 || be16(p + 12) != 0x0800 || p[14] != 0x45 || be16(p + 20) & 0x3fff) return 0;
    uint32_t total = be16(p + 16), captured = n - 14;
    if (captured > total) captured = total;
    address(s->src, p + 26);
    address(s->dst, p + 30);
    p += 34;
    uint32_t head = 8;
    s->protocol = p[-11];
    if (s->protocol == 6) {
        if (captured < 40) return 0;
        head = (uint32_t)(p[12] >> 4) * 4;
        s->seq = be32(p + 4);
        s->ack = be32(p + 8);
        s->flags = p[13];
        s->window = be16(p + 14);
    } else if (s->protocol == 17 && captured >= 28) {
        s->seq = s->ack = s->flags = s->window = 0;
    } else {
        return 0;
    }
    if (captured < head + 20) return 0;
    s->src_port = be16(p);
    s->dst_port = be16(p + 2);
    s->payload = p + head;
    s->length = captured - 20 - head;
    s->wire_len = total - 20 - head;
    return 1;
}

/* segments, payload bytes, and a sum of what was decoded */
void totals(const uint8_t *data, const place_t *places, size_t count, uint64_t *out) {
    segment_t s = {{0}};
    out[0] = out[1] = out[2] = 0;
    for (size_t i = 0; i < count; i++) {
        if (!decode(data + places[i].position, places[i].caplen, &s)) continue;
        out[0]++;
        out[1] += s.length;
        out[2] += s.seq + s.src_port + s.dst[15] + s.wire_len;
    }
}
