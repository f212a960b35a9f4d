# pcap: a header of 24 bytes, then records of 16 (modified: 24) bytes and the captured frame.
#
# The format has no check of its own, so a record is believed by what it says. An ordinary one
# (both lengths equal, within a day of the one before) is handed out at once. Any other is looked
# at twice: it is good unless what follows it cannot be a record. After a record that cannot be
# one, the bytes are searched for three believable headers in a row.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from mmscodec._kernels.core.layout cimport (
    FAULT_BAD_RECORD, FAULT_FILE_TRUNCATED, FAULT_UNKNOWN_STRUCTURE, FIELD_CAPLEN, FIELD_MAGIC,
    FIELD_VERSION,
)
from mmscodec._kernels.pcapfile.records cimport (
    FORMAT_PCAP, FORMAT_REFUSED, FORMAT_UNKNOWN, MAGIC_MODIFIED, MAGIC_NS, MAGIC_US, MAX_BLOCK,
    MAX_CAPLEN, PREFETCH, READ_AGAIN, READ_END, READ_FAULT, READ_MEMORY, READ_MORE, READ_OK,
    any_magic, file_header, forget_interfaces, interface_t, new_interface, reader_t, search_header,
    set_fault, wire16, wire32,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.wire cimport load_be32, load_le32, load_le64, prefetch, unlikely

cdef enum:
    STEP_GOOD = 0
    STEP_BAD = 1
    STEP_MORE = 2
    STEP_HEADER = 3
    STEP_TRUNCATED = 4

cdef enum:
    FILE_HEADER = 24
    RECORD_HEADER = 16
    DAY = 86400
    NEAR = 7 * 86400  # seconds between a believable record and one that was good
    PADDING = 512  # so many zero bytes are no empty records
    CHAIN = 3  # headers in a row that make a place believable


cdef int pcap_start(reader_t *r, const uint8_t *buf, size_t n, size_t *pos) noexcept nogil:
    # the file header at `pos`; four bytes of it are there
    cdef const uint8_t *h = buf + pos[0]
    cdef size_t left = n - pos[0]
    cdef uint32_t magic = load_le32(h)
    cdef uint32_t major, minor, raw
    cdef bint swapped = False
    cdef interface_t *f
    if magic != MAGIC_US and magic != MAGIC_NS and magic != MAGIC_MODIFIED:
        magic = load_be32(h)
        swapped = True
    if magic != MAGIC_US and magic != MAGIC_NS and magic != MAGIC_MODIFIED:
        return refuse(r, n, pos, FIELD_MAGIC, MAGIC_US, load_be32(h))
    if left < FILE_HEADER:
        if not r.final:
            r.need = FILE_HEADER
            return READ_MORE
        set_fault(r, r.base + pos[0], left, FAULT_FILE_TRUNCATED, FIELD_MAGIC, FILE_HEADER, left)
        r.format = FORMAT_REFUSED
        pos[0] = n
        return READ_FAULT
    major = wire16(h + 4, swapped)
    minor = wire16(h + 6, swapped)
    # 543.0 is what one old tcpdump wrote for 2.2
    if not (major == 2 and minor <= 4) and not (major == 543 and minor == 0):
        return refuse(r, n, pos, FIELD_VERSION, 0x20004, (major << 16) | minor)
    forget_interfaces(r)
    f = new_interface(r)
    if f == NULL:
        return READ_MEMORY
    raw = wire32(h + 20, swapped)
    f.linktype = raw & 0xFFFF
    f.link_flags = raw & <uint32_t>0xFFFF0000
    f.snaplen = wire32(h + 16, swapped)
    f.tsresol = 9 if magic == MAGIC_NS else 6
    r.format = FORMAT_PCAP
    r.swapped = swapped
    r.magic = magic
    r.header_len = 24 if magic == MAGIC_MODIFIED else RECORD_HEADER
    r.sub_max = 1000000000 if magic == MAGIC_NS else 1000000
    r.sub_scale = 1 if magic == MAGIC_NS else 1000
    r.lengths_swapped = 0
    if major == 543 or minor < 3:
        r.lengths_swapped = 1
    elif minor == 3:
        r.lengths_swapped = 2
    r.max_caplen = f.snaplen
    if r.max_caplen < MAX_CAPLEN:
        r.max_caplen = MAX_CAPLEN
    if r.max_caplen > MAX_BLOCK:
        r.max_caplen = MAX_BLOCK
    r.timed = False
    r.not_zero_at = 0
    pos[0] += FILE_HEADER
    return READ_OK


cdef int refuse(
    reader_t *r, size_t n, size_t *pos, uint16_t field, uint64_t need, uint64_t have
) noexcept nogil:
    # nothing of this file can be read
    set_fault(r, r.base + pos[0], n - pos[0], FAULT_UNKNOWN_STRUCTURE, field, need, have)
    r.format = FORMAT_REFUSED
    pos[0] = n
    return READ_FAULT


cdef int pcap_batch(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count,
) noexcept nogil:
    # two loops out of one text, so that byte order is settled at compile time
    if r.searching:
        return search(r, buf, n, pos)
    if r.swapped:
        return walk(r, buf, n, pos, out, cap, count, True)
    return walk(r, buf, n, pos, out, cap, count, False)


cdef inline void place(
    record_t *row, const uint8_t *data, uint64_t position, uint32_t caplen, uint32_t wire_len
) noexcept nogil:
    # where the frame lies
    row.data = data
    row.position = position
    row.caplen = caplen
    row.wire_len = wire_len


cdef inline int walk(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count, bint swapped,
) noexcept nogil:
    # records up to `cap` into `out` from `pos` on, which moves; status as of reader_batch
    cdef size_t p = pos[0], k = count[0], header_len = r.header_len, left, size, ahead
    cdef size_t first = k
    cdef interface_t *f = (<interface_t *>r.interfaces.data) + r.section_first
    cdef uint32_t linktype = f.linktype
    cdef uint32_t interface = <uint32_t>(r.dropped_interfaces + r.section_first)
    cdef uint32_t sec, sub, caplen, wire_len
    cdef uint32_t last_sec = r.last_sec, sub_max = r.sub_max, max_caplen = r.max_caplen
    cdef int64_t sub_scale = r.sub_scale
    cdef const uint8_t *h
    cdef record_t *row
    cdef int status = READ_OK, step
    while k < cap:
        left = n - p
        if unlikely(left < header_len):
            status = short_header(r, r.base + p, left)
            break
        h = buf + p
        sec = wire32(h, swapped)
        sub = wire32(h + 4, swapped)
        caplen = wire32(h + 8, swapped)
        wire_len = wire32(h + 12, swapped)
        if unlikely(
            caplen != wire_len or caplen > max_caplen or sub >= sub_max
            or sec - last_sec + <uint32_t>DAY > <uint32_t>(2 * DAY) or caplen == 0
            or left - header_len < caplen or not r.timed
        ):
            r.last_sec = last_sec
            step = examine(r, h, left, r.base + p, &caplen, &wire_len)
            if step != STEP_GOOD:
                status = stop(r, p, left, caplen, step)
                break
            if not r.timed:
                r.first_sec = sec
                r.steady_sec = sec
                r.timed = True
        size = header_len + caplen
        ahead = size * PREFETCH
        prefetch(h + ahead)
        prefetch(h + ahead + 64)
        row = out + k
        row.time = <int64_t>sec * 1000000000 + <int64_t>sub * sub_scale
        row.linktype = linktype
        row.interface_id = interface
        place(row, h + header_len, r.base + p + header_len, caplen, wire_len)
        last_sec = sec
        k += 1
        p += size
    r.last_sec = last_sec
    r.records += k - first
    count[0] = k
    if status == READ_FAULT and r.searching:
        pos[0] = p + 1
        return search(r, buf, n, pos)
    pos[0] = n if status == READ_FAULT else p
    return status


cdef int short_header(reader_t *r, uint64_t at, size_t left) noexcept nogil:
    # fewer bytes than a record header
    if not r.final:
        r.need = r.header_len
        return READ_MORE
    if left == 0:
        return READ_END
    set_fault(r, at, left, FAULT_FILE_TRUNCATED, FIELD_CAPLEN, r.header_len, left)
    return READ_FAULT


cdef int stop(reader_t *r, size_t p, size_t left, uint32_t caplen, int step) noexcept nogil:
    # why no record is handed out at `p`
    cdef uint64_t need = <uint64_t>r.header_len + caplen
    if step == STEP_MORE:
        return READ_MORE
    if step == STEP_HEADER:
        r.format = FORMAT_UNKNOWN
        return READ_AGAIN
    if step == STEP_TRUNCATED:
        set_fault(r, r.base + p, left, FAULT_FILE_TRUNCATED, FIELD_CAPLEN, need, left)
        return READ_FAULT
    if need > left and r.final and caplen <= r.max_caplen:
        set_fault(r, r.base + p, 0, FAULT_FILE_TRUNCATED, FIELD_CAPLEN, need, left)
    else:
        set_fault(r, r.base + p, 0, FAULT_BAD_RECORD, FIELD_CAPLEN, caplen, r.max_caplen)
    r.searching = True
    r.bad_at = r.base + p
    return READ_FAULT


cdef inline void lengths(
    reader_t *r, const uint8_t *h, uint32_t *caplen, uint32_t *wire_len
) noexcept nogil:
    # old versions have them the other way round
    cdef uint32_t a = wire32(h + 8, r.swapped), b = wire32(h + 12, r.swapped)
    if r.lengths_swapped == 1 or (r.lengths_swapped == 2 and a > b):
        caplen[0] = b
        wire_len[0] = a
    else:
        caplen[0] = a
        wire_len[0] = b


cdef int examine(
    reader_t *r, const uint8_t *h, size_t left, uint64_t at, uint32_t *caplen, uint32_t *wire_len
) noexcept nogil:
    # a record that is not an ordinary one: good, or what is wrong with it
    cdef uint32_t sec = wire32(h, r.swapped), sub = wire32(h + 4, r.swapped)
    cdef interface_t *f = (<interface_t *>r.interfaces.data) + r.section_first
    cdef size_t size
    cdef int found = file_header(h, left)
    cdef bint near, plain
    if found == 1:
        return STEP_HEADER
    if found < 0:
        r.need = FILE_HEADER
        caplen[0] = FILE_HEADER - RECORD_HEADER
        return STEP_TRUNCATED if r.final else STEP_MORE
    lengths(r, h, caplen, wire_len)
    if caplen[0] > r.max_caplen:
        return STEP_BAD
    if load_le64(h) == 0 and load_le64(h + 8) == 0:
        found = padding(r, h, left, at)
        if found != 0:
            return STEP_BAD if found == 1 else STEP_MORE
    near = not r.timed or sec - r.last_sec + <uint32_t>DAY <= <uint32_t>(2 * DAY)
    if not near:
        r.steady_sec = r.last_sec
    plain = (
        near and sub < r.sub_max and caplen[0] != 0
        and (caplen[0] == wire_len[0] or (caplen[0] == f.snaplen and caplen[0] < wire_len[0]))
    )
    size = r.header_len + <size_t>caplen[0]
    if left < size:
        if not r.final:
            r.need = size
            return STEP_MORE
        return STEP_TRUNCATED if plain else STEP_BAD
    if plain:
        return STEP_GOOD
    return follow(r, h, left, size, sec)


cdef int follow(
    reader_t *r, const uint8_t *h, size_t left, size_t off, uint32_t sec
) noexcept nogil:
    # a doubtful record at `h` ends at `off`: it is good unless what follows can be no record
    cdef uint32_t caplen, wire_len
    cdef size_t size
    cdef int seen = 0, found
    while seen < CHAIN:
        if left - off < r.header_len:
            if r.final:
                return STEP_GOOD
            r.need = off + r.header_len
            return STEP_MORE
        lengths(r, h + off, &caplen, &wire_len)
        found = file_header(h + off, left - off)
        if found < 0 and not r.final:
            r.need = off + FILE_HEADER
            return STEP_MORE
        if found != 0 or plausible(r, h + off, sec):
            return STEP_GOOD
        size = r.header_len + <size_t>caplen
        if caplen > r.max_caplen:
            return STEP_BAD
        if r.final and left - off < size:
            # the last record of a file is cut more often than not
            return STEP_GOOD if ordinary(r, h + off) else STEP_BAD
        if left - off < size:
            r.need = off + size
            return STEP_MORE
        off += size
        seen += 1
    return STEP_GOOD


cdef int padding(reader_t *r, const uint8_t *h, size_t left, uint64_t at) noexcept nogil:
    # are the zero bytes here padding? 1 yes, 0 no (empty records, as fuzzed files have them),
    # -1 more bytes needed
    cdef size_t i = RECORD_HEADER, end = left if left < PADDING else <size_t>PADDING
    if at < r.not_zero_at:
        return 0
    while i < end and h[i] == 0:
        i += 1
    if i == PADDING:
        return 1
    if i == left and not r.final:
        r.need = PADDING
        return -1
    r.not_zero_at = at + i
    return 0


cdef inline bint close_to(uint32_t a, uint32_t b) noexcept nogil:
    # are two times in seconds at most NEAR apart?
    return a - b + <uint32_t>NEAR <= <uint32_t>(2 * NEAR)


cdef bint ordinary(reader_t *r, const uint8_t *h) noexcept nogil:
    # does an ordinary record header stand here, of whatever time?
    cdef uint32_t caplen, wire_len
    lengths(r, h, &caplen, &wire_len)
    return (
        0 < caplen <= MAX_CAPLEN and caplen <= wire_len <= MAX_BLOCK
        and wire32(h + 4, r.swapped) < r.sub_max
    )


cdef bint plausible(reader_t *r, const uint8_t *h, uint32_t known) noexcept nogil:
    # does one stand here that is not far in time from a good one or `known`?
    cdef uint32_t sec = wire32(h, r.swapped)
    return ordinary(r, h) and (
        not r.timed or close_to(sec, r.last_sec) or close_to(sec, r.steady_sec)
        or close_to(sec, r.first_sec) or close_to(sec, known)
    )


cdef int candidate(reader_t *r, const uint8_t *h, size_t left) noexcept nogil:
    # do records or a file start here? constant work, so that a search is linear; as `candidate_t`
    cdef size_t off = 0, size
    cdef uint32_t caplen, wire_len
    cdef int seen = 0, found = file_header(h, left)
    if found == 1:
        return READ_AGAIN
    if found < 0 and not r.final:
        r.need = FILE_HEADER
        return READ_MORE
    while seen < CHAIN:
        if left - off < r.header_len:
            if not r.final:
                r.need = off + r.header_len
                return READ_MORE
            return READ_OK if seen and (seen > 1 or off == left) else READ_FAULT
        if not plausible(r, h + off, r.last_sec):
            found = file_header(h + off, left - off) if seen else 0
            if found < 0 and not r.final:
                r.need = off + FILE_HEADER
                return READ_MORE
            return READ_OK if found == 1 else READ_FAULT
        lengths(r, h + off, &caplen, &wire_len)
        size = r.header_len + <size_t>caplen
        if left - off < size:
            if not r.final:
                r.need = off + size
                return READ_MORE
            return READ_OK if seen else READ_FAULT
        off += size
        seen += 1
    return READ_OK


cdef inline bint worth_a_look(const uint8_t *p, bint swapped, bint any_order) noexcept nogil:
    # the quick no of `candidate`, for nearly every byte of a damaged stretch; 16 are there
    return (
        (wire32(p + 8, swapped) - 1 < <uint32_t>MAX_CAPLEN)
        | (any_order & (wire32(p + 12, swapped) - 1 < <uint32_t>MAX_CAPLEN))
        | any_magic(p)
    )


cdef size_t next_look(const reader_t *r, const uint8_t *buf, size_t q, size_t end) noexcept nogil:
    # the first place from `q` on, at most `end`, that is worth a look
    cdef bint swapped = r.swapped, any_order = r.lengths_swapped != 0
    while q < end:
        if load_le64(buf + q) == 0 and load_le64(buf + q + 8) == 0:
            q += 5  # the captured length would be zero at each of these
        elif worth_a_look(buf + q, swapped, any_order):
            break
        else:
            q += 1
    return q if q < end else end


cdef int search(reader_t *r, const uint8_t *buf, size_t n, size_t *pos) noexcept nogil:
    # the next believable place from `pos` on; as search_header
    return search_header(
        r, buf, n, pos, r.header_len, FAULT_BAD_RECORD, next_look, candidate)
