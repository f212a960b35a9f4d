# The messages of a session in causal order, out of those of its two flows.
from libc.stdint cimport INT64_MIN, int64_t
from mmscodec._kernels.core.interrupt cimport interrupted_at
from mmscodec._kernels.track.session_rows cimport control_row_t

cdef struct rows_t:
    # rows of a table that are of one flow, ascending
    const int64_t *rows
    int64_t count


cdef inline rows_t rows_of(
    const int64_t *by_flow, const int64_t *bounds, int64_t flow
) noexcept nogil:
    # those of a flow, out of all rows flow by flow and where those of each begin; none for -1
    if flow < 0:
        return rows_t(by_flow, 0)
    return rows_t(by_flow + bounds[flow], bounds[flow + 1] - bounds[flow])


cdef inline int64_t time_at(
    const control_row_t *table, const rows_t *flow, int64_t at, int64_t before
) noexcept nogil:
    # time of row `at` of a flow, that of the row before it where clocks jumped back
    if at >= flow.count:
        return before
    return max(table[flow.rows[at]].time, before)


cdef inline bint merge_flows(
    const control_row_t *table, rows_t one, rows_t two, int64_t *out
) noexcept nogil:
    # Rows of one flow and of the other by time and then by row into `out`, which has room for both.
    # A time that runs backwards in a flow counts as the latest before it: rows keep their order.
    # True: interrupted.
    cdef int64_t i = 0, j = 0, one_time, two_time
    one_time = time_at(table, &one, 0, INT64_MIN)
    two_time = time_at(table, &two, 0, INT64_MIN)
    while i < one.count or j < two.count:
        if interrupted_at(<size_t>(i + j)):
            return True
        if j == two.count or (i < one.count and (
            one_time < two_time or (one_time == two_time and one.rows[i] < two.rows[j])
        )):
            out[i + j] = one.rows[i]
            i += 1
            one_time = time_at(table, &one, i, one_time)
        else:
            out[i + j] = two.rows[j]
            j += 1
            two_time = time_at(table, &two, j, two_time)
    return False
