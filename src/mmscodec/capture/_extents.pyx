# Bytes of a flow, gathered from where they lie in the capture.
from cpython.buffer cimport PyBUF_SIMPLE, PyBuffer_Release, PyObject_GetBuffer
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset
from mmscodec._block cimport Block
from mmscodec._kernels.table cimport table_reserve
from mmscodec._kernels.track cimport PLACE_SHIFT, extent_t


def collect(Block extents, uint32_t last):
    """The extents of the flow whose last one is number `last` (from 1), first to last: a block."""
    cdef Block out = Block(sizeof(extent_t))
    cdef extent_t *rows = <extent_t *>extents.table.data
    cdef extent_t *target
    cdef uint32_t i = last
    cdef size_t n = 0
    while i != 0 and i <= extents.table.rows:
        n += 1
        i = rows[i - 1].before
    if table_reserve(&out.table, n) != 0:
        raise MemoryError
    out.table.rows = n
    target = <extent_t *>out.table.data
    i = last
    while n:
        n -= 1
        target[n] = rows[i - 1]
        i = rows[i - 1].before
    return out


cdef size_t find(const extent_t *rows, size_t n, int64_t offset) noexcept nogil:
    # the first extent that ends behind `offset`
    cdef size_t low = 0, high = n, mid
    while low < high:
        mid = (low + high) >> 1
        if rows[mid].offset + rows[mid].length <= offset:
            low = mid + 1
        else:
            high = mid
    return low


def locate(Block extents, int64_t offset, int64_t length):
    """(source, position) of `length` bytes at `offset` if one extent holds them all, else None."""
    cdef const extent_t *rows = <const extent_t *>extents.table.data
    cdef size_t i = find(rows, extents.table.rows, offset)
    if i == extents.table.rows or rows[i].offset > offset \
            or rows[i].offset + rows[i].length - offset < length:
        return None
    cdef uint64_t place = rows[i].place + <uint64_t>(offset - rows[i].offset)
    return <int>(place >> PLACE_SHIFT), place & ((<uint64_t>1 << PLACE_SHIFT) - 1)


def gather(Block extents, list sources, int64_t offset, int64_t length):
    """`length` bytes of the flow from `offset` on as a bytearray; missing ones are 0."""
    cdef const extent_t *rows = <const extent_t *>extents.table.data
    cdef size_t n = extents.table.rows, count = len(sources), held = 0, i
    cdef Py_buffer *views = <Py_buffer *>calloc(count + 1, sizeof(Py_buffer))
    cdef uint8_t *out
    if views == NULL:
        raise MemoryError
    try:
        for i in range(count):
            if sources[i] is not None:
                PyObject_GetBuffer(sources[i], &views[i], PyBUF_SIMPLE)
            held = i + 1
        result = PyByteArray_FromStringAndSize(NULL, length)
        out = <uint8_t *>PyByteArray_AS_STRING(result)
        if copy(rows, n, views, count, offset, length, out) != 0:
            raise IndexError("an extent reaches outside of its source")
        return result
    finally:
        for i in range(held):
            PyBuffer_Release(&views[i])  # does nothing where none was taken
        free(views)


cdef int copy(
    const extent_t *rows, size_t n, const Py_buffer *views, size_t count, int64_t offset,
    int64_t length, uint8_t *out
) noexcept:
    cdef size_t i = find(rows, n, offset)
    cdef int64_t at = offset, end = offset + length, start, stop
    cdef uint64_t source, position
    while at < end:
        if i == n or rows[i].offset >= end:
            memset(out + (at - offset), 0, <size_t>(end - at))
            break
        start = rows[i].offset if rows[i].offset > at else at
        stop = rows[i].offset + rows[i].length
        if stop > end:
            stop = end
        if start > at:
            memset(out + (at - offset), 0, <size_t>(start - at))
        source = rows[i].place >> PLACE_SHIFT
        position = rows[i].place & ((<uint64_t>1 << PLACE_SHIFT) - 1)
        position += <uint64_t>(start - rows[i].offset)
        if source >= count or views[source].buf == NULL \
                or position + <uint64_t>(stop - start) > <uint64_t>views[source].len:
            return -1
        memcpy(out + (start - offset), <const uint8_t *>views[source].buf + position,
               <size_t>(stop - start))
        at = stop
        i += 1
    return 0
