"""Many connections decoded by one call, for collectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec._chunks import MAX_STREAMS
from mmscodec._signatures import keywords
from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.mms._many import DecodersBase
from mmscodec.mms.columns import MessageColumns
from mmscodec.rows import as_rows
from mmscodec.schema.dtypes import DATA, FAULTS, MESSAGES, PACKETS, in_capture, kept
from mmscodec.schema.mms import MAX_PACKET

if TYPE_CHECKING:
    from mmscodec.tables import Table

_NOTHING = (
    np.empty(0, in_capture(PACKETS)),
    np.empty(0, kept(MESSAGES)),
    np.empty(0, in_capture(DATA)),
    np.empty(0, in_capture(FAULTS)),
    np.empty(0, np.uint8),
)


class ManyBatch:
    """What one call of `Decoders.feed` completed, of all connections together.

    Tables as in `Batch`, each row with `flow` (the connection) and `time` (as it was given for the
    chunk that completed the row); offsets count from the start of the connection. Control messages
    are copied into the batch; payloads of Data packets are not kept. Its memory is used again
    where it is given as `out`, but for what arrays share that somebody still holds.

    Attributes
    ----------
    packets : numpy.ndarray
        TcpMessageHeader packets, with the columns of `Batch.packets`, then time, flow, direction.
    messages : numpy.ndarray
        offset, packet (row in `packets`), length, mid, then time, flow, direction.
    data : numpy.ndarray
        Data packets, with the columns of `Batch.data`, then time, flow, direction.
    faults : FaultTable
        offset, length (bytes skipped), code, field, need, have, then time, flow, direction;
        `text()` for people.
    """

    __slots__ = ("_blocks", "_columns", "data", "faults", "messages", "packets")

    def __init__(self) -> None:
        self._blocks: list[Any] = [None] * 5
        self._empty()

    def _empty(self) -> None:
        """Let go of the arrays, so that their memory can be used again."""
        packets, messages, data, faults, arena = _NOTHING
        self._take((packets, messages, data, faults, arena))

    def _take(self, tables: tuple[np.ndarray, ...]) -> ManyBatch:
        packets, messages, data, faults, arena = tables
        self.packets: np.ndarray = packets
        self.messages: np.ndarray = messages
        self.data: np.ndarray = data
        self.faults: FaultTable = fault_table(faults)
        pieces = [(0, arena)] if len(arena) else []
        self._columns = MessageColumns(messages, messages["position"], pieces)
        return self

    def __getitem__(self, message: str | int) -> np.ndarray:
        """Fixed fields of every message of this name, then time and flow: a copy."""
        return as_rows(self._columns.array(message))

    def column(self, message: str | int, field: str) -> np.ndarray:
        """One field of every message of a kind; see `MessageColumns.column`."""
        return self._columns.column(message, field)

    def table(self, name: str, *, secrets: bool = False) -> Table:
        """packets, messages, data, faults or a kind of message as Arrow columns.

        See `mmscodec.Capture.table`; `flow` is the connection, `time` as it was given to `feed`.
        """
        from mmscodec.mms.arrow import many_table

        return many_table(self, name, secrets)

    def __repr__(self) -> str:
        names = ("packets", "messages", "data", "faults")
        counts = ", ".join(f"{len(getattr(self, name))} {name}" for name in names)
        return f"<mms.ManyBatch: {counts}>"


class Decoders(DecodersBase):
    """Incremental decoders of many connections, fed together.

    For each connection the rows are those of a `Decoder`, but for two things: payloads of Data
    packets just like the last one pass by without being kept or copied, so that bytes missing in
    one of them cost the packet behind it; and a packet that a closed connection left unfinished is
    a fault.

    Parameters
    ----------
    max_packet : int
        Ceiling on the bytes of one TcpMessageHeader packet, and so on what is kept of a connection,
        or about 200 kB while a header is looked for after a fault.
    max_streams : int
        Ceiling on the connections that are open at a time. Where one more is opened, the least
        recently used one is evicted: what is left of it is decided, and a fault FLOW_EVICTED says
        so in the next batch. Chunks that come for it later are dropped, each with such a fault
        whose offset is -1 and whose length are its bytes.

    Notes
    -----
    One object belongs to one thread; a second call while one is under way raises RuntimeError.
    The GIL is released once for all chunks of a call. Where Ctrl-C or a lack of memory ends it,
    chunks that were not looked at are gaps of their connections, with faults in the next batch.

    A connection of which no bytes wait takes less than 512 bytes.

    Examples
    --------
    >>> from mmscodec import mms
    >>> ping = mms.encode("LinkMacToViewerPing")
    >>> decoders = mms.Decoders()
    >>> one, two = decoders.open(), decoders.open()
    >>> decoders.feed([one, two, one], [ping, ping[:9], ping]).messages["flow"].tolist()
    [0, 0]
    """

    __slots__ = ()
    __signature__ = keywords(max_packet=MAX_PACKET, max_streams=MAX_STREAMS)

    def open(self) -> int:
        """Number of a new connection; one that was given comes again after 2**31 others."""
        return super().open()

    def feed(
        self,
        connections: Sequence[int] | np.ndarray,
        chunks: Sequence,
        times: Sequence[int] | np.ndarray | None = None,
        out: ManyBatch | None = None,
    ) -> ManyBatch:
        """Decode the next bytes of several connections.

        Parameters
        ----------
        connections : sequence of int
            A connection for each chunk; one may stand there several times. An array of int64 is
            quickest.
        chunks : sequence of bytes-like
        times : sequence of int, optional
            For each chunk what stands in column `time` of the rows it completes; otherwise 0.
        out : ManyBatch, optional
            A batch whose memory is used again. It is empty if the call fails.

        Raises
        ------
        ValueError
            A connection is not open; nothing was decoded.
        """
        return self._batch(out, lambda blocks: self._feed_rows(connections, chunks, times, blocks))

    def close(self, connection: int, out: ManyBatch | None = None) -> ManyBatch:
        """Say that nothing will follow on a connection; decide about what is left of it.

        Of one that was evicted or timed out there is nothing left.
        """
        return self._batch(out, lambda blocks: self._close_rows(connection, blocks))

    def expire(self, before: int, out: ManyBatch | None = None) -> ManyBatch:
        """Close the connections whose last chunk came before this time, each with a fault.

        Times are those given to `feed`, and have to ascend: the least recently used one is looked
        at first, and the search ends with the first that is not older. A connection without a chunk
        has the time of the chunk that came last when it was opened. The fault is FLOW_TIMED_OUT.
        """
        return self._batch(out, lambda blocks: self._expire_rows(before, blocks))

    @staticmethod
    def _batch(out: ManyBatch | None, rows: Callable[[list], tuple[np.ndarray, ...]]) -> ManyBatch:
        batch = ManyBatch() if out is None else out
        batch._empty()
        return batch._take(rows(batch._blocks))

    def __repr__(self) -> str:
        return f"<mms.Decoders: {len(self)} connections open>"
