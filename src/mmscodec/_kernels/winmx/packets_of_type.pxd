# The packets of one type, one after the other: the loop of every gather.
#
# Which packets they are is worked out for a block at a time without a branch for each packet, and
# the frames of those that follow are fetched ahead.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.core.interrupt cimport interrupted
from mmscodec._kernels.core.wire cimport prefetch
from mmscodec._kernels.winmx.scan cimport index_t, packet_t

cdef enum:
    BLOCK = 1024  # packets looked through together
    FRAMES_AHEAD = 8  # packets to prefetch in front of the one that is read

cdef struct packets_of_type_t:
    const index_t *index
    size_t number  # row of the packet that `next_packet` found
    int type  # -1: all
    size_t from_  # first packet of the block
    size_t behind  # and first one behind it
    size_t found  # of them
    size_t taken  # given out so far
    uint32_t places[BLOCK]  # behind `from_`


cdef inline const uint8_t *frame_of(const index_t *index, const packet_t *packet) noexcept nogil:
    # where the bytes of a packet lie
    return index.src + (packet.offset - index.base)


cdef inline void begin_packets(
    packets_of_type_t *these, const index_t *index, int type
) noexcept nogil:
    # all packets of `type`, or all where it is -1; the index stays as it is
    these.index = index
    these.type = type
    these.from_ = these.behind = these.found = these.taken = 0


cdef inline bint next_packet(packets_of_type_t *these) noexcept nogil:
    # `number` becomes that of the next one; False where there is none
    cdef const uint8_t *frame
    while these.taken == these.found:
        if these.behind == these.index.count or (these.behind and interrupted()):
            return False
        next_block(these)
    if these.taken + FRAMES_AHEAD < these.found:
        frame = frame_of(
            these.index,
            &these.index.packets[these.from_ + these.places[these.taken + FRAMES_AHEAD]])
        prefetch(frame)
        prefetch(frame + 64)
    these.number = these.from_ + these.places[these.taken]
    these.taken += 1
    return True


cdef inline void next_block(packets_of_type_t *these) noexcept nogil:
    # which of the next BLOCK packets are of the type
    cdef const packet_t *packets = these.index.packets + these.behind
    cdef size_t i, found = 0, count = min(these.index.count - these.behind, <size_t>BLOCK)
    cdef int type = these.type
    for i in range(count):
        these.places[found] = <uint32_t>i
        found += (packets[i].type == type) | (type < 0)
    these.from_ = these.behind
    these.behind += count
    these.found = found
    these.taken = 0
