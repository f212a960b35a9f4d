"""Decoding a plain stream that arrives in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from mmscodec.schema.faults import FaultCode
from mmscodec.winmx._codec import Tail
from mmscodec.winmx._frames import legacy_copy
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.decode import (
    checked_direction,
    checked_link,
    decode_cache_reply,
    decode_one_side,
    fault_error,
)
from mmscodec.winmx.faultrows import LENGTH, add_faults, fault
from mmscodec.winmx.filetransfer import HELD
from mmscodec.winmx.recognition import CACHE_HEAD

if TYPE_CHECKING:
    from typing_extensions import Buffer


PLAIN = ("", "secondary", "chat", "primary")  # links whose frames stand there as they are


class Decoder:
    """Incremental decoder of one direction of a deciphered connection.

    However the stream is cut, the rows of all batches together are those that `decode` gives for
    the whole, with offsets from the start of the stream. Only the unfinished frame is kept: less
    than 65,540 bytes. What follows the reply of a peer
    cache (link `cache`) is no row, and a fault when the decoder is closed. The first 4,096 bytes
    of one side of a file transfer (link `transfer`) are read when the decoder is closed.

    Parameters
    ----------
    link, direction, on_fault
        As in `decode`; link `udp` has no stream. After a fault was raised the decoder is closed.
    start : int
        Stream offset of the first byte.

    Attributes
    ----------
    position : int
        Stream offset of the first byte that no row covers yet.
    buffered : int
        Bytes kept.
    closed : bool

    Notes
    -----
    One decoder belongs to one thread; a second call while one is under way raises RuntimeError.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> dec = winmx.Decoder()
    >>> frame = bytes.fromhex("60 04 02 00 16 53")
    >>> len(dec.feed(frame[:3]).packets), len(dec.feed(frame[3:]).packets)
    (0, 1)
    """

    __slots__ = ("__weakref__", "_busy", "_end", "_head", "_reply", "_start", "_surplus", "_tail",
                 "closed", "direction", "link", "on_fault")  # fmt: skip

    def __init__(
        self,
        *,
        link: str | None = None,
        direction: str = "",
        on_fault: str = "record",
        start: int = 0,
    ) -> None:
        self.link = checked_link(link)
        self.direction = checked_direction(direction)
        if self.link == "udp":
            raise ValueError("datagrams are no stream: use decode_datagrams")
        if on_fault not in ("record", "raise"):
            raise ValueError(f"on_fault is 'record' or 'raise', not {on_fault!r}")
        self.on_fault = on_fault
        self.closed = False
        self._start = start
        self._tail = Tail(start)
        # of a peer cache, until it is whole
        self._reply: bytearray | None = bytearray() if self.link == "cache" else None
        self._surplus = 0  # bytes behind it
        self._head = bytearray()  # first bytes of a side of a file transfer
        self._end = start
        self._busy = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("a live decoder cannot be pickled: it holds the state of one stream")

    @property
    def position(self) -> int:
        """Stream offset of the first byte that no row covers yet."""
        return self._end if self.link in ("cache", "transfer") else self._tail.position

    @property
    def need(self) -> int:
        """Bytes that the frame begun has, as far as known; 0 for link `transfer`."""
        return CACHE_HEAD if self.link == "cache" else self._tail.need

    @property
    def buffered(self) -> int:
        """Bytes kept."""
        return len(self._tail) + len(self._reply or b"") + len(self._head)

    @property
    def _examined(self) -> int:
        """Bytes copied or scanned so far: in proportion to the bytes fed."""
        return self._tail.examined

    def feed(self, chunk: Buffer, out: Batch | None = None) -> Batch:
        """Decode the next bytes of the stream.

        Parameters
        ----------
        chunk : bytes-like
            Bytes objects are not copied but for an unfinished end; others are, once.
        out : Batch, optional
            A batch whose memory is used again.

        Returns
        -------
        Batch
            The frames that `chunk` completed.
        """
        if self.closed:
            raise ValueError("this decoder is closed")
        if self._busy:
            raise RuntimeError("this decoder is in use by another thread")
        self._busy = True
        try:
            batch = Batch() if out is None else out
            batch.direction = self.direction
            if self.link in PLAIN:
                self._tail.feed_into(batch, chunk, self.link)
            else:
                self._feed_coded(batch, chunk)
        finally:
            self._busy = False
        if self.on_fault == "raise" and len(batch.faults):
            self.closed = True
            raise fault_error(batch)
        return batch

    def _feed_coded(self, batch: Batch, chunk: Buffer) -> None:
        """The same on links that have an encoding of their own."""
        if self.link == "cache":
            self._feed_reply(batch, chunk)
            return
        if self.link == "transfer":
            self._head += memoryview(chunk).cast("B")[: HELD - len(self._head)]
            batch.scan(b"", self.link, self.position)
            return
        data = self._tail.join(chunk)
        if data is None:
            batch.scan(b"", self.link, self.position)
            return
        plain, _ = legacy_copy(data)
        batch.scan(plain, self.link, self.position)
        self._tail.keep(data, batch)

    def _feed_reply(self, batch: Batch, chunk: Buffer) -> None:
        """A reply is all that there is: what follows is counted, and said at the end."""
        size = memoryview(chunk).nbytes
        if self._reply is None:
            self._surplus += size
            batch.scan(b"", self.link, self.position)
            return
        self._reply += memoryview(chunk).cast("B")
        if len(self._reply) < CACHE_HEAD:
            batch.scan(b"", self.link, self.position)
            return
        self._surplus = len(self._reply) - CACHE_HEAD
        decode_cache_reply(batch, self._reply[:CACHE_HEAD], self._start)
        self._reply = None
        self._end = batch.consumed

    def drop(self) -> None:
        """Forget the bytes kept; the decoder is closed."""
        self.closed = True
        self._tail.drop()
        self._reply = None
        self._head.clear()

    def close(self) -> Batch:
        """Say that nothing will follow. An unfinished frame stays in `buffered`.

        The rows of link `transfer` come here.
        Of a peer cache's reply that was cut the batch has the whole records, and a fault; what
        followed a whole one is a fault too.
        """
        closed, self.closed = self.closed, True
        batch = Batch()
        batch.direction = self.direction
        if self.link == "cache" and not closed and self._reply:
            decode_cache_reply(batch, bytes(self._reply), self._start)
            self._end = batch.consumed
        elif self.link == "transfer" and not closed:
            decode_one_side(batch, self._head, self._start)
            self._end = batch.consumed
            self._head.clear()
        else:
            batch.scan(b"", self.link, self.position)
        if self._surplus and not closed:
            size = CACHE_HEAD + self._surplus
            row = fault(self._end, self._surplus, FaultCode.SURPLUS_BYTES, LENGTH, CACHE_HEAD, size)
            add_faults(batch, [row])
        return batch

    def __repr__(self) -> str:
        state = f", link {self.link}" if self.link else ""
        state += ", closed" if self.closed else ""
        return f"<winmx.Decoder: at {self.position}, {self.buffered} bytes kept{state}>"

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
