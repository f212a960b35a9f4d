# Variable parts of many rows as one column: bytes, text, or views, as Arrow lays them out.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.text.utf8 cimport from_page, from_ucs4, from_utf16


cdef enum:
    AS_BYTES = 0
    AS_MASK = 1  # an asterisk for each byte
    FROM_PAGE = 2
    FROM_UTF16 = 3
    FROM_UCS4 = 4

cdef enum:
    SPANS_DONE = 0
    SPANS_OUTSIDE = 1  # a part reaches outside of its source
    SPANS_LONG = 2     # more than an int32 offset counts


cdef struct spans_t:
    # part i: `lengths[i]` bytes from `starts[i]` on of source `which[i]`, or of the only one
    const uint8_t **sources
    const size_t *sizes
    size_t source_count
    const int32_t *which
    const int64_t *starts
    const int64_t *lengths
    size_t count


cdef inline const uint8_t *part(const spans_t *spans, size_t i) noexcept nogil:
    # the bytes of part i, NULL where they are not all there
    cdef size_t source = 0
    cdef int64_t start = spans.starts[i], length = spans.lengths[i]
    if spans.which != NULL:
        if spans.which[i] < 0:
            return NULL
        source = <size_t>spans.which[i]
    if source >= spans.source_count or start < 0 or length < 0:
        return NULL
    if <size_t>start > spans.sizes[source] or <size_t>length > spans.sizes[source] - <size_t>start:
        return NULL
    return spans.sources[source] + start


cdef inline int write_spans(
    const spans_t *spans, int how, int nul, const uint16_t *page, int32_t *offsets, uint8_t *dst,
) noexcept nogil:
    # `offsets` has room for one more than parts, `dst` for the bound of the encoding. Parts of no
    # length are never looked for. Returns SPANS_*.
    cdef size_t i, at = 0, size
    cdef const uint8_t *src
    for i in range(spans.count):
        if interrupted_at(i):
            break
        offsets[i] = <int32_t>at
        size = <size_t>spans.lengths[i]
        if size == 0:
            continue
        src = part(spans, i)
        if src == NULL:
            return SPANS_OUTSIDE
        if how == AS_BYTES:
            memcpy(dst + at, src, size)
            at += size
        elif how == AS_MASK:
            memset(dst + at, c'*', size)
            at += size
        elif how == FROM_PAGE:
            at += from_page(src, size, page, nul, dst + at)
        elif how == FROM_UTF16:
            at += from_utf16(src, size, nul, dst + at)
        else:
            at += from_ucs4(src, size, dst + at)
        if at > 0x7FFFFFFF:
            return SPANS_LONG
    offsets[spans.count] = <int32_t>at
    return SPANS_DONE


cdef inline int write_views(const spans_t *spans, uint8_t *views) noexcept nogil:
    # 16 bytes a part: length, then up to 12 bytes of it, or 4 and which source and where there.
    # Returns SPANS_*.
    cdef size_t i
    cdef int64_t length
    cdef int32_t number[2]
    cdef const uint8_t *src
    for i in range(spans.count):
        if interrupted_at(i):
            break
        memset(views + 16 * i, 0, 16)
        length = spans.lengths[i]
        if length == 0:
            continue
        src = part(spans, i)
        if src == NULL:
            return SPANS_OUTSIDE
        if length > 0x7FFFFFFF or spans.starts[i] > 0x7FFFFFFF:
            return SPANS_LONG
        number[0] = <int32_t>length
        memcpy(views + 16 * i, number, 4)
        memcpy(views + 16 * i + 4, src, 12 if length > 12 else <size_t>length)
        if length > 12:
            number[0] = spans.which[i] if spans.which != NULL else 0
            number[1] = <int32_t>spans.starts[i]
            memcpy(views + 16 * i + 8, number, 8)
    return SPANS_DONE


cdef inline int32_t place_of(int64_t value, const int64_t *keys, size_t count) noexcept nogil:
    # where it stands among the ascending keys, -1 where it does not
    cdef size_t low = 0, high = count, middle
    while low < high:
        middle = (low + high) >> 1
        if keys[middle] < value:
            low = middle + 1
        else:
            high = middle
    return <int32_t>low if low < count and keys[low] == value else -1


cdef inline void write_places(
    const int64_t *values, size_t count, const int64_t *keys, size_t key_count, int32_t *places
) noexcept nogil:
    # `place_of` each value; runs of one value are looked up once
    cdef size_t i
    for i in range(count):
        if interrupted_at(i):
            break
        if i and values[i] == values[i - 1]:
            places[i] = places[i - 1]
        else:
            places[i] = place_of(values[i], keys, key_count)
