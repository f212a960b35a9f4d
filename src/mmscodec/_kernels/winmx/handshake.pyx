# See handshake.pxd for the contract.
from libc.string cimport memcmp, memcpy
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
)

cdef enum:
    GREETING = 0x31
    CACHE_GREETING = 0x38
    TEXT = 8  # bytes of text that are no key block


cdef inline handshake_link_t client_link(const uint8_t *block) noexcept nogil:
    # the link of a client's key block, LINK_UNKNOWN where it is none
    cdef int role = check_key_block(block)
    if role == ROLE_PRIMARY_CLIENT:
        return LINK_PRIMARY
    if role == ROLE_SECONDARY_CLIENT:
        return LINK_SECONDARY
    return LINK_CHAT if role == ROLE_CHAT_CLIENT else LINK_UNKNOWN


cdef inline handshake_link_t server_link(int role) noexcept nogil:
    # the link that a server's key block opens
    if role == ROLE_PRIMARY_SERVER:
        return LINK_PRIMARY
    if role == ROLE_SECONDARY_SERVER:
        return LINK_SECONDARY
    return LINK_CHAT if role == ROLE_CHAT_SERVER else LINK_UNKNOWN


cdef handshake_link_t server_block(const uint8_t *block, judgement_t *out) noexcept nogil:
    # the link of a server's key block, plain or under the mask
    cdef uint8_t plain[KEY_BLOCK]
    cdef handshake_link_t link
    out.role = check_key_block(block)
    link = server_link(out.role)
    if link == LINK_UNKNOWN:
        memcpy(plain, block, KEY_BLOCK)
        mask_key_block(plain)
        out.role = check_key_block(plain)
        link = server_link(out.role)
        out.patched = link != LINK_UNKNOWN
    out.keys = link != LINK_UNKNOWN
    return link


cdef bint is_text(const uint8_t *p, size_t n) noexcept nogil:
    # a line of another protocol; 16 random bytes look like that once in ten million
    cdef size_t i
    for i in range(n):
        if (p[i] < 0x20 or p[i] > 0x7E) and p[i] != 0x0D and p[i] != 0x0A and p[i] != 0x09:
            return False
    return True


cdef inline int begins(const uint8_t *p, size_t n, const char *word, size_t size) noexcept nogil:
    # 1: the word and another byte that is no space (an HTTP request has one); 0: as far as it is
    # there; -1: no
    if memcmp(p, word, n if n < size else size) != 0:
        return -1
    if n <= size:
        return 0
    return -1 if p[size] == 0x20 else 1


cdef int transfer_request(const uint8_t *p, size_t n) noexcept nogil:
    # 1: a request for a file, 0: its beginning, -1: something else
    cdef int get, send
    if n == 0:
        return -1
    get = begins(p, n, b"GET", 3)
    send = begins(p, n, b"SEND", 4)
    return get if get > send else send


cdef void judge_greeted(
    const uint8_t *client, size_t client_length, const uint8_t *server, size_t server_length,
    judgement_t *out
) noexcept nogil:
    # the server's first byte is the greeting of a primary, a room, or a client that shares files
    cdef bint whole = client_length >= CLIENT_HEAD
    cdef handshake_link_t said
    cdef int request = transfer_request(client, client_length)
    if request == 1:
        out.verdict, out.link = HANDSHAKE_WINMX, LINK_TRANSFER
        return
    said = client_link(client) if whole else LINK_UNKNOWN
    out.link = said
    if server_length < SERVER_HEAD:
        out.verdict = HANDSHAKE_OPEN
        if said != LINK_UNKNOWN:
            out.verdict = HANDSHAKE_WINMX
        elif whole and is_text(client, CLIENT_HEAD):
            out.verdict = HANDSHAKE_OTHER
        return
    out.link = server_block(server + 1, out)
    if out.keys:
        out.verdict = HANDSHAKE_WINMX
        if whole and said == LINK_UNKNOWN and is_text(client, CLIENT_HEAD):
            out.verdict = HANDSHAKE_OTHER
        return
    out.link = said
    if said != LINK_UNKNOWN:
        out.verdict = HANDSHAKE_WINMX  # one that cannot be deciphered
    else:
        out.verdict = HANDSHAKE_OTHER if whole else HANDSHAKE_OPEN


cdef void judge_cache(
    const uint8_t *client, size_t client_length, const uint8_t *server, size_t server_length,
    judgement_t *out
) noexcept nogil:
    # fill in `out` for a server that greets as a peer cache
    if client_length >= CLIENT_HEAD and is_text(client, CLIENT_HEAD):
        out.verdict = HANDSHAKE_OTHER
    elif server_length < SERVER_HEAD:
        out.verdict = HANDSHAKE_OPEN
    elif check_key_block(server + 1) == ROLE_CACHE:
        out.verdict, out.link = HANDSHAKE_WINMX, LINK_CACHE


cdef void judge_silent(
    const uint8_t *client, size_t client_length, judgement_t *out
) noexcept nogil:
    # nothing is known of the server
    if client_length >= CLIENT_HEAD:
        out.link = client_link(client)
        if out.link != LINK_UNKNOWN:
            out.verdict = HANDSHAKE_LIKELY
        elif transfer_request(client, client_length) == 1:
            out.verdict = HANDSHAKE_OPEN
    else:
        out.verdict = HANDSHAKE_OPEN


cdef void handshake_judge(
    const uint8_t *client, size_t client_length, const uint8_t *server, size_t server_length,
    judgement_t *out
) noexcept nogil:
    out.verdict, out.link = HANDSHAKE_OTHER, LINK_UNKNOWN
    out.keys = out.patched = False
    out.role = -1
    if client_length > 1 and client[0] == GREETING \
            and transfer_request(client + 1, client_length - 1) == 1:
        out.verdict, out.link = HANDSHAKE_WINMX, LINK_TRANSFER  # the client greets
    elif server_length == 0:
        judge_silent(client, client_length, out)
    elif server[0] == GREETING:
        judge_greeted(client, client_length, server, server_length, out)
    elif server[0] == CACHE_GREETING:
        judge_cache(client, client_length, server, server_length, out)
    elif client_length >= CLIENT_HEAD and client_link(client) == LINK_UNKNOWN:
        return
    elif server_length >= TEXT and is_text(server, TEXT):
        return  # by these bytes alone, so that the answer stays when more of them are seen
    elif server_length < KEY_BLOCK:
        out.verdict = HANDSHAKE_OPEN
    elif server_block(server, out) != LINK_UNKNOWN:  # its greeting was not captured
        out.keys = out.patched = False
        out.verdict = HANDSHAKE_OPEN
        if client_length >= CLIENT_HEAD:
            out.verdict, out.link = HANDSHAKE_WINMX, client_link(client)


cdef bint handshake_roles(
    const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length, judgement_t *out
) noexcept nogil:
    cdef judgement_t other
    handshake_judge(a, a_length, b, b_length, out)
    if out.verdict == HANDSHAKE_WINMX:
        return True
    handshake_judge(b, b_length, a, a_length, &other)
    if <int>other.verdict <= <int>out.verdict:
        return True
    out[0] = other
    return False
