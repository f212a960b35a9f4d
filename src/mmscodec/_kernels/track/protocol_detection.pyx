# MMS is known by its bytes on any port. A stream that was seen from its SYN begins with a
# TcpMessageHeader or is something else. One that begins in the middle may hold nothing but Data
# packets, which have no signature: the judgement of resync is asked about its first 64 KiB,
# wherever segments begin, once about each byte, and a chain of them has to bear it out.
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc
from libc.string cimport memcpy
from mmscodec._kernels.core.layout cimport RESEND_SIGNATURE, SEAL, SESSION_ID
from mmscodec._kernels.core.table cimport table_end, table_free, table_init, table_reserve
from mmscodec._kernels.core.wire cimport load_le16, load_le32
from mmscodec._kernels.mms.evidence cimport NO, WAIT, YES
from mmscodec._kernels.mms.scan cimport mms_detect
from mmscodec._kernels.net.segment cimport segment_t
from mmscodec._kernels.net.pieces cimport RUN_GAP, run_t
from mmscodec._kernels.net.tcp_reassembly cimport tcp_waits
from mmscodec._kernels.track.flow_table cimport STATE_DETECTING
from mmscodec._kernels.winmx.cipher cimport udp_decipher, udp_type
from mmscodec._kernels.winmx.handshake cimport (
    HANDSHAKE_LIKELY, HANDSHAKE_OTHER, HANDSHAKE_WINMX, SERVER_HEAD, handshake_roles, judgement_t,
)
from mmscodec._kernels.track.sources cimport is_stable

cdef enum:
    LINKS = 3  # headers in a chain that is believed
    CHAIN = 4  # and where nothing else speaks for MMS
    MAX_STEP = 64  # between LocationIds of such a chain
    SMALL = 1 << 24  # LocationId of any media file
    ADVERTISEMENT = 0x47
    MAX_ADVERTISEMENT = 512
    MANY_USERS = 1 << 20


cdef detection_t *detection_begin(flow_t *flow) noexcept nogil:
    if flow.detection == NULL:
        flow.detection = <detection_t *>calloc(1, sizeof(detection_t))
        if flow.detection != NULL:
            table_init(&flow.detection.window, 1)
            flow.state = STATE_DETECTING
    return flow.detection


cdef void detection_drop(flow_t *flow, memory_limit_t *limit) noexcept nogil:
    cdef detection_t *d = flow.detection
    cdef uint32_t i
    if d == NULL:
        return
    limit.detecting -= d.held
    for i in range(d.count):
        free(d.runs[i].memory)
    free(d.runs)
    table_free(&d.window)
    free(d)
    flow.detection = NULL


cdef int detection_hold(
    detection_t *d, memory_limit_t *limit, const sources_t *sources, run_t *run
) noexcept nogil:
    cdef run_t *runs
    cdef uint32_t capacity
    cdef void *memory
    if d.count == d.capacity:
        capacity = <uint32_t>(d.capacity * 2 if d.capacity else 2)
        runs = <run_t *>realloc(d.runs, capacity * sizeof(run_t))
        if runs == NULL:
            return -1
        d.runs = runs
        d.capacity = capacity
    d.runs[d.count] = run[0]
    if run.kind != RUN_GAP:
        if run.memory != NULL:
            run.memory = NULL
        elif not is_stable(sources, run.place):
            memory = malloc(<size_t>run.length)
            if memory == NULL:
                return -1
            memcpy(memory, run.data, <size_t>run.length)
            d.runs[d.count].memory = memory
            d.runs[d.count].data = <const uint8_t *>memory
        d.bytes += <uint32_t>run.length + <uint32_t>sizeof(run_t)
        # the window has them once more, and the list of runs grows by half of it
        d.held += 2 * (<uint64_t>run.length + sizeof(run_t))
        limit.detecting += 2 * (<uint64_t>run.length + sizeof(run_t))
    d.count += 1
    return 0


cdef bint looks_like_packet(const uint8_t *p, size_t n) noexcept nogil:
    # a TcpMessageHeader, as far as it is there
    return n >= 16 and load_le32(p + 4) == SESSION_ID and load_le32(p + 12) == SEAL


cdef int proven(const uint8_t *p, size_t n, bint final) noexcept nogil:
    # A port and a peer that nobody knows need more than what resync believes: YES = a packet, or
    # CHAIN Data packets of one incarnation whose LocationIds go one way by small steps; WAIT = so
    # far; NO = something else.
    cdef size_t at = 0, size
    cdef int64_t step, first = 0
    cdef uint32_t location = 0
    cdef int count
    for count in range(CHAIN):
        if looks_like_packet(p + at, n - at):
            return YES
        if n - at < 8:
            return YES if final and count > LINKS - 1 else WAIT
        size = load_le16(p + at + 6)
        if size < 8 or p[at + 4] == 0 or p[at + 4] != p[4]:
            return NO
        step = <int64_t>load_le32(p + at) - <int64_t>location
        location = load_le32(p + at)
        if count != 0:
            first = step if first == 0 else first
            if step == 0 or (step > 0) != (first > 0) or step > MAX_STEP or step < -MAX_STEP:
                return NO
        at += size
        if at > n:
            at = n
    return YES


