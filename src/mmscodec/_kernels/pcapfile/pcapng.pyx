# pcapng: blocks of type, length, body, the length again; sections each with a byte order and
# interfaces of their own.
#
# A block is believed when both its lengths agree. Otherwise the bytes are searched for the next
# block of a kind that exists and whose lengths agree. What is wrong inside a believed block costs
# that block alone.
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.core.layout cimport (
    FAULT_BAD_BLOCK, FAULT_FILE_TRUNCATED, FAULT_TOO_LONG, FIELD_BLOCK_LENGTH, FIELD_CAPLEN,
    FIELD_INTERFACE, FIELD_MAGIC, FIELD_OPTION, FIELD_VERSION,
)
from mmscodec._kernels.pcapfile.records cimport (
    FORMAT_UNKNOWN, MAGIC_ORDER, MAGIC_SECTION, MAX_BLOCK, MAX_COMMENTS, MAX_COMMENT_BYTES,
    MAX_INTERFACES, PREFETCH, READ_AGAIN, READ_END, READ_FAULT, READ_MEMORY, READ_MORE, READ_OK,
    any_magic, comment_t, file_header, forget_interfaces, interface_t, new_interface, reader_t,
    search_header, set_fault, wire16, wire32,
)
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_end, table_reserve, table_row
from mmscodec._kernels.core.wire cimport (
    likely, load_be32, load_be64, load_le32, load_le64, prefetch, unlikely,
)

cdef enum:
    BLOCK_INTERFACE = 1
    BLOCK_PACKET = 2  # obsolete
    BLOCK_SIMPLE = 3
    BLOCK_NAMES = 4
    BLOCK_STATISTICS = 5
    BLOCK_ENHANCED = 6
    BLOCK_SECRETS = 10
    BLOCK_CUSTOM = 0xBAD
    BLOCK_CUSTOM_LOCAL = 0x40000BAD

cdef enum:
    OPTION_END = 0
    OPTION_COMMENT = 1
    OPTION_TSRESOL = 9
    OPTION_FCSLEN = 13
    OPTION_TSOFFSET = 14

cdef enum:
    # what a block that hands out no record came to
    DONE = 32
    SKIPPED_FAULT = 33  # the block is left out
    RECORD = 34
    RECORD_FAULT = 35  # a record, and something wrong behind it

cdef enum:
    FRAME = 12  # type and both lengths
    PACKET_FIXED = 32  # an enhanced or obsolete packet block without data


cdef inline int whole_block(
    reader_t *r, const uint8_t *h, size_t p, size_t left, uint32_t *kind, uint32_t *length
) noexcept nogil:
    # Type and length of the block at h, of which `left` bytes are there: READ_OK, or what
    # `pcapng_batch` returns where it is cut off or its lengths are wrong.
    cdef bint swapped = r.swapped
    if unlikely(left < FRAME):
        return short_block(r, h, p, left, FRAME)
    kind[0] = wire32(h, swapped)
    if unlikely(kind[0] == MAGIC_SECTION):
        swapped = load_be32(h + 8) == MAGIC_ORDER  # in its own byte order
    length[0] = wire32(h + 4, swapped)
    if unlikely(length[0] < FRAME or length[0] & 3 or length[0] > MAX_BLOCK):
        return damaged(r, h, p, left, length[0], MAX_BLOCK)
    if unlikely(left < length[0]):
        return short_block(r, h, p, left, length[0])
    if unlikely(wire32(h + length[0] - 4, swapped) != length[0]):
        return damaged(r, h, p, left, length[0], wire32(h + length[0] - 4, swapped))
    return READ_OK


cdef inline bint enhanced(
    reader_t *r, const uint8_t *h, uint64_t position, uint32_t length, record_t *row
) noexcept nogil:
    # The record of an enhanced packet block of a known interface, with nothing unusual in it;
    # False where `block` has to look at it.
    cdef bint swapped = r.swapped
    cdef uint32_t iface = wire32(h + 8, swapped), room, caplen
    cdef interface_t *f
    if unlikely(
        length < PACKET_FIXED or iface >= r.interfaces.rows - r.section_first or r.skip_section
    ):
        return False
    room = length - PACKET_FIXED
    caplen = wire32(h + 20, swapped)
    if unlikely(caplen > room or room - caplen >= 4):
        return False
    f = (<interface_t *>r.interfaces.data) + r.section_first + iface
    fill(r, row, f, h + 28, position + 28, caplen, wire32(h + 24, swapped))
    row.time = ticks_ns(f, (<uint64_t>wire32(h + 12, swapped) << 32) | wire32(h + 16, swapped))
    return True


