"""A captured connection: both directions in pieces in, plain batches out."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from mmscodec.schema.vocabulary import C2S, S2C
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.cipher import Stream
from mmscodec.winmx.decode import scan_cache_reply
from mmscodec.winmx.decoder import Decoder
from mmscodec.winmx.faultrows import add_faults
from mmscodec.winmx.filetransfer import HELD, decode_transfer
from mmscodec.winmx.recognition import (
    CACHE_GREETING,
    CACHE_HEAD,
    CLIENT_HEAD,
    GREETING,
    SERVER_HEAD,
    Recognition,
    recognise,
)
from mmscodec.winmx.unread import Keys, Progress, keys_of, unread

if TYPE_CHECKING:
    from typing_extensions import Buffer

CLIENT, SERVER = 0, 1  # sides
DIRECTIONS = (C2S, S2C)  # by side


class Side:
    """What is known of one direction."""

    __slots__ = ("broken", "decoder", "dropped", "given", "handshake", "head", "known", "missing",
                 "need", "position", "stream", "through", "waiting")  # fmt: skip

    def __init__(self, handshake: int) -> None:
        self.handshake = handshake  # bytes of it
        self.given = 0  # bytes so far, missing ones too
        self.known = 0  # before the first missing one
        self.missing = 0
        self.head = b""  # the first bytes, which stay
        self.waiting = bytearray()  # for the keys, or for the rest of a handshake
        self.broken = False  # bytes are missing, or more waited than may
        self.dropped = False
        self.through = False  # its handshake is behind it
        self.stream: Stream | None = None
        self.decoder: Decoder | None = None
        self.position = self.need = 0  # of the decoder, where there is none

    def take(self, piece: bytes) -> None:
        """Count bytes that came without a gap, and keep the first."""
        self.given += len(piece)
        self.known += len(piece)
        if len(self.head) < SERVER_HEAD:
            self.head = (self.head + piece)[:SERVER_HEAD]

    def drop(self) -> None:
        """Nothing more of this side can be read: too much waited."""
        self.waiting.clear()
        self.broken = self.dropped = True

    def progress(self) -> Progress:
        """How far it was captured and understood."""
        position, need = self.position, self.need
        if self.decoder is not None:
            position, need = self.decoder.position, self.decoder.need
        return Progress(
            self.head, self.given, self.known, self.missing, position, need, self.dropped
        )  # fmt: skip

    def let_go(self) -> None:
        """Nothing more will be deciphered: how far that came stays, no more."""
        if self.decoder is not None:
            self.position, self.need = self.decoder.position, self.decoder.need
        self.stream = self.decoder = None


class Conversation:
    """One TCP connection of the WinMX network, seen from its first byte on.

    Recognises the handshake (greeting 0x31 and key blocks that check, or the 149 bytes of a peer
    cache), deciphers each direction from the first byte behind it, and decodes. Bytes are given in
    the order in which they were seen; of missing ones `gap` is told. What could not be read is said
    by `close`, one fault for each direction with the whole length.

    Parameters
    ----------
    max_buffered : int
        Ceiling on the bytes of each direction kept while the keys are not known: what a client
        sends before the server's key block was seen. Over it, that direction is given up.

    Attributes
    ----------
    link : str
        `primary`, `secondary`, `chat`, `cache`, `transfer` (its few rows come with `close`); ""
        while it is not known.
    state : str
        `greeting`, `keys`, `open`, `done` (closed, or a peer cache that said everything) or
        `foreign` (no WinMX connection, or one that cannot be deciphered: further bytes are
        counted and not read).
    patched : bool
        The server's key block came under the mask of the patched clients.
    server_block, client_block : bytes or None
        Key blocks as transmitted.
    positions : tuple of int
        Bytes given so far: by the client, by the server.
    held : int
        Bytes kept.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> from mmscodec.winmx import cipher
    >>> block = cipher.key_block(cipher.Role.SECONDARY_SERVER)
    >>> down, up = (cipher.Stream(key) for key in cipher.stream_keys(block))
    >>> conversation = winmx.Conversation()
    >>> conversation.feed("S>C", b"1" + block).names
    {}
    >>> frame = winmx.encode("UserInfoAcknowledgement", session_id=1)
    >>> conversation.feed("S>C", down.encipher(frame)).names
    {'UserInfoAcknowledgement': 1}
    """

    __slots__ = ("__weakref__", "_busy", "_closed", "_judged", "_keys", "_sides", "link",
                 "max_buffered", "patched", "state")  # fmt: skip

    def __init__(self, *, max_buffered: int = 1 << 20) -> None:
        self.link = ""
        self.state = "greeting"
        self.patched = False
        self.max_buffered = max_buffered
        self._sides = (Side(CLIENT_HEAD), Side(SERVER_HEAD))
        self._keys = Keys.MISSING
        self._busy = self._closed = False
        self._judged = 0  # bytes of handshakes looked at

    @property
    def _examined(self) -> int:
        """Bytes looked at, copied or scanned so far: in proportion to the bytes given."""
        decoders = [side.decoder for side in self._sides if side.decoder is not None]
        return self._judged + sum(decoder._examined for decoder in decoders)

    @property
    def positions(self) -> tuple[int, int]:
        """Bytes given so far: by the client, by the server."""
        return self._sides[CLIENT].given, self._sides[SERVER].given

    @property
    def server_block(self) -> bytes | None:
        """The server's key block as transmitted."""
        head = self._sides[SERVER].head
        return head[1:] if len(head) == SERVER_HEAD and self.link != "transfer" else None

    @property
    def client_block(self) -> bytes | None:
        """The client's key block as transmitted."""
        head = self._sides[CLIENT].head[:CLIENT_HEAD]
        return head if len(head) == CLIENT_HEAD and self.link != "transfer" else None

    @property
    def held(self) -> int:
        """Bytes kept."""
        return sum(
            len(side.waiting) + (side.decoder.buffered if side.decoder is not None else 0)
            for side in self._sides
        )

    def reads(self, side: int) -> bool:
        """Whether further bytes of a side are of use; if not, `skip` counts them."""
        if self._sides[side].broken or self._closed:
            return False
        if self.link == "cache" and side == CLIENT:
            return len(self._sides[side].head) < CLIENT_HEAD
        if self.link == "transfer":
            return len(self._sides[side].waiting) < HELD
        if self.state == "foreign":
            return not self._sides[side].head  # a fault says what it begins with
        return self.state != "done"

    def waits(self, side: int) -> bool:
        """Whether bytes of a side wait for the keys, or can be had by `flush` now."""
        return len(self._sides[side].waiting) > 0

    def feed(self, direction: str, data: Buffer) -> Batch:
        """Take the next bytes of one direction.

        Parameters
        ----------
        direction : {"C>S", "S>C"}
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
        return self.advance(side, data) or self._empty(side)

    def advance(self, side: int, data: Buffer) -> Batch | None:
        """As `feed`, with None where no batch was made: nothing became complete."""
        if self._busy:
            raise RuntimeError("this conversation is in use by another thread")
        self._busy = True
        try:
            return self._feed(side, data)
        finally:
            self._busy = False

    def feed_all(self, pieces: Iterable[tuple[str, Buffer]]) -> list[Batch]:
        """Batches of all pieces, flushed, without the empty ones."""
        batches = [self.feed(direction, data) for direction, data in pieces]
        batches += [self.flush(direction) for direction in DIRECTIONS]
        return [batch for batch in batches if len(batch.packets) or len(batch.faults)]

    def flush(self, direction: str) -> Batch:
        """What waits of one direction and can be decoded now."""
        return self.feed(direction, b"")

    def skip(self, side: int, length: int) -> None:
        """Count `length` bytes of a side that need not be read; see `reads`."""
        skipped = self._sides[side]
        skipped.given += length
        if not skipped.missing:
            skipped.known += length

    def abandon(self) -> None:
        """Drop what waits: those directions are not read any further."""
        for side in self._sides:
            if side.waiting or (side.decoder is not None and side.decoder.buffered):
                side.drop()
                if side.decoder is not None:
                    side.decoder.drop()

    def close(self) -> list[Batch]:
        """Say that nothing will follow: what waits of both directions, the client's first.

        Bytes that no packet and no handshake covers have a fault in each direction, which says why
        they cannot be read: missing bytes before them, no server's key block or one that does not
        check, a frame that was cut, bytes behind the end.
        """
        batches = self.finish()
        return [batch or self._empty(side) for side, batch in enumerate(batches)]

    def finish(self) -> list[Batch | None]:
        """As `close`, with None for a direction that has neither packets nor faults any more."""
        batches = [self._rest(CLIENT), self._cut_reply() or self._rest(SERVER)]
        if not self._closed:
            for number, rows in enumerate(self._unread(batches)):
                if rows:
                    batches[number] = batches[number] or self._empty(number)
                    add_faults(batches[number], rows)
        self._closed, self.state = True, "done"
        for side in self._sides:
            side.waiting.clear()
            if side.decoder is not None:
                side.decoder.drop()
        return batches

    def _rest(self, number: int) -> Batch | None:
        return self.advance(number, b"") if self._sides[number].waiting else None

    def _unread(self, batches: list[Batch | None]) -> tuple[list, list]:
        """Faults of what no row covers; rows of transfers go into `batches`."""
        client, server = (side.progress() for side in self._sides)
        reply = batches[SERVER]
        if self.link == "cache" and reply is not None and len(reply.packets):
            server = server._replace(position=reply.consumed)
        if self.link != "transfer":
            return unread(self.link, self._keys, (client, server))
        held = bytes(self._sides[CLIENT].waiting), bytes(self._sides[SERVER].waiting)
        for number in (CLIENT, SERVER):
            batches[number] = batches[number] or self._empty(number)
        return decode_transfer([batch for batch in batches if batch], held, (client, server))

    def gap(self, direction: str, length: int) -> Batch:
        """Say that `length` bytes of one direction are missing.

        The cipher runs through every byte, so nothing behind a gap can be read: further bytes of
        this direction are counted, and `close` has a fault for them.
        """
        number = self._side(direction)
        batch = self._rest(number)
        self.lose(number, length)
        return batch or self._empty(number)

    def lose(self, side: int, length: int) -> None:
        """Count bytes of a direction as missing; what waits of it was asked for before."""
        lost = self._sides[side]
        lost.given += length
        lost.missing += length
        lost.broken = True
        if not lost.waiting:
            lost.let_go()

    def lacks(self, side: int) -> bool:
        """Whether bytes of a direction are missing, so that nothing more of it can be read."""
        return self._sides[side].missing > 0

    def _side(self, direction: str) -> int:
        if direction not in DIRECTIONS:
            raise ValueError(f"direction is 'C>S' or 'S>C', not {direction!r}")
        return DIRECTIONS.index(direction)

    def _feed(self, number: int, data: Buffer) -> Batch | None:
        piece = bytes(memoryview(data).cast("B")) if type(data) is not bytes else data
        side = self._sides[number]
        if not self.reads(number) and (side.through or not side.waiting):
            self.skip(number, len(piece))
            return None
        if side.broken:
            self.skip(number, len(piece))
        else:
            side.take(piece)
            if side.through:
                return self._decode(side, piece)
            side.waiting += piece
        self._judge()
        if side.stream is not None and not side.through and side.known >= side.handshake:
            rest = bytes(side.waiting[side.handshake :])
            side.waiting.clear()
            side.through = True
            return self._decode(side, rest)
        if self.link == "cache":
            return self._cache(number)
        if self.link == "transfer":
            return None  # both sides together say what it is, at the end
        if self.state == "foreign":
            side.waiting.clear()
        elif len(side.waiting) > self.max_buffered:
            side.drop()
        return None

    def _judge(self) -> None:
        """What the first bytes of both sides say, as long as they have not said everything."""
        if self.state not in ("greeting", "keys"):
            return
        client, server = (side.head for side in self._sides)
        self._judged += len(client) + len(server)
        found = recognise(client, server)
        if found is None:
            if server:  # a client alone may have a key block that does not check
                self.state, self._keys = "foreign", Keys.FOREIGN
            return
        self.link = found.link
        if server[:1] in (bytes([GREETING]), bytes([CACHE_GREETING])):
            self.state = "keys"
        self._keys = keys_of(found.link, found.certain, found.keys is not None, server)
        if found.keys is not None:
            self._open(found)
        elif found.link == "transfer":
            self.state = "open"
        elif found.certain and (self._keys is Keys.BAD or (server and self.state == "greeting")):
            self.state = "foreign"

    def _open(self, found: Recognition) -> None:
        assert found.keys is not None
        self.patched, self.state = found.patched, "open"
        for number, side in enumerate(self._sides):
            side.position = side.handshake
            if not side.missing or side.waiting:  # they are to the client, to the server
                side.stream = Stream(found.keys[1 - number])

    def _decode(self, side: Side, piece: bytes) -> Batch:
        assert side.stream is not None
        if side.decoder is None:
            direction = DIRECTIONS[self._sides.index(side)]
            side.decoder = Decoder(link=self.link, start=side.handshake, direction=direction)
        return side.decoder.feed(side.stream.decipher(piece))

    def _cache(self, number: int) -> Batch | None:
        """A peer cache's reply, when it is whole; a client's bytes are only counted."""
        side = self._sides[number]
        if number == CLIENT:
            side.waiting.clear()
            return None
        if side.known < CACHE_HEAD:
            return None
        batch = self._empty(number)
        scan_cache_reply(batch, memoryview(bytes(side.waiting[:CACHE_HEAD])))
        side.waiting.clear()
        self.state = "done"
        return batch

    def _cut_reply(self) -> Batch | None:
        """The whole records of a peer cache's reply that did not come to its end."""
        side = self._sides[SERVER]
        if self.link != "cache" or not side.waiting:
            return None
        batch = self._empty(SERVER)
        scan_cache_reply(batch, memoryview(bytes(side.waiting)))
        side.waiting.clear()
        return batch

    def _empty(self, number: int) -> Batch:
        batch = Batch()
        batch.scan(b"", self.link, self._sides[number].given)
        batch.direction = DIRECTIONS[number]
        return batch

    def __repr__(self) -> str:
        return f"<winmx.Conversation: {self.state}, link {self.link or '?'}>"
