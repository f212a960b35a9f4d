# Fuzz targets of the WinMX kernels.
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcmp, memcpy
from mmscodec._kernels.core.table cimport table_free, table_init, table_t
from mmscodec._kernels.core.wire cimport load_be32
from mmscodec._kernels.winmx.cipher cimport (
    cache_decipher, cache_encipher, check_key_block, decipher, decipher_lanes, encipher, lane_t,
    legacy_decode, legacy_encode, legacy_frames, stream_keys, udp_decipher, udp_encipher,
)
from mmscodec._kernels.winmx.handshake cimport (
    HANDSHAKE_OTHER, SERVER_HEAD, handshake_judge, handshake_roles, judgement_t,
)
from mmscodec._kernels.winmx.nodes cimport (
    gather_lists, gather_nodes, gather_records, regular_run,
)
from mmscodec._kernels.winmx.scan cimport (
    CACHE, FRAMES, LIST_FRAME, NODE_SIZE, fault_t, index_t, node_t, packet_t, scan, scan_t,
)
from tools.fuzz.targets.check cimport must, take

cdef enum:
    SPARE = 64  # bytes that no gather may touch


cdef void check_packets(const table_t *packets, size_t n) noexcept nogil:
    cdef const packet_t *row = <const packet_t *>packets.data
    cdef size_t i, end = 0
    for i in range(packets.rows):
        must(<size_t>row[i].offset >= end)
        end = <size_t>row[i].offset + row[i].length
        must(row[i].length > 0 and end <= n)


cdef void check_gathers(
    const uint8_t *p, int framing, const table_t *packets, const scan_t *found
) noexcept nogil:
    # a gather gives as many rows as were counted, and stops where its room ends
    cdef index_t index
    cdef size_t room = found.nodes * NODE_SIZE, half = room // 2, i, odd = 0
    cdef uint8_t *out = <uint8_t *>malloc(room + SPARE)
    cdef table_t nodes, lists
    cdef const node_t *node
    index.src = p
    index.base = 0
    index.packets = <const packet_t *>packets.data
    index.count = packets.rows
    table_init(&nodes, sizeof(node_t))
    table_init(&lists, 96)
    for i in range(room + SPARE):
        out[i] = 0xA5
    must(gather_records(&index, framing, False, out, found.nodes // 2)
         <= found.nodes // 2)
    for i in range(half - half % NODE_SIZE, room + SPARE):
        must(out[i] == 0xA5)
    must(gather_records(&index, framing, False, out, found.nodes)
         == found.nodes)
    for i in range(room, room + SPARE):
        must(out[i] == 0xA5)
    must(gather_nodes(&index, framing, found.nodes, False, &nodes) == 0)
    must(nodes.rows == found.nodes)
    for i in range(nodes.rows):
        node = <const node_t *>nodes.data + i
        must(node.ip == load_be32(out + i * NODE_SIZE))
        must(memcmp(node.rest, out + i * NODE_SIZE + 4, NODE_SIZE - 4) == 0)
    if framing == FRAMES:
        must(gather_lists(&index, &lists, &odd) >= 0)
    free(out)
    table_free(&nodes)
    table_free(&lists)


cdef void winmx_frames(const uint8_t *p, size_t n) noexcept nogil:
    # frames of every link, and the records in them
    cdef table_t packets, faults
    cdef scan_t found
    cdef int framing = <int>(take(&p, &n, 1) % (CACHE + 1))
    table_init(&packets, sizeof(packet_t))
    table_init(&faults, sizeof(fault_t))
    must(scan(p, n, 0, framing, &packets, &faults, &found) == 0)
    must(found.consumed <= n)
    check_packets(&packets, n)
    check_gathers(p, framing, &packets, &found)
    if framing == FRAMES:
        must(regular_run(p, n) * LIST_FRAME <= n)
    table_free(&packets)
    table_free(&faults)


cdef void check_final(const uint8_t *p, size_t client, const uint8_t *q, size_t server) noexcept nogil:
    # what is no WinMX connection does not become one when more of the server is seen
    cdef judgement_t seen
    cdef bint other = False
    cdef size_t i
    for i in range(1, server + 1):
        handshake_judge(p, client, q, i, &seen)
        must(not other or seen.verdict == HANDSHAKE_OTHER)
        other = seen.verdict == HANDSHAKE_OTHER


cdef void winmx_handshake(const uint8_t *p, size_t n) noexcept nogil:
    # the first bytes of both sides: the judgement is the same whoever is named first, and so is
    # the client, unless either could be it
    cdef judgement_t one, other, forth, back
    cdef size_t client = take(&p, &n, 1)
    cdef bint first, second
    if n == 0:
        return
    if client > n:
        client = n
    handshake_judge(p, client, p + client, n - client, &one)
    handshake_judge(p + client, n - client, p, client, &other)
    first = handshake_roles(p, client, p + client, n - client, &forth)
    second = handshake_roles(p + client, n - client, p, client, &back)
    must(forth.verdict == back.verdict)
    if one.verdict != other.verdict:
        must(first != second and forth.link == back.link)
    check_final(p, client, p + client, n - client if n - client < SERVER_HEAD else SERVER_HEAD)


cdef void check_streams(uint8_t *copy, const uint8_t *p, size_t n) noexcept nogil:
    # side by side, in two steps, or at once: the stream cipher gives the same, and comes back
    cdef uint8_t key[3][4]
    cdef lane_t lanes[2]
    cdef size_t i, half = n // 2
    for i in range(3):
        memcpy(key[i], p, 4)
    encipher(p, copy, n, key[0])
    decipher(copy, copy, half, key[1])
    decipher(copy + half, copy + half, n - half, key[1])
    must(memcmp(copy, p, n) == 0 and memcmp(key[0], key[1], 4) == 0)
    memcpy(key[0], p, 4)
    encipher(p, copy, half, key[0])
    memcpy(key[1], p, 4)
    encipher(p + half, copy + half, n - half, key[1])
    for i in range(2):
        memcpy(key[i], p, 4)
        lanes[i].key = key[i]
        lanes[i].src = lanes[i].dst = copy + i * half
        lanes[i].length = half if i == 0 else n - half
    decipher_lanes(lanes, 2)
    must(memcmp(copy, p, n) == 0)


cdef void winmx_ciphers(const uint8_t *p, size_t n) noexcept nogil:
    # what was enciphered comes back, and nothing outside is touched
    cdef uint8_t keys[2][4]
    cdef uint8_t *copy
    cdef size_t records
    if n < 16:
        return
    check_key_block(p)
    stream_keys(p, 0x50 + (p[0] & 7), keys[0], keys[1])
    copy = <uint8_t *>malloc(n)
    memcpy(copy, p, n)
    check_streams(copy, p, n)
    udp_encipher(copy, n)
    udp_decipher(copy, n)
    must(memcmp(copy, p, n) == 0)
    legacy_encode(copy, n)
    legacy_decode(copy, n)
    must(memcmp(copy, p, n) == 0)
    records = (n - 4) // 12
    cache_encipher(p + 4, copy + 4, records, p)
    cache_decipher(copy + 4, copy + 4, records, p)
    must(memcmp(copy, p, n) == 0)
    must(legacy_frames(copy, n) <= n)
    free(copy)


TARGETS = {
    "winmx_frames": <size_t>&winmx_frames,
    "winmx_handshake": <size_t>&winmx_handshake,
    "winmx_ciphers": <size_t>&winmx_ciphers,
}