cdef int pcapng_batch(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos,
    record_t *out, size_t cap, size_t *count,
) noexcept nogil:
    cdef size_t p = pos[0], k = count[0], ahead
    cdef const uint8_t *h
    cdef uint32_t kind = 0, length = 0
    cdef int status = READ_OK
    if r.searching:
        return search(r, buf, n, pos)
    while k < cap:
        h = buf + p
        status = whole_block(r, h, p, n - p, &kind, &length)
        if unlikely(status != READ_OK):
            break
        ahead = <size_t>length * PREFETCH
        prefetch(h + ahead)
        prefetch(h + ahead + 64)
        if likely(kind == BLOCK_ENHANCED) and likely(enhanced(r, h, r.base + p, length, out + k)):
            k += 1
            r.records += 1
            p += length
            continue
        status = block(r, h, r.base + p, kind, length, out + k)
        p += length
        if status >= RECORD:
            k += 1
            r.records += 1
            status = READ_FAULT if status == RECORD_FAULT else DONE
        elif status == SKIPPED_FAULT:
            r.fault.length = length
            status = READ_FAULT
        if status != DONE:
            break
        status = READ_OK
    count[0] = k
    pos[0] = p
    if status == READ_FAULT and r.searching:
        pos[0] = p + 1
        return search(r, buf, n, pos)
    return status


cdef inline void fill(
    reader_t *r, record_t *row, interface_t *f, const uint8_t *data, uint64_t position,
    uint32_t caplen, uint32_t wire_len,
) noexcept nogil:
    # fill in a record but for its time
    row.data = data
    row.time = 0
    row.position = position
    row.caplen = caplen
    row.wire_len = wire_len
    row.linktype = f.linktype
    row.interface_id = (
        <uint32_t>r.dropped_interfaces + <uint32_t>(f - <interface_t *>r.interfaces.data)
    )


cdef int another_file(reader_t *r, const uint8_t *h, size_t left) noexcept nogil:
    # a pcap header where no good block stands; READ_OK = no
    cdef int found
    if left < 4 or load_le32(h) == MAGIC_SECTION:
        return READ_OK
    found = file_header(h, left)
    if found < 0 and not r.final:
        r.need = 24
        return READ_MORE
    if found != 1:
        return READ_OK
    r.format = FORMAT_UNKNOWN
    return READ_AGAIN


cdef int short_block(
    reader_t *r, const uint8_t *h, size_t p, size_t left, size_t need
) noexcept nogil:
    # fewer bytes than the block has
    cdef int status = another_file(r, h, left)
    if status != READ_OK:
        return status
    if not r.final:
        r.need = need
        return READ_MORE
    if left == 0:
        return READ_END
    set_fault(r, r.base + p, 0, FAULT_FILE_TRUNCATED, FIELD_BLOCK_LENGTH, need, left)
    r.searching = True
    r.bad_at = r.base + p
    return READ_FAULT


cdef int damaged(
    reader_t *r, const uint8_t *h, size_t p, size_t left, uint32_t length, uint32_t other
) noexcept nogil:
    # a block whose length is beyond the ceiling, or not `other`, which stands at its end
    cdef int status = another_file(r, h, left)
    if status != READ_OK:
        return status
    set_fault(r, r.base + p, 0, FAULT_BAD_BLOCK, FIELD_BLOCK_LENGTH, length, other)
    r.searching = True
    r.bad_at = r.base + p
    return READ_FAULT


cdef int block(
    reader_t *r, const uint8_t *h, uint64_t at, uint32_t kind, uint32_t length, record_t *row
) noexcept nogil:
    # one whole block that is not a plain packet
    if kind == MAGIC_SECTION:
        return section(r, h, at, length)
    if r.skip_section:
        return DONE
    if kind == BLOCK_ENHANCED or kind == BLOCK_PACKET:
        return packet(r, h, at, kind, length, row)
    if kind == BLOCK_SIMPLE:
        return simple_packet(r, h, at, length, row)
    if kind == BLOCK_INTERFACE:
        return interface(r, h, at, length)
    if kind == BLOCK_STATISTICS and length >= 24:
        return options(r, h, at, 20, length, kind, -1, NULL)
    return DONE


