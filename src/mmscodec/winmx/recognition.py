"""Is it WinMX? The judgement on the first bytes of a connection."""

from __future__ import annotations

from typing import NamedTuple

from mmscodec.schema.winmx import SERVER_ROLES
from mmscodec.winmx import cipher
from mmscodec.winmx.cipher import Role

GREETING, CACHE_GREETING = 0x31, 0x38
SERVER_HEAD, CLIENT_HEAD, CACHE_HEAD = 17, 16, 149


class Recognition(NamedTuple):
    """What the first bytes of both directions say.

    Attributes
    ----------
    link : str
        `primary`, `secondary`, `chat`, `cache`, or "" while only the greeting is there.
    certain : bool
        False while more bytes could still decide otherwise.
    keys : tuple of bytes or None
        States of the stream cipher: server to client, client to server. None without the server's
        key block, and for the peer cache.
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
        client and 17 of the server (149 of a peer cache) decide; more is not looked at. Either may
        be empty where nothing was captured.

    Returns
    -------
    Recognition or None
        None where it is no WinMX connection. Chance mistakes one connection in five million whose
        server's first byte is 0x31.

    Notes
    -----
    Sections 5, 6.1, 6.4 and 7.1. Nothing is said about ports.
    """
    client, server = bytes(client[:CLIENT_HEAD]), bytes(server[:SERVER_HEAD])
    if server:
        if server[0] == CACHE_GREETING:
            return cache_link(client, server)
        if server[0] != GREETING:
            return None
        if len(server) == SERVER_HEAD:
            return by_server(server[1:])
    if len(client) == CLIENT_HEAD:
        role = cipher.check_key_block(client)
        if role is None or role.server or role is Role.CACHE:
            return None
        return Recognition(role.link, True)
    return Recognition("", False)


def by_server(block: bytes) -> Recognition | None:
    """The server's key block, plain or under the mask."""
    for patched in (False, True):
        plain = cipher.mask(block) if patched else block
        role = cipher.check_key_block(plain)
        if role is not None and role in SERVER_ROLES:
            return Recognition(role.link, True, cipher.stream_keys(plain, role), patched)
    return None


def cache_link(client: bytes, server: bytes) -> Recognition | None:
    """A peer cache: greeting and key block; clients send nothing, or a stray block."""
    if len(server) < SERVER_HEAD:
        return Recognition("", False)
    if cipher.check_key_block(server[1:]) is not Role.CACHE:
        return None
    return Recognition("cache", True)
