"""Decoding a stream that arrives in pieces."""

from __future__ import annotations

from mmscodec._signatures import keywords
from mmscodec.mms._codec import DecoderBase
from mmscodec.mms.batch import Batch
from mmscodec.schema.mms import MAX_PACKET


class Decoder(DecoderBase):
    """Incremental decoder of one direction of an MMS connection.

    However the stream is cut, the rows of all batches together are those that `decode` gives for
    the whole, with offsets from the start of the stream. Only the unfinished tail is kept: at most
    `max_packet` bytes and about 200 kB while a header is looked for after a fault.

    Parameters
    ----------
    transport, on_fault, max_packet
        As in `decode`. After a fault was raised the decoder is closed.
    live : bool
        For a peer in a conversation. A Data packet waits for the next header, which tells a damaged
        size from a good one; if that comes only after an answer, it is a deadlock. With `live` a
        complete packet, of whatever size, is believed where a chunk ends with it, so after damage
        the rows may depend on how the stream is cut.

    Attributes
    ----------
    position : int
        Stream offset of the first byte that no row and no fault covers yet.
    buffered : int
        Bytes kept.
    closed : bool

    Notes
    -----
    One decoder belongs to one thread; a second call while one is under way raises RuntimeError.
    Where Ctrl-C ends a call, the decoder is closed, because how far it came is not known.

    Examples
    --------
    >>> from mmscodec import mms
    >>> dec = mms.Decoder()
    >>> stream = mms.encode("LinkMacToViewerPing")
    >>> len(dec.feed(stream[:20]).packets), len(dec.feed(stream[20:]).packets)
    (0, 1)
    """

    __slots__ = ()
    __signature__ = keywords(transport="tcp", on_fault="record", max_packet=MAX_PACKET, live=False)

    def feed(self, chunk, out: Batch | None = None) -> Batch:
        """Decode the next bytes of the stream.

        Parameters
        ----------
        chunk : bytes-like
            Not copied but for an unfinished end; the batch keeps it alive.
        out : Batch, optional
            A batch whose memory is used again.

        Returns
        -------
        Batch
            What `chunk` completed. The payload of a Data packet that began in an earlier chunk
            lies in a copy that the batch owns.
        """
        if out is None:
            out = Batch()
        self._feed_into(out, chunk)
        return out

    def close(self) -> Batch:
        """Say that nothing will follow; decide about what is left.

        Returns
        -------
        Batch
            Rows that waited for more evidence. An unfinished packet gives none and stays in
            `buffered`.
        """
        batch = Batch()
        if not self.closed:
            self._close_into(batch)
        return batch

    def __repr__(self) -> str:
        state = ", closed" if self.closed else ""
        return f"<mms.Decoder: at {self.position}, {self.buffered} bytes kept{state}>"

    def __enter__(self) -> Decoder:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
