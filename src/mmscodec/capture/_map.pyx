# A read-only mapping of a file. Unlike `mmap.mmap` it holds no descriptor, so thousands of rotated
# files may stay mapped, and it may begin at any byte.
from cpython.buffer cimport PyBuffer_FillInfo
from libc.stdint cimport uint8_t, uint64_t

import mmap
import os

cdef extern from "mmscodec_map.h" nogil:
    void *map_file(int fd, uint64_t offset, size_t n) noexcept
    void map_free(void *p, size_t n) noexcept
    void map_populate(void *p, size_t n) noexcept
    void map_forget(void *p, size_t n) noexcept

cdef size_t GRAIN = mmap.ALLOCATIONGRANULARITY
cdef size_t PAGE = mmap.PAGESIZE


cdef class Map:
    """`length` bytes of an open file from `offset` on, as a read-only buffer.

    Raises
    ------
    ValueError
        If the file has fewer bytes. A file that is cut later ends the process on access.
    OSError
        If it cannot be mapped.
    """

    cdef uint8_t *start
    cdef size_t before  # bytes mapped in front of the first one, for alignment
    cdef size_t length

    def __init__(self, descriptor, length, offset=0):
        cdef uint64_t first = offset
        cdef int number = descriptor
        cdef void *p
        if self.start != NULL:
            raise ValueError("a map is made once")
        if length < 0 or offset < 0 or os.fstat(descriptor).st_size < offset + length:
            raise ValueError("the file is shorter than what is to be mapped")
        self.before = first % GRAIN
        self.length = length
        if length == 0:
            return
        with nogil:
            p = map_file(number, first - self.before, self.length + self.before)
        if p == NULL:
            self.length = 0
            raise OSError("the file cannot be mapped")
        self.start = <uint8_t *>p

    def __dealloc__(self):
        if self.start != NULL:
            map_free(self.start, self.length + self.before)

    def __getbuffer__(self, Py_buffer *view, int flags):
        cdef uint8_t *data = self.start + self.before if self.start != NULL else NULL
        PyBuffer_FillInfo(view, self, data, <Py_ssize_t>self.length, 1, flags)

    def __len__(self):
        return self.length

    def populate(self, low, high):
        """Have the bytes from `low` to `high` mapped before they are touched."""
        self.advise(low, high, True)

    def forget(self, low, high):
        """Give back the memory of whole pages from `low` to `high`; their bytes stay readable."""
        self.advise(low, high, False)

    cdef advise(self, size_t low, size_t high, bint populate):
        if high > self.length:
            high = self.length
        if low >= high:
            return
        low = (low + self.before) // PAGE * PAGE
        high = high + self.before
        if not populate:
            high = high // PAGE * PAGE
        if low < high:
            with nogil:
                if populate:
                    map_populate(self.start + low, high - low)
                else:
                    map_forget(self.start + low, high - low)