cdef int bad(reader_t *r, uint64_t at, uint16_t field, uint64_t need, uint64_t have) noexcept nogil:
    # note a block that contradicts itself; SKIPPED_FAULT
    set_fault(r, at, 0, FAULT_BAD_BLOCK, field, need, have)
    return SKIPPED_FAULT


cdef int section(reader_t *r, const uint8_t *h, uint64_t at, uint32_t length) noexcept nogil:
    # a Section Header Block: byte order, and no interface any more. A status
    cdef uint32_t major
    if length < 28:
        return bad(r, at, FIELD_BLOCK_LENGTH, 28, length)
    if load_le32(h + 8) != MAGIC_ORDER and load_be32(h + 8) != MAGIC_ORDER:
        r.skip_section = True
        return bad(r, at, FIELD_MAGIC, MAGIC_ORDER, load_be32(h + 8))
    r.swapped = load_be32(h + 8) == MAGIC_ORDER
    forget_interfaces(r)
    major = wire16(h + 12, r.swapped)
    r.skip_section = major != 1
    if r.skip_section:
        return bad(r, at, FIELD_VERSION, 1, major)
    return options(r, h, at, 24, length, MAGIC_SECTION, -1, NULL)


cdef int interface(reader_t *r, const uint8_t *h, uint64_t at, uint32_t length) noexcept nogil:
    # an Interface Description Block: one more interface. A status
    cdef interface_t *f
    cdef int status
    if length < 20:
        return bad(r, at, FIELD_BLOCK_LENGTH, 20, length)
    if r.interfaces.rows - r.section_first >= MAX_INTERFACES:
        set_fault(r, at, 0, FAULT_TOO_LONG, FIELD_INTERFACE, MAX_INTERFACES + 1, MAX_INTERFACES)
        return SKIPPED_FAULT
    f = new_interface(r)
    if f == NULL:
        return READ_MEMORY
    f.linktype = wire16(h + 8, r.swapped)
    f.snaplen = wire32(h + 12, r.swapped)
    f.tsresol = 6
    status = options(r, h, at, 16, length, BLOCK_INTERFACE, -1, f)
    set_scale(f)
    return status


cdef int packet(
    reader_t *r, const uint8_t *h, uint64_t at, uint32_t kind, uint32_t length, record_t *row
) noexcept nogil:
    # an enhanced packet block with options or a fault, or an obsolete packet block
    cdef uint32_t iface, caplen, room
    cdef interface_t *f
    cdef size_t interfaces = r.interfaces.rows - r.section_first
    cdef int status
    if length < PACKET_FIXED:
        return bad(r, at, FIELD_BLOCK_LENGTH, PACKET_FIXED, length)
    iface = wire32(h + 8, r.swapped) if kind == BLOCK_ENHANCED else wire16(h + 8, r.swapped)
    if iface >= interfaces:
        return bad(r, at, FIELD_INTERFACE, <uint64_t>iface + 1, interfaces)
    room = length - PACKET_FIXED
    caplen = wire32(h + 20, r.swapped)
    if caplen > room:
        return bad(r, at, FIELD_CAPLEN, caplen, room)
    f = (<interface_t *>r.interfaces.data) + r.section_first + iface
    fill(r, row, f, h + 28, at + 28, caplen, wire32(h + 24, r.swapped))
    row.time = ticks_ns(
        f, (<uint64_t>wire32(h + 12, r.swapped) << 32) | wire32(h + 16, r.swapped)
    )
    if room - caplen < 4:
        return RECORD
    status = options(
        r, h, at, 28 + ((caplen + 3) & <uint32_t>0xFFFFFFFC), length, kind,
        <int64_t>r.records, NULL,
    )
    if status == READ_MEMORY:
        return status
    return RECORD_FAULT if status == READ_FAULT else RECORD


