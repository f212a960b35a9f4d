# How often first bytes are taken for those of WinMX, counted without Python in between.
from libc.stdint cimport uint8_t, uint64_t
from libc.string cimport memcpy
from mmscodec._kernels.winmx.handshake cimport (
    CLIENT_HEAD, HANDSHAKE_LIKELY, HANDSHAKE_WINMX, LINK_CACHE, LINK_TRANSFER, SERVER_HEAD,
    handshake_judge, judgement_t,
)


def judge_many(const uint8_t[::1] blocks, uint64_t[::1] counts):
    """Judges blocks of 16 bytes: as those of a client, behind 0x31 and 0x38 as those of a server.

    `counts` has one more for each: tried, client, server, cache, both sides, transfer. Both sides
    are two blocks that follow each other, the second behind 0x31.
    """
    cdef size_t i, n = <size_t>blocks.shape[0] // CLIENT_HEAD
    cdef const uint8_t *block
    cdef uint8_t said[SERVER_HEAD]
    cdef judgement_t found
    with nogil:
        for i in range(n):
            block = &blocks[0] + i * CLIENT_HEAD
            counts[0] += 1
            handshake_judge(block, CLIENT_HEAD, NULL, 0, &found)
            counts[1] += found.verdict == HANDSHAKE_LIKELY and found.link != LINK_TRANSFER
            counts[5] += found.link == LINK_TRANSFER
            memcpy(said + 1, block, CLIENT_HEAD)
            said[0] = 0x31
            handshake_judge(NULL, 0, said, SERVER_HEAD, &found)
            counts[2] += found.verdict == HANDSHAKE_WINMX
            said[0] = 0x38
            handshake_judge(NULL, 0, said, SERVER_HEAD, &found)
            counts[3] += found.verdict == HANDSHAKE_WINMX and found.link == LINK_CACHE
            if i + 1 == n:
                break
            memcpy(said + 1, block + CLIENT_HEAD, CLIENT_HEAD)
            said[0] = 0x31
            handshake_judge(block, CLIENT_HEAD, said, SERVER_HEAD, &found)
            counts[4] += found.verdict == HANDSHAKE_WINMX and found.keys \
                and found.link != LINK_TRANSFER
