# Reassembly of IP fragments within bounds of bytes, datagrams and capture time.
#
# Each datagram has one block: a bitmap of the 8-byte units that came, then the bytes at their
# places. So the cost of a fragment is that of its own bytes, whatever came before it and in
# whatever order, and a datagram that is whole needs no further copy.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint32_t, uint64_t
from mmscodec._kernels.core.table cimport table_t

cdef enum:
    MAX_JOINED = 8

cdef enum:
    FRAGMENT_HELD = 0
    FRAGMENT_WHOLE = 1
    FRAGMENT_REFUSED = 2  # this fragment cannot be right; `need` and `have` say why
    FRAGMENT_NO_MEMORY = 3

cdef struct fragment_t:
    # in: one fragment, its address pair and what the datagram is told apart by
    const uint8_t *src
    const uint8_t *dst
    const uint8_t *data
    uint32_t id
    uint32_t scope
    uint8_t version
    uint8_t protocol  # IPv4: a part of the key; IPv6: next header, good in the first fragment
    bint more
    uint32_t offset
    uint32_t captured  # bytes at `data`
    uint32_t length  # bytes on the wire
    int64_t time
    uint64_t position
    # out, when whole; the bytes stay until fragments_release
    const uint8_t *whole
    uint32_t whole_captured  # up to the first byte that the snap length cut off
    uint32_t whole_length
    # out, when refused
    int64_t need
    int64_t have

cdef struct datagram_t:
    uint8_t src[16]
    uint8_t dst[16]
    uint32_t id
    uint32_t scope
    uint8_t version
    uint8_t protocol
    uint8_t next_header
    bint poisoned  # IPv6 with an overlap: all its fragments are dropped (RFC 5722)
    int64_t time  # of the first fragment to come
    uint64_t position
    uint8_t *block
    uint32_t capacity  # bytes of data in the block, a multiple of 512
    uint32_t units  # that came
    uint32_t end  # highest end that came
    uint32_t total  # 0 until the last fragment came
    uint32_t captured
    uint32_t hash
    uint64_t serial
    int32_t chain  # next of the same bucket, or of the free list
    int32_t older
    int32_t newer

cdef struct fragments_t:
    # bounds, the caller's to change before the first fragment
    uint64_t max_bytes
    uint32_t max_pending
    int64_t max_age  # ns
    # state
    table_t slots  # of datagram_t
    int32_t *buckets
    uint32_t mask
    int32_t free
    int32_t oldest
    int32_t newest
    uint32_t pending
    uint64_t bytes  # in blocks, bitmaps and the finished ones included
    uint64_t seed
    uint8_t *finished  # chain of blocks that were handed out
    # what was dropped since it was last reported
    uint64_t dropped
    uint64_t dropped_bytes
    uint64_t dropped_need
    uint64_t dropped_position
    # For who wants to know what a frame had fragments of, and clears `joined_count` before it:
    # numbers of the datagrams, and the last fragment as it came
    uint64_t serial
    uint64_t joined[MAX_JOINED]
    uint32_t joined_count
    fragment_t last

# No datagram; whoever calls this calls fragments_free.
cdef void fragments_init(fragments_t *f, uint64_t seed) noexcept nogil
cdef void fragments_free(fragments_t *f) noexcept nogil
# Room for bytes that stay until fragments_release, or NULL.
cdef uint8_t *fragments_room(fragments_t *f, uint32_t size) noexcept nogil
# What was handed out by fragments_add and fragments_room is gone.
cdef void fragments_release(fragments_t *f) noexcept nogil
# Take a fragment. FRAGMENT_HELD, FRAGMENT_WHOLE with the datagram in `x` until fragments_release,
# FRAGMENT_REFUSED with `need` and `have`, or FRAGMENT_NO_MEMORY.
cdef int fragments_add(fragments_t *f, fragment_t *x) noexcept nogil
# The oldest datagram goes, and is counted as dropped. False: there is none.
cdef bint fragments_drop_oldest(fragments_t *f) noexcept nogil
