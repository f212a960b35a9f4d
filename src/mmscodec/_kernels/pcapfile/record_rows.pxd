# Rows of a table of records.
from libc.stdint cimport int64_t, uint32_t, uint64_t
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_row, table_t

cdef struct record_row_t:
    # a row of `dtypes.RECORDS`
    int64_t time
    uint64_t position
    uint32_t caplen
    uint32_t wire_len
    uint32_t linktype
    uint32_t interface_id


cdef inline int record_rows_append(
    table_t *table, const record_t *batch, size_t count
) noexcept nogil:
    # `count` rows more. 0, or -1 without memory
    cdef size_t i
    cdef record_row_t *row
    for i in range(count):
        row = <record_row_t *>table_row(table)
        if row == NULL:
            return -1
        row.time = batch[i].time
        row.position = batch[i].position
        row.caplen = batch[i].caplen
        row.wire_len = batch[i].wire_len
        row.linktype = batch[i].linktype
        row.interface_id = batch[i].interface_id
    return 0
