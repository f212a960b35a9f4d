"""Many connections decoded by one call, for collectors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec._chunks import MAX_STREAMS
from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.rows import Rows
from mmscodec.schema.dtypes import in_capture
from mmscodec.schema.vocabulary import direction_number
from mmscodec.schema.winmx.dtypes import FAULT_ROWS, NODES, PACKET_ROWS
from mmscodec.winmx._many import DecodersBase
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.decode import checked_direction, checked_link
from mmscodec.winmx.decoder import PLAIN

if TYPE_CHECKING:
    from mmscodec.tables import Table

_NOTHING = (
    np.empty(0, in_capture(PACKET_ROWS)),
    np.empty(0, np.int64),
    np.empty(0, in_capture(FAULT_ROWS)),
    np.empty(0, np.uint8),
)
_STAMPS = ("time", "flow", "direction")


class ManyBatch:
    """What one call of `Decoders.feed` completed, of all connections together.

    Tables as in `Batch`, each row with `flow` (the connection) and `time` (as it was given for the
    chunk that completed the frame); offsets count from the start of the connection. Frames are
    copied into the batch. Its memory is used again where it is given as `out`, but for what arrays
    share that somebody still holds.

    Attributes
    ----------
    packets : numpy.ndarray
        One row a frame: offset, length, type, data_length, time, flow, direction.
    nodes : numpy.ndarray
        One row a node of the NodeLists: packet (row in `packets`), then as in `Batch.nodes`, time,
        flow, direction.
    faults : FaultTable
        offset, length (bytes skipped), code, field, need, have, packet, time, flow, direction;
        `text()` for people.
    link, direction : str
        As given to `Decoders`.
    """

    def __init__(self, link: str = "", direction: str = "") -> None:
        self.link, self.direction = link, direction
        self._blocks: list[Any] = [None] * 4
        self._empty()

    def _empty(self) -> None:
        """Let go of the arrays, so that their memory can be used again."""
        self._take(_NOTHING)

    def _take(self, tables: tuple[np.ndarray, ...]) -> ManyBatch:
        for name in ("_inner", "nodes", "faults"):
            self.__dict__.pop(name, None)
        self.packets, self._positions, self._faults, self._arena = tables
        return self

    @cached_property
    def _inner(self) -> Batch:
        """The same packets where they lie in the copy."""
        rows = np.empty(len(self.packets), PACKET_ROWS)
        for name in ("length", "type", "data_length"):
            rows[name] = self.packets[name]
        rows["offset"] = self._positions
        batch = Batch()
        batch.direction = self.direction
        batch.adopt(self._arena, self.link, 0, rows, len(self._arena))
        return batch

    def _stamped(self, rows: np.ndarray) -> np.ndarray:
        """These rows with the time, flow and direction of their packets behind them."""
        out = np.zeros(len(rows), in_capture(rows.dtype))
        for name in rows.dtype.names or ():
            out[name] = rows[name]
        for name in _STAMPS:
            out[name] = self.packets[name][rows["packet"]]
        return out

    @cached_property
    def nodes(self) -> np.ndarray:
        """One row a node record, gathered when first asked for; see `Batch.nodes`."""
        found = np.asarray(self._inner.nodes)
        return (self._stamped(found) if len(found) else np.empty(0, in_capture(NODES))).view(Rows)

    @cached_property
    def faults(self) -> FaultTable:
        """What was wrong, with `text()`: as the bytes came, then inside of packets."""
        inner = np.empty(0, FAULT_ROWS)
        if len(self.packets):
            inner = self._inner.with_inner(inner)
        if not len(inner):
            return fault_table(self._faults)
        rows = self._stamped(inner)
        rows["offset"] -= self._shift(inner["packet"])
        return fault_table(np.concatenate([self._faults, rows]))

    def _shift(self, packets: np.ndarray) -> np.ndarray:
        """From offsets of the connection to places in the copy, for rows of these packets."""
        return self._positions[packets] - self.packets["offset"][packets]

    def __getitem__(self, name: str | int) -> np.ndarray:
        """Rows of every packet of a kind, with time, flow and direction behind them.

        As `winmx.Batch` has them, but for the `NAME_offset` of fields of variable length, which
        count in what the batch keeps of all connections.
        """
        return self._stamped(self._inner[name]).view(Rows)

    def column(self, name: str | int, field: str, encoding: str | None = "latin-1") -> np.ndarray:
        """One field of every packet of a kind; see `Batch.column`."""
        return self._inner.column(name, field, encoding)

    def payload(self, i: int) -> memoryview:
        """Bytes of packet `i` behind its header: a read-only view of the copy."""
        return self._inner.payload(i)

    def table(self, name: str, *, secrets: bool = False) -> Table:
        """packets, nodes, faults or a kind of packet as Arrow columns; credentials are hidden.

        See `mmscodec.Capture.table`; `flow` is the connection, `time` as it was given to `feed`.
        """
        from mmscodec.winmx.arrow import many_table

        return many_table(self, name, secrets)

    def __repr__(self) -> str:
        where = f", link {self.link}" if self.link else ""
        return f"<winmx.ManyBatch: {len(self.packets)} packets, {len(self.faults)} faults{where}>"


class Decoders(DecodersBase):
    """Incremental decoders of many deciphered connections, fed together.

    For each connection the rows are those of a `Decoder` of the same link and direction; a frame
    that a closed connection left unfinished is a fault besides.

    Parameters
    ----------
    link, direction
        As in `Decoder`, of all connections; a link whose frames stand there as they are.
    max_streams : int
        Ceiling on the connections that are open at a time. Where one more is opened, the least
        recently used one is evicted, and a fault FLOW_EVICTED says so in the next batch. Chunks
        that come for it later are dropped, each with such a fault whose offset is -1 and whose
        length are its bytes.

    Notes
    -----
    One object belongs to one thread; a second call while one is under way raises RuntimeError.
    The GIL is released once for all chunks of a call. Where Ctrl-C or a lack of memory ends it,
    chunks that were not looked at are lost, and with them what follows on their connections: a
    fault GAP says so. What is kept of a connection is less than 65,540 bytes.

    Examples
    --------
    >>> from mmscodec import winmx
    >>> frame = bytes.fromhex("60 04 02 00 16 53")
    >>> decoders = winmx.Decoders()
    >>> one, two = decoders.open(), decoders.open()
    >>> decoders.feed([one, two, one], [frame, frame[:3], frame]).packets["flow"].tolist()
    [0, 0]
    """

    def __init__(
        self, *, link: str | None = None, direction: str = "", max_streams: int = MAX_STREAMS
    ) -> None:
        self.link = checked_link(link)
        if self.link not in PLAIN:
            raise ValueError(f"frames of link {self.link!r} have an encoding: use Decoder")
        self.direction = checked_direction(direction)
        self._set_up(self.link, direction_number(self.direction), max_streams)

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
        """Decode the next bytes of several connections; see `mms.Decoders.feed`."""
        return self._batch(out, lambda blocks: self._feed_rows(connections, chunks, times, blocks))

    def close(self, connection: int, out: ManyBatch | None = None) -> ManyBatch:
        """Say that nothing will follow on a connection; an unfinished frame is a fault.

        Of one that was evicted or timed out there is nothing left.
        """
        return self._batch(out, lambda blocks: self._close_rows(connection, blocks))

    def expire(self, before: int, out: ManyBatch | None = None) -> ManyBatch:
        """Close the connections whose last chunk came before this time; see `mms.Decoders`."""
        return self._batch(out, lambda blocks: self._expire_rows(before, blocks))

    def _batch(
        self, out: ManyBatch | None, rows: Callable[[list], tuple[np.ndarray, ...]]
    ) -> ManyBatch:
        batch = ManyBatch() if out is None else out
        batch._empty()
        batch.link, batch.direction = self.link, self.direction
        return batch._take(rows(batch._blocks))

    def __repr__(self) -> str:
        return f"<winmx.Decoders: {len(self)} connections open>"
