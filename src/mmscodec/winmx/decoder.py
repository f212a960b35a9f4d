"""Decoding a plain stream that arrives in pieces."""

from __future__ import annotations

from typing import TYPE_CHECKING, NoReturn

from mmscodec.winmx._codec import Carry
from mmscodec.winmx._frames import legacy_copy
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.decode import (
    checked_direction,
    checked_link,
    fault_error,
    plain_cache_reply,
)
from mmscodec.winmx.faultrows import add_faults

if TYPE_CHECKING:
    from typing_extensions import Buffer


_PLAIN = ("", "secondary", "chat", "primary")  # links whose frames stand there as they are


class Decoder:
    """Incremental decoder of one direction of a deciphered connection.

    However the stream is cut, the rows of all batches together are those that `decode` gives for
    the whole, with offsets from the start of the stream. Only the unfinished frame is kept: less
    than 65,540 bytes. What follows the reply of a peer cache (link `cache`) is ignored.

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
        self._carry = Carry(start)
        self._busy = False

    def __reduce__(self) -> NoReturn:
        raise TypeError("a live decoder cannot be pickled: it holds the state of one stream")

    @property
    def position(self) -> int:
        """Stream offset of the first byte that no row covers yet."""
        return self._carry.position

    @property
    def buffered(self) -> int:
        """Bytes kept."""
        return len(self._carry)

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
            if self.link in _PLAIN:
                self._carry.feed_into(batch, chunk, self.link)
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
        if self.link == "cache" and self.position != self._start:  # a reply is all there is
            batch.scan(b"", self.link, self.position)
            return
        data = self._carry.join(chunk)
        if data is None:
            batch.scan(b"", self.link, self.position)
            return
        plain, faults = data, None
        if self.link == "legacy":
            plain, _ = legacy_copy(data)
        else:
            plain, faults = plain_cache_reply(data)
        batch.scan(plain, self.link, self.position)
        self._carry.keep(data, batch)
        if self.link == "cache" and self.position != self._start:
            self._carry.drop()
        if faults:
            for row in faults:
                row["offset"] += self._start
            add_faults(batch, faults)

    def close(self) -> Batch:
        """Say that nothing will follow. An unfinished frame stays in `buffered`."""
        self.closed = True
        batch = Batch()
        batch.scan(b"", self.link, self.position)
        return batch

    def __repr__(self) -> str:
        state = f", link {self.link}" if self.link else ""
        state += ", closed" if self.closed else ""
        return f"<winmx.Decoder: at {self.position}, {self.buffered} bytes kept{state}>"

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
