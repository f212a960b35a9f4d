# Which frames of a capture belong to chosen flows.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, qsort
from libc.string cimport memcmp, memcpy
from mmscodec._block cimport Block
from mmscodec._kernels.network cimport (
    NETWORK_FAULT, NETWORK_NOTHING, NETWORK_SEGMENT, network_decode, network_free, network_init,
    network_more, network_t,
)
from mmscodec._kernels.segment cimport record_t, segment_t
from mmscodec._kernels.table cimport table_row
from mmscodec._kernels.wire cimport load_le64
from mmscodec.capture._inflate cimport inflate
from mmscodec.capture._merge cimport Merge

from mmscodec.schema import dtypes

cdef enum:
    BATCH = 256
    LOOK = 160  # bytes of a frame without ports in which the two addresses are looked for

cdef struct key_t:
    # a row of `KEYS` in export.py
    uint8_t src[16]
    uint8_t dst[16]
    uint16_t src_port
    uint16_t dst_port
    uint32_t scope
    int64_t first
    int64_t last
    uint8_t protocol
    uint8_t pad[7]

cdef struct slot_t:
    uint64_t hash
    const key_t *key

cdef struct row_t:
    int64_t time
    uint64_t position
    uint32_t caplen
    uint32_t wire_len
    uint32_t linktype
    uint32_t interface


cdef inline uint64_t mix(uint64_t h, uint64_t v) noexcept nogil:
    h = (h ^ v) * <uint64_t>0x9E3779B97F4A7C15ULL
    return h ^ (h >> 29)


cdef inline uint64_t address_hash(const uint8_t *src, const uint8_t *dst) noexcept nogil:
    # of the last eight bytes of each: those that tell IPv4 hosts apart are among them
    return mix(mix(1, load_le64(src + 8)), load_le64(dst + 8))


cdef inline uint64_t flow_hash(
    const uint8_t *src, const uint8_t *dst, uint16_t a, uint16_t b, uint8_t protocol,
    uint32_t scope
) noexcept nogil:
    cdef uint64_t h = mix(address_hash(src, dst), load_le64(src) ^ (load_le64(dst) << 1))
    return mix(h, (<uint64_t>a << 48) | (<uint64_t>b << 32) | scope) + protocol


cdef int by_hash(const void *a, const void *b) noexcept nogil:
    cdef uint64_t x = (<const slot_t *>a).hash, y = (<const slot_t *>b).hash
    return (x > y) - (x < y)


cdef size_t lower(const slot_t *slots, size_t n, uint64_t hash) noexcept nogil:
    cdef size_t low = 0, high = n, mid
    while low < high:
        mid = (low + high) >> 1
        if slots[mid].hash < hash:
            low = mid + 1
        else:
            high = mid
    return low


cdef bint in_flow(
    const slot_t *slots, size_t n, const segment_t *s, int64_t time
) noexcept nogil:
    cdef uint64_t hash = flow_hash(s.src, s.dst, s.src_port, s.dst_port, s.protocol, s.scope)
    cdef size_t i = lower(slots, n, hash)
    cdef const key_t *k
    while i < n and slots[i].hash == hash:
        k = slots[i].key
        if (
            k.first <= time <= k.last and k.src_port == s.src_port and k.dst_port == s.dst_port
            and k.scope == s.scope and k.protocol == s.protocol
            and memcmp(k.src, s.src, 16) == 0 and memcmp(k.dst, s.dst, 16) == 0
        ):
            return True
        i += 1
    return False


cdef bint between_hosts(
    const slot_t *slots, size_t n, const record_t *r
) noexcept nogil:
    # fragments, and messages about packets: both addresses stand side by side in any IP header
    cdef uint8_t pair[32]
    cdef size_t at, i, end = r.caplen if r.caplen < LOOK else <size_t>LOOK
    cdef uint64_t hash
    cdef size_t size, turn
    for turn in range(2):
        size = 8 if turn == 0 else 32
        at = 0
        while at + size <= end:
            if size == 32:
                memcpy(pair, r.data + at, 32)
            else:
                for i in range(10):
                    pair[i] = pair[16 + i] = 0
                pair[10] = pair[11] = pair[26] = pair[27] = 0xFF
                memcpy(pair + 12, r.data + at, 4)
                memcpy(pair + 28, r.data + at + 4, 4)
            hash = address_hash(pair, pair + 16)
            i = lower(slots, n, hash)
            while i < n and slots[i].hash == hash:
                if (
                    memcmp(slots[i].key.src, pair, 16) == 0
                    and memcmp(slots[i].key.dst, pair + 16, 16) == 0
                    and slots[i].key.first <= r.time <= slots[i].key.last
                ):
                    return True
                i += 1
            at += 1
    return False


cdef int choose(
    network_t *net, const slot_t *flows, const slot_t *hosts, size_t n, const record_t *batch,
    size_t count, Block out
) noexcept nogil:
    cdef size_t i
    cdef segment_t s
    cdef bint wanted
    cdef int status
    cdef row_t *row
    for i in range(count):
        status = network_decode(net, batch + i, &s)
        if status == NETWORK_SEGMENT:
            wanted = in_flow(flows, n, &s, batch[i].time)
        else:
            wanted = between_hosts(hosts, n, batch + i)
            while status != NETWORK_NOTHING:  # several packets in one frame
                if status != NETWORK_FAULT:
                    wanted = wanted or in_flow(flows, n, &s, batch[i].time)
                status = network_more(net, &s)
        if not wanted:
            continue
        row = <row_t *>table_row(&out.table)
        if row == NULL:
            return -1
        row.time = batch[i].time
        row.position = batch[i].position
        row.caplen = batch[i].caplen
        row.wire_len = batch[i].wire_len
        row.linktype = batch[i].linktype
        row.interface = batch[i].interface
    return 0


def select_records(Merge merge, keys):
    """Records that belong to flows, or that are fragments between their hosts.

    Parameters
    ----------
    merge : Merge
        Is walked to its end.
    keys : contiguous array of `export.KEYS`
        One row for each flow, with the times between which it was open.

    Returns
    -------
    array of `dtypes.RECORDS`
    """
    cdef Block out = Block(sizeof(row_t))
    cdef record_t batch[BATCH]
    cdef size_t count, n, i
    cdef network_t net
    cdef Py_buffer view
    cdef slot_t *flows = NULL
    cdef const key_t *k
    cdef int status = 0
    PyObject_GetBuffer(keys, &view, PyBUF_SIMPLE)
    network_init(&net, 0)
    net.inflate = inflate
    try:
        n = view.len // sizeof(key_t)
        if view.len % sizeof(key_t):
            raise ValueError("keys are of another dtype")
        flows = <slot_t *>malloc((2 * n + 1) * sizeof(slot_t))
        if flows == NULL:
            raise MemoryError
        for i in range(n):
            k = (<const key_t *>view.buf) + i
            flows[i].key = flows[n + i].key = k
            flows[i].hash = flow_hash(k.src, k.dst, k.src_port, k.dst_port, k.protocol, k.scope)
            flows[n + i].hash = address_hash(k.src, k.dst)
        qsort(flows, n, sizeof(slot_t), by_hash)
        qsort(flows + n, n, sizeof(slot_t), by_hash)
        while True:
            merge.next_batch(batch, BATCH, &count)
            if count == 0:
                break
            with nogil:
                status = choose(&net, flows, flows + n, n, batch, count, out)
            if status != 0:
                raise MemoryError
    finally:
        free(flows)
        network_free(&net)
        PyBuffer_Release(&view)
    return out.array(dtypes.RECORDS)
