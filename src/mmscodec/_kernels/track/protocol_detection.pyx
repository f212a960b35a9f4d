# MMS is known by its bytes on any port. A stream that was seen from its SYN begins with a
# TcpMessageHeader or is something else. One that begins in the middle may hold nothing but Data
# packets, which have no signature: there a chain of headers, each where the one before says, with
# the same incarnation and a growing LocationId, is believed. It is looked for where segments begin,
# so that a flow of no interest costs a look at its segments' first bytes and no more.
from libc.stdint cimport int64_t, uint8_t, uint32_t
from libc.string cimport memcpy
from mmscodec._kernels.core.layout cimport RESEND_SIGNATURE, SEAL, SESSION_ID
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.tcp_reassembly cimport RUN_GAP, run_t
from mmscodec._kernels.winmx.cipher cimport (
    KEY_BLOCK,
    ROLE_CACHE,
    ROLE_CHAT_CLIENT,
    ROLE_CHAT_SERVER,
    ROLE_PRIMARY_CLIENT,
    ROLE_PRIMARY_SERVER,
    ROLE_SECONDARY_CLIENT,
    ROLE_SECONDARY_SERVER,
    check_key_block,
    mask_key_block,
    udp_decipher,
    udp_type,
)
from mmscodec._kernels.core.wire cimport load_le16, load_le32

cdef enum:
    GREETING = 0x31
    CACHE_GREETING = 0x38
    HEAD = 17  # bytes that decide
    LINKS = 3  # headers in a chain that is believed
    MAX_TRIES = 16  # segments looked at
    SMALL = 1 << 24  # LocationId of any media file
    NEAR = 64
    ADVERTISEMENT = 0x47
    MAX_ADVERTISEMENT = 512
    MANY_USERS = 1 << 20


cdef bint looks_like_packet(const uint8_t *p, size_t n) noexcept nogil:
    # a TcpMessageHeader, as far as it is there
    return n >= 16 and load_le32(p + 4) == SESSION_ID and load_le32(p + 12) == SEAL


cdef inline bint looks_like_data(const uint8_t *p) noexcept nogil:
    # 8 bytes are there
    return load_le16(p + 6) > 8 and p[4] != 0 and load_le32(p) < SMALL


cdef inline void begin_chain(probe_t *probe, const uint8_t *p, int64_t offset) noexcept nogil:
    probe.chain = True
    probe.location = load_le32(p)
    probe.incarnation = p[4]
    probe.links = 1
    probe.expect = offset + load_le16(p + 6)
    probe.header_len = 0


cdef verdict_t follow_chain(probe_t *probe, const run_t *run) noexcept nogil:
    cdef int64_t end = run.offset + run.length, at
    cdef size_t n
    while probe.chain and probe.expect + probe.header_len < end:
        at = probe.expect + probe.header_len
        if run.kind == RUN_GAP or at < run.offset:
            probe.chain = False
            return VERDICT_WAIT
        n = 8 - probe.header_len
        if <int64_t>n > end - at:
            n = <size_t>(end - at)
        memcpy(probe.header + probe.header_len, run.data + (at - run.offset), n)
        probe.header_len += <uint32_t>n
        if probe.header_len < 8:
            break
        if load_le32(probe.header + 4) == SESSION_ID:
            return VERDICT_MMS
        if not looks_like_data(probe.header) or probe.header[4] != probe.incarnation \
                or load_le32(probe.header) - probe.location - 1 >= NEAR:
            probe.chain = False
            return VERDICT_WAIT
        probe.location = load_le32(probe.header)
        probe.links += 1
        if probe.links >= LINKS:
            return VERDICT_MMS
        probe.expect += load_le16(probe.header + 6)
        probe.header_len = 0
    return VERDICT_WAIT


cdef verdict_t judge_winmx(const probe_t *probe) noexcept nogil:
    # The handshake: a key block of a client, or a greeting and a key block of a server, that check.
    cdef uint8_t block[KEY_BLOCK]
    cdef int role
    if probe.head_len >= KEY_BLOCK:
        role = check_key_block(probe.head)
        if role == ROLE_PRIMARY_CLIENT or role == ROLE_SECONDARY_CLIENT or role == ROLE_CHAT_CLIENT:
            return VERDICT_WINMX
    if probe.head[0] != GREETING and probe.head[0] != CACHE_GREETING:
        return VERDICT_WAIT if probe.head_len < KEY_BLOCK else VERDICT_OTHER
    if probe.head_len < HEAD:
        return VERDICT_WAIT
    role = check_key_block(probe.head + 1)
    if probe.head[0] == CACHE_GREETING:
        return VERDICT_WINMX if role == ROLE_CACHE else VERDICT_OTHER
    if role < 0:  # patched clients put a mask over it
        memcpy(block, probe.head + 1, KEY_BLOCK)
        mask_key_block(block)
        role = check_key_block(block)
    if role == ROLE_PRIMARY_SERVER or role == ROLE_SECONDARY_SERVER or role == ROLE_CHAT_SERVER:
        return VERDICT_WINMX
    return VERDICT_OTHER