cdef verdict_t judge_window(detection_t *d, bint final, uint64_t *looked) noexcept nogil:
    # A stream begun in the middle: is there MMS from some byte on? It is the judgement that resync
    # has, asked once about each byte, and `proven`; what begins nothing is let go.
    cdef size_t at = 0
    cdef int answer
    while d.judged < d.window.rows:
        answer = mms_detect(
            d.window.data + d.judged, d.window.rows - d.judged, final, &at, looked)
        d.judged += at
        if answer == YES:
            answer = proven(d.window.data + d.judged, d.window.rows - d.judged, final)
            if answer == YES:
                return VERDICT_MMS
            if answer == NO:
                d.judged += 1
                continue
        if answer != WAIT or not final:
            break
        d.judged += 1  # what it waits for will not come
    return VERDICT_WAIT


cdef verdict_t extend_window(detection_t *d, const run_t *run, uint64_t *looked) noexcept nogil:
    # take the bytes of a run to those that are looked at, and look. A verdict
    if table_reserve(&d.window, <size_t>run.length) != 0:
        return VERDICT_OTHER
    memcpy(table_end(&d.window), run.data, <size_t>run.length)
    d.window.rows += <size_t>run.length
    return judge_window(d, False, looked)


cdef verdict_t judge_winmx(flow_t *flow, const flow_t *peer) noexcept nogil:
    # The handshake, by what is known of both sides: who begins like a WinMX client waits for what
    # the other side says.
    cdef detection_t *d = flow.detection
    cdef detection_t *other = peer.detection
    cdef const uint8_t *said = NULL
    cdef judgement_t found
    cdef bint client, silent  # the server's first bytes are missing, so that it cannot be asked
    d.likely = False
    if other != NULL:
        said = other.head
    if peer.state > STATE_DETECTING:
        return VERDICT_OTHER
    client = handshake_roles(
        d.head, d.head_len, said, other.head_len if other != NULL else 0, &found)
    silent = d.broken
    if client:
        silent = other != NULL and other.broken
    if found.verdict == HANDSHAKE_WINMX or (found.verdict == HANDSHAKE_LIKELY and silent):
        return VERDICT_WINMX_CLIENT if client else VERDICT_WINMX_SERVER
    d.likely = found.verdict == HANDSHAKE_LIKELY and client
    if other != NULL:
        other.likely = found.verdict == HANDSHAKE_LIKELY and not client
    return VERDICT_OTHER if found.verdict == HANDSHAKE_OTHER else VERDICT_WAIT


cdef verdict_t judge_mms(const detection_t *d) noexcept nogil:
    # is it MMS by the first 16 bytes? VERDICT_WAIT while fewer are there
    if d.head_len < 8:
        return VERDICT_WAIT
    if load_le32(d.head + 4) != SESSION_ID:
        return VERDICT_OTHER
    if d.head_len < 16:
        return VERDICT_WAIT
    return VERDICT_MMS if load_le32(d.head + 12) == SEAL else VERDICT_OTHER


cdef inline void take_head(detection_t *d, const run_t *run) noexcept nogil:
    # keep the first bytes of the stream
    cdef size_t n = SERVER_HEAD - d.head_len
    if <int64_t>n > run.length:
        n = <size_t>run.length
    memcpy(d.head + d.head_len, run.data, n)
    d.head_len += <uint32_t>n


cdef verdict_t judge_start(flow_t *flow, const flow_t *peer, bint winmx) noexcept nogil:
    # what the first bytes say; VERDICT_OTHER is final only where the stream was seen from its SYN
    cdef verdict_t verdict = VERDICT_OTHER
    if flow.tcp.syn:
        verdict = judge_mms(flow.detection)
    if winmx and verdict == VERDICT_OTHER:
        verdict = judge_winmx(flow, peer)
    return verdict


cdef verdict_t detect_gap(
    flow_t *flow, const flow_t *peer, bint winmx, uint64_t *looked
) noexcept nogil:
    # bytes are missing: what is known up to there is judged, and behind it a stream begins anew
    cdef detection_t *d = flow.detection
    cdef verdict_t verdict = judge_window(d, True, looked)
    cdef bint begins = d.head_len < SERVER_HEAD and not d.broken
    d.window.rows = d.judged = 0
    d.broken |= begins
    if verdict == VERDICT_WAIT and winmx and begins:
        verdict = judge_winmx(flow, peer)
    return VERDICT_WAIT if verdict == VERDICT_OTHER else verdict


