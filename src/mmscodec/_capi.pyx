# The C interface of include/mmscodec.h, as a capsule. What each function does stands there; here is
# who may call it, and where it comes from.
from cpython.pycapsule cimport PyCapsule_New
from libc.stdint cimport int64_t, uint8_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy
from mmscodec._kernels.mms.decoder cimport (
    mms_decoder_bytes, mms_decoder_feed, mms_decoder_finish, mms_decoder_free, mms_decoder_init,
    mms_decoder_reset, mms_decoder_t,
)
from mmscodec._kernels.mms.stream cimport mms_undecided
from mmscodec.capi cimport (
    MMSCODEC_ABI_VERSION, MMSCODEC_BAD_OPTION, MMSCODEC_BUSY, MMSCODEC_CLOSED, MMSCODEC_LIVE,
    MMSCODEC_MAX_PACKET, MMSCODEC_NO_MEMORY, MMSCODEC_OK, MMSCODEC_STOP_AT_FAULT, MMSCODEC_STOPPED,
    MMSCODEC_UDP, mmscodec_api, mmscodec_mms_api, mmscodec_mms_data, mmscodec_mms_decoder,
    mmscodec_mms_fault, mmscodec_mms_message, mmscodec_mms_options, mmscodec_mms_packet,
)

from mmscodec import __version__

cdef extern from "mmscodec_atomic.h" nogil:
    bint shared_take(int *flag) noexcept
    void shared_give(int *flag) noexcept

cdef struct owned_t:
    mms_decoder_t decoder
    bint closed
    int busy  # a call is under way


cdef int mms_create(
    mmscodec_mms_decoder **out, const mmscodec_mms_options *options
) noexcept nogil:
    cdef owned_t *d
    out[0] = NULL
    if options != NULL and (
        options.size < sizeof(mmscodec_mms_options) or options.max_packet < 32
        or options.flags > (MMSCODEC_STOP_AT_FAULT | MMSCODEC_LIVE | MMSCODEC_UDP)
    ):
        return MMSCODEC_BAD_OPTION
    d = <owned_t *>malloc(sizeof(owned_t))
    if d == NULL:
        return MMSCODEC_NO_MEMORY
    mms_decoder_init(&d.decoder, options.max_packet if options != NULL else MMSCODEC_MAX_PACKET)
    if options != NULL:
        d.decoder.stream.options.stop_at_fault = options.flags & MMSCODEC_STOP_AT_FAULT != 0
        d.decoder.stream.options.live = options.flags & MMSCODEC_LIVE != 0
        d.decoder.stream.options.datagrams = options.flags & MMSCODEC_UDP != 0
    d.closed = False
    d.busy = 0
    out[0] = <mmscodec_mms_decoder *>d
    return MMSCODEC_OK


cdef int mms_take(
    mmscodec_mms_decoder *decoder, const uint8_t *p, size_t n, bint final
) noexcept nogil:
    # feed, or finish
    cdef owned_t *d = <owned_t *>decoder
    cdef int status = MMSCODEC_CLOSED
    if not shared_take(&d.busy):
        return MMSCODEC_BUSY
    if not d.closed:
        status = mms_decoder_finish(&d.decoder) if final else mms_decoder_feed(&d.decoder, p, n)
        d.closed = final or status != MMSCODEC_OK
    shared_give(&d.busy)
    return status


cdef int mms_feed(mmscodec_mms_decoder *decoder, const void *bytes, size_t length) noexcept nogil:
    return mms_take(decoder, <const uint8_t *>bytes, length, False)


cdef int mms_finish(mmscodec_mms_decoder *decoder) noexcept nogil:
    return mms_take(decoder, NULL, 0, True)


cdef const mmscodec_mms_packet *mms_packets(
    const mmscodec_mms_decoder *decoder, size_t *count
) noexcept nogil:
    cdef const owned_t *d = <const owned_t *>decoder
    count[0] = d.decoder.tables.packets.rows
    return <const mmscodec_mms_packet *>d.decoder.tables.packets.data


