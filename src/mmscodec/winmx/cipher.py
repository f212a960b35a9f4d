"""The ciphers of the WinMX network, exact to the byte.

None of them protects anything: keys travel in the open or do not exist. They are here because
the bytes of a real connection cannot be read without them. Sections: key blocks 6.1, 6.2 and 6.4,
stream cipher 6.3, UDP cipher 6.5, peer cache 7.3, WPNP 2.x encoding 12, file hash 13.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Sequence
from enum import IntEnum, unique
from typing import TYPE_CHECKING, Any, BinaryIO

from mmscodec.winmx import _cipher
from mmscodec.winmx._cipher import (
    Stream,
    legacy_decode,
    legacy_encode,
    udp_decipher,
    udp_encipher,
)

if TYPE_CHECKING:
    from typing_extensions import Buffer

__all__ = (
    "Role",
    "Stream",
    "cache_decipher",
    "cache_encipher",
    "check_key_block",
    "decipher_many",
    "encipher_many",
    "file_hash",
    "key_block",
    "legacy_decode",
    "legacy_encode",
    "mask",
    "stream_keys",
    "udp_decipher",
    "udp_encipher",
)

BLOCK = 131072  # bytes of a file that are hashed together


@unique
class Role(IntEnum):
    """Who made a key block (section 5.1)."""

    PRIMARY_CLIENT = 0x50
    PRIMARY_SERVER = 0x51
    SECONDARY_CLIENT = 0x52
    SECONDARY_SERVER = 0x53
    CACHE = 0x54
    CHAT_CLIENT = 0x57
    CHAT_SERVER = 0x58

    @property
    def link(self) -> str:
        """`primary`, `secondary`, `chat` or `cache`."""
        return self.name.partition("_")[0].lower()

    @property
    def server(self) -> bool:
        """True for the side whose block yields the keys."""
        return self.name.endswith("_SERVER")


def key_block(role: int, seed: Buffer | None = None) -> bytes:
    """A 16-byte key block that announces `role`.

    `seed` are 16 bytes to make it from; without it they are random.

    >>> key_block(Role.SECONDARY_SERVER, bytes(range(16))).hex(" ")
    '7c 47 49 6a bf 7b 13 68 df 88 e4 c9 03 0d 02 a1'
    """
    return _cipher.make_key_block(Role(role), seed)


def check_key_block(block: Buffer) -> Role | None:
    """The role that a 16-byte block announces, or None when it does not check.

    A block that checks but names none of the known roles gives None too.
    """
    number = _cipher.check_key_block(block)
    return Role(number) if number in Role._value2member_map_ else None


def mask(block: Buffer) -> bytes:
    """The block under the mask of the patched clients; the same again takes it off."""
    return _cipher.mask_key_block(block)


def stream_keys(block: Buffer, role: int | None = None) -> tuple[bytes, bytes]:
    """The two 4-byte states that a server's key block yields: to the client, to the server.

    Parameters
    ----------
    block : buffer of 16 bytes
        The block as transmitted, without the mask of the patched clients.
    role : int, optional
        Either role of the link; default is what the block itself says.

    Raises
    ------
    ValueError
        The block does not check, or the role has no streams (the peer cache).
    """
    if role is None:
        role = check_key_block(block)
        if role is None:
            raise ValueError("the key block does not check")
    keys = _cipher.stream_keys(block, role)
    if keys is None:
        raise ValueError(f"role 0x{int(role):02x} has no stream keys")
    return keys


def decipher_many(streams: Sequence[Stream], chunks: Iterable[Buffer]) -> list[bytes]:
    """Plain bytes of each chunk by its own stream, eight side by side.

    One stream is a chain of dependent steps; working on eight at once fills the processor.
    A stream may stand in the list once only. Its state moves on by its whole chunk.
    """
    return _cipher.run_many(streams, chunks, False)


def encipher_many(streams: Sequence[Stream], chunks: Iterable[Buffer]) -> list[bytes]:
    """Cipher bytes of each chunk by its own stream, eight side by side."""
    return _cipher.run_many(streams, chunks, True)


def cache_decipher(data: Buffer, start: Buffer) -> bytes:
    """Plain 12-byte records of a peer-cache list; `start` are its first 12 bytes."""
    return _cipher.cache_run(data, start, False)


def cache_encipher(data: Buffer, start: Buffer) -> bytes:
    """Enciphered 12-byte records of a peer-cache list, without the start value."""
    return _cipher.cache_run(data, start, True)


def file_hash(file: Buffer | BinaryIO) -> bytes:
    """The 16-byte digest that WinMX shares files under.

    Parameters
    ----------
    file : buffer or seekable binary file
        The whole file; large ones are read in part only, as WinMX does.
    """
    source: Any = file if hasattr(file, "read") else io.BytesIO(file)
    length = source.seek(0, io.SEEK_END)
    step = max(5, length // BLOCK // 10)
    state = bytearray(16)
    start = 0
    while True:
        source.seek(start)
        block = source.read(BLOCK)
        _cipher.hash_step(state, block)
        if len(block) < BLOCK:
            return bytes(state)
        start += step * BLOCK
