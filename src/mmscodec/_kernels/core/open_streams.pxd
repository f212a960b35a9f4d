# Which streams are open: the place of each number, and which was used longest ago (LRU).
#
# A number is given once and not again until 2^31 others were given, so that bytes of a stream that
# is gone never reach the one that has its place now.
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.string cimport memset
from mmscodec._kernels.core.table cimport table_free, table_init, table_resize, table_row, table_t

cdef enum:
    NOWHERE = -1
    LAST_NUMBER = 0x7FFFFFFF  # and a mask
    SOME_BEFORE = 1 << 30  # numbers that count as those before another one

cdef struct open_stream_t:
    int64_t time  # of the chunk that came last
    int32_t number  # or NOWHERE: the place is free
    int32_t newer  # place of the stream used next after it; of a free place, the next free one
    int32_t older
    int32_t padding

cdef struct open_streams_t:
    table_t places  # open_stream_t
    table_t index  # int32_t: places + 1 by the low bits of the number, 0 where there is none
    uint32_t mask  # of these bits
    int32_t newest
    int32_t oldest
    int32_t unused
    int32_t next_number
    int32_t taken  # the last number that was taken from its owner
    bint any_taken
    size_t count


cdef inline void streams_init(open_streams_t *o) noexcept nogil:
    # none is open; it owns nothing yet
    memset(o, 0, sizeof(open_streams_t))
    table_init(&o.places, sizeof(open_stream_t))
    table_init(&o.index, sizeof(int32_t))
    o.newest = o.oldest = o.unused = NOWHERE


cdef inline void streams_free(open_streams_t *o) noexcept nogil:
    # give the memory back
    table_free(&o.places)
    table_free(&o.index)


cdef inline open_stream_t *streams_at(const open_streams_t *o, int32_t place) noexcept nogil:
    # the stream of a place
    return <open_stream_t *>o.places.data + place


cdef inline int32_t *streams_slot(const open_streams_t *o, int32_t number) noexcept nogil:
    # where the index has this number, or where it would be put; there is an index
    cdef int32_t *slots = <int32_t *>o.index.data
    cdef uint32_t i = <uint32_t>number & o.mask
    while slots[i] and streams_at(o, slots[i] - 1).number != number:
        i = (i + 1) & o.mask
    return &slots[i]


cdef inline int32_t streams_find(const open_streams_t *o, int32_t number) noexcept nogil:
    # the place of a number, or NOWHERE
    return <int32_t>(streams_slot(o, number)[0] - 1) if o.mask else <int32_t>NOWHERE


cdef inline bint streams_was_taken(const open_streams_t *o, int32_t number) noexcept nogil:
    # May a number that is not open be one of those that were taken from their owner?
    return number >= 0 and o.any_taken \
        and ((<uint32_t>o.taken - <uint32_t>number) & LAST_NUMBER) < SOME_BEFORE


cdef inline int streams_grow_index(open_streams_t *o) noexcept nogil:
    # an index at most half full with one stream more. 0, or -1 without memory
    cdef size_t size = o.mask + 1 if o.mask else 16, i
    cdef open_stream_t *stream = <open_stream_t *>o.places.data
    if o.mask and (o.count + 1) * 2 <= size:
        return 0
    while size < (o.count + 1) * 2:
        size *= 2
    if table_resize(&o.index, size) != 0:
        return -1
    memset(o.index.data, 0, size * sizeof(int32_t))
    o.mask = <uint32_t>(size - 1)
    for i in range(o.places.rows):  # none is free: more are open than ever before
        streams_slot(o, stream[i].number)[0] = <int32_t>i + 1
    return 0


cdef inline void streams_link(open_streams_t *o, int32_t place) noexcept nogil:
    # the stream of this place, which is in no order, becomes the newest
    cdef open_stream_t *stream = streams_at(o, place)
    stream.newer = NOWHERE
    stream.older = o.newest
    if o.newest != NOWHERE:
        streams_at(o, o.newest).newer = place
    else:
        o.oldest = place
    o.newest = place


cdef inline void streams_unlink(open_streams_t *o, int32_t place) noexcept nogil:
    # the stream of this place is in no order then
    cdef open_stream_t *stream = streams_at(o, place)
    if stream.newer != NOWHERE:
        streams_at(o, stream.newer).older = stream.older
    else:
        o.newest = stream.older
    if stream.older != NOWHERE:
        streams_at(o, stream.older).newer = stream.newer
    else:
        o.oldest = stream.newer


cdef inline void streams_touch(open_streams_t *o, int32_t place, int64_t time) noexcept nogil:
    # a chunk came
    streams_at(o, place).time = time
    if o.newest != place:
        streams_unlink(o, place)
        streams_link(o, place)


cdef inline int32_t streams_add(open_streams_t *o) noexcept nogil:
    # the place of a new stream; NOWHERE without memory. A place that was never used is the last one
    cdef int32_t place = o.unused
    cdef open_stream_t *stream
    if streams_grow_index(o) != 0:
        return NOWHERE
    if place != NOWHERE:
        o.unused = streams_at(o, place).newer
    else:
        if table_row(&o.places) == NULL:
            return NOWHERE
        place = <int32_t>o.places.rows - 1
    stream = streams_at(o, place)
    stream.number = NOWHERE
    while streams_slot(o, o.next_number)[0]:
        o.next_number = (o.next_number + 1) & LAST_NUMBER
    streams_slot(o, o.next_number)[0] = place + 1
    stream.number = o.next_number
    stream.time = streams_at(o, o.newest).time if o.newest != NOWHERE else 0
    stream.padding = 0
    o.next_number = (o.next_number + 1) & LAST_NUMBER
    o.count += 1
    streams_link(o, place)
    return place


cdef inline void streams_unindex(open_streams_t *o, int32_t number) noexcept nogil:
    # the number leaves the index; those behind it come nearer to where they belong
    cdef int32_t *slots = <int32_t *>o.index.data
    cdef uint32_t hole = <uint32_t>(streams_slot(o, number) - slots), i = hole, home
    while True:
        i = (i + 1) & o.mask
        if slots[i] == 0:
            break
        home = <uint32_t>streams_at(o, slots[i] - 1).number & o.mask
        if ((i - home) & o.mask) >= ((i - hole) & o.mask):
            slots[hole] = slots[i]
            hole = i
    slots[hole] = 0


cdef inline void streams_remove(open_streams_t *o, int32_t place, bint taken) noexcept nogil:
    # the stream of this place is gone; `taken` without its owner
    cdef open_stream_t *stream = streams_at(o, place)
    if taken and not streams_was_taken(o, stream.number):
        o.taken = stream.number
        o.any_taken = True
    streams_unindex(o, stream.number)
    streams_unlink(o, place)
    stream.number = NOWHERE
    stream.newer = o.unused
    o.unused = place
    o.count -= 1
