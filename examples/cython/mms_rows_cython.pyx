# A decoder of MMS as a class of Cython: one connection, fed with what it receives.
#
#     >>> decoder = mms_rows_cython.Decoder()
#     >>> rows = decoder.feed(chunk)
#     >>> numpy.frombuffer(rows["messages"], mmscodec.schema.dtypes.MESSAGES)
from libc.stdint cimport uint8_t
from mmscodec cimport capi

cdef const capi.mmscodec_api *codec = capi.mmscodec_import()

cdef enum:
    FIXED = 24  # bytes of OpenFile in front of its name


cdef class Decoder:
    cdef capi.mmscodec_mms_decoder *decoder

    def __cinit__(self):
        check(codec.mms.create(&self.decoder, NULL))

    def __dealloc__(self):
        codec.mms.destroy(self.decoder)

    def feed(self, const uint8_t[::1] chunk):
        """Rows that the next bytes complete, of each table as bytes."""
        cdef size_t n = <size_t>chunk.shape[0]
        cdef const uint8_t *p = &chunk[0] if n else NULL
        cdef int status
        with nogil:
            status = codec.mms.feed(self.decoder, p, n)
        check(status)
        return self.rows()

    def finish(self):
        """Rows of what waited for more bytes."""
        check(codec.mms.finish(self.decoder))
        return self.rows()

    def names(self):
        """Files that a client asked for in the last chunk: field file_name of OpenFile."""
        cdef const capi.mmscodec_mms_message *row
        cdef const char *text
        cdef size_t n, i
        row = codec.mms.messages(self.decoder, &n)
        found = []
        for i in range(n):
            if row[i].mid == capi.MMSCODEC_MID_LinkViewerToMacOpenFile and row[i].length > FIXED:
                text = <const char *>codec.mms.bytes(
                    self.decoder, row[i].offset + FIXED, row[i].length - FIXED)
                name = text[:row[i].length - FIXED].decode("utf-16-le", "replace")
                found.append(name.partition("\0")[0])
        return found

    cdef rows(self):
        cdef size_t n
        cdef const void *p
        found = {}
        p = codec.mms.packets(self.decoder, &n)
        found["packets"] = copy(p, n * sizeof(capi.mmscodec_mms_packet))
        p = codec.mms.messages(self.decoder, &n)
        found["messages"] = copy(p, n * sizeof(capi.mmscodec_mms_message))
        p = codec.mms.data(self.decoder, &n)
        found["data"] = copy(p, n * sizeof(capi.mmscodec_mms_data))
        p = codec.mms.faults(self.decoder, &n)
        found["faults"] = copy(p, n * sizeof(capi.mmscodec_mms_fault))
        return found


cdef bytes copy(const void *p, size_t n):
    return (<const char *>p)[:n] if n else b""


cdef int check(int status) except -1:
    if status == capi.MMSCODEC_NO_MEMORY:
        raise MemoryError
    if status < 0:
        raise RuntimeError(codec.status_text(status).decode())
    return 0
