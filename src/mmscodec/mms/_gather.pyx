# The bindings of the gather kernel, the sorts and the search for what is the same: fixed parts of
# messages into a structured array, rows in the order of keys, parts with the same bytes.
from cpython.buffer cimport PyBUF_STRIDED_RO
from libc.stdint cimport int64_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memset
from mmscodec._buffer cimport Buffer, raise_interrupt, readable, take, writable
from mmscodec._kernels.core.distinct cimport first_t, number_parts, parts_t
from mmscodec._kernels.core.order cimport DIGITS, PLACES, order_by
from mmscodec._kernels.core.table cimport table_free, table_init, table_t
from mmscodec._kernels.mms.gather cimport (
    KINDS, messages_t, mids_t, mms_count_kinds, mms_gather, mms_sort_kinds, slot_of_mid,
)

import numpy as np

from mmscodec.blocks import blocks


def slot_of(uint32_t mid):
    """Index in the bounds of `by_kind` of the kind with this MID."""
    return slot_of_mid(mid)


def by_kind(messages, uint32_t resend_size):
    """Row numbers of messages, kind after kind and each ascending, and where each kind begins.

    `messages` is a C-contiguous table with uint32 columns `mid` and `length`, whatever else it has;
    `resend_size` is the least size of a resend request. Messages that are too short for their fixed
    part are with those of no kind. Returns two arrays of int64.
    """
    cdef Buffer held, room
    cdef size_t count = len(messages)
    cdef int k
    cdef mids_t mids
    cdef uint64_t counts[KINDS]
    cdef uint64_t starts[KINDS]
    cdef uint64_t stops[KINDS]
    rows, bounds = np.empty(count, np.int64), np.zeros(KINDS + 1, np.int64)
    if count == 0:
        return rows, bounds
    held = readable(messages)
    mids.stride = messages.itemsize
    if held.size // mids.stride < count:
        raise ValueError("a table of messages has one dimension")
    mids.mid_at = messages.dtype.fields["mid"][1]
    mids.length_at = messages.dtype.fields["length"][1]
    mids.resend_size = resend_size
    room = writable(rows)
    memset(counts, 0, sizeof(counts))
    with nogil:
        mms_count_kinds(held.data, count, &mids, counts)
        for k in range(KINDS):
            starts[k] = stops[k - 1] if k else 0
            stops[k] = starts[k] + counts[k]
    for k in range(KINDS):
        bounds[k + 1] = stops[k]
    with nogil:
        mms_sort_kinds(held.data, count, &mids, starts, stops, <int64_t *>room.data)
    return rows, bounds


def gather(source, int64_t base, positions, lengths, out, size_t size):
    """Copy the first `size` bytes of each message into the rows of `out`, the rest is left alone.

    `positions` (int64) and `lengths` (uint32) are one-dimensional, may be strided, and count from
    `base`, where `source` begins. A message shorter than `size` is filled up with zeros.
    """
    cdef Buffer src, pos, lens, dst
    cdef int status = 0
    cdef size_t count
    cdef size_t stride = out.itemsize
    cdef messages_t where
    if positions.dtype != "=i8" or lengths.dtype != "=u4":
        raise TypeError("positions are int64, lengths are uint32")
    if len(positions) == 0:
        return
    src, dst = readable(source), writable(out)
    pos, lens = take(positions, PyBUF_STRIDED_RO), take(lengths, PyBUF_STRIDED_RO)
    count = <size_t>pos.view.shape[0]
    if pos.view.ndim != 1 or lens.view.ndim != 1 or lens.view.shape[0] != pos.view.shape[0] \
            or dst.size != count * stride:
        raise ValueError("positions, lengths and out differ in length")
    where = messages_t(
        pos.data, <size_t>pos.view.strides[0], lens.data, <size_t>lens.view.strides[0], count)
    with nogil:
        status = mms_gather(
            src.data, src.size, base, &where, dst.data, dst.size, stride, size)
    raise_interrupt()
    if status != 0:
        raise IndexError("a message reaches outside of its source")


cdef whole_numbers(key):
    # the key as contiguous uint64
    if key.dtype == np.uint64 and key.flags.c_contiguous:
        return key
    out = np.empty(len(key), np.uint64)
    for here in blocks(len(key)):
        out[here] = key[here]
    return out


def order_of(keys):
    """Row numbers (uint32) in ascending order of keys; equal ones stay in their order.

    `keys` are arrays of numbers that are not negative, all of one length, the most important first.
    """
    cdef size_t n = len(keys[0])
    cdef Buffer held, room, more
    cdef size_t (*counts)[PLACES]
    if n > 0xFFFFFFFF:
        raise ValueError("more than 2**32 - 1 rows")
    order, scratch = np.empty(n, np.uint32), np.empty(n, np.uint32)
    for here in blocks(n):
        order[here] = np.arange(here.start, here.stop, dtype=np.uint32)
    room, more = writable(order), writable(scratch)
    counts = <size_t (*)[PLACES]>malloc(DIGITS * PLACES * sizeof(size_t))
    if counts == NULL:
        raise MemoryError
    try:
        for key in reversed(keys):
            if <size_t>len(key) != n:
                raise ValueError("keys differ in length")
            held = readable(whole_numbers(key))
            with nogil:
                order_by(
                    <const uint64_t *>held.data, <uint32_t *>room.data, <uint32_t *>more.data, n,
                    counts)
            raise_interrupt()
    finally:
        free(counts)
    return order


def distinct(source, int64_t base, positions, lengths):
    """Which parts of a buffer hold the same bytes.

    Parameters
    ----------
    source : buffer
    base : int
        The position of its first byte.
    positions, lengths : array of int64
        Of each part.

    Returns
    -------
    numbers : array of uint32
        One a part: equal numbers are equal bytes, and equal bytes have equal numbers unless they
        were made to collide in a hash table.
    firsts : array of int64
        The first part with each number.
    """
    cdef Buffer src = readable(source), room
    cdef Buffer where = readable(np.ascontiguousarray(positions, np.int64))
    cdef Buffer sizes = readable(np.ascontiguousarray(lengths, np.int64))
    cdef parts_t these
    cdef table_t firsts, slots
    cdef int status
    cdef size_t i
    these.n = where.size // sizeof(int64_t)
    if sizes.size != where.size or these.n > 0x7FFFFFFF:
        raise ValueError("a length for each position, and fewer than 2**31")
    these.src, these.size, these.base = src.data, src.size, base
    these.positions, these.lengths = <const int64_t *>where.data, <const int64_t *>sizes.data
    numbers = np.empty(these.n, np.uint32)
    room = writable(numbers)
    table_init(&firsts, sizeof(first_t))
    table_init(&slots, sizeof(uint32_t))
    try:
        with nogil:
            status = number_parts(&these, <uint32_t *>room.data, &firsts, &slots)
        raise_interrupt()
        if status == -1:
            raise MemoryError
        if status != 0:
            raise IndexError("a part reaches outside of its source")
        rows = np.empty(firsts.rows, np.int64)
        room = writable(rows)
        for i in range(firsts.rows):
            (<int64_t *>room.data)[i] = (<const first_t *>firsts.data)[i].row
    finally:
        table_free(&firsts)
        table_free(&slots)
    return numbers, rows
