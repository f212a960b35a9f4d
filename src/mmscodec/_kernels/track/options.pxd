# What the caller asks of the pass. Set before it begins, by the engine alone.
from libc.stdint cimport uint8_t, uint16_t, uint32_t
from libc.string cimport memcmp
from mmscodec._kernels.core.table cimport table_t
from mmscodec._kernels.net.segment cimport segment_t

cdef struct chosen_t:
    # a connection that is wanted, by both ends
    uint8_t a[16]
    uint8_t b[16]
    uint16_t a_port
    uint16_t b_port

cdef struct options_t:
    bint want_mms
    bint want_winmx
    bint keep_all
    const uint8_t *ports  # 65,536 flags, or NULL: all
    table_t chosen  # chosen_t: the only connections wanted, if any
    size_t max_flows
    uint32_t max_packet


cdef inline bint is_chosen(const options_t *o, const segment_t *s) noexcept nogil:
    # may a connection begin with this segment?
    cdef const chosen_t *row = <const chosen_t *>o.chosen.data
    cdef size_t i
    for i in range(o.chosen.rows):
        if row[i].a_port == s.src_port and row[i].b_port == s.dst_port \
                and memcmp(row[i].a, s.src, 16) == 0 and memcmp(row[i].b, s.dst, 16) == 0:
            return True
        if row[i].b_port == s.src_port and row[i].a_port == s.dst_port \
                and memcmp(row[i].b, s.src, 16) == 0 and memcmp(row[i].a, s.dst, 16) == 0:
            return True
    return o.chosen.rows == 0
