# What the pass counts for its user, and the capture's clock.
from libc.stdint cimport int64_t, uint64_t

cdef struct counters_t:
    uint64_t packets  # records read
    uint64_t segments  # TCP and UDP in them
    uint64_t skipped  # records without
    uint64_t evicted  # connections given up
    uint64_t looked  # bytes that judgements of MMS looked at, of flows that have ended
    uint64_t damaged  # copies of right bytes whose checksum is wrong
    uint64_t uncompared  # bytes that came again, with nothing left to compare them with
    int64_t last_time  # of the segment in hand
    int64_t time  # of the last record read, 0 before the first
