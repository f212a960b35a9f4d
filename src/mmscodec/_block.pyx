# The owner of a kernel's table: NumPy arrays made from it share its memory and keep it alive.
from cpython.buffer cimport PyBuffer_FillInfo
from libc.string cimport memset
from mmscodec._kernels.core.table cimport table_free, table_init, table_resize

import numpy as np

# looked up once: a batch of a small chunk is made in less time than a few look-ups take
cdef object DTYPE = np.dtype, EMPTY = np.empty, FROM_BUFFER = np.frombuffer


cdef class Block:
    """Rows that a kernel wrote, exported once as bytes.

    While an array made by `array` lives, the block cannot be refilled; `exports` counts them.
    """

    def __cinit__(self, size_t itemsize=1):
        table_init(&self.table, itemsize)
        self.exports = 0

    def __dealloc__(self):
        table_free(&self.table)

    def __getbuffer__(self, Py_buffer *view, int flags):
        cdef size_t size = self.table.rows * self.table.itemsize
        PyBuffer_FillInfo(view, self, self.table.data, <Py_ssize_t>size, self.frozen, flags)
        self.exports += 1

    def __releasebuffer__(self, Py_buffer *view):
        self.exports -= 1

    def __len__(self):
        return self.table.rows

    @property
    def busy(self):
        """True while an array shares this memory."""
        return self.exports > 0

    def shrink(self):
        """Give back the memory behind the last row."""
        if self.exports == 0 and self.table.rows < self.table.capacity:
            table_resize(&self.table, self.table.rows)

    def room(self, size_t rows):
        """Have so many rows of zeros, for who writes them through a view."""
        if self.exports:
            raise BufferError("the memory is in use")
        if table_resize(&self.table, rows) != 0:
            raise MemoryError
        memset(self.table.data, 0, rows * self.table.itemsize)
        self.table.rows = rows

    def array(self, dtype):
        """The rows as an array of `dtype` over this block's own memory."""
        if not isinstance(dtype, DTYPE):
            dtype = np.dtype(dtype)
        if dtype.itemsize != self.table.itemsize:
            raise TypeError(f"rows have {self.table.itemsize} bytes, {dtype} has {dtype.itemsize}")
        if self.table.rows == 0:
            return EMPTY(0, dtype)
        return FROM_BUFFER(self, dtype)


cdef object hand_over(table_t *table, object dtype, list blocks, Py_ssize_t i):
    # The rows as an array of block i; the table goes on with the memory that the block had, unless
    # an array of it still lives.
    cdef Block block = blocks[i]
    cdef table_t rows
    if block is None or block.exports:
        block = Block.__new__(Block, table.itemsize)
        blocks[i] = block
    rows = table[0]
    table[0] = block.table
    table.rows = 0
    block.table = rows
    return block.array(dtype)
