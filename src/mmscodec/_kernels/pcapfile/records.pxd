# Captured frames out of the bytes of a pcap or pcapng file that lie in memory: types, and what the
# two formats share; reader.pxd has the contract.
from libc.stdint cimport INT64_MAX, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.string cimport memset
from mmscodec._kernels.core.interrupt cimport BYTES_BETWEEN, interrupted
from mmscodec._kernels.core.record cimport record_t
from mmscodec._kernels.core.table cimport table_row, table_t
from mmscodec._kernels.core.wire cimport likely, load_be16, load_be32, load_le16, load_le32

# first four bytes of a file, as a little-endian number
cdef extern from * nogil:
    """
    #define MMSCODEC_MAGIC_US 0xA1B2C3D4u
    #define MMSCODEC_MAGIC_NS 0xA1B23C4Du
    #define MMSCODEC_MAGIC_MODIFIED 0xA1B2CD34u
    """
    const uint32_t MAGIC_US "MMSCODEC_MAGIC_US"
    const uint32_t MAGIC_NS "MMSCODEC_MAGIC_NS"
    const uint32_t MAGIC_MODIFIED "MMSCODEC_MAGIC_MODIFIED"  # 24-byte record headers

cdef enum:
    MAGIC_SECTION = 0x0A0D0D0A  # the same in both orders
    MAGIC_ORDER = 0x1A2B3C4D

cdef enum:
    READ_OK = 0
    READ_MORE = 1
    READ_END = 2
    READ_FAULT = 3
    READ_MEMORY = 4

cdef enum:
    FORMAT_UNKNOWN = 0  # at the start of a file
    FORMAT_PCAP = 1
    FORMAT_PCAPNG = 2
    FORMAT_REFUSED = 3  # no capture, or one of a kind that is not read

cdef enum:
    MAX_CAPLEN = 262144  # of a believable record, unless the file's own snap length is larger
    MAX_BLOCK = 16 << 20
    MAX_INTERFACES = 1 << 17
    MAX_COMMENTS = 1 << 16
    MAX_COMMENT_BYTES = 16 << 20

cdef struct read_fault_t:
    # laid out as a row of the faults table
    int64_t offset
    int64_t length  # bytes skipped
    uint16_t code
    uint16_t field
    uint32_t pad
    int64_t need
    int64_t have

cdef struct interface_t:
    uint32_t linktype  # LINKTYPE_ number alone
    uint32_t link_flags  # the bits masked away: FCS length, reserved
    uint32_t snaplen
    uint32_t tsresol  # the octet of if_tsresol
    uint64_t scale  # ns in a tick; 0 = no whole number
    uint64_t plain  # ticks up to which `ticks * scale + offset_ns` cannot overflow
    int64_t offset_ns
    int64_t offset_s

cdef struct comment_t:
    int64_t record  # number of the record in the stream, or -1
    uint64_t position  # of the block in the stream
    uint64_t start  # in the table of texts
    uint32_t length
    uint32_t block  # type of the block

cdef struct reader_t:
    # the caller's to set
    uint64_t base  # stream position of buf[0]
    bint final  # nothing follows behind buf[n]
    # the caller's to read
    size_t need
    read_fault_t fault
    uint64_t records  # handed out so far
    int format
    table_t interfaces  # interface_t; all of them, see `dropped_interfaces`
    table_t comments  # comment_t
    table_t texts  # bytes
    uint64_t dropped_interfaces
    uint64_t dropped_comments
    # the reader's own
    bint swapped  # the file is big-endian
    bint searching
    uint64_t bad_at  # stream position of what was wrong
    size_t section_first  # row of the section's interface 0
    uint32_t magic
    uint32_t header_len
    uint32_t max_caplen
    uint32_t sub_max
    uint32_t sub_scale
    int lengths_swapped
    uint32_t last_sec
    uint32_t steady_sec
    uint32_t first_sec
    bint timed
    bint skip_section
    uint64_t not_zero_at


# ---- shared by the two formats

cdef enum:
    READ_AGAIN = 16  # a file header at `pos`: look at the format anew
    PREFETCH = 12  # records ahead of the one in hand


cdef inline void set_fault(
    reader_t *r, uint64_t offset, uint64_t length, uint16_t code, uint16_t field,
    uint64_t need, uint64_t have,
) noexcept nogil:
    # fill in the reader's fault
    r.fault.offset = <int64_t>offset
    r.fault.length = <int64_t>length
    r.fault.code = code
    r.fault.field = field
    r.fault.pad = 0
    r.fault.need = <int64_t>need
    r.fault.have = <int64_t>have


