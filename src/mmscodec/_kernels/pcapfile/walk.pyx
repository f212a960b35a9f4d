# See pcapfile/walk.pxd.
from libc.stdint cimport int64_t
from libc.string cimport memcpy
from mmscodec._kernels.core.layout cimport FAULT_BEYOND_LIMIT, FAULT_FILE_TRUNCATED
from mmscodec._kernels.core.table cimport table_row
from mmscodec._kernels.pcapfile.reader cimport reader_batch
from mmscodec._kernels.pcapfile.records cimport READ_FAULT, READ_MEMORY, read_fault_t

cdef enum:
    MAX_FAULTS = 1 << 16  # beyond it, faults are counted, not kept


cdef int walk_keep_fault(walk_t *w, const read_fault_t *fault) noexcept nogil:
    cdef void *row
    if w.limited and fault.code == FAULT_FILE_TRUNCATED:
        return 0  # it is said why
    if fault.code == FAULT_BEYOND_LIMIT:
        w.limited = True
    if w.fault_rows.rows >= MAX_FAULTS:
        w.lost_faults += 1
        return 0
    row = table_row(&w.fault_rows)
    if row == NULL:
        return -1
    memcpy(row, fault, sizeof(read_fault_t))
    return note_times(w) if w.begun else 0


cdef int note_times(walk_t *w) noexcept nogil:
    # the faults that have no time yet stand beside the last record
    cdef int64_t *time
    while w.timed < w.fault_rows.rows:
        time = <int64_t *>table_row(&w.fault_times)
        if time == NULL:
            return -1
        time[0] = w.last_time
        w.timed += 1
    return 0


cdef inline int note_records(walk_t *w, const record_t *out, size_t count) noexcept nogil:
    # records that were read: the first one of all has the time of what stands in front of it
    cdef int status = 0
    if not w.begun:
        w.begun = True
        w.last_time = out[0].time
        status = note_times(w)
    w.last_time = out[count - 1].time
    return status


cdef int walk_fill(walk_t *w, record_t *out, size_t cap, size_t *count) noexcept nogil:
    cdef size_t got
    cdef int status
    count[0] = 0
    while True:
        status = reader_batch(
            &w.reader, w.buf, w.size, &w.pos, out + count[0], cap - count[0], &got
        )
        if got != 0 and note_records(w, out + count[0], got) != 0:
            return READ_MEMORY
        count[0] += got
        if status != READ_FAULT:
            return status
        if walk_keep_fault(w, &w.reader.fault) != 0:
            return READ_MEMORY
