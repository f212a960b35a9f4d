"""Many connections decoded by one call, for collectors."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mmscodec._signatures import keywords
from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.mms._many import DecodersBase
from mmscodec.mms.columns import MessageColumns
from mmscodec.rows import as_rows
from mmscodec.schema.mms import MAX_PACKET

if TYPE_CHECKING:
    from mmscodec.tables import Table


class ManyBatch:
    """What one call of `Decoders.feed` completed, of all connections together.

    Tables as in `Batch`, each row with `flow` (the connection) and `time` (as it was given for the
    chunk that completed the row); offsets count from the start of the connection. Control messages
    are copied into the batch; payloads of Data packets are not kept.
    """

    __slots__ = ("_columns", "data", "faults", "messages", "packets")

    def __init__(self, tables: tuple[np.ndarray, ...]) -> None:
        packets, messages, data, faults, arena = tables
        self.packets: np.ndarray = packets
        self.messages: np.ndarray = messages
        self.data: np.ndarray = data
        self.faults: FaultTable = fault_table(faults)
        pieces = [(0, arena)] if len(arena) else []
        self._columns = MessageColumns(messages, messages["position"], pieces)

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

    Notes
    -----
    One object belongs to one thread; a second call while one is under way raises RuntimeError.

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
    __signature__ = keywords(max_packet=MAX_PACKET)

    def open(self) -> int:
        """Number of a new connection; numbers of closed ones are used again."""
        return super().open()

    def feed(
        self, connections: Sequence[int], chunks: Sequence, times: Sequence[int] | None = None
    ) -> ManyBatch:
        """Decode the next bytes of several connections.

        Parameters
        ----------
        connections : sequence of int
            A connection for each chunk; one may stand there several times.
        chunks : sequence of bytes-like
        times : sequence of int, optional
            For each chunk what stands in column `time` of the rows it completes; otherwise 0.

        Raises
        ------
        ValueError
            A connection is not open. What was fed before it is decoded, and comes with the next
            batch.
        """
        return ManyBatch(self._feed_rows(connections, chunks, times))

    def close(self, connection: int) -> ManyBatch:
        """Say that nothing will follow on a connection; decide about what is left of it."""
        return ManyBatch(self._close_rows(connection))

    def __repr__(self) -> str:
        return f"<mms.Decoders: {len(self)} connections open>"
