"""WinMX connections of a capture that is read in batches: deciphered as their bytes come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.capture import dtypes
from mmscodec.capture.winmx import Part, WinmxTables, datagrams_of
from mmscodec.winmx.conversation import CLIENT, SERVER, Conversation
from mmscodec.winmx.recognition import CACHE_GREETING, CLIENT_HEAD, GREETING, SERVER_HEAD, recognise

HELD = 1 << 16  # bytes of a direction that wait until it is known who is the client


class Talk:
    """One connection: its bytes wait until it is known who is who, then are deciphered."""

    def __init__(self) -> None:
        self.inner = Conversation()
        self.client: int | None = None
        self.heads: dict[int, bytes] = {}
        self.waiting: dict[int, list[tuple[int, bytes]]] = {}
        self.dropped: dict[int, int] = {}

    def role(self, flow: int) -> int | None:
        """Who a flow is, as soon as its first bytes or those of the other one say so."""
        if self.client is None:
            for known, head in self.heads.items():
                server = head[:1] in (bytes([GREETING]), bytes([CACHE_GREETING]))
                if server and len(head) >= SERVER_HEAD and recognise(b"", head) is not None:
                    self.client = -1 - known  # whoever is not `known`
                elif len(head) >= CLIENT_HEAD and recognise(head, b"") is not None:
                    self.client = known
        if self.client is None:
            return None
        if self.client < 0:
            return SERVER if flow == -1 - self.client else CLIENT
        return CLIENT if flow == self.client else SERVER

    def take(self, flow: int, piece: bytes, missing: int) -> None:
        """Bytes of a flow with `missing` ones in front of them."""
        if len(self.heads.get(flow, b"")) < SERVER_HEAD and not missing:
            self.heads[flow] = (self.heads.get(flow, b"") + piece)[:SERVER_HEAD]
        held = self.waiting.setdefault(flow, [])
        missing += self.dropped.pop(flow, 0)
        if sum(len(data) for _, data in held) < HELD:
            held.append((missing, piece))
        else:  # what is dropped is missing for whoever comes next
            self.dropped[flow] = missing + len(piece)

    def flush(self) -> Iterator[tuple[int, Any]]:
        """(flow, batch) of all that can be said by now, the server first, who has the keys."""
        for flow in sorted(self.waiting, key=lambda flow: -(self.role(flow) or 0)):
            side = self.role(flow)
            if side is None:
                continue
            for missing, piece in self.waiting[flow]:
                if missing:
                    yield flow, self.inner.gap(side, missing)
                yield flow, self.inner.feed(side, piece)
            self.waiting[flow] = []
        for flow in self.waiting:
            if (side := self.role(flow)) is not None:
                yield flow, self.inner.flush(side)


class LiveWinmx:
    """What is kept of WinMX connections from batch to batch.

    `take` is given every batch, in order, and gives its tables.
    """

    def __init__(self) -> None:
        self.talks: dict[int, Talk] = {}  # by the lower number of the two flows
        self.ends: dict[int, int] = {}
        self.stamps: dict[int, np.ndarray] = {}

    def take(self, tables: Any) -> WinmxTables:
        """Tables of a batch."""
        raw = tables._raw_flows
        rows = raw[raw["protocol"] == 2]
        parts: list[Part] = []
        links: dict[int, str] = {}
        if len(rows):
            self._keep_stamps(tables)
        seen: dict[int, Talk] = {}
        for row in rows:
            flow, peer = int(row["flow"]), int(row["peer"])
            if row["transport"] == 17:
                parts.append(datagrams_of(tables, flow))
                links[flow] = "udp"
                continue
            key = min(flow, peer) if peer >= 0 else flow
            talk = self.talks.pop(flow, None) if key != flow else None  # the peer came later
            talk = self.talks.setdefault(key, talk or Talk())
            seen[key] = talk
            for missing, piece in self._pieces(tables, flow):
                talk.take(flow, piece, missing)
        for talk in seen.values():
            for flow, batch in talk.flush():
                if len(batch.packets) or len(batch.faults):
                    parts.append(Part(flow, batch))
        for row in rows[rows["transport"] == 6]:
            flow, peer = int(row["flow"]), int(row["peer"])
            links[flow] = seen[min(flow, peer) if peer >= 0 else flow].inner.link
        stamps = [self.stamps[flow] for flow in {part.flow for part in parts} & self.stamps.keys()]
        found = WinmxTables(parts, links, np.concatenate([np.empty(0, dtypes.STAMPS), *stamps]))
        self._forget(rows, parts)
        return found

    def _keep_stamps(self, tables: Any) -> None:
        stamps = tables._blocks["stamps"].array(dtypes.STAMPS)
        for flow in np.unique(stamps["flow"]).tolist():
            new = stamps[stamps["flow"] == flow]
            known = self.stamps.get(flow)
            self.stamps[flow] = new if known is None else np.concatenate([known, new])

    def _pieces(self, tables: Any, flow: int) -> Iterator[tuple[int, bytes]]:
        """(bytes missing before it, bytes) of what this batch has of a flow."""
        extents = tables._extents(flow)
        if len(extents) == 0:
            return
        starts = extents["offset"]
        ends = starts + extents["length"]
        cuts = np.flatnonzero(starts[1:] != ends[:-1]) + 1
        for first, last in zip([0, *cuts.tolist()], [*cuts.tolist(), len(extents)]):
            start, end = int(starts[first]), int(ends[last - 1])
            yield start - self.ends.get(flow, 0), bytes(tables.read(flow, start, end - start))
            self.ends[flow] = end

    def _forget(self, rows: np.ndarray, parts: list[Part]) -> None:
        # times of bytes whose rows were given out, and all of flows that have ended
        done = {part.flow: part.packets for part in parts if len(part.batch.packets)}
        for flow, packets in done.items():
            stamps = self.stamps.get(flow)
            if stamps is not None:
                last = int(packets["offset"][-1]) + int(packets["length"][-1])
                self.stamps[flow] = stamps[stamps["end"] > last]
        for row in rows[(rows["marks"] & dtypes.ENDED) != 0]:
            flow, peer = int(row["flow"]), int(row["peer"])
            self.stamps.pop(flow, None)
            self.ends.pop(flow, None)
            self.talks.pop(min(flow, peer) if peer >= 0 else flow, None)