cdef const mmscodec_mms_message *mms_messages(
    const mmscodec_mms_decoder *decoder, size_t *count
) noexcept nogil:
    cdef const owned_t *d = <const owned_t *>decoder
    count[0] = d.decoder.tables.messages.rows
    return <const mmscodec_mms_message *>d.decoder.tables.messages.data


cdef const mmscodec_mms_data *mms_data(
    const mmscodec_mms_decoder *decoder, size_t *count
) noexcept nogil:
    cdef const owned_t *d = <const owned_t *>decoder
    count[0] = d.decoder.tables.data.rows
    return <const mmscodec_mms_data *>d.decoder.tables.data.data


cdef const mmscodec_mms_fault *mms_faults(
    const mmscodec_mms_decoder *decoder, size_t *count
) noexcept nogil:
    cdef const owned_t *d = <const owned_t *>decoder
    count[0] = d.decoder.tables.faults.rows
    return <const mmscodec_mms_fault *>d.decoder.tables.faults.data


cdef const uint8_t *mms_bytes(
    const mmscodec_mms_decoder *decoder, int64_t offset, size_t length
) noexcept nogil:
    return mms_decoder_bytes(&(<const owned_t *>decoder).decoder, offset, length)


cdef int64_t mms_position(const mmscodec_mms_decoder *decoder) noexcept nogil:
    return (<const owned_t *>decoder).decoder.stream.framing.position


cdef size_t mms_buffered(const mmscodec_mms_decoder *decoder) noexcept nogil:
    return mms_undecided(&(<const owned_t *>decoder).decoder.stream)


cdef int mms_reset(mmscodec_mms_decoder *decoder) noexcept nogil:
    cdef owned_t *d = <owned_t *>decoder
    if not shared_take(&d.busy):
        return MMSCODEC_BUSY
    mms_decoder_reset(&d.decoder)
    d.closed = False
    shared_give(&d.busy)
    return MMSCODEC_OK


cdef void mms_destroy(mmscodec_mms_decoder *decoder) noexcept nogil:
    if decoder != NULL:
        mms_decoder_free(&(<owned_t *>decoder).decoder)
        free(decoder)


cdef const char *status_text(int status) noexcept nogil:
    if status == MMSCODEC_OK:
        return "good"
    if status == MMSCODEC_STOPPED:
        return "stopped at a fault"
    if status == MMSCODEC_NO_MEMORY:
        return "no memory"
    if status == MMSCODEC_BUSY:
        return "one decoder, one thread: another call is under way"
    if status == MMSCODEC_CLOSED:
        return "this decoder is closed"
    if status == MMSCODEC_BAD_OPTION:
        return "a size, ceiling or flag in the options that is none"
    return "no status of mmscodec"


cdef mmscodec_mms_api MMS
MMS.size = sizeof(mmscodec_mms_api)
MMS.create = mms_create
MMS.feed = mms_feed
MMS.finish = mms_finish
MMS.packets = mms_packets
MMS.messages = mms_messages
MMS.data = mms_data
MMS.faults = mms_faults
MMS.bytes = mms_bytes
MMS.position = mms_position
MMS.buffered = mms_buffered
MMS.reset = mms_reset
MMS.destroy = mms_destroy

cdef bytes VERSION = __version__.encode()
cdef char version[32]
memcpy(version, <const char *>VERSION, min(<size_t>len(VERSION) + 1, sizeof(version)))
version[sizeof(version) - 1] = 0

cdef mmscodec_api TABLE
TABLE.size = sizeof(mmscodec_api)
TABLE.abi_version = MMSCODEC_ABI_VERSION
TABLE.version = version
TABLE.mms = &MMS
TABLE.status_text = status_text

API = PyCapsule_New(&TABLE, "mmscodec._capi.API", NULL)
