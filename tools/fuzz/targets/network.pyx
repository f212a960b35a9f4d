# Fuzz targets of the way from a frame to bytes in order.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.net.pieces cimport checksum_t
from mmscodec._kernels.net.cursor cimport (
    NETWORK_FAULT, NETWORK_SEGMENT, NETWORK_SEVERAL, network_t,
)
from mmscodec._kernels.net.network cimport (
    network_decode, network_finish, network_free, network_init, network_more,
)
from mmscodec._kernels.net.pieces cimport (
    RUN_DATA, RUN_GAP, run_t, tcp_pool_free, tcp_pool_init, tcp_pool_t, tcp_release,
)
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.tcp_reassembly cimport (
    GAP_END, tcp_ack, tcp_discard, tcp_feed, tcp_finish, tcp_init, tcp_t,
)
from tools.fuzz.targets.check cimport must, take, touch

cdef enum:
    PARTS = 4096  # that one frame may give
    FRAGMENT_BYTES = 1 << 20
    HELD = 1 << 14
    PENDING = 64


cdef uint32_t check_segment(const segment_t *s, const record_t *frame) noexcept nogil:
    # payload lies in the frame, or every byte of it can be read
    must(s.length <= s.wire_len)
    if not s.owned and s.length:
        must(s.payload >= frame.data and s.payload + s.length <= frame.data + frame.caplen)
    return touch(s.payload, s.length)


cdef void walk_frame(network_t *net, const record_t *frame) noexcept nogil:
    cdef segment_t segment
    cdef int status = network_decode(net, frame, &segment), _part
    for _part in range(PARTS):
        if status == NETWORK_SEGMENT or status == NETWORK_SEVERAL:
            check_segment(&segment, frame)
        if status == NETWORK_FAULT:
            must(net.fault.code != 0)
        elif status != NETWORK_SEVERAL:
            return
        status = network_more(net, &segment)
    must(False)


cdef void network_frames(const uint8_t *p, size_t n) noexcept nogil:
    # frames of one link type: u16 link type; then u16 length, u8 bytes cut off, bytes
    cdef network_t net
    cdef record_t frame
    cdef uint8_t *copy
    memset(&frame, 0, sizeof(frame))
    frame.linktype = take(&p, &n, 2)
    network_init(&net, 7)
    net.fragments.max_bytes = FRAGMENT_BYTES
    while n:
        frame.caplen = take(&p, &n, 2)
        frame.wire_len = take(&p, &n, 1)
        if frame.caplen > n:
            frame.caplen = <uint32_t>n
        frame.wire_len = frame.caplen + (frame.wire_len & 15)
        copy = <uint8_t *>malloc(frame.caplen)
        memcpy(copy, p, frame.caplen)
        frame.data = copy
        walk_frame(&net, &frame)
        must(net.fragments.bytes <= 2 * FRAGMENT_BYTES)
        free(copy)
        p += frame.caplen
        n -= frame.caplen
        frame.position += frame.caplen
        frame.time += 1000000
    while network_finish(&net) == NETWORK_FAULT:
        must(net.fault.code != 0)
    network_free(&net)


cdef uint32_t check_runs(tcp_pool_t *pool, int64_t *end) noexcept nogil:
    # data and gaps follow each other without a hole
    cdef run_t *run = <run_t *>pool.runs.data
    cdef size_t i
    cdef uint32_t sum = 0
    for i in range(pool.runs.rows):
        if run[i].kind == RUN_DATA or run[i].kind == RUN_GAP:
            must(run[i].offset == end[0] and run[i].length > 0)
            end[0] += run[i].length
        if run[i].kind != RUN_GAP:
            must(run[i].data != NULL)
            sum += touch(run[i].data, <size_t>run[i].length)
    tcp_release(pool)
    return sum


cdef void tcp_reassembly(const uint8_t *p, size_t n) noexcept nogil:
    # segments: u8 flags, u32 sequence number, u8 bytes cut off, u16 length, bytes; a flag of the
    # sixth bit is an acknowledgment of the other side
    cdef tcp_t direction
    cdef tcp_pool_t pool
    cdef segment_t s
    cdef uint32_t flags
    cdef uint8_t *copy
    cdef int64_t end = 0
    memset(&s, 0, sizeof(s))
    tcp_init(&direction)
    must(tcp_pool_init(&pool) == 0)
    pool.held_limit = HELD
    pool.pending_limit = PENDING
    while n:
        flags = take(&p, &n, 1)
        s.seq = take(&p, &n, 4)
        if flags & 0x20:
            must(tcp_ack(&direction, &pool, s.seq, 0) == 0)
            check_runs(&pool, &end)
            continue
        s.tcp_flags = <uint8_t>(flags & 0x17)
        s.wire_len = take(&p, &n, 1) & 7
        s.length = take(&p, &n, 2)
        if s.length > n:
            s.length = <uint32_t>n
        s.wire_len += s.length
        copy = <uint8_t *>malloc(s.length)
        memcpy(copy, p, s.length)
        s.payload = copy
        must(tcp_feed(&direction, &pool, &s, 0, False, 0, <checksum_t><int>((flags >> 6) % 3)) == 0)
        check_runs(&pool, &end)
        free(copy)
        must(direction.pieces.count <= PENDING + 1)
        p += s.length
        n -= s.length
    must(tcp_finish(&direction, &pool, GAP_END) == 0)
    check_runs(&pool, &end)
    must(pool.held == 0)
    tcp_discard(&direction, &pool)
    tcp_pool_free(&pool)


TARGETS = {
    "network_frames": <size_t>&network_frames,
    "tcp_reassembly": <size_t>&tcp_reassembly,
}
