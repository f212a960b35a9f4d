"""WinMX connections of a capture that is read in batches: deciphered as their bytes come.

What is kept of a connection is its conversation (its ciphers, and the frame or the handshake that
is not whole) and the time of its last bytes; of bytes that nothing can be made of nothing is kept
and nothing is read. One ceiling holds over all connections.
"""

from __future__ import annotations

from collections import Counter
from typing import Any, TypeAlias

import numpy as np

from mmscodec.capture import _extents, dtypes
from mmscodec.capture.winmx import Part, WinmxTables, datagrams_of, one_behind_the_other
from mmscodec.schema.vocabulary import Direction, Protocol, Transport
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.conversation import CLIENT, SERVER, Conversation

_CEILING = 256 << 20  # bytes that wait in all connections together
HELD = 1 << 16  # bytes of a client that wait for the keys
_NO_STAMPS = np.empty(0, dtypes.STAMPS)
_Run: TypeAlias = tuple[int, int, bytes | None]  # offsets in the flow, and the bytes from there


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
        runs = self._runs(tables, tcp)
        ended: dict[int, tuple[_LiveConnection, list[int]]] = {}
        columns = (tcp[name].tolist() for name in COLUMNS)
        for flow, peer, direction, marks, length in zip(*columns):
            connection = self._connection(flow, peer)
            side = SERVER if direction == Direction.TO_CLIENT else CLIENT
            connection.flows[side] = flow
            times = new.get(flow, _NO_STAMPS)
            parts += self._feed(connection, side, runs.get(flow, []), times, stamps)
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
        self, connection: _LiveConnection, side: int, runs: list[_Run], times: np.ndarray,
        stamps: dict[int, np.ndarray],
    ) -> list[Part]:  # fmt: skip
        """What this batch has of a side, and then what the other side had waiting for it."""
        self.work["flows"] += 1
        self.work["times"] += len(times)
        conversation, flow, other = connection.conversation, connection.flows[side], 1 - side
        parts = self._read(connection, side, runs)
        if parts:
            stamps[flow] = connection.stamped(side, times)
        if conversation.waits(other) and conversation.state != "greeting":
            late = some(connection.flows[other], conversation.advance(other, b""))
            if late:
                stamps[connection.flows[other]] = connection.stamped(other, _NO_STAMPS)
            connection.keep(other, _NO_STAMPS)
            parts += late
        return parts

    def _runs(self, tables: Any, tcp: np.ndarray) -> dict[int, list[_Run]]:
        """What this batch has of each flow: bytes only where somebody may read them."""
        block, bounds = _extents.collect_all(tables._blocks["extents"], tcp["extent"])
        rows, owner = block.array(dtypes.EXTENTS), np.repeat(np.arange(len(tcp)), np.diff(bounds))
        if not len(rows):
            return {}
        read = np.array([self._reads(flow) for flow in tcp["flow"].tolist()])[owner]
        ends = rows["offset"] + rows["length"]
        new = (owner[1:] != owner[:-1]) | (rows["offset"][1:] != ends[:-1])
        first = np.concatenate([[0], np.flatnonzero(new) + 1])
        wanted = rows[read]  # one behind the other
        wanted["offset"] = np.cumsum(wanted["length"], dtype="i8") - wanted["length"]
        data = tables._gather(wanted, 0, int(wanted["length"].sum(dtype="i8"))).tobytes()
        place = np.zeros(len(rows), np.int64)
        place[read] = wanted["offset"]
        last = np.append(first[1:], len(rows)) - 1
        out: dict[int, list[_Run]] = {}
        columns = (tcp["flow"][owner[first]], rows["offset"][first], ends[last], place[first],
                   read[first])  # fmt: skip
        for flow, start, end, at, known in zip(*(column.tolist() for column in columns)):
            piece = data[at : at + end - start] if known else None
            out.setdefault(flow, []).append((start, end, piece))
        return out

    def _reads(self, flow: int) -> bool:
        # once a conversation reads a side no more it stays so
        connection = self.connections.get(flow)
        return connection is None or connection.conversation.reads(connection.flows.index(flow))

    def _read(self, connection: _LiveConnection, side: int, runs: list[_Run]) -> list[Part]:
        """Give the conversation what this batch has of a side."""
        conversation, flow = connection.conversation, connection.flows[side]
        parts: list[Part] = []
        if conversation.lacks(side):
            _count(connection, side, runs)
            return parts
        for start, end, data in runs:
            if missing := start - connection.ends[side]:
                if conversation.waits(side):
                    parts += some(flow, conversation.advance(side, b""))
                conversation.lose(side, missing)
            connection.ends[side] = end
            self.work["pieces"] += 1
            if data is None or not conversation.reads(side):
                conversation.skip(side, end - start)
                continue
            self.work["bytes"] += end - start
            parts += some(flow, conversation.advance(side, data))
        return parts

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


COLUMNS = ("flow", "peer", "direction", "marks", "length")


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


def _count(connection: _LiveConnection, side: int, runs: list[_Run]) -> None:
    """Behind a hole bytes are only counted, however many pieces they are in."""
    if not runs:
        return
    there, end = sum(end - start for start, end, _ in runs), runs[-1][1]
    if missing := end - connection.ends[side] - there:
        connection.conversation.lose(side, missing)
    connection.conversation.skip(side, there)
    connection.ends[side] = end
