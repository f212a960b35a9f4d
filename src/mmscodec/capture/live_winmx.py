"""WinMX connections of a capture that is read in batches: deciphered as their bytes come.

What is kept of a connection is its conversation (its ciphers, and the frame or the handshake that
is not whole) and the time of its last bytes; of bytes that nothing can be made of nothing is kept
and nothing is read. One ceiling holds over all connections.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.capture import _extents, dtypes
from mmscodec.capture.winmx import Part, WinmxTables, datagrams_of, one_behind_the_other
from mmscodec.schema.vocabulary import Direction, Protocol, Transport
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.conversation import CLIENT, SERVER, Conversation

_CEILING = 256 << 20  # bytes that wait in all connections together
HELD = 1 << 16  # bytes of a client that wait for the keys
_NO_STAMPS = np.empty(0, dtypes.STAMPS)


class _LiveConnection:
    """One connection: its conversation, and of each side how far it came and when."""

    __slots__ = ("conversation", "ends", "flows", "held", "kept", "last")

    def __init__(self) -> None:
        self.conversation = Conversation(max_buffered=HELD)
        self.flows = [-1, -1]
        self.ends = [0, 0]
        self.last = [_NO_STAMPS, _NO_STAMPS]  # the newest time
        self.kept: list[list[np.ndarray] | None] = [None, None]  # times of what waits
        self.held = 0

    def weight(self) -> int:
        """Bytes that are kept of it."""
        times = sum(len(rows) for side in self.kept if side for rows in side)
        return self.conversation.held + times * dtypes.STAMPS.itemsize

    def stamped(self, side: int, new: np.ndarray) -> np.ndarray:
        """The times of a side that may be asked for now: of what waited, and of what came."""
        rows = [rows for rows in (self.last[side], *(self.kept[side] or ()), new) if len(rows)]
        return joined(rows)

    def keep(self, side: int, new: np.ndarray) -> None:
        """Keep of new times what may be asked for: all while bytes wait for keys, or the last."""
        waits, kept = self.conversation.waits(side), self.kept[side]
        if waits and len(new):
            if kept is None:
                self.kept[side] = kept = []
            kept.append(new)
        elif not waits:
            if kept and not len(new):
                new = kept[-1]
            self.kept[side] = None
        if len(new) and not waits:
            self.last[side] = new[-1:].copy()  # the others may go


class LiveWinmx:
    """What is kept of WinMX connections from batch to batch.

    `take` is given every batch, in order, and gives its tables.

    Attributes
    ----------
    held : int
        Bytes kept of all connections; never above `ceiling` after a batch: over it, what waits
        longest is given up, with a fault when its connection ends.
    work : Counter
        What was done so far: flows looked at, pieces and bytes read, times kept, connections
        given up. Each grows with the input only.
    """

    def __init__(self, ceiling: int = _CEILING) -> None:
        self.connections: dict[int, _LiveConnection] = {}  # by the number of each flow
        self.ceiling = ceiling
        self.held = 0
        self.work: Counter[str] = Counter()
        self._waiting: dict[
            int, _LiveConnection
        ] = {}  # those that hold something, longest first; by id

    def take(self, tables: Any) -> WinmxTables:
        """Tables of a batch."""
        raw = tables._raw_flows
        rows = raw[raw["protocol"] == Protocol.WINMX]
        if not len(rows):
            return WinmxTables([], {}, _NO_STAMPS, rows, live=True)
        parts: list[Part] = []
        links: dict[int, str] = {}
        new = by_flow(tables._blocks["stamps"].array(dtypes.STAMPS))
        stamps: dict[int, np.ndarray] = {}
        for flow in rows["flow"][rows["transport"] == Transport.UDP].tolist():
            parts.append(datagrams_of(tables, flow))
            links[flow] = "udp"
            stamps[flow] = new.get(flow, _NO_STAMPS)
        tcp = rows[rows["transport"] == Transport.TCP]
        # servers first: the keys
        tcp = tcp[np.argsort(tcp["direction"] != Direction.TO_CLIENT, kind="stable")]
        ended: dict[int, tuple[_LiveConnection, list[int]]] = {}
        columns = (tcp[name].tolist() for name in COLUMNS)
        for flow, peer, direction, marks, length, extent in zip(*columns):
            connection = self._connection(flow, peer)
            side = SERVER if direction == Direction.TO_CLIENT else CLIENT
            connection.flows[side] = flow
            times = new.get(flow, _NO_STAMPS)
            parts += self._feed(tables, connection, side, extent, times, stamps)
            connection.keep(side, times)
            self._weigh(connection)
            if marks & dtypes.ENDED:
                ended.setdefault(id(connection), (connection, [-1, -1]))[1][side] = length
        for connection, lengths in ended.values():
            parts += self._close(connection, lengths, stamps)
        for flow in tcp["flow"].tolist():
            links[flow] = (
                self.connections[flow].conversation.link if flow in self.connections else ""
            )
        for connection, _ in ended.values():
            links |= {f: connection.conversation.link for f in connection.flows if f in links}
        self._hold()
        return WinmxTables(parts, links, joined(list(stamps.values())), rows, live=True)

    def _connection(self, flow: int, peer: int) -> _LiveConnection:
        connection = self.connections.get(flow) or self.connections.get(peer) or _LiveConnection()
        self.connections[flow] = connection
        return connection

    def _feed(
        self, tables: Any, connection: _LiveConnection, side: int, extent: int, times: np.ndarray,
        stamps: dict[int, np.ndarray],
    ) -> list[Part]:  # fmt: skip
        """What this batch has of a side, and then what the other side had waiting for it."""
        self.work["flows"] += 1
        self.work["times"] += len(times)
        conversation, flow, other = connection.conversation, connection.flows[side], 1 - side
        parts = self._read(tables, connection, side, extent)
        if parts:
            stamps[flow] = connection.stamped(side, times)
        if conversation.waits(other) and conversation.state != "greeting":
            late = some(connection.flows[other], conversation.advance(other, b""))
            if late:
                stamps[connection.flows[other]] = connection.stamped(other, _NO_STAMPS)
            connection.keep(other, _NO_STAMPS)
            parts += late
        return parts

    def _read(self, tables: Any, connection: _LiveConnection, side: int, extent: int) -> list[Part]:
        """Give the conversation what this batch has of a side."""
        conversation, flow = connection.conversation, connection.flows[side]
        parts: list[Part] = []
        if conversation.lacks(side):
            self._count(tables, connection, side, extent)
            return parts
        for missing, rows in pieces(tables, extent, connection.ends[side]):
            if missing:
                if conversation.waits(side):
                    parts += some(flow, conversation.advance(side, b""))
                conversation.lose(side, missing)
            start, end = int(rows["offset"][0]), int(rows["offset"][-1]) + int(rows["length"][-1])
            connection.ends[side] = end
            self.work["pieces"] += 1
            if not conversation.reads(side):
                conversation.skip(side, end - start)
                continue
            self.work["bytes"] += end - start
            if len(rows) == 1:
                data = bytes(tables._held(int(rows["place"][0]), end - start))
            else:
                data = bytes(tables._gather(rows, start, end))
            parts += some(flow, conversation.advance(side, data))
        return parts

    def _count(self, tables: Any, connection: _LiveConnection, side: int, extent: int) -> None:
        """Behind a hole bytes are only counted, however many pieces they are in."""
        if not extent:
            return
        rows = _extents.collect(tables._blocks["extents"], extent).array(dtypes.EXTENTS)
        there = int(rows["length"].sum())
        end = int(rows["offset"][-1]) + int(rows["length"][-1])
        if missing := end - connection.ends[side] - there:
            connection.conversation.lose(side, missing)
        connection.conversation.skip(side, there)
        connection.ends[side] = end

    def _close(
        self, connection: _LiveConnection, lengths: list[int], stamps: dict[int, np.ndarray]
    ) -> list[Part]:
        """The end of a connection: what was never captured of it, and what stays unread."""
        parts: list[Part] = []
        for side in (SERVER, CLIENT):
            flow = connection.flows[side]
            self.connections.pop(flow, None)
            if lengths[side] > connection.ends[side]:
                if connection.conversation.waits(side):
                    parts += some(flow, connection.conversation.advance(side, b""))
                connection.conversation.lose(side, lengths[side] - connection.ends[side])
        for side, batch in enumerate(connection.conversation.finish()):
            if connection.flows[side] >= 0:
                parts += some(connection.flows[side], batch)
        for side, flow in enumerate(connection.flows):
            if flow not in stamps and any(part.flows[0] == flow for part in parts):
                stamps[flow] = connection.stamped(side, _NO_STAMPS)
        self._waiting.pop(id(connection), None)
        self.held -= connection.held
        return parts

    def _weigh(self, connection: _LiveConnection) -> None:
        weight = connection.weight()
        self.held += weight - connection.held
        connection.held = weight
        if weight:
            self._waiting[id(connection)] = connection  # where it stood before
        else:
            self._waiting.pop(id(connection), None)

    def _hold(self) -> None:
        """Give up what waits longest, until the ceiling holds."""
        while self.held > self.ceiling and self._waiting:
            connection = next(iter(self._waiting.values()))
            connection.conversation.abandon()
            for side in (CLIENT, SERVER):
                connection.keep(side, _NO_STAMPS)
            self.work["given up"] += 1
            self._weigh(connection)


COLUMNS = ("flow", "peer", "direction", "marks", "length", "extent")


def some(flow: int, batch: Batch | None) -> list[Part]:
    """A part, if anything is in it."""
    if batch is not None and (len(batch.packets) or batch.cache.get("more faults") is not None):
        return [Part.of(flow, batch)]
    return []


def joined(rows: list[np.ndarray]) -> np.ndarray:
    """Rows of stamps, one behind the other."""
    return one_behind_the_other(rows) if rows else _NO_STAMPS


def by_flow(stamps: np.ndarray) -> dict[int, np.ndarray]:
    """The rows of each flow, in order."""
    if not len(stamps):
        return {}
    ordered = stamps[np.argsort(stamps["flow"], kind="stable")]
    starts = np.flatnonzero(np.diff(ordered["flow"], prepend=-1)).tolist()
    ends = [*starts[1:], len(ordered)]
    return {int(ordered["flow"][a]): ordered[a:b] for a, b in zip(starts, ends)}


def pieces(tables: Any, extent: int, end: int) -> Iterator[tuple[int, np.ndarray]]:
    """(bytes missing before it, its extents) of each run of a flow; `end` is how far it came."""
    if not extent:
        return
    extents = _extents.collect(tables._blocks["extents"], extent).array(dtypes.EXTENTS)
    starts = extents["offset"]
    if len(extents) == 1:
        yield int(starts[0]) - end, extents
        return
    ends = starts + extents["length"]
    cuts = (np.flatnonzero(starts[1:] != ends[:-1]) + 1).tolist()
    for first, last in zip([0, *cuts], [*cuts, len(extents)]):
        yield int(starts[first]) - end, extents[first:last]
        end = int(ends[last - 1])
