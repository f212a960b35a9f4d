# One record of a capture file: what its reader hands to the network layer.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t

cdef struct record_t:
    # one captured frame; `data` lies in the caller's buffer
    const uint8_t *data
    int64_t time  # ns since 1970
    uint64_t position  # of `data` in its source (file or stream)
    uint32_t caplen  # bytes there
    uint32_t wire_len  # bytes the frame had on the wire
    uint32_t linktype  # LINKTYPE_ number, flags masked away
    uint32_t interface_id
