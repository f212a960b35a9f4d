# Memory for the states of MMS streams: blocks of many, which stay where they are.
from libc.stdint cimport uint8_t
from libc.stdlib cimport free, malloc
from mmscodec._kernels.core.table cimport table_free, table_init, table_row, table_t
from mmscodec._kernels.mms.state cimport mms_stream_t
from mmscodec._kernels.mms.stream cimport mms_stream_free

cdef enum:
    STREAMS_A_BLOCK = 64

cdef struct stream_pool_t:
    table_t blocks  # void *
    void *unused  # each begins with a pointer to the next one


cdef inline void stream_pool_init(stream_pool_t *p) noexcept nogil:
    # no stream
    table_init(&p.blocks, sizeof(void *))
    p.unused = NULL


cdef inline void stream_pool_free(stream_pool_t *p) noexcept nogil:
    # what the streams own was given back before
    cdef size_t i
    for i in range(p.blocks.rows):
        free((<void **>p.blocks.data)[i])
    table_free(&p.blocks)


cdef inline int stream_pool_grow(stream_pool_t *p) noexcept nogil:
    # one more block. 0, or -1 without memory
    cdef size_t size = (sizeof(mms_stream_t) + 63) & ~<size_t>63, i
    cdef uint8_t *block
    cdef void **row = <void **>table_row(&p.blocks)
    if row == NULL:
        return -1
    block = <uint8_t *>malloc(size * STREAMS_A_BLOCK)
    row[0] = block
    if block == NULL:
        return -1
    for i in range(<size_t>STREAMS_A_BLOCK):
        (<void **>(block + (STREAMS_A_BLOCK - 1 - i) * size))[0] = p.unused
        p.unused = block + (STREAMS_A_BLOCK - 1 - i) * size
    return 0


cdef inline mms_stream_t *stream_pool_take(stream_pool_t *p) noexcept nogil:
    # a stream that is not initialised, or NULL without memory
    cdef void *stream
    if p.unused == NULL and stream_pool_grow(p) != 0:
        return NULL
    stream = p.unused
    p.unused = (<void **>stream)[0]
    return <mms_stream_t *>stream


cdef inline void stream_pool_give(stream_pool_t *p, mms_stream_t *stream) noexcept nogil:
    # a stream is free, for the next one that is asked for
    mms_stream_free(stream)
    (<void **>stream)[0] = p.unused
    p.unused = stream
