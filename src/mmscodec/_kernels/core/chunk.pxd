# One chunk among those of many connections that are fed together.
from libc.stdint cimport int32_t, int64_t, uint8_t

cdef struct chunk_t:
    const uint8_t *data
    size_t size
    int64_t time
    int32_t number  # of its stream
    int32_t place  # of the stream, looked up before anything is scanned