cdef inline int end_search(reader_t *r, uint64_t at, uint16_t code) noexcept nogil:
    # the search is over: the fault reaches from where it began to `at`
    r.fault.code = code
    r.fault.length = <int64_t>(at - r.bad_at)
    r.searching = False
    return READ_FAULT


# The first place from `q` on, at most `end`, where a candidate may be.
ctypedef size_t (*next_look_t)(
    const reader_t *, const uint8_t *buf, size_t q, size_t end) noexcept nogil
# What starts at `h`: READ_OK a header, READ_AGAIN a file, READ_MORE when `r.need` bytes are there
# it can be told, READ_FAULT neither.
ctypedef int (*candidate_t)(reader_t *, const uint8_t *h, size_t left) noexcept nogil


cdef inline int search_header(
    reader_t *r, const uint8_t *buf, size_t n, size_t *pos, size_t header, uint16_t code,
    next_look_t next_look, candidate_t candidate
) noexcept nogil:
    # the next believable header, of `header` bytes at least, from `pos` on
    cdef size_t q = pos[0], end = n - header + 1 if n >= header else 0, stop = q
    cdef int found
    while q < end:
        if q == stop:
            if q != pos[0] and interrupted():
                return READ_MEMORY  # whoever called looks first at what was raised
            stop = min(end, q + <size_t>BYTES_BETWEEN)
        q = next_look(r, buf, q, stop)
        if q == stop:
            continue
        found = candidate(r, buf + q, n - q)
        if likely(found == READ_FAULT):
            q += 1
            continue
        pos[0] = q
        if found == READ_MORE:
            return READ_MORE
        if found == READ_AGAIN:
            r.format = FORMAT_UNKNOWN
        return end_search(r, r.base + q, code)
    if not r.final:
        pos[0] = q
        r.need = header
        return READ_MORE
    pos[0] = n
    return end_search(r, r.base + n, r.fault.code)


cdef inline uint32_t wire16(const uint8_t *p, bint swapped) noexcept nogil:
    # a number of a file in this byte order
    return load_be16(p) if swapped else load_le16(p)


cdef inline uint32_t wire32(const uint8_t *p, bint swapped) noexcept nogil:
    # a number of a file in this byte order
    return load_be32(p) if swapped else load_le32(p)


cdef inline int file_header(const uint8_t *p, size_t left) noexcept nogil:
    # does a capture that this package reads start at `p`, where a record was due?
    # 1 yes, 0 no, -1 more bytes needed; both lengths of a record would be time zone and accuracy
    cdef uint32_t magic
    cdef bint swapped
    if left < 4:
        return -1
    magic = load_le32(p)
    if magic == MAGIC_SECTION:
        if left < 12:
            return -1
        return load_le32(p + 8) == MAGIC_ORDER or load_be32(p + 8) == MAGIC_ORDER
    swapped = not (magic == MAGIC_US or magic == MAGIC_NS or magic == MAGIC_MODIFIED)
    if swapped:
        magic = load_be32(p)
        if not (magic == MAGIC_US or magic == MAGIC_NS or magic == MAGIC_MODIFIED):
            return 0
    if left < 24:
        return -1
    return wire16(p + 4, swapped) == 2 and wire16(p + 6, swapped) == 4


cdef inline bint any_magic(const uint8_t *p) noexcept nogil:
    # the quick form of `file_header`, without a branch; four bytes are there
    cdef uint32_t a = load_le32(p), b = load_be32(p)
    return (
        (a == MAGIC_US) | (b == MAGIC_US) | (a == MAGIC_NS)
        | (b == MAGIC_NS) | (a == MAGIC_MODIFIED)
        | (b == MAGIC_MODIFIED) | (a == <uint32_t>MAGIC_SECTION)
    )


cdef inline interface_t *new_interface(reader_t *r) noexcept nogil:
    # a zeroed row in time unit ns
    cdef interface_t *f = <interface_t *>table_row(&r.interfaces)
    if f != NULL:
        memset(f, 0, sizeof(interface_t))
        f.scale = 1
        f.plain = INT64_MAX
    return f


cdef inline void forget_interfaces(reader_t *r) noexcept nogil:
    # a new section starts: its interfaces get the next rows
    if r.interfaces.rows >= MAX_INTERFACES:
        r.dropped_interfaces += r.interfaces.rows
        r.interfaces.rows = 0
    r.section_first = r.interfaces.rows
