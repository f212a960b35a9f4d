# The state machine over pcap and pcapng; see pcapfile/reader.pxd for its contract.
from libc.stdint cimport uint8_t
from libc.string cimport memset
from mmscodec._kernels.core.layout cimport FAULT_FILE_TRUNCATED, FIELD_MAGIC
from mmscodec._kernels.pcapfile.pcap cimport pcap_batch, pcap_start
from mmscodec._kernels.pcapfile.pcapng cimport pcapng_batch
from mmscodec._kernels.pcapfile.records cimport (
    FORMAT_PCAP, FORMAT_PCAPNG, FORMAT_REFUSED, MAGIC_SECTION, READ_AGAIN, READ_END, READ_FAULT,
    READ_MORE, READ_OK, comment_t, forget_interfaces, interface_t, set_fault,
)
from mmscodec._kernels.core.table cimport table_free, table_init
from mmscodec._kernels.core.wire cimport load_le32


cdef void reader_init(reader_t *r) noexcept nogil:
    memset(r, 0, sizeof(reader_t))
    table_init(&r.interfaces, sizeof(interface_t))
    table_init(&r.comments, sizeof(comment_t))
    table_init(&r.texts, 1)


cdef void reader_free(reader_t *r) noexcept nogil:
    table_free(&r.interfaces)
    table_free(&r.comments)
    table_free(&r.texts)


cdef int start(reader_t *r, const uint8_t *buf, size_t n, size_t *pos) noexcept nogil:
    # which format begins at `pos`? READ_OK when that is settled
    cdef size_t left = n - pos[0]
    if left < 4:
        if not r.final:
            r.need = 4
            return READ_MORE
        set_fault(r, r.base + pos[0], left, FAULT_FILE_TRUNCATED, FIELD_MAGIC, 24, left)
        r.format = FORMAT_REFUSED
        pos[0] = n
        return READ_FAULT
    if load_le32(buf + pos[0]) == MAGIC_SECTION:
        r.format = FORMAT_PCAPNG
        r.skip_section = False
        forget_interfaces(r)
        return READ_OK
    return pcap_start(r, buf, n, pos)


cdef int reader_batch(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count,
) noexcept nogil:
    cdef int status
    count[0] = 0
    while True:
        if r.format == FORMAT_PCAP:
            status = pcap_batch(r, buf, n, pos, out, cap, count)
        elif r.format == FORMAT_PCAPNG:
            status = pcapng_batch(r, buf, n, pos, out, cap, count)
        elif r.format == FORMAT_REFUSED:
            # also of an endless stream nothing more is read
            pos[0] = n
            return READ_END
        else:
            status = start(r, buf, n, pos)
            if status == READ_OK:
                continue
        if status != READ_AGAIN:
            return status
