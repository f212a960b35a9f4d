# The fault in hand: what a stream skips, until it is known how far.
from libc.stdint cimport int64_t, uint16_t
from mmscodec._kernels.mms.state cimport fault_row_t, mms_stream_t


cdef inline void fault_of(
    fault_row_t *fault, int64_t offset, int64_t length, uint16_t code, uint16_t field, int64_t need,
    int64_t have
) noexcept nogil:
    # fill in `fault`; its time and flow are left to whoever adds the row
    fault.offset = offset
    fault.length = length
    fault.code = code
    fault.field = field
    fault.padding = 0
    fault.need = need
    fault.have = have


cdef inline void mms_begin_skip(
    mms_stream_t *s, int64_t offset, uint16_t code, uint16_t field, int64_t need, int64_t have
) noexcept nogil:
    # from `offset` on bytes are skipped until the next header is found; this is the fault
    s.framing.skipping = True
    s.framing.fault_silent = False
    fault_of(&s.framing.fault, offset, 0, code, field, need, have)
