/* The same work as mms.decode, written by hand in plain C: walk the stream from header to header,
   check every length, write the same rows into arrays that are there already. No prediction and no
   search after damage: it stops at the first thing it does not understand. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef struct {
    int64_t offset, first_message;
    uint64_t time_sent;
    uint32_t length, chunk_count, message_count;
    uint16_t seq, mbz;
} packet_row;

typedef struct {
    int64_t offset, packet;
    uint32_t length, mid;
} message_row;

typedef struct {
    int64_t offset;
    uint32_t length, location_id;
    uint8_t play_incarnation, af_flags, kind, padding[5];
} data_row;

static const uint8_t ASF_HEADER[16] = {0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11,
                                       0xA6, 0xD9, 0x00, 0xAA, 0x00, 0x62, 0xCE, 0x6C};

static inline uint16_t le16(const uint8_t *p) { uint16_t v; memcpy(&v, p, 2); return v; }
static inline uint32_t le32(const uint8_t *p) { uint32_t v; memcpy(&v, p, 4); return v; }
static inline uint64_t le64(const uint8_t *p) { uint64_t v; memcpy(&v, p, 8); return v; }

/* rows[0..2]: packets, messages, data written. Returns the bytes understood. `least` holds the
   smallest size of each kind of message, by direction and the low 6 bits of its MID. */
size_t mms_loop(const uint8_t *b, size_t n, uint32_t max_packet, const uint16_t *least,
                packet_row *packets, message_row *messages, data_row *data, size_t *rows) {
    size_t p = 0, np = 0, nm = 0, nd = 0;
    int header_open = 0;
    while (n - p >= 8) {
        if (le32(b + p + 4) == 0xB00BFACEu) {
            if (n - p < 32) break;
            uint32_t length = le32(b + p + 8);
            if (le32(b + p + 12) != 0x20534D4Du || length < 16 || (length & 7)) break;
            uint64_t total = (uint64_t)length + 16;
            if (total > max_packet || n - p < total) break;
            packet_row *row = packets + np;
            row->offset = (int64_t)p;
            row->first_message = (int64_t)nm;
            row->time_sent = le64(b + p + 24);
            row->length = (uint32_t)total;
            row->chunk_count = le32(b + p + 16);
            row->seq = le16(b + p + 20);
            row->mbz = le16(b + p + 22);
            size_t q = p + 32, end = p + total, first = nm;
            while (end - q >= 8) {
                uint64_t size = (uint64_t)le32(b + q) * 8;
                uint32_t mid = le32(b + q + 4), way = (mid >> 16) - 3;
                if (size == 0 || size > end - q) goto out;
                if (way < 2 && (mid & 0xFFFF) < 64 && size < least[way * 64 + (mid & 63)]) goto out;
                messages[nm++] = (message_row){(int64_t)q, (int64_t)np, (uint32_t)size, mid};
                q += size;
            }
            row->message_count = (uint32_t)(nm - first);
            np++;
            p = end;
        } else {
            uint16_t size = le16(b + p + 6);
            if (size < 8 || n - p < size) break;
            uint32_t location = le32(b + p);
            uint8_t flags = b[p + 5], kind = 0;
            if ((location & 0xFFFFFFFEu) == 0xF0F0F000u && flags == 0x10 && b[p + 4] == 0xFF) {
                kind = 2;
            } else if (header_open ||
                       (location == 0 && size >= 24 && !memcmp(b + p + 8, ASF_HEADER, 16))) {
                kind = 1;
                header_open = !(flags & 8);
            }
            data[nd++] = (data_row){(int64_t)p, size, location, b[p + 4], flags, kind, {0}};
            p += size;
        }
    }
out:
    rows[0] = np;
    rows[1] = nm;
    rows[2] = nd;
    return p;
}

/* The same work as batch[name]: the first `size` bytes of every message with this MID, zeros where
   the message is shorter. */
size_t mms_gather(const uint8_t *b, const message_row *messages, size_t count, uint32_t mid,
                  size_t size, uint8_t *out) {
    size_t rows = 0;
    for (size_t i = 0; i < count; i++) {
        if (messages[i].mid != mid) continue;
        uint8_t *row = out + rows++ * size;
        size_t there = messages[i].length < size ? messages[i].length : size;
        memcpy(row, b + messages[i].offset, there);
        memset(row + there, 0, size - there);
    }
    return rows;
}
