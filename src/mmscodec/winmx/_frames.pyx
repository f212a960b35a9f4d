# Bytes to bytes: regular runs of node lists, their frames, WPNP 2.x frames.
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t
from mmscodec._block cimport Block
from mmscodec._buffer cimport Buffer, RELEASE_GIL, raise_interrupt, readable, writable
from mmscodec._kernels.core.allocator cimport advise_block
from mmscodec._kernels.winmx cimport nodes, scan as kernel
from mmscodec._kernels.core.table cimport table_reserve
from mmscodec._kernels.winmx.cipher cimport legacy_frames

import numpy as np

from mmscodec.schema.winmx.dtypes import RECORD


def regular_lists(source):
    """Frames of the regular run that the buffer is: all of it, or -1."""
    cdef Buffer held = readable(source)
    cdef size_t frames
    if held.size % kernel.LIST_FRAME:
        return -1
    if held.size >= RELEASE_GIL:
        with nogil:
            frames = nodes.regular_run(held.data, held.size)
    else:
        frames = nodes.regular_run(held.data, held.size)
    raise_interrupt()
    return frames if frames * kernel.LIST_FRAME == held.size else -1


def copied_lists(source, size_t frames):
    """Records of a regular run as a new array of shape (frames, 8)."""
    cdef Buffer held = readable(source)
    cdef Block block = Block(kernel.LIST_SIZE)
    if frames > held.size // kernel.LIST_FRAME:
        raise ValueError("the buffer became shorter")
    if table_reserve(&block.table, frames) != 0:
        raise MemoryError
    with nogil:
        block.table.rows = nodes.copy_lists(
            held.data, frames, block.table.data, block.table.capacity * kernel.LIST_SIZE)
    raise_interrupt()
    return block.array(np.dtype((RECORD, (8,))))


def write_lists(records, size_t lists, size_t each, out):
    """Frames of `each` records from contiguous records, into `out` or new bytes."""
    cdef Buffer source = readable(records), target
    cdef size_t size = lists * (4 + each * kernel.NODE_SIZE)
    cdef bytes result = None
    cdef uint8_t *dst
    if source.size < lists * each * kernel.NODE_SIZE:
        raise ValueError("fewer records than lists say")
    if out is None:
        result = PyBytes_FromStringAndSize(NULL, <Py_ssize_t>size)
        dst = <uint8_t *>PyBytes_AS_STRING(result)
        with nogil:
            advise_block(dst, size)
            nodes.write_lists(source.data, lists, each, dst, size)
        raise_interrupt()
        return result
    target = writable(out)
    if target.size < size:
        raise ValueError(f"out has {target.size} bytes, {size} are needed")
    if target.data < source.data + source.size and source.data < target.data + size:
        raise ValueError("out shares memory with the records")
    with nogil:
        nodes.write_lists(source.data, lists, each, target.data, target.size)
    raise_interrupt()
    return memoryview(out).cast("B")[:size]


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
    raise_interrupt()
    return copy, done
