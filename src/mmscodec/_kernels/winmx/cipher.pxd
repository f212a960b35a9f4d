# The ciphers of the WinMX network, sections 6, 7.3, 12 and 13 of docs/spec/winmx.md.
#
# All of them work in place or from `src` to `dst` of the same length (dst may be src), keep no
# state but what is handed in, and cannot fail.
from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t

cdef enum:
    KEY_BLOCK = 16  # bytes of a key block
    CACHE_RECORD = 12  # bytes of a record in a peer-cache list
    LANES = 8  # streams worked on side by side
    STEPS = 64  # bytes of each in one pass
    # roles: who made a key block
    ROLE_PRIMARY_CLIENT = 0x50
    ROLE_PRIMARY_SERVER = 0x51
    ROLE_SECONDARY_CLIENT = 0x52
    ROLE_SECONDARY_SERVER = 0x53
    ROLE_CACHE = 0x54
    ROLE_CHAT_CLIENT = 0x57
    ROLE_CHAT_SERVER = 0x58

cdef struct lane_t:
    # one piece of one stream
    const uint8_t *src
    uint8_t *dst
    size_t length
    uint8_t *key  # 4 bytes of state, updated

# Key blocks have 16 bytes. Put a role into one of random bytes.
cdef void mix_key_block(uint8_t *block, uint8_t role) noexcept nogil
# The role in a block, or -1.
cdef int check_key_block(const uint8_t *block) noexcept nogil
# Put on the mask of the patched clients, or take it off.
cdef void mask_key_block(uint8_t *block) noexcept nogil
# The keys, 4 bytes each, of a server's block of this role. 0, or -1 for a role that is no server's.
cdef int stream_keys(
    const uint8_t *block, int role, uint8_t *to_client, uint8_t *to_server
) noexcept nogil

# The stream cipher: `length` bytes from src to dst, which may be the same; `key`, the 4-byte state
# of one direction, moves on.
cdef void encipher(const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key) noexcept nogil
cdef void decipher(const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key) noexcept nogil
# One of the two, in pieces: ends early where it is `interrupted()`.
cdef void run_stream(
    const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key, bint inverse) noexcept nogil
# The same for many streams, eight side by side; lengths and keys of the lanes are used up.
cdef void decipher_lanes(lane_t *lanes, size_t count) noexcept nogil
cdef void encipher_lanes(lane_t *lanes, size_t count) noexcept nogil

# The ciphers without keys. Of datagrams, in place.
cdef void udp_encipher(uint8_t *data, size_t length) noexcept nogil
cdef void udp_decipher(uint8_t *data, size_t length) noexcept nogil
# The type of an enciphered datagram of 18 bytes or more.
cdef int udp_type(const uint8_t *data, size_t length) noexcept nogil
# Of `records` nodes of a peer cache, 12 bytes each, behind the `start` value of 12 bytes.
cdef void cache_encipher(
    const uint8_t *src, uint8_t *dst, size_t records, const uint8_t *start) noexcept nogil
cdef void cache_decipher(
    const uint8_t *src, uint8_t *dst, size_t records, const uint8_t *start) noexcept nogil
# Of a WPNP 2.x frame without its length, in place.
cdef void legacy_encode(uint8_t *data, size_t length) noexcept nogil
cdef void legacy_decode(uint8_t *data, size_t length) noexcept nogil

# file hash: one block of a file into the 16-byte state
cdef void hash_block(uint8_t *state, const uint8_t *data, size_t length) noexcept nogil
# Decodes every whole WPNP 2.x frame in place; returns the bytes of whole frames.
cdef size_t legacy_frames(uint8_t *data, size_t length) noexcept nogil

# All tables that deciphering needs, 20 of 256 bytes: of the stream cipher by k2 mod 4, its step,
# U0, U1, U2, the columns of the peer cache.
cdef void copy_tables(uint8_t *out) noexcept nogil
