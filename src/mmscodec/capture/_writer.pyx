# Records of a capture as the bytes of a new pcap or pcapng file.
from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_FromStringAndSize
from libc.stdint cimport int64_t, uint8_t, uint32_t
from mmscodec._buffer cimport Buffer, raise_interrupt, readable
from mmscodec._kernels.pcapfile.record_rows cimport record_row_t
from mmscodec._kernels.pcapfile.writer cimport (
    FORM_PCAPNG, form_t, frames_t, records_size, records_write,
)


def format_records(source, start, rows, kind, numbers, origin):
    """Records as bytes of a file, without its header.

    Parameters
    ----------
    source : buffer
        The frames; its first byte is at position `start`.
    rows : contiguous array of `dtypes.RECORDS`
    kind : int
        0 pcap in microseconds, 1 pcap in nanoseconds, 2 pcapng; all little-endian.
    numbers : contiguous array of uint32
        pcapng: interface number of each record.
    origin : int
        pcapng: ns that are taken from each time.

    Returns
    -------
    bytearray

    Raises
    ------
    IndexError
        If a frame is not inside `source`.
    """
    cdef Buffer held = readable(source), table = readable(rows), ids = readable(numbers)
    cdef frames_t src = frames_t(held.data, start, held.size)
    cdef form_t how = form_t(kind, <const uint32_t *>ids.data, origin)
    cdef int64_t size
    cdef size_t n = table.size // sizeof(record_row_t), written
    cdef const record_row_t *row = <const record_row_t *>table.data
    cdef uint8_t *out
    if table.size % sizeof(record_row_t) or (how.form == FORM_PCAPNG and ids.size != n * 4):
        raise ValueError("rows and numbers differ in length, or are of another dtype")
    size = records_size(&src, row, n, how.form)
    if size < 0:
        raise IndexError("a frame lies outside of its source")
    result = PyByteArray_FromStringAndSize(NULL, size)
    out = <uint8_t *>PyByteArray_AS_STRING(result)
    with nogil:
        written = records_write(&src, row, n, &how, out, <size_t>size)
    raise_interrupt()
    if written != <size_t>size:
        raise IndexError("the rows changed while they were written")
    return result
