# The binding of the gather kernel: fixed parts of messages into a structured array.
from cpython.buffer cimport (
    PyBUF_SIMPLE,
    PyBUF_STRIDED_RO,
    PyBUF_WRITABLE,
    PyBuffer_Release,
    PyObject_GetBuffer,
)
from libc.stdint cimport int64_t, uint8_t
from mmscodec._kernels.mms cimport mms_gather


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
