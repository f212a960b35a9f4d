# Is it WinMX, and who is the client? The one judgement on the first bytes of both sides (sections
# 5, 6.1, 6.4 and 7.1 of docs/spec/winmx.md); captures, batches and conversations all ask here.
#
# A key block of 16 bytes checks by chance once in 2**24 / roles (two bytes of check, and one that
# names the role): a client's once in 2**24 / 3, a server's, with and without the mask of the
# patched clients, once in 2**24 / 6 (measured: docs/spec/winmx.md). So one side alone proves
# nothing where the other one can be asked.
from libc.stdint cimport uint8_t

cdef enum:
    CLIENT_HEAD = 16  # first bytes of a client that are looked at: its key block
    SERVER_HEAD = 17  # and of a server: a greeting before its key block

cdef enum handshake_t:
    HANDSHAKE_OTHER = 0  # no WinMX connection
    HANDSHAKE_OPEN = 1  # more bytes decide
    HANDSHAKE_LIKELY = 2  # a client's key block; if the server says nothing, it is one
    HANDSHAKE_WINMX = 3

cdef enum handshake_link_t:
    LINK_UNKNOWN = 0
    LINK_PRIMARY = 1
    LINK_SECONDARY = 2
    LINK_CHAT = 3
    LINK_CACHE = 4
    LINK_TRANSFER = 5

cdef struct judgement_t:
    handshake_t verdict
    handshake_link_t link
    bint keys  # the server's key block is there and yields them
    bint patched  # it is under the mask
    int role  # of the server's key block, if `keys`

# Judges a connection of which the sides are known: `client` opened it. Lengths are those of the
# first bytes known, 0 where none are; of a client CLIENT_HEAD and of a server SERVER_HEAD bytes are
# read.
cdef void handshake_judge(
    const uint8_t *client, size_t client_length, const uint8_t *server, size_t server_length,
    judgement_t *out) noexcept nogil
# The same where nobody said who opened it: True where `a` is the client.
cdef bint handshake_roles(
    const uint8_t *a, size_t a_length, const uint8_t *b, size_t b_length, judgement_t *out
) noexcept nogil
