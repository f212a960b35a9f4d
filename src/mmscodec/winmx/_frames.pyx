# Bytes to bytes: regular runs of node lists, their frames, WPNP 2.x frames.
from cpython.buffer cimport (
    PyBUF_SIMPLE, PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer)
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from mmscodec._block cimport Block
from mmscodec._kernels.winmx cimport scan as kernel
from mmscodec._kernels.core.table cimport table_reserve
from mmscodec._kernels.winmx.cipher cimport legacy_frames

import numpy as np

from mmscodec.schema.winmx.dtypes import RECORD

cdef Py_ssize_t RELEASE = 32768  # bytes from which letting other threads run pays


def regular_lists(source):
    """Frames of the regular run that the buffer is: all of it, or -1."""
    cdef Py_buffer view
    cdef size_t frames, length
    PyObject_GetBuffer(source, &view, PyBUF_SIMPLE)
    try:
        length = view.len
        if length % kernel.LIST_FRAME:
            return -1
        if length >= <size_t>RELEASE:
            with nogil:
                frames = kernel.regular_run(<const uint8_t *>view.buf, length)
        else:
            frames = kernel.regular_run(<const uint8_t *>view.buf, length)
    finally:
        PyBuffer_Release(&view)
    return frames if frames * kernel.LIST_FRAME == length else -1


def copied_lists(source, Py_ssize_t frames):
    """Records of a regular run as a new array of shape (frames, 8)."""
    cdef Py_buffer view
    cdef Block block = Block(kernel.LIST_SIZE)
    PyObject_GetBuffer(source, &view, PyBUF_SIMPLE)
    try:
        if frames * kernel.LIST_FRAME > view.len:
            raise ValueError("the buffer became shorter")
        if table_reserve(&block.table, frames) != 0:
            raise MemoryError
        with nogil:
            kernel.copy_lists(<const uint8_t *>view.buf, frames, block.table.data)
        block.table.rows = frames
    finally:
        PyBuffer_Release(&view)
    return block.array(np.dtype((RECORD, (8,))))


def write_lists(records, size_t lists, size_t each, out):
    """Frames of `each` records from contiguous records, into `out` or new bytes."""
    cdef Py_buffer source
    cdef Py_buffer target
    cdef size_t size = lists * (4 + each * kernel.NODE_SIZE)
    cdef bytes result = None
    cdef uint8_t *dst
    PyObject_GetBuffer(records, &source, PyBUF_SIMPLE)
    try:
        if <size_t>source.len < lists * each * kernel.NODE_SIZE:
            raise ValueError("fewer records than lists say")
        if out is None:
            result = PyBytes_FromStringAndSize(NULL, size)
            dst = <uint8_t *>PyBytes_AS_STRING(result)
            with nogil:
                kernel.advise(dst, size)
                kernel.write_lists(<const uint8_t *>source.buf, lists, each, dst)
            return result
        PyObject_GetBuffer(out, &target, PyBUF_WRITABLE)
        try:
            if <size_t>target.len < size:
                raise ValueError(f"out has {target.len} bytes, {size} are needed")
            dst = <uint8_t *>target.buf
            if dst < <uint8_t *>source.buf + source.len and <uint8_t *>source.buf < dst + size:
                raise ValueError("out shares memory with the records")
            with nogil:
                kernel.write_lists(<const uint8_t *>source.buf, lists, each, dst)
        finally:
            PyBuffer_Release(&target)
        return memoryview(out).cast("B")[:size]
    finally:
        PyBuffer_Release(&source)


def legacy_copy(source):
    """(a copy whose whole WPNP 2.x frames are decoded, bytes of whole frames)."""
    cdef bytes raw = bytes(memoryview(source).cast("B"))
    cdef bytes copy
    cdef uint8_t *p
    cdef size_t done
    cdef Py_ssize_t length = len(raw)
    if length < 2:
        return raw, 0
    copy = PyBytes_FromStringAndSize(PyBytes_AS_STRING(raw), length)
    p = <uint8_t *>PyBytes_AS_STRING(copy)
    with nogil:
        done = legacy_frames(p, length)
    return copy, done