cdef verdict_t detect_stream(
    flow_t *flow, const flow_t *peer, const run_t *run, bint winmx, uint64_t *looked
) noexcept nogil:
    # The next run of a flow whose earlier runs are in flow.detection.
    cdef detection_t *d = flow.detection
    cdef verdict_t verdict = VERDICT_WAIT
    cdef bint begins = d.head_len < SERVER_HEAD and not d.broken
    if run.kind == RUN_GAP:
        return detect_gap(flow, peer, winmx, looked)
    if looks_like_packet(run.data, <size_t>run.length):
        return VERDICT_MMS
    if begins and run.offset == d.head_len:
        take_head(d, run)
        verdict = judge_start(flow, peer, winmx)
        begins = True
    elif winmx and d.head_len == SERVER_HEAD:
        verdict = judge_winmx(flow, peer)  # it waits for the other side
        begins = True
    else:
        begins = False
    if begins and (flow.tcp.syn or is_winmx(verdict)):
        return verdict
    return extend_window(d, run, looked)


cdef verdict_t detect_end(flow_t *flow, uint64_t *looked) noexcept nogil:
    return judge_window(flow.detection, True, looked)


cdef bint has_chain(const uint8_t *p, size_t n) noexcept nogil:
    # two Data headers, each where the one before says, that number their packets in steps
    cdef size_t at, size
    cdef uint32_t step
    for at in range(n - 8 if n > 8 else 0):
        size = load_le16(p + at + 6)
        if p[at + 4] == 0 or size < 8 or n - at < size + 8 or p[at + size + 4] != p[at + 4]:
            continue
        step = load_le32(p + at + size) - load_le32(p + at)
        if step != 0 and <uint32_t>(step + MAX_STEP) <= 2 * MAX_STEP:
            return True
    return False


cdef bint detect_waits(const flow_t *flow, const flow_t *peer, bint all) noexcept nogil:
    cdef const detection_t *d = flow.detection
    cdef detection_t *other = peer.detection
    cdef const uint8_t *said = NULL
    cdef size_t known = 0
    cdef judgement_t found
    if flow.state > STATE_DETECTING:
        return False
    if flow.tcp.syn or all:
        return d != NULL or tcp_waits(&flow.tcp)
    if d == NULL:
        return False
    if has_chain(d.window.data, d.window.rows):
        return True
    if d.broken or peer.state > STATE_DETECTING:
        return False
    if other != NULL:
        said = other.head
        known = other.head_len
    handshake_roles(d.head, d.head_len, said, known, &found)
    return found.verdict != HANDSHAKE_OTHER


cdef bint is_resend(const segment_t *s) noexcept nogil:
    # RequestPacketListResend: its list fills the datagram (nCubs at 4, any value)
    return s.length >= 12 and load_le32(s.payload) == RESEND_SIGNATURE \
        and 12 + 4 * <uint32_t>load_le16(s.payload + 10) == s.wire_len


cdef bint is_advertisement(const segment_t *s) noexcept nogil:
    # WinMX: a RoomAdvertisement (docs/spec/winmx.md, 10.2), the one kind of datagram that is known.
    # Seed, type 0x47, id, users, limit, port, and two strings that fill the rest: of 2**40 other
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


cdef verdict_t detect_datagram(detection_t *d, const segment_t *s) noexcept nogil:
    # Data packets over UDP, without a session that announced them: their size is the datagram's.
    cdef uint32_t location
    if s.length < 9 or load_le16(s.payload + 6) != s.wire_len or s.payload[4] == 0:
        return VERDICT_OTHER
    location = load_le32(s.payload)
    if location >= SMALL and (location | 1) != <uint32_t>0xF0F0F001:
        return detect_live_datagram(d, s)
    d.links += 1
    return VERDICT_MMS if d.links >= LINKS else VERDICT_WAIT


cdef verdict_t detect_live_datagram(detection_t *d, const segment_t *s) noexcept nogil:
    # LocationId is that of a live source or of nothing: a chain of CHAIN datagrams of one
    # incarnation by small steps, in either direction since datagrams overtake each other
    cdef uint32_t step = load_le32(s.payload) - load_le32(d.head)
    if d.head_len == 8 and d.head[4] == s.payload[4] and step != 0 \
            and <uint32_t>(step + MAX_STEP) <= 2 * MAX_STEP:
        d.links += 1
    else:
        d.links = 1
    memcpy(d.head, s.payload, 8)
    d.head_len = 8
    return VERDICT_MMS if d.links >= CHAIN else VERDICT_WAIT
