# Which parts of a buffer hold the same bytes. Peers say the same over and over, and each different
# text has to be read once.
#
# An open-addressed hash table in which at most PROBES places are looked at: bytes made to collide
# cost no more than that, they only get more numbers than there are different ones.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcmp, memcpy, memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.core.table cimport table_free, table_resize, table_row, table_t
from mmscodec._kernels.core.wire cimport load_le64

cdef enum:
    PROBES = 16
    DISTINCT_OUTSIDE = -2

cdef struct parts_t:
    # n parts of the `size` bytes at `src`, of which the first has the position `base`
    const uint8_t *src
    size_t size
    int64_t base
    const int64_t *positions
    const int64_t *lengths
    size_t n

cdef struct first_t:
    # the first part with some bytes
    uint64_t hash
    int64_t row


cdef inline uint64_t hash_part(const uint8_t *p, size_t n) noexcept nogil:
    # of n bytes at p
    cdef uint64_t h = n, word
    while n >= 8:
        h = (h ^ load_le64(p)) * <uint64_t>0x9E3779B97F4A7C15
        h ^= h >> 29
        p += 8
        n -= 8
    word = 0
    if n:
        memcpy(&word, p, n)
    h = (h ^ word) * <uint64_t>0xBF58476D1CE4E5B9
    return h ^ (h >> 32)


cdef inline bint same_part(const parts_t *these, int64_t one, int64_t two) noexcept nogil:
    # do two parts, both inside of the buffer, hold the same bytes?
    cdef size_t n = <size_t>these.lengths[one]
    return n == <size_t>these.lengths[two] and (n == 0 or memcmp(
        these.src + (these.positions[one] - these.base),
        these.src + (these.positions[two] - these.base), n) == 0)


cdef inline void place_first(
    uint32_t *slot, size_t places, uint64_t hash, uint32_t number
) noexcept nogil:
    # enter a number into the hash table, 2^k places at `slot`, if one of PROBES is free
    cdef size_t at = <size_t>hash & (places - 1), _turn
    for _turn in range(<size_t>PROBES):
        if slot[at] == 0:
            slot[at] = number + 1
            return
        at = (at + 1) & (places - 1)


cdef inline int grow_slots(table_t *slots, const table_t *firsts, size_t places) noexcept nogil:
    # make `slots` a hash table of 2^k places with all of `firsts` in it. 0, or -1 without memory
    cdef const first_t *first = <const first_t *>firsts.data
    cdef size_t i
    table_free(slots)
    if table_resize(slots, places) != 0:
        return -1
    memset(slots.data, 0, places * sizeof(uint32_t))
    for i in range(firsts.rows):
        place_first(<uint32_t *>slots.data, places, first[i].hash, <uint32_t>i)
    return 0


cdef inline uint32_t known_number(
    const parts_t *these, int64_t row, uint64_t hash, const table_t *firsts, const uint32_t *slot,
    size_t places
) noexcept nogil:
    # number of the part that has the bytes of part `row`, which hash to `hash`, or firsts.rows
    cdef size_t at = <size_t>hash & (places - 1), _turn
    cdef const first_t *first
    for _turn in range(<size_t>PROBES):
        if slot[at] == 0:
            break
        first = <const first_t *>firsts.data + (slot[at] - 1)
        if first.hash == hash and same_part(these, first.row, row):
            return slot[at] - 1
        at = (at + 1) & (places - 1)
    return <uint32_t>firsts.rows


cdef inline int add_first(
    table_t *firsts, table_t *slots, size_t *places, uint64_t hash, int64_t row
) noexcept nogil:
    # part `row` is the first with its bytes; the hash table stays half empty. 0, or -1
    cdef first_t *first = <first_t *>table_row(firsts)
    if first == NULL:
        return -1
    first.hash, first.row = hash, row
    if firsts.rows * 2 > places[0]:
        places[0] *= 2
        return grow_slots(slots, firsts, places[0])
    place_first(<uint32_t *>slots.data, places[0], hash, <uint32_t>(firsts.rows - 1))
    return 0


cdef inline int number_parts(
    const parts_t *these, uint32_t *which, table_t *firsts, table_t *slots
) noexcept nogil:
    # Write the number of each part's bytes into `which`, n places; numbers count from 0 in the
    # order of their `firsts` (`first_t`), which are added. `slots`, of uint32_t, is scratch. Both
    # tables are empty before. 0, -1 without memory, or DISTINCT_OUTSIDE.
    cdef uint64_t hash, position, length
    cdef size_t i, places = 1 << 8
    if grow_slots(slots, firsts, places) != 0:
        return -1
    for i in range(these.n):
        position = <uint64_t>these.positions[i] - <uint64_t>these.base
        length = <uint64_t>these.lengths[i]
        if length > these.size or position > these.size - length:
            return DISTINCT_OUTSIDE
        hash = hash_part(these.src + position if length else NULL, <size_t>length)
        which[i] = known_number(
            these, <int64_t>i, hash, firsts, <const uint32_t *>slots.data, places)
        if which[i] == firsts.rows and add_first(firsts, slots, &places, hash, <int64_t>i) != 0:
            return -1
        if interrupted_at(i):
            break
    return 0