cdef int simple_packet(
    reader_t *r, const uint8_t *h, uint64_t at, uint32_t length, record_t *row
) noexcept nogil:
    # no interface number: the first; no time: 0; cut to the interface's snap length
    cdef uint32_t wire_len, caplen
    cdef interface_t *f
    if length < 16:
        return bad(r, at, FIELD_BLOCK_LENGTH, 16, length)
    if r.interfaces.rows == r.section_first:
        return bad(r, at, FIELD_INTERFACE, 1, 0)
    f = (<interface_t *>r.interfaces.data) + r.section_first
    wire_len = wire32(h + 8, r.swapped)
    caplen = wire_len if f.snaplen == 0 or wire_len < f.snaplen else f.snaplen
    if caplen > length - 16:
        return bad(r, at, FIELD_CAPLEN, caplen, length - 16)
    fill(r, row, f, h + 12, at + 12, caplen, wire_len)
    return RECORD


cdef int options(
    reader_t *r, const uint8_t *h, uint64_t at, uint32_t start, uint32_t length, uint32_t kind,
    int64_t record, interface_t *f,
) noexcept nogil:
    # comments are kept, an interface's own options go to `f`; DONE, READ_FAULT or READ_MEMORY
    cdef uint32_t p = start, end = length - 4, code, size, seen = 0
    while end - p >= 4:
        code = wire16(h + p, r.swapped)
        size = wire16(h + p + 2, r.swapped)
        p += 4
        if code == OPTION_END:
            break
        if size > end - p:
            set_fault(r, at, 0, FAULT_BAD_BLOCK, FIELD_OPTION, size, end - p)
            return READ_FAULT
        if code == OPTION_COMMENT:
            if comment(r, h + p, size, at, kind, record) != 0:
                return READ_MEMORY
        elif f != NULL and code < 32 and not (seen >> code) & 1:
            # of an option that may stand once, the first
            seen |= <uint32_t>1 << code
            interface_option(f, code, h + p, size, r.swapped)
        size = (size + 3) & ~<uint32_t>3
        if size > end - p:
            break
        p += size
    return DONE


cdef void interface_option(
    interface_t *f, uint32_t code, const uint8_t *p, uint32_t size, bint swapped
) noexcept nogil:
    # take an option of an interface that is of use
    if code == OPTION_TSRESOL and size >= 1:
        f.tsresol = p[0]
    elif code == OPTION_TSOFFSET and size >= 8:
        f.offset_s = <int64_t>(load_be64(p) if swapped else load_le64(p))
    elif code == OPTION_FCSLEN and size >= 1:
        # where pcap keeps it: bit 26 and the four bits at the top, in units of 16 bits
        f.link_flags = <uint32_t>0x04000000 | (<uint32_t>(p[0] >> 1) << 28)


cdef int comment(
    reader_t *r, const uint8_t *text, uint32_t size, uint64_t at, uint32_t kind, int64_t record
) noexcept nogil:
    # keep a comment, up to the ceilings. A status
    cdef comment_t *c
    if r.comments.rows >= MAX_COMMENTS or size > MAX_COMMENT_BYTES - r.texts.rows:
        r.dropped_comments += 1
        return 0
    if table_reserve(&r.texts, size) != 0:
        return -1
    c = <comment_t *>table_row(&r.comments)
    if c == NULL:
        return -1
    if size != 0:
        memcpy(table_end(&r.texts), text, size)
    c.record = record
    c.position = at
    c.start = r.texts.rows
    c.length = size
    c.block = kind
    r.texts.rows += size
    return 0


# ---- time

cdef uint64_t power10(uint32_t n) noexcept nogil:
    # 10 to the power of n, which is 19 at most
    cdef uint64_t v = 1
    while n:
        v *= 10
        n -= 1
    return v


cdef void set_scale(interface_t *f) noexcept nogil:
    # the quick way, where it cannot overflow
    cdef uint64_t room = INT64_MAX
    f.scale = 0
    if f.tsresol > 9:
        return
    if f.offset_s > 9223372035LL or f.offset_s < -9223372035LL:
        return
    f.offset_ns = f.offset_s * 1000000000
    f.scale = power10(9 - f.tsresol)
    if f.offset_ns > 0:
        room -= <uint64_t>f.offset_ns
    f.plain = room // f.scale


