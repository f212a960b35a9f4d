# The binding of the gather kernel: fixed parts of messages into a structured array.
from cpython.buffer cimport PyBUF_STRIDED_RO
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._buffer cimport Buffer, readable, take, writable
from mmscodec._kernels.mms.scan cimport extents_t, mms_gather
from mmscodec._kernels.core.wire cimport load_own32

import numpy as np


cdef inline size_t wanted(
    const uint8_t *row, size_t mid_at, size_t length_at, uint32_t mid, uint32_t least
) noexcept nogil:
    # 1 or 0, for loops without a branch: kinds follow each other in no order
    return <int>(load_own32(row + mid_at) == mid) & <int>(load_own32(row + length_at) >= least)


def select(messages, uint32_t mid, uint32_t least):
    """Row numbers (int64) of the messages with this MID and at least `least` bytes.

    `messages` is a C-contiguous table with uint32 columns `mid` and `length`, whatever else it has.
    """
    cdef Buffer held, room
    cdef const uint8_t *first
    cdef int64_t *out
    cdef size_t count = len(messages)
    cdef size_t stride = messages.itemsize
    cdef size_t mid_at = messages.dtype.fields["mid"][1]
    cdef size_t length_at = messages.dtype.fields["length"][1]
    cdef size_t found = 0, capacity, i
    if count == 0:
        return np.empty(0, np.int64)
    held = readable(messages)
    if held.size // stride < count:
        raise ValueError("a table of messages has one dimension")
    first = held.data
    with nogil:
        for i in range(count):
            found += wanted(first + i * stride, mid_at, length_at, mid, least)
    # one more: the row after the last match is written and left out
    rows = np.empty(found + 1, np.int64)
    room = writable(rows)
    out = <int64_t *>room.data
    capacity = found
    found = 0
    with nogil:
        for i in range(count):
            out[found] = <int64_t>i
            found += wanted(first + i * stride, mid_at, length_at, mid, least)
            if found > capacity:  # somebody else writes to the table
                break
    return rows[:min(found, capacity)]


def gather(source, int64_t base, positions, lengths, out, size_t size):
    """Copy the first `size` bytes of each message into the rows of `out`, the rest is left alone.

    `positions` (int64) and `lengths` (uint32) are one-dimensional, may be strided, and count from
    `base`, where `source` begins. A message shorter than `size` is filled up with zeros.
    """
    cdef Buffer src, pos, lens, dst
    cdef int status = 0
    cdef size_t count
    cdef size_t stride = out.itemsize
    cdef extents_t extents
    if positions.dtype != "=i8" or lengths.dtype != "=u4":
        raise TypeError("positions are int64, lengths are uint32")
    if len(positions) == 0:
        return
    src, dst = readable(source), writable(out)
    pos, lens = take(positions, PyBUF_STRIDED_RO), take(lengths, PyBUF_STRIDED_RO)
    count = <size_t>pos.view.shape[0]
    if pos.view.ndim != 1 or lens.view.ndim != 1 or lens.view.shape[0] != pos.view.shape[0] \
            or dst.size != count * stride:
        raise ValueError("positions, lengths and out differ in length")
    extents = extents_t(
        pos.data, <size_t>pos.view.strides[0], lens.data, <size_t>lens.view.strides[0], count)
    with nogil:
        status = mms_gather(
            src.data, src.size, base, &extents, dst.data, dst.size, stride, size)
    if status != 0:
        raise IndexError("a message reaches outside of its source")
