# DEFLATE for the kernels: the interpreter's zlib, so that nothing has to be linked. It takes the
# GIL for each datagram that IPComp compressed, and there are hardly any.
from cpython.bytes cimport PyBytes_FromStringAndSize
from libc.stdint cimport uint8_t, uint32_t
from libc.string cimport memcpy

import zlib


cdef int with_zlib(
    const uint8_t *data, uint32_t length, uint8_t *out, uint32_t capacity
) noexcept:
    cdef bytes plain
    try:
        stream = zlib.decompressobj(-15)
        plain = stream.decompress(
            PyBytes_FromStringAndSize(<const char *>data, length), capacity
        )
        if not stream.eof:
            return -2 if len(plain) == capacity else -1
    except (zlib.error, MemoryError):
        return -1
    memcpy(out, <const char *>plain, <size_t>len(plain))
    return <int>len(plain)


cdef int inflate(
    const uint8_t *data, uint32_t length, uint8_t *out, uint32_t capacity
) noexcept nogil:
    # the bytes written to `out`; -1 where it is no raw DEFLATE, -2 where it has more bytes
    with gil:
        return with_zlib(data, length, out, capacity)
