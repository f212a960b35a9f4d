"""One end of a connection in an asyncio loop."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Self

from mmscodec import mms
from mmscodec.aio.memory import Memory

if TYPE_CHECKING:
    from mmscodec.schema.names import MessageName

_TABLES = ("packets", "messages", "data", "faults")


class Peer(asyncio.BufferedProtocol):
    """A connection: batches in, packets out.

    What is received is written into the peer's own memory, where the decoder reads.
    `async for batch in peer` gives each batch with rows; it ends when the other side has said all.
    A batch shows bytes of that memory: who keeps many for long keeps much of it, and copies better.

    Parameters
    ----------
    decoder : callable
        Makes the decoder; at first one for a peer in a conversation, `mms.Decoder(live=True)`.
    max_waiting : int
        Bytes of batches that wait for the loop over them: above it nothing more is received, until
        half of them are taken. TCP then slows the other side down.
    size : int
        Bytes that are received at once at most.

    Attributes
    ----------
    decoder
    transport : asyncio.Transport
    waiting : int
        Bytes of the batches that wait.

    Notes
    -----
    A peer belongs to the loop that made it. It works with asyncio's own loops and with uvloop.
    """

    def __init__(
        self,
        decoder: Callable[[], Any] = lambda: mms.Decoder(live=True),
        *,
        max_waiting: int = 1 << 20,
        size: int = 1 << 18,
    ) -> None:
        self.decoder = decoder()
        self.max_waiting, self.waiting = max_waiting, 0
        self.transport: Any = None
        self._memory = Memory(size)
        self._batches: deque[tuple[Any, int]] = deque()
        self._paused = False  # we do not receive
        self._ended = False  # there will be no further batch
        self._error: BaseException | None = None
        self._reader: asyncio.Future[None] | None = None  # who waits for a batch
        self._writers: set[asyncio.Future[None]] | None = None  # who wait for the network, if full
        self._loop = asyncio.get_running_loop()
        self._gone: asyncio.Future[None] = self._loop.create_future()
        self._started, self._seq = time.monotonic(), 0

    # what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        self.transport = transport

    def get_buffer(self, sizehint: int) -> memoryview:
        """Memory for the next bytes."""
        return self._memory.free()

    def buffer_updated(self, nbytes: int) -> None:
        """Decode what has come."""
        try:
            batch = self.decoder.feed(self._memory.filled(nbytes))
        except (MemoryError, ValueError) as error:  # a decoder that raises at faults, say
            self._end(error)
            self.transport.abort()
        else:
            self._put(batch, nbytes)

    def eof_received(self) -> bool:
        """The other side has said all; ours may go on."""
        self._end(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """Nothing can be said any more either."""
        self._end(exc)
        self.resume_writing()
        if not self._gone.done():
            self._gone.set_result(None)

    def pause_writing(self) -> None:
        """The network takes nothing for now."""
        self._writers = self._writers or set()

    def resume_writing(self) -> None:
        """It does again, or never will."""
        writers, self._writers = self._writers or (), None
        for writer in writers:
            if not writer.done():
                writer.set_result(None)

    # what comes

    def _put(self, batch: Any, size: int) -> None:
        """A batch waits for the loop over them, if it has rows."""
        if not any(len(getattr(batch, name, ())) for name in _TABLES):
            return
        self._batches.append((batch, size))
        self.waiting += size
        if self.waiting > self.max_waiting and not self._paused and not self._ended:
            self._paused = True
            self.transport.pause_reading()
        self._wake()

    def _end(self, error: BaseException | None) -> None:
        """What waited for more evidence is decided."""
        if self._ended:
            return
        self._ended, self._error = True, error
        if not self.decoder.closed:
            try:
                self._put(self.decoder.close(), 0)
            except (MemoryError, ValueError) as fault:
                self._error = error or fault
        self._wake()

    def _wake(self) -> None:
        if self._reader is not None and not self._reader.done():
            self._reader.set_result(None)

    def __aiter__(self) -> AsyncIterator[Any]:
        return self

    async def __anext__(self) -> Any:
        """The next batch."""
        while not self._batches:
            if self._ended:
                if self._error is not None:
                    raise self._error
                raise StopAsyncIteration
            if self._reader is not None:
                raise RuntimeError("one loop over the batches of a peer at a time")
            self._reader = self._loop.create_future()
            try:
                await self._reader
            finally:
                self._reader = None
        batch, size = self._batches.popleft()
        self.waiting -= size
        if self._paused and self.waiting <= self.max_waiting // 2:
            self._paused = False
            if not self._ended:
                self.transport.resume_reading()
        return batch

    # what goes

    async def send(self, name: MessageName, **fields: Any) -> None:
        """Send a message of MMS in a packet of its own, and wait until the network takes more.

        `seq` counts the packets of this peer, and `time_sent` is milliseconds since it was made,
        unless they are given.
        """
        fields.setdefault("seq", self._seq & 0xFFFF)
        fields.setdefault("time_sent", round((time.monotonic() - self._started) * 1000))
        packet = mms.encode(name, **fields)
        self._seq += 1
        self.write(packet)
        await self.drain()

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes; nothing happens when the connection has gone."""
        if not self.transport.is_closing():
            self.transport.write(data)

    async def drain(self) -> None:
        """Wait until the network takes more.

        Raises
        ------
        ConnectionError
            The connection has gone.
        """
        if self._writers is not None:
            writer = self._loop.create_future()
            self._writers.add(writer)
            try:
                await writer
            finally:
                if self._writers is not None:
                    self._writers.discard(writer)
        if self._gone.done():
            raise ConnectionResetError("the connection has gone") from self._error

    async def close(self, patience: float = 1.0) -> None:
        """Close the connection; what was sent has so many seconds to be taken."""
        self.transport.close()
        try:
            await asyncio.wait_for(asyncio.shield(self._gone), patience)
        except TimeoutError:
            self.transport.abort()
            await self._gone

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
