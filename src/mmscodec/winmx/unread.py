"""One rule for what cannot be read: a fault with the whole length, whoever asks."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

import numpy as np

from mmscodec.schema.faults import FaultCode
from mmscodec.winmx import cipher
from mmscodec.winmx.faultrows import DATA, KEY_BLOCK, LENGTH, TYPE, fault
from mmscodec.winmx.recognition import (
    CACHE_GREETING,
    CACHE_HEAD,
    CLIENT_HEAD,
    GREETING,
    SERVER_HEAD,
)


class Keys(Enum):
    """What is known of the keys of a connection."""

    THERE = "the server's key block checks"
    BAD = "the server's key block does not check"
    MISSING = "the server's key block was not captured"
    NONE = "nothing is enciphered"
    FOREIGN = "this is no WinMX connection"


class Progress(NamedTuple):
    """How far one direction was captured and understood.

    Attributes
    ----------
    head : bytes
        Its first bytes, as far as they are there; 17 are enough.
    total : int
        Length of the stream, missing bytes included.
    known : int
        Bytes before the first missing one.
    missing : int
        How many are missing.
    position : int
        End of the last row.
    need : int
        Bytes from there on that the thing begun has.
    dropped : bool
        More waited for the keys than the ceiling allows.
    """

    head: bytes
    total: int
    known: int
    missing: int = 0
    position: int = 0
    need: int = 0
    dropped: bool = False


def unread(link: str, keys: Keys, progress: tuple[Progress, Progress]) -> tuple[list, list]:
    """Faults of the client's and of the server's bytes that no row and no handshake covers."""
    client, server = progress
    if link == "cache":
        return cache_client(client), cache_server(server)
    if keys is Keys.FOREIGN:
        return foreign(client), foreign(server)
    if keys is Keys.THERE:
        found: tuple[list, list] = whole_block(client), []
        for side, out, size in ((client, found[0], CLIENT_HEAD), (server, found[1], SERVER_HEAD)):
            out += enciphered(side, size)
        return found
    code = FaultCode.BAD_KEY_BLOCK
    have = 16
    if keys is Keys.MISSING:
        code, have = FaultCode.SERVER_KEY_BLOCK_MISSING, min(server.known, SERVER_HEAD)
    starts = (
        CLIENT_HEAD if client.known >= CLIENT_HEAD and block_checks(client) else 0,
        int(server.head[:1] == bytes([GREETING])),
    )
    need = 16 if keys is Keys.BAD else SERVER_HEAD
    sides = [rest(side, at, code, KEY_BLOCK, need, have) for side, at in zip(progress, starts)]
    return sides[0], sides[1]


def rest(
    side: Progress, at: int, code: FaultCode, field: int, need: int, have: int
) -> list[np.ndarray]:
    """A fault from `at` to the end of the stream; none where nothing is there."""
    if side.total <= at:
        return []
    return [fault(at, side.total - at, code, field, need, have)]


def foreign(side: Progress) -> list[np.ndarray]:
    """All bytes of a side of another protocol."""
    first = side.head[0] if side.head else 0
    return rest(side, 0, FaultCode.UNKNOWN_STRUCTURE, TYPE, GREETING, first)


def block_checks(client: Progress) -> bool:
    """Whether the client's own key block checks."""
    block = client.head[:CLIENT_HEAD]
    return len(block) == CLIENT_HEAD and cipher.check_key_block(block) is not None


def whole_block(client: Progress) -> list[np.ndarray]:
    """The client's key block where it does not check; it keys nothing, so the rest is read."""
    if client.known < CLIENT_HEAD or block_checks(client):
        return []
    return [fault(0, CLIENT_HEAD, FaultCode.BAD_KEY_BLOCK, KEY_BLOCK, 16, 16)]


def enciphered(side: Progress, size: int) -> list[np.ndarray]:
    """What stays unread of a direction whose keys are known; `size` is that of its handshake."""
    at = side.position if side.known >= size else 0
    if side.known < side.total:
        there = side.total - at - side.missing
        return rest(side, at, FaultCode.CIPHER_BROKEN_BY_GAP, DATA, side.missing, there)
    if side.dropped:
        return rest(side, at, FaultCode.PENDING_DROPPED, KEY_BLOCK, side.need, side.total - at)
    need = side.need if side.known >= size else size
    return rest(side, at, FaultCode.TRUNCATED, LENGTH, need, side.total - at)


def cache_server(server: Progress) -> list[np.ndarray]:
    """What is not there of a peer cache's reply, or stands behind it."""
    if server.known >= CACHE_HEAD:
        return rest(
            server, CACHE_HEAD, FaultCode.SURPLUS_BYTES, LENGTH, CACHE_HEAD, server.total
        )  # fmt: skip
    at = max(server.position, min(server.known, SERVER_HEAD))
    if server.known < server.total:
        there = server.total - at - server.missing
        return rest(server, at, FaultCode.CIPHER_BROKEN_BY_GAP, DATA, server.missing, there)
    return rest(server, at, FaultCode.TRUNCATED, DATA, CACHE_HEAD, server.total)


def cache_client(client: Progress) -> list[np.ndarray]:
    """Clients say nothing to a peer cache, or send a key block."""
    at = CLIENT_HEAD if block_checks(client) else 0
    return rest(client, at, FaultCode.SURPLUS_BYTES, LENGTH, at, client.total)


def keys_of(link: str, certain: bool, there: bool, server: bytes) -> Keys:
    """What is known of the keys, by the judgement on a connection and the server's first bytes."""
    if there:
        return Keys.THERE
    if link in ("cache", "transfer"):
        return Keys.NONE
    if len(server) >= SERVER_HEAD and server[0] == GREETING:
        return Keys.BAD
    if not certain and server[:1] not in (b"", bytes([GREETING]), bytes([CACHE_GREETING])):
        return Keys.FOREIGN
    return Keys.MISSING
