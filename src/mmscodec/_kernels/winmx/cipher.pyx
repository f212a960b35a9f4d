# The ciphers of the WinMX network; the tables are generated from tools/winmx_tables.txt.
from libc.string cimport memcpy
from mmscodec._kernels.core.interrupt cimport interrupted, interrupted_at
from mmscodec._kernels.core.wire cimport load_le16

cdef extern from "mmscodec_winmx_tables.h" nogil:
    const uint8_t winmx_decipher_table[4][256]
    const uint8_t winmx_encipher_table[4][256]
    const uint8_t winmx_step_table[256]
    const uint8_t winmx_u0[256]
    const uint8_t winmx_u1[256]
    const uint8_t winmx_u2[256]
    const uint8_t winmx_u3[256]
    const uint8_t winmx_cache_table[12][256]


cdef extern from "mmscodec_winmx_lanes.h" nogil:
    void winmx_run_states(
        uint8_t *k, uint8_t *early, uint8_t *late, uint8_t *choice, size_t steps) noexcept


# ---- key blocks, 6.1, 6.2 and 6.4 --------------------------------------------------------------

cdef void mix_key_block(uint8_t *b, uint8_t role) noexcept nogil:
    # turns 16 random bytes into a block for `role`
    cdef int i, j
    cdef uint8_t p = 0x57
    b[4] = b[15] ^ b[13] ^ b[5] ^ b[2]
    b[9] = <uint8_t>((b[14] ^ b[8] ^ b[1]) + role)
    b[11] = <uint8_t>((b[12] ^ b[10] ^ b[7] ^ b[6] ^ b[3] ^ b[0]) + (role >> 7))
    for i in range(105):
        j = i & 15
        if i % 5 == 0:
            b[j] ^= p
        else:
            b[j] = <uint8_t>(b[j] + p)
        p = b[j]


cdef int check_key_block(const uint8_t *block) noexcept nogil:
    cdef uint8_t b[16]
    cdef int i, j
    cdef uint8_t q, role
    memcpy(b, block, 16)
    for i in range(104, -1, -1):
        j = i & 15
        q = b[(i - 1) & 15] if i else 0x57
        if i % 5 == 0:
            b[j] ^= q
        else:
            b[j] = <uint8_t>(b[j] - q)
    if b[4] != (b[15] ^ b[13] ^ b[5] ^ b[2]):
        return -1
    role = <uint8_t>(b[9] - (b[14] ^ b[8] ^ b[1]))
    if (b[12] ^ b[10] ^ b[7] ^ b[6] ^ b[3] ^ b[0]) != <uint8_t>(b[11] - (role >> 7)):
        return -1
    return role


cdef void mask_key_block(uint8_t *block) noexcept nogil:
    # its own inverse; byte 15 stays
    cdef uint8_t mask[5]
    cdef int i
    mask[:] = [0xFF, 0xF0, 0x0F, 0x77, 0x77]
    for i in range(15):
        block[i] ^= mask[i % 5]


cdef int stream_keys(
    const uint8_t *b, int role, uint8_t *to_client, uint8_t *to_server
) noexcept nogil:
    # the two states that the server's block `b` gives on the link of `role`; -1 where there is none
    if role == ROLE_PRIMARY_SERVER or role == ROLE_PRIMARY_CLIENT:
        to_client[0] = <uint8_t>(b[2] - 0x68)
        to_client[1] = b[5]
        to_client[2] = b[9]
        to_client[3] = b[11]
        to_server[0] = <uint8_t>(b[4] - 0x67)
        to_server[1] = b[12]
        to_server[2] = b[10]
        to_server[3] = b[7]
        return 0
    if role == ROLE_SECONDARY_SERVER or role == ROLE_SECONDARY_CLIENT:
        to_client[0] = <uint8_t>(b[7] + 0x54)
        to_server[0] = <uint8_t>(b[2] + 0x55)
    elif role == ROLE_CHAT_SERVER or role == ROLE_CHAT_CLIENT:
        to_client[0] = <uint8_t>(b[7] - 0x22)
        to_server[0] = <uint8_t>(b[2] + 0x7A)
    else:
        return -1
    to_client[1] = b[3]
    to_client[2] = b[9]
    to_client[3] = b[5]
    to_server[1] = b[8]
    to_server[2] = b[13]
    to_server[3] = b[6]
    return 0


# ---- stream cipher, 6.3 ------------------------------------------------------------------------
# The two low bits of k2 choose the table and which state byte goes before (k1) or after (k0, k3)
# the table when deciphering. Masks instead of branches: the choice is random for each byte.
# State bytes live in 32-bit registers; only their low 8 bits count.

