# Fuzz targets of capture files: their records, and the whole pass over them.
from libc.stdint cimport uint8_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc
from libc.string cimport memcpy, memset
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_row
from mmscodec._kernels.pcapfile.records cimport (
    FORMAT_REFUSED, READ_END, READ_FAULT, READ_MORE, READ_OK, reader_t,
)
from mmscodec._kernels.pcapfile.reader cimport reader_batch, reader_free, reader_init
from mmscodec._kernels.track.extents cimport extent_t
from mmscodec._kernels.track.sources cimport source_t
from mmscodec._kernels.track.state cimport tracker_t
from mmscodec._kernels.track.tracker cimport (
    tracker_finish, tracker_free, tracker_init, tracker_records,
)
from tools.fuzz.targets.check cimport must, take

cdef enum:
    BATCH = 64

cdef struct sums_t:
    # of all records and faults of a file
    uint64_t records
    uint64_t faults
    uint64_t hash


cdef void add_record(sums_t *sums, const record_t *r) noexcept nogil:
    cdef uint32_t i
    sums.records += 1
    sums.hash = sums.hash * 31 + r.position + r.caplen + r.wire_len + r.linktype
    sums.hash = sums.hash * 31 + <uint64_t>r.time
    for i in range(r.caplen):
        sums.hash = sums.hash * 31 + r.data[i]


cdef void read_all(const uint8_t *p, size_t n, uint32_t seed, sums_t *sums) noexcept nogil:
    # in windows as small as the reader lets them be, each in memory of its own; seed 0: at once
    cdef reader_t reader
    cdef record_t batch[BATCH]
    cdef size_t begin = 0, size, pos, count, i
    cdef uint8_t *window
    cdef int status
    memset(sums, 0, sizeof(sums_t))
    reader_init(&reader)
    size = n if seed == 0 else 0
    while True:
        window = <uint8_t *>malloc(size)
        if size:
            memcpy(window, p + begin, size)
        reader.base = begin
        reader.final = begin + size == n
        pos = 0
        while True:
            status = reader_batch(&reader, window, size, &pos, batch, BATCH, &count)
            must(pos <= size)
            for i in range(count):
                must(batch[i].data >= window
                     and batch[i].data + batch[i].caplen <= window + size)
                add_record(sums, &batch[i])
            if status == READ_FAULT:
                sums.faults += 1
                sums.hash = sums.hash * 31 + <uint64_t>reader.fault.offset + reader.fault.code
                if reader.format != FORMAT_REFUSED:  # else: as far as it was seen
                    sums.hash = sums.hash * 31 + <uint64_t>reader.fault.length
            elif status != READ_OK:
                break
        free(window)
        must(status == READ_END or status == READ_MORE)
        if status == READ_END:
            must(reader.final or reader.format == FORMAT_REFUSED)
            break
        must(not reader.final)
        begin += pos
        seed = seed * 1664525 + 1013904223
        size = reader.need + (seed >> 28)
        if size > n - begin:
            size = n - begin
    reader_free(&reader)


cdef void capture_records(const uint8_t *p, size_t n) noexcept nogil:
    # a file gives the same records and faults whatever is seen of it at once
    cdef sums_t whole, parts
    cdef uint32_t seed = take(&p, &n, 1) + 1
    read_all(p, n, 0, &whole)
    read_all(p, n, seed, &parts)
    must(whole.records == parts.records and whole.faults == parts.faults)
    must(whole.hash == parts.hash)
    # a block has 12 bytes and costs a row; so may what is damaged between two, and both ends
    must(whole.records + whole.faults <= 2 * (n // 12) + 2)


cdef void check_tables(const tracker_t *t, size_t n) noexcept nogil:
    # rows name flows that are there, and bytes that are there
    cdef const extent_t *extent = <const extent_t *>t.extents.rows.data
    cdef uint64_t place
    cdef size_t i
    for i in range(t.extents.rows.rows):
        place = extent[i].place
        if place >> 63:
            place &= (<uint64_t>1 << 63) - 1
            must(place + extent[i].length <= t.extents.bytes.rows)
        else:
            must(place + extent[i].length <= n)
        must(extent[i].before <= t.extents.rows.rows)
    must(t.tables.messages.rows <= n // 8 and t.tables.data.rows <= n // 8)


cdef void capture_pass(const uint8_t *p, size_t n) noexcept nogil:
    # records to flows to streams to rows, under small ceilings
    cdef tracker_t track
    cdef reader_t reader
    cdef record_t batch[BATCH]
    cdef size_t pos = 0, count
    cdef uint32_t options = take(&p, &n, 1)
    cdef source_t *source
    cdef int status = READ_OK
    must(tracker_init(&track, 7) == 0)
    source = <source_t *>table_row(&track.sources.rows)
    must(source != NULL)
    memset(source, 0, sizeof(source_t))
    source.stable = source.addressable = True
    source.shown = p
    source.shown_size = n
    track.options.want_winmx = options & 1
    track.options.keep_all = (options >> 1) & 1
    track.network.ignore_vlan = (options >> 2) & 1
    source.stable = not (options >> 3) & 1
    track.options.max_flows = 8
    track.limit.ceiling = 1 << 16
    track.pool.held_limit = 1 << 12
    track.pool.pending_limit = 32
    reader_init(&reader)
    reader.final = True
    while status == READ_OK or status == READ_FAULT:
        status = reader_batch(&reader, p, n, &pos, batch, BATCH, &count)
        must(tracker_records(&track, batch, count) == 0)
    must(status == READ_END)
    must(tracker_finish(&track) == 0)
    check_tables(&track, n)
    reader_free(&reader)
    tracker_free(&track)


TARGETS = {
    "capture_records": <size_t>&capture_records,
    "capture_pass": <size_t>&capture_pass,
}
