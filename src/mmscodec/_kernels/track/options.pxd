# What the caller asks of the pass. Set before it begins, by the engine alone.
from libc.stdint cimport uint8_t, uint32_t
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.net.segment cimport endpoints_t, has_endpoints, segment_t

cdef struct options_t:
    bint want_mms
    bint want_winmx
    bint keep_all
    const uint8_t *ports  # 65,536 flags, or NULL: all
    table_t chosen  # endpoints_t, each direction a row: the only connections wanted, if any
    size_t max_flows
    uint32_t max_packet


cdef inline bint is_chosen(const options_t *o, const segment_t *s) noexcept nogil:
    # may a connection begin with this segment?
    cdef const endpoints_t *rows = <const endpoints_t *>o.chosen.data
    cdef size_t i
    for i in range(o.chosen.rows):
        if has_endpoints(s, rows + i):
            return True
    return o.chosen.rows == 0