cdef verdict_t judge_mms(const probe_t *probe) noexcept nogil:
    if probe.head_len < 8:
        return VERDICT_WAIT
    if load_le32(probe.head + 4) != SESSION_ID:
        return VERDICT_OTHER
    if probe.head_len < 16:
        return VERDICT_WAIT
    return VERDICT_MMS if load_le32(probe.head + 12) == SEAL else VERDICT_OTHER


cdef verdict_t judge_head(probe_t *probe, const run_t *run, bint winmx) noexcept nogil:
    # a stream seen from its first byte on
    cdef size_t n = HEAD - probe.head_len
    cdef verdict_t verdict
    if <int64_t>n > run.length:
        n = <size_t>run.length
    memcpy(probe.head + probe.head_len, run.data, n)
    probe.head_len += <uint32_t>n
    verdict = judge_mms(probe)
    return judge_winmx(probe) if winmx and verdict == VERDICT_OTHER else verdict


cdef verdict_t probe_stream(side_t *side, const run_t *run, bint winmx) noexcept nogil:
    # The next run of a flow whose earlier runs are in side.probe.
    cdef probe_t *probe = side.probe
    cdef verdict_t verdict
    if run.kind == RUN_GAP:
        probe.chain = False
        return VERDICT_WAIT
    if looks_like_packet(run.data, <size_t>run.length):
        return VERDICT_MMS
    if side.tcp.syn and run.offset == probe.head_len and probe.head_len < HEAD:
        return judge_head(probe, run, winmx)
    probe.tries += 1
    verdict = follow_chain(probe, run)
    if verdict != VERDICT_WAIT:
        return verdict
    if not probe.chain and run.length >= 8 and looks_like_data(run.data):
        begin_chain(probe, run.data, run.offset)
        return follow_chain(probe, run)
    if probe.tries >= MAX_TRIES and not probe.chain:
        return VERDICT_OTHER
    return VERDICT_WAIT


cdef bint is_resend(const segment_t *s) noexcept nogil:
    # RequestPacketListResend: its list fills the datagram (nCubs at 4, any value)
    return s.length >= 12 and load_le32(s.payload) == RESEND_SIGNATURE \
        and 12 + 4 * <uint32_t>load_le16(s.payload + 10) == s.wire_len


cdef bint is_advertisement(const segment_t *s) noexcept nogil:
    # WinMX: a RoomAdvertisement (10.2 of the notes), the one kind of datagram that is known. Seed,
    # type 0x47, id, users, limit, port, and two strings that fill the rest: of 2**40 other
    # datagrams about one looks like that.
    cdef uint8_t plain[MAX_ADVERTISEMENT]
    cdef size_t i, n = s.length, ends = 0
    if n < 22 or n > MAX_ADVERTISEMENT or s.wire_len != s.length:
        return False
    if udp_type(s.payload, n) != ADVERTISEMENT:
        return False
    memcpy(plain, s.payload, n)
    udp_decipher(plain, n)
    if load_le32(plain + 9) >= MANY_USERS or load_le32(plain + 13) >= MANY_USERS:
        return False
    if plain[n - 1] != 0 or plain[19] == 0:
        return False
    for i in range(19, n):
        ends += plain[i] == 0
        if ends == 0 and plain[i] < 0x20:  # in the name of the room
            return False
    return ends == 2


cdef verdict_t probe_datagram(probe_t *probe, const segment_t *s) noexcept nogil:
    # Data packets over UDP, without a session that announced them: their size is the datagram's.
    cdef uint32_t location
    if s.length < 9 or load_le16(s.payload + 6) != s.wire_len or s.payload[4] == 0:
        return VERDICT_OTHER
    location = load_le32(s.payload)
    if location >= SMALL and (location | 1) != <uint32_t>0xF0F0F001:
        return VERDICT_OTHER
    probe.links += 1
    return VERDICT_MMS if probe.links >= LINKS else VERDICT_WAIT


cdef int funnel_port(const uint8_t *m, size_t n) noexcept nogil:
    # The UDP port in the funnelName of a ConnectFunnel message, or -1: \\address\UDP\port.
    cdef size_t i = 28, parts = 0
    cdef uint32_t unit, port = 0
    cdef uint32_t kind = 0
    cdef bint digits = False
    while n - i >= 2 and i < n:
        unit = load_le16(m + i)
        i += 2
        if unit == 0x5C:
            parts += 1
        elif parts < 3:
            continue
        elif parts == 3:
            kind = (kind << 8) | (unit & 0xDF if unit < 128 else 1)
        elif parts == 4 and 0x30 <= unit <= 0x39 and port < 65536:
            port = port * 10 + (unit - 0x30)
            digits = True
        else:
            break
    if kind != 0x554450 or not digits or port == 0 or port > 65535:
        return -1
    return <int>port
