"""A captured connection: both directions in pieces in, plain batches out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mmscodec.winmx import cipher
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.cipher import Role, Stream
from mmscodec.winmx.decoder import Decoder
from mmscodec.winmx.faultrows import add_faults, key_block_fault, unknown_fault
from mmscodec.winmx.recognition import (
    CACHE_GREETING,
    CACHE_HEAD,
    CLIENT_HEAD,
    GREETING,
    SERVER_HEAD,
    by_server,
)

if TYPE_CHECKING:
    import numpy as np
    from typing_extensions import Buffer

CLIENT, SERVER = 0, 1
DIRECTIONS = ("client", "server")


class Conversation:
    """One TCP connection of the WinMX network, seen from its first byte on.

    Recognises the handshake (greeting 0x31 and key blocks that check, or the 149 bytes of a peer
    cache), deciphers each direction from the first byte behind it, and decodes. Bytes are given in
    the order in which they were seen; within one direction no byte may be missing.

    Parameters
    ----------
    max_buffered : int
        Ceiling on the bytes kept while the keys are not known: what a client sends before the
        server's key block was seen. Over it, they are dropped with a fault.

    Attributes
    ----------
    link : str
        `primary`, `secondary`, `chat`, `cache`; "" while it is not known.
    state : str
        `greeting`, `keys`, `open`, `done` (a peer cache that said everything) or `foreign` (no
        WinMX connection, or one that cannot be deciphered; all further bytes are ignored).
    patched : bool
        The server's key block came under the mask of the patched clients.
    server_block, client_block : bytes or None
        Key blocks as transmitted.
    positions : tuple of int
        Bytes given so far: by the client, by the server.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> from mmscodec.winmx import cipher
    >>> block = cipher.key_block(cipher.Role.SECONDARY_SERVER)
    >>> down, up = (cipher.Stream(key) for key in cipher.stream_keys(block))
    >>> talk = winmx.Conversation()
    >>> talk.feed("server", b"1" + block).names
    {}
    >>> talk.feed("server", down.encipher(winmx.encode("UserInfoAcknowledgement", session_id=1))).names
    {'UserInfoAcknowledgement': 1}
    """  # noqa: E501

    def __init__(self, *, max_buffered: int = 1 << 20) -> None:
        self.link = ""
        self.state = "greeting"
        self.patched = False
        self.server_block: bytes | None = None
        self.client_block: bytes | None = None
        self.max_buffered = max_buffered
        self._heads = [bytearray(), bytearray()]
        self._given = [0, 0]
        self._lost = [False, False]
        self._through = [False, False]  # the handshake of this direction is behind us
        self._streams: list[Stream] = []
        self._decoders: list[Decoder] = []
        self._busy = False

    @property
    def positions(self) -> tuple[int, int]:
        """Bytes given so far: by the client, by the server."""
        return self._given[CLIENT], self._given[SERVER]

    def feed(self, direction: int | str, data: Buffer) -> Batch:
        """Take the next bytes of one direction.

        Parameters
        ----------
        direction : {"client", "server"} or {0, 1}
            Who sent them; the client opened the connection.
        data : bytes-like

        Returns
        -------
        Batch
            Packets that became complete, of this direction; its `direction` says so. Offsets count
            from the first byte of the direction, handshake included. Where these bytes bring the
            keys, what the client had sent before comes with the client's next piece or `flush`.
        """
        side = self._side(direction)
        if self._busy:
            raise RuntimeError("this conversation is in use by another thread")
        self._busy = True
        try:
            return self._feed(side, data)
        finally:
            self._busy = False

    def feed_all(self, pieces: Iterable[tuple[int | str, Buffer]]) -> list[Batch]:
        """Batches of all pieces, flushed, without the empty ones."""
        batches = [self.feed(direction, data) for direction, data in pieces]
        batches += [self.flush(CLIENT), self.flush(SERVER)]
        return [batch for batch in batches if len(batch.packets) or len(batch.faults)]

    def flush(self, direction: int | str) -> Batch:
        """What waits of one direction and can be decoded now."""
        return self.feed(direction, b"")

    def close(self) -> list[Batch]:
        """Say that nothing will follow: what waits of both directions.

        Bytes that cannot be deciphered because no key block came have a fault.
        """
        batches = []
        for side in (CLIENT, SERVER):
            batch = self.flush(side)
            if waiting := len(self._heads[side]):
                if self.state != "foreign" and waiting > (CLIENT_HEAD, SERVER_HEAD)[side]:
                    add_faults(batch, [key_block_fault(0, waiting)])
                self._heads[side].clear()
            batches.append(batch)
        self.state = "foreign"
        return batches

    def gap(self, direction: int | str, length: int) -> Batch:
        """Say that `length` bytes of one direction are missing.

        The cipher runs through every byte, so nothing behind a gap can be read: the batch has a
        fault, and further bytes of this direction are ignored.
        """
        side = self._side(direction)
        batch = self.flush(side)
        at = self._given[side]
        if not self._lost[side] and self.state != "foreign":
            add_faults(batch, [key_block_fault(at, length)])
        self._given[side] += length
        self._lost[side] = True
        return batch

    def _side(self, direction: int | str) -> int:
        if direction in (CLIENT, SERVER):
            return int(direction)
        if direction in DIRECTIONS:
            return DIRECTIONS.index(str(direction))
        raise ValueError(f"direction is 'client' or 'server', not {direction!r}")

    def _feed(self, side: int, data: Buffer) -> Batch:
        piece = bytes(memoryview(data).cast("B")) if type(data) is not bytes else data
        start = self._given[side]
        self._given[side] += len(piece)
        if self._through[side]:
            return self._decode(side, piece)
        if self.state in ("foreign", "done") or self._lost[side]:
            return self._empty(side, start)
        self._heads[side] += piece
        faults = self._judge()
        if self.state == "open":
            batch = self._decode(side, self._opened(side))
        elif self.state == "done" and side == SERVER:
            batch = self._cache_reply()
        else:
            batch = self._empty(side, start)
        if faults is None and len(self._heads[side]) > self.max_buffered:
            kept = len(self._heads[side])
            faults = key_block_fault(0, kept)
            self._heads[side].clear()
            self._lost[side] = True
        if faults is not None:
            add_faults(batch, [faults])
        return batch

    def _opened(self, side: int) -> bytes:
        """Bytes behind the handshake that waited; none while the handshake is incomplete."""
        head = SERVER_HEAD if side == SERVER else CLIENT_HEAD
        waiting = self._heads[side]
        if len(waiting) < head:
            return b""
        rest = bytes(waiting[head:])
        self._heads[side] = bytearray()
        self._through[side] = True
        return rest

    def _judge(self) -> np.ndarray | None:
        """Look at the server's first bytes; a fault where they cannot be deciphered."""
        server = self._heads[SERVER]
        self._judge_client()
        if self.state == "open" or not server:
            return None
        if server[0] == GREETING:
            if len(server) < SERVER_HEAD:
                self.state = "keys"
                return None
            return self._take_keys(bytes(server[1:SERVER_HEAD]))
        if server[0] != CACHE_GREETING:
            self.state = "foreign"
            return unknown_fault(0, GREETING, server[0], len(server))
        self.state = "keys"
        if len(server) >= SERVER_HEAD:
            self.server_block = bytes(server[1:SERVER_HEAD])
            if cipher.check_key_block(self.server_block) is not Role.CACHE:
                self.state = "foreign"
                return key_block_fault(1, len(server) - 1)
            self.link = "cache"
            if len(server) >= CACHE_HEAD:
                self.state = "done"
        return None

    def _judge_client(self) -> None:
        """The client's block names the link before the server's does; it decides nothing."""
        client = self._heads[CLIENT]
        if self.client_block is None and len(client) >= CLIENT_HEAD:
            self.client_block = bytes(client[:CLIENT_HEAD])
            role = cipher.check_key_block(self.client_block)
            if not self.link and role is not None and not role.server:
                self.link = role.link

    def _take_keys(self, block: bytes) -> np.ndarray | None:
        self.server_block = block
        found = by_server(block)
        if found is None or found.keys is None:
            self.state = "foreign"
            return key_block_fault(1, len(self._heads[SERVER]) - 1)
        self.link, self.patched, self.state = found.link, found.patched, "open"
        down, up = found.keys
        self._streams = [Stream(up), Stream(down)]
        self._decoders = [
            Decoder(link=self.link, start=CLIENT_HEAD),
            Decoder(link=self.link, start=SERVER_HEAD),
        ]
        return None

    def _decode(self, side: int, piece: bytes) -> Batch:
        if self._lost[side]:
            return self._empty(side, self._given[side])
        batch = self._decoders[side].feed(self._streams[side].decipher(piece))
        batch.direction = DIRECTIONS[side]
        return batch

    def _cache_reply(self) -> Batch:
        batch = Decoder(link="cache").feed(bytes(self._heads[SERVER]))
        batch.direction = DIRECTIONS[SERVER]
        self._heads[SERVER] = bytearray()
        return batch

    def _empty(self, side: int, at: int) -> Batch:
        batch = Batch()
        batch.scan(b"", self.link, at)
        batch.direction = DIRECTIONS[side]
        return batch

    def __repr__(self) -> str:
        return f"<winmx.Conversation: {self.state}, link {self.link or '?'}>"