cdef enum:
    PIECE = 1 << 16  # bytes of a stream between two looks for Ctrl-C


cdef void decipher(const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key) noexcept nogil:
    cdef uint32_t k0 = key[0], k1 = key[1], k2 = key[2], k3 = key[3]
    cdef uint32_t c, m, late
    cdef size_t i
    for i in range(length):
        c = src[i]
        m = k2 & 3
        late = 0 - (m >> 1)  # all ones where the state byte goes after the table
        dst[i] = <uint8_t>(
            winmx_decipher_table[m][(c ^ (k1 & ~late)) & 0xFF]
            ^ (late & (k0 ^ ((k0 ^ k3) & (0 - (m & 1))))))
        k0 = k0 + k1
        k1 = (k1 ^ k3) + 1
        k2 = k2 + winmx_step_table[c]
        k3 = (k3 ^ k2) + 1
        k2 = k2 + 1
    key[0] = <uint8_t>k0
    key[1] = <uint8_t>k1
    key[2] = <uint8_t>k2
    key[3] = <uint8_t>k3


cdef void encipher(const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key) noexcept nogil:
    cdef uint32_t k0 = key[0], k1 = key[1], k2 = key[2], k3 = key[3]
    cdef uint32_t c, m, late
    cdef size_t i
    for i in range(length):
        m = k2 & 3
        late = 0 - (m >> 1)
        c = (late & (k0 ^ ((k0 ^ k3) & (0 - (m & 1))))) ^ src[i]
        c = winmx_encipher_table[m][c & 0xFF] ^ (k1 & ~late & 0xFF)
        dst[i] = <uint8_t>c
        k0 = k0 + k1
        k1 = (k1 ^ k3) + 1
        k2 = k2 + winmx_step_table[c]
        k3 = (k3 ^ k2) + 1
        k2 = k2 + 1
    key[0] = <uint8_t>k0
    key[1] = <uint8_t>k1
    key[2] = <uint8_t>k2
    key[3] = <uint8_t>k3


# Streams side by side. The state bytes of all lanes are arrays, so that the compiler steps all
# lanes with one vector instruction each and the table look-ups of different lanes overlap. Lanes
# run together for as long as each has bytes; what is left is done lane by lane.

cdef inline size_t common_length(const lane_t *lanes) noexcept nogil:
    # bytes that all lanes have, as many as go between two looks for Ctrl-C
    cdef size_t n = PIECE
    cdef int l
    for l in range(LANES):
        if lanes[l].length < n:
            n = lanes[l].length
    return n


cdef inline void load_state(const lane_t *lanes, uint8_t *k) noexcept nogil:
    # the keys of all lanes, byte by byte side by side
    cdef int l, j
    for l in range(LANES):
        for j in range(4):
            k[j * LANES + l] = lanes[l].key[j]


cdef inline void leave(lane_t *lanes, const uint8_t *k, size_t n) noexcept nogil:
    # puts the states back and steps every lane over the n bytes done
    cdef int l, j
    for l in range(LANES):
        for j in range(4):
            lanes[l].key[j] = k[j * LANES + l]
        lanes[l].src += n
        lanes[l].dst += n
        lanes[l].length -= n


cdef void decipher_eight(lane_t *lanes) noexcept nogil:
    # Cipher bytes are known beforehand, so the work goes in three passes over STEPS bytes of all
    # lanes: look up the steps, run the states as vectors, look up the plain bytes. One pass for
    # each byte would load vectors from bytes stored a moment ago, which stalls.
    cdef uint8_t k[4 * LANES]
    cdef uint8_t early[STEPS * LANES]
    cdef uint8_t late[STEPS * LANES]
    cdef uint8_t choice[STEPS * LANES]
    cdef const uint8_t *src
    cdef uint8_t *dst
    cdef size_t done = 0, i, l, steps, n = common_length(lanes)
    load_state(lanes, k)
    while done < n:
        steps = n - done if n - done < STEPS else STEPS
        for l in range(<size_t>LANES):
            src = lanes[l].src + done
            for i in range(steps):
                early[i * LANES + l] = src[i]
                choice[i * LANES + l] = winmx_step_table[src[i]]
        winmx_run_states(k, early, late, choice, steps)
        for l in range(<size_t>LANES):
            dst = lanes[l].dst + done
            for i in range(steps):
                dst[i] = (
                    winmx_decipher_table[choice[i * LANES + l]][early[i * LANES + l]]
                    ^ late[i * LANES + l])
        done += steps
    leave(lanes, k, n)


