# Ctrl-C in long loops without the GIL.
#
# A kernel asks `interrupted()` after every piece of work, some milliseconds long at most, and ends
# early where it says so: what it wrote is good, its result says nothing. Whoever called it looks at
# `raise_interrupt()` of _buffer.pxd first of all.

cdef extern from "mmscodec_interrupt.h" nogil:
    # Has a signal handler raised? Looks every 30 ms at most, and takes the GIL for it.
    bint interrupted() noexcept

cdef enum:
    ROWS_BETWEEN = 1 << 12  # rows of a table between two questions
    BYTES_BETWEEN = 1 << 20  # and bytes of a stream


cdef inline bint interrupted_after(size_t *done, size_t rows) noexcept nogil:
    # the question of a loop over things of many rows, behind one that had `rows`
    done[0] += rows + 1
    if done[0] < ROWS_BETWEEN:
        return False
    done[0] = 0
    return interrupted()


cdef inline bint interrupted_at(size_t row) noexcept nogil:
    # the question of a loop over rows
    return (row & (ROWS_BETWEEN - 1)) == ROWS_BETWEEN - 1 and interrupted()
