"""Is it WinMX? The judgement on the first bytes of a connection."""

from __future__ import annotations

from typing import NamedTuple

from mmscodec.winmx import cipher
from mmscodec.winmx._cipher import judge_handshake

GREETING, CACHE_GREETING = 0x31, 0x38
SERVER_HEAD, CLIENT_HEAD, CACHE_HEAD = 17, 16, 149

_OTHER, _OPEN, _LIKELY = 0, 1, 2  # verdicts


class Recognition(NamedTuple):
    """What the first bytes of both directions say.

    Attributes
    ----------
    link : str
        `primary`, `secondary`, `chat`, `cache`, `transfer`, or "" while only the greeting is there.
    certain : bool
        False while more bytes could still decide otherwise.
    keys : tuple of bytes or None
        States of the stream cipher: server to client, client to server. None without the server's
        key block, for the peer cache and for transfers.
    patched : bool
        The server's block is under the mask of the patched clients.
    """

    link: str
    certain: bool
    keys: tuple[bytes, bytes] | None = None
    patched: bool = False


def recognise(client: bytes, server: bytes) -> Recognition | None:
    """Judge a connection by its first bytes.

    Parameters
    ----------
    client, server : bytes-like
        What the side that opened the connection, and the other one, sent first. 16 bytes of the
        client and 17 of the server decide; more is not looked at. Either may be empty where nothing
        was captured.

    Returns
    -------
    Recognition or None
        None where it is no WinMX connection. Both sides are asked: a client's key block is
        believed where the server greets, or is silent; a server's greeting and key block where the
        client does not send a line of text.

    Notes
    -----
    Sections 5, 6.1, 6.4 and 7.1. Nothing is said about ports. Random bytes should be taken for a
    client's key block once in 5.6 million (three roles in 2^24), a greeting and random bytes for
    those of a server once in 2.8 million (three roles, with and without the mask), a cache's
    greeting and random bytes once in 16.8 million. Measured over 170 million blocks of random
    bytes, HTTP, TLS, zeros and text: once in 6.8, 2.8 and 24 million; see docs/spec/winmx.md. Where
    both sides are there the server's block decides, unless the client sent text.
    """
    first, said = bytes(client[:CLIENT_HEAD]), bytes(server[:SERVER_HEAD])
    verdict, link, role, patched = judge_handshake(first, said)
    if verdict == _OTHER:
        return None
    if verdict == _OPEN:
        return Recognition("", False)
    if verdict == _LIKELY:
        return Recognition(link, False)
    if role < 0:
        return Recognition(link, True)
    block = cipher.mask(said[1:]) if patched else said[1:]
    return Recognition(link, True, cipher.stream_keys(block, role), patched)