cdef void encipher_eight(lane_t *lanes) noexcept nogil:
    # encipher what all eight lanes have, and move them on
    cdef uint8_t k[4 * LANES]
    cdef uint8_t c[LANES]
    cdef uint8_t early[LANES]
    cdef uint8_t late[LANES]
    cdef uint8_t m[LANES]
    cdef const uint8_t *src[LANES]
    cdef uint8_t *dst[LANES]
    cdef uint8_t *k0 = k
    cdef uint8_t *k1 = k + LANES
    cdef uint8_t *k2 = k + 2 * LANES
    cdef uint8_t *k3 = k + 3 * LANES
    cdef size_t i, n = common_length(lanes)
    cdef int l
    load_state(lanes, k)
    for l in range(LANES):
        src[l] = lanes[l].src
        dst[l] = lanes[l].dst
    for i in range(n):
        for l in range(LANES):
            m[l] = k2[l] & 3
            late[l] = <uint8_t>(0 - (m[l] >> 1))
            early[l] = k1[l] & ~late[l]
            late[l] &= k0[l] ^ ((k0[l] ^ k3[l]) & <uint8_t>(0 - (m[l] & 1)))
        for l in range(LANES):
            c[l] = winmx_encipher_table[m[l]][late[l] ^ src[l][i]] ^ early[l]
            dst[l][i] = c[l]
            m[l] = winmx_step_table[c[l]]
        for l in range(LANES):
            k0[l] = <uint8_t>(k0[l] + k1[l])
            k1[l] = <uint8_t>((k1[l] ^ k3[l]) + 1)
            k2[l] = <uint8_t>(k2[l] + m[l])
            k3[l] = <uint8_t>((k3[l] ^ k2[l]) + 1)
            k2[l] = <uint8_t>(k2[l] + 1)
    leave(lanes, k, n)


cdef void run_lanes(lane_t *lanes, size_t count, bint inverse) noexcept nogil:
    # Eight slots; a lane that ends gives its slot to the next one, so `lanes` is consumed.
    cdef lane_t slots[LANES]
    cdef size_t used = 0, taken = 0
    cdef size_t l
    while True:
        l = 0
        while l < used:  # drop the finished
            if slots[l].length == 0:
                used -= 1
                slots[l] = slots[used]
            else:
                l += 1
        while used < LANES and taken < count:
            if lanes[taken].length:
                slots[used] = lanes[taken]
                used += 1
            taken += 1
        if used < LANES:
            break
        if inverse:
            decipher_eight(slots)
        else:
            encipher_eight(slots)
        if interrupted():
            return
    for l in range(used):
        run_stream(slots[l].src, slots[l].dst, slots[l].length, slots[l].key, inverse)


cdef void run_stream(
    const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key, bint inverse
) noexcept nogil:
    cdef size_t done = 0, size
    while done < length:
        size = min(length - done, <size_t>PIECE)
        if inverse:
            decipher(src + done, dst + done, size, key)
        else:
            encipher(src + done, dst + done, size, key)
        done += size
        if size == PIECE and interrupted():
            return


cdef void decipher_lanes(lane_t *lanes, size_t count) noexcept nogil:
    run_lanes(lanes, count, True)


cdef void encipher_lanes(lane_t *lanes, size_t count) noexcept nogil:
    run_lanes(lanes, count, False)


# ---- UDP cipher, 6.5 ---------------------------------------------------------------------------

cdef void udp_encipher(uint8_t *a, size_t length) noexcept nogil:
    # 17 rounds over the datagram; `i` counts bytes of all rounds, `p` is i mod length
    cdef size_t i, p, q, total
    if length == 0:
        return
    total = 17 * length
    p = 0
    for i in range(1, total):
        if (i & (PIECE - 1)) == 0 and interrupted():
            return
        q = p
        p = p + 1 if p + 1 < length else 0
        a[p] = winmx_u3[a[p]] ^ winmx_u1[winmx_u0[(i - 1) & 0xFF] ^ a[q]]


cdef void udp_decipher(uint8_t *a, size_t length) noexcept nogil:
    cdef size_t i, p, q
    if length == 0:
        return
    i = 17 * length - 1
    p = length - 1
    while i >= 1:
        if (i & (PIECE - 1)) == 0 and interrupted():
            return
        q = p - 1 if p else length - 1
        a[p] = winmx_u2[winmx_u1[a[q] ^ winmx_u0[(i - 1) & 0xFF]] ^ a[p]]
        p = q
        i -= 1


