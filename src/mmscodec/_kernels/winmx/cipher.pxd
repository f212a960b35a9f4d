# The ciphers of the WinMX network, sections 6, 7.3, 12 and 13 of the notes.
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

# key blocks
cdef void mix_key_block(uint8_t *block, uint8_t role) noexcept nogil
cdef int check_key_block(const uint8_t *block) noexcept nogil  # the role, or -1
cdef void mask_key_block(uint8_t *block) noexcept nogil
cdef int stream_keys(
    const uint8_t *block, int role, uint8_t *to_client, uint8_t *to_server
) noexcept nogil

# stream cipher; `key` is the 4-byte state of one direction
cdef void encipher(const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key) noexcept nogil
cdef void decipher(const uint8_t *src, uint8_t *dst, size_t length, uint8_t *key) noexcept nogil
cdef void decipher_lanes(lane_t *lanes, size_t count) noexcept nogil
cdef void encipher_lanes(lane_t *lanes, size_t count) noexcept nogil

# keyless ciphers
cdef void udp_encipher(uint8_t *data, size_t length) noexcept nogil
cdef void udp_decipher(uint8_t *data, size_t length) noexcept nogil
cdef int udp_type(const uint8_t *data, size_t length) noexcept nogil  # of 18 bytes or more
cdef void cache_encipher(
    const uint8_t *src, uint8_t *dst, size_t records, const uint8_t *start) noexcept nogil
cdef void cache_decipher(
    const uint8_t *src, uint8_t *dst, size_t records, const uint8_t *start) noexcept nogil
cdef void legacy_encode(uint8_t *data, size_t length) noexcept nogil
cdef void legacy_decode(uint8_t *data, size_t length) noexcept nogil

# file hash: one block of a file into the 16-byte state
cdef void hash_block(uint8_t *state, const uint8_t *data, size_t length) noexcept nogil
# Decodes every whole WPNP 2.x frame in place; returns the bytes of whole frames.
cdef size_t legacy_frames(uint8_t *data, size_t length) noexcept nogil