cdef inline int64_t ticks_ns(const interface_t *f, uint64_t ticks) noexcept nogil:
    # a time stamp of this interface in ns since 1970
    if likely(f.scale != 0 and ticks <= f.plain):
        return <int64_t>(ticks * f.scale) + f.offset_ns
    return ticks_ns_slow(f, ticks)


cdef int64_t ticks_ns_slow(const interface_t *f, uint64_t ticks) noexcept nogil:
    # any unit and offset; saturates at the ends of int64, below 1 ns it rounds down
    cdef uint64_t sec, ns, unit
    cdef uint32_t v = f.tsresol & 0x7F
    if f.tsresol & 0x80:
        sec = ticks >> v if v < 64 else 0
        ns = ticks & ((<uint64_t>1 << v) - 1) if v < 64 else ticks
        if v > 34:
            ns = ns >> (v - 34) if v - 34 < 64 else 0
            v = 34
        ns = (ns * 1000000000) >> v
    elif v <= 19:
        unit = power10(v)
        sec = ticks // unit
        ns = ticks % unit
        ns = ns * power10(9 - v) if v <= 9 else ns // power10(v - 9)
    else:
        sec = 0
        ns = ticks // power10(v - 9) if v - 9 <= 19 else 0
    return saturated(sec, f.offset_s, ns)


cdef int64_t saturated(uint64_t sec, int64_t offset, uint64_t ns) noexcept nogil:
    # (sec + offset) * 10^9 + ns
    cdef int64_t limit = 9223372035LL, total
    if offset > limit:
        return INT64_MAX
    if offset < -limit:
        # such an offset and ticks of about 2^63 seconds may meet in the middle
        if sec < <uint64_t>(-(offset + limit)):
            return -INT64_MAX  # one more would be no time
        sec -= <uint64_t>(-(offset + limit))
        offset = -limit
    if sec > <uint64_t>(2 * limit):
        return INT64_MAX
    total = <int64_t>sec + offset
    if total > limit:
        return INT64_MAX
    return total * 1000000000 + <int64_t>ns


# ---- after damage

cdef bint known(uint32_t kind) noexcept nogil:
    # is it a kind of block that there is?
    return (
        (1 <= kind <= 6) or kind == BLOCK_SECRETS or kind == 9 or kind == BLOCK_CUSTOM
        or kind == BLOCK_CUSTOM_LOCAL
    )


cdef int candidate(reader_t *r, const uint8_t *h, size_t left) noexcept nogil:
    # does a block or a file start here? constant work; as `candidate_t`
    cdef uint32_t kind = load_le32(h), length
    cdef bint swapped = r.swapped
    cdef int found = file_header(h, left)
    if found < 0 and not r.final:
        r.need = 24
        return READ_MORE
    if found == 1 and kind != MAGIC_SECTION:
        return READ_AGAIN
    if kind == MAGIC_SECTION:
        if found != 1:
            return READ_FAULT
        swapped = load_be32(h + 8) == MAGIC_ORDER
    elif not known(wire32(h, swapped)):
        return READ_FAULT
    length = wire32(h + 4, swapped)
    if length < FRAME or length & 3 or length > MAX_BLOCK:
        return READ_FAULT
    if length > left:
        if r.final:
            return READ_FAULT
        r.need = length
        return READ_MORE
    return READ_OK if wire32(h + length - 4, swapped) == length else READ_FAULT


cdef size_t next_look(const reader_t *r, const uint8_t *buf, size_t q, size_t end) noexcept nogil:
    # the first place from `q` on, at most `end`, where `candidate` may say other than no
    cdef bint swapped = r.swapped
    cdef uint32_t kind
    while q < end:
        if load_le64(buf + q) == 0:
            q += 5  # the kind of block would be zero at each of these
            continue
        kind = wire32(buf + q, swapped)
        if (
            (kind - 1 < 10) | (kind == BLOCK_CUSTOM) | (kind == BLOCK_CUSTOM_LOCAL)
            | any_magic(buf + q)
        ):
            break
        q += 1
    return q if q < end else end


cdef int search(reader_t *r, const uint8_t *buf, size_t n, size_t *pos) noexcept nogil:
    # the next believable block from `pos` on; as search_header
    return search_header(r, buf, n, pos, FRAME, FAULT_BAD_BLOCK, next_look, candidate)