cdef int udp_type(const uint8_t *a, size_t length) noexcept nogil:
    # Byte 4 of the plain datagram. A byte depends on as many bytes in front of it as there are
    # rounds, so this costs 170 steps whatever the length. `w` holds bytes 4 - 17 to 4 of a round,
    # those below 0 at the end of the round before.
    cdef uint8_t w[18]
    cdef size_t k, start
    cdef int turn
    for k in range(13):
        start = length + k - 13
        w[k] = winmx_u2[
            winmx_u1[a[start - 1] ^ winmx_u0[(16 * length + start - 1) & 0xFF]] ^ a[start]]
    for k in range(13, 18):
        w[k] = a[k - 13]
    for turn in range(16, -1, -1):
        start = <size_t>turn * length
        k = 17
        while k > <size_t>(16 - turn):
            w[k] = winmx_u2[winmx_u1[w[k - 1] ^ winmx_u0[(start + k - 14) & 0xFF]] ^ w[k]]
            k -= 1
    return w[17]


# ---- peer cache, 7.3: columns 0, 1, 3, 7, 9, 10 add, the others XOR ------------------------------

cdef inline bint adds(size_t j) noexcept nogil:
    # does step j of the chain add, or take away?
    return (0x68B >> j) & 1


cdef void cache_encipher(
    const uint8_t *src, uint8_t *dst, size_t records, const uint8_t *start
) noexcept nogil:
    cdef uint8_t k[12]
    cdef uint8_t c
    cdef size_t r, j
    memcpy(k, start, 12)
    for r in range(records):
        if interrupted_at(r):
            return
        for j in range(12):
            c = src[r * 12 + j]
            c = <uint8_t>(c + k[j] if adds(j) else c ^ k[j])
            dst[r * 12 + j] = c
            k[j] = winmx_cache_table[j][c]


cdef void cache_decipher(
    const uint8_t *src, uint8_t *dst, size_t records, const uint8_t *start
) noexcept nogil:
    cdef uint8_t k[12]
    cdef uint8_t c
    cdef size_t r, j
    memcpy(k, start, 12)
    for r in range(records):
        if interrupted_at(r):
            return
        for j in range(12):
            c = src[r * 12 + j]
            dst[r * 12 + j] = <uint8_t>(c - k[j] if adds(j) else c ^ k[j])
            k[j] = winmx_cache_table[j][c]


# ---- WPNP 2.x encoding, 12 ---------------------------------------------------------------------

cdef void legacy_encode(uint8_t *a, size_t length) noexcept nogil:
    cdef int turn
    cdef size_t i
    if length == 0:
        return
    for turn in range(5):
        a[0] ^= a[length - 1] if turn else <uint8_t>length
        for i in range(1, length):
            if (i & (PIECE - 1)) == 0 and interrupted():
                return
            a[i] ^= a[i - 1]


cdef void legacy_decode(uint8_t *a, size_t length) noexcept nogil:
    # from the end on, in pieces without a question in between: those become vector instructions
    cdef int turn
    cdef size_t i, end, begin
    if length == 0:
        return
    for turn in range(4, -1, -1):
        end = length
        while end > 1:
            begin = end - PIECE if end > PIECE else 1
            for i in range(end - 1, begin - 1, -1):
                a[i] ^= a[i - 1]
            if begin != 1 and interrupted():
                return
            end = begin
        a[0] ^= a[length - 1] if turn else <uint8_t>length


# ---- file hash, 13 -----------------------------------------------------------------------------

cdef void hash_block(uint8_t *h, const uint8_t *data, size_t length) noexcept nogil:
    cdef uint8_t b = 0xC9, n = 0
    cdef size_t at = 0, i
    while length > 16 and at < length - 16:
        if interrupted_at(at >> 4):
            return
        for i in range(16):
            h[i] = <uint8_t>(h[i] + data[at + i])
        h[0] ^= b
        for i in range(1, 16):
            h[i] ^= h[i - 1]
        b = <uint8_t>(n + h[15])
        b = <uint8_t>((b << 1) | (b >> 7))
        n += 1
        at += 16


cdef size_t legacy_frames(uint8_t *data, size_t length) noexcept nogil:
    # decodes type and data of every whole WPNP 2.x frame in place; the bytes of whole frames
    cdef size_t pos = 0, size, since = 0
    while length - pos >= 2:
        size = <size_t>load_le16(data + pos) + 2
        if length - pos - 2 < size:
            break
        since += size
        if since > PIECE:
            since = 0
            if interrupted():
                break
        legacy_decode(data + pos + 2, size)
        pos += size + 2
    return pos


# ---- for those who decipher elsewhere ----------------------------------------------------------

cdef void copy_tables(uint8_t *out) noexcept nogil:
    memcpy(out, winmx_decipher_table, 1024)
    memcpy(out + 1024, winmx_step_table, 256)
    memcpy(out + 1280, winmx_u0, 256)
    memcpy(out + 1536, winmx_u1, 256)
    memcpy(out + 1792, winmx_u2, 256)
    memcpy(out + 2048, winmx_cache_table, 3072)
