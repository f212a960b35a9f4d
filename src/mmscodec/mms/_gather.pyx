# The binding of the gather kernel: fixed parts of messages into a structured array.
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_STRIDED_RO,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._kernels.mms.scan cimport mms_gather
from mmscodec._kernels.core.wire cimport load_le32

import numpy as np


cdef inline size_t wanted(
    const uint8_t *row, size_t mid_at, size_t length_at, uint32_t mid, uint32_t least
) noexcept nogil:
    # 1 or 0, for loops without a branch: kinds follow each other in no order
    return (load_le32(row + mid_at) == mid) & (load_le32(row + length_at) >= least)


def select(messages, uint32_t mid, uint32_t least):
    """Row numbers (int64) of the messages with this MID and at least `least` bytes.

    `messages` is a C-contiguous table with uint32 columns `mid` and `length`, whatever else it has.
    """
    cdef Py_buffer view, room
    cdef const uint8_t *first
    cdef int64_t *out
    cdef size_t count = len(messages)
    cdef size_t stride = messages.itemsize
    cdef size_t mid_at = messages.dtype.fields["mid"][1]
    cdef size_t length_at = messages.dtype.fields["length"][1]
    cdef size_t found = 0
    cdef size_t i
    if count == 0:
        return np.empty(0, np.int64)
    PyObject_GetBuffer(messages, &view, PyBUF_SIMPLE)
    try:
        first = <const uint8_t *>view.buf
        with nogil:
            for i in range(count):
                found += wanted(first + i * stride, mid_at, length_at, mid, least)
        # one more: the row after the last match is written and left out
        rows = np.empty(found + 1, np.int64)
        PyObject_GetBuffer(rows, &room, PyBUF_SIMPLE | PyBUF_WRITABLE)
        out = <int64_t *>room.buf
        found = 0
        with nogil:
            for i in range(count):
                out[found] = <int64_t>i
                found += wanted(first + i * stride, mid_at, length_at, mid, least)
        PyBuffer_Release(&room)
    finally:
        PyBuffer_Release(&view)
    return rows[:found]


def gather(source, int64_t base, positions, lengths, out, size_t size):
    """Copy the first `size` bytes of each message into the rows of `out`, the rest is left alone.

    `positions` (int64) and `lengths` (uint32) are one-dimensional, may be strided, and count from
    `base`, where `source` begins. A message shorter than `size` is filled up with zeros.
    """
    cdef Py_buffer src, pos, lens, dst
    cdef int status = 0
    cdef size_t count = len(positions)
    cdef size_t stride = out.itemsize
    if count == 0:
        return
    if len(lengths) != count or len(out) != count or size > stride:
        raise ValueError("positions, lengths and out differ in length")
    if positions.dtype != "<i8" or lengths.dtype != "<u4":
        raise TypeError("positions are int64, lengths are uint32")
    PyObject_GetBuffer(source, &src, PyBUF_SIMPLE)
    try:
        PyObject_GetBuffer(positions, &pos, PyBUF_STRIDED_RO)
        try:
            PyObject_GetBuffer(lengths, &lens, PyBUF_STRIDED_RO)
            try:
                PyObject_GetBuffer(out, &dst, PyBUF_SIMPLE | PyBUF_WRITABLE)
                try:
                    with nogil:
                        status = mms_gather(
                            <const uint8_t *>src.buf, <size_t>src.len, base,
                            <const uint8_t *>pos.buf, <size_t>pos.strides[0],
                            <const uint8_t *>lens.buf, <size_t>lens.strides[0], count,
                            <uint8_t *>dst.buf, stride, size)
                finally:
                    PyBuffer_Release(&dst)
            finally:
                PyBuffer_Release(&lens)
        finally:
            PyBuffer_Release(&pos)
    finally:
        PyBuffer_Release(&src)
    if status != 0:
        raise IndexError("a message reaches outside of its source")
