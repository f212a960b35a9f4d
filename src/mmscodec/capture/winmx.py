"""WinMX connections and datagrams of a capture, deciphered and decoded after the pass."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mmscodec.capture import dtypes
from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.rows import Rows
from mmscodec.schema.dtypes import FINDINGS, in_capture
from mmscodec.schema.faults import FaultCode
from mmscodec.schema.vocabulary import Direction, Protocol, Transport, direction_number
from mmscodec.schema.winmx import BY_NAME
from mmscodec.schema.winmx.dtypes import FAULT_ROWS, ITEM_TABLES, NODES, PACKET_ROWS
from mmscodec.schema.winmx.findings import Table
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.connections import Half, decode_halves
from mmscodec.winmx.decode import decode_datagrams
from mmscodec.winmx.faultrows import DATA, fault
from mmscodec.winmx.findings import Findings
from mmscodec.winmx.nodes import WaitingLists

_CAPTURE_FRAMES = in_capture(PACKET_ROWS)
_CAPTURE_NODES = in_capture(NODES)
CAPTURE_FAULTS = in_capture(FAULT_ROWS)
_CAPTURE_FINDINGS = in_capture(FINDINGS)


class Part(NamedTuple):
    """Rows of one flow.

    Attributes
    ----------
    offsets : array or None
        Of datagrams: the offset of each packet in the flow.
    cut : array or None
        Faults of datagrams that the snap length cut, with offsets in the flow.
    times : array or None
        When each of them came.
    """

    flow: int
    batch: Batch
    offsets: np.ndarray | None = None
    cut: np.ndarray | None = None
    times: np.ndarray | None = None

    @property
    def packets(self) -> np.ndarray:
        """Packets with their offsets in the flow."""
        packets = self.batch.packets
        if self.offsets is None:
            return packets
        packets = packets.copy()
        packets["offset"] = self.offsets
        return packets

    def in_flow(self, offsets: np.ndarray) -> np.ndarray:
        """Offsets in the batch, which counts through the datagrams it has, as those in the flow."""
        if self.offsets is None or not len(self.offsets):
            return offsets
        packets = self.batch.packets["offset"]
        at = np.maximum(np.searchsorted(packets, offsets, "right") - 1, 0)
        return offsets + (self.offsets - packets)[at]


class WinmxTables:
    """Tables of the WinMX connections and datagrams of a capture, or of one batch of it.

    A connection that was seen from its first byte on is deciphered with the keys of the server's
    key block, up to the first byte that is missing from its direction; what cannot be read has one
    fault for each direction, with the whole length and the reason. Datagrams are known by their
    RoomAdvertisements; a flow that has one is deciphered from there on. Rows stand flow by flow;
    `time` is when the last byte of the row was there, `flow` is as in the capture's other tables.

    Attributes
    ----------
    packets, nodes, faults : numpy.ndarray
        As of `winmx.Batch`, with time and flow; `packet` is a row of these packets.
    links : dict
        Link of each flow: "secondary", "chat", "primary", "cache" or "udp".
    """

    def __init__(
        self, parts: list[Part], links: dict[int, str], stamps: np.ndarray, flows: np.ndarray,
        live: bool = False,
    ) -> None:  # fmt: skip
        self._parts = sorted(parts, key=lambda part: part.flow)
        self._flows = flows  # as the kernel wrote them
        self._live = live  # of one batch
        self._stamps = stamps[np.argsort(stamps["flow"], kind="stable")]
        self.links = links

    @property
    def batches(self) -> list[tuple[int, Batch]]:
        """(flow, `winmx.Batch`) of each part, in the order of rows."""
        return [(part.flow, part.batch) for part in self._parts]

    @cached_property
    def _firsts(self) -> np.ndarray:
        # row of the first packet of each batch
        counts = [len(part.batch.packets) for part in self._parts]
        return np.cumsum([0, *counts], dtype=np.int64)

    def _joined(self, parts: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
        # rows of all batches with time and flow; `packet` counted on
        counts = np.array([len(rows) for rows in parts], np.int64)
        out = np.zeros(counts.sum(), dtype)
        if not len(out):
            return out
        rows = one_behind_the_other([rows for rows in parts if len(rows)])
        names = rows.dtype.names or ()
        for name in names:
            out[name] = rows[name]
        source = np.repeat(np.arange(len(parts)), counts)
        out["flow"] = np.array([part.flow for part in self._parts], "i4")[source]
        ways = [direction_number(part.batch.direction) for part in self._parts]
        out["direction"] = np.array(ways, "u1")[source]
        if "offset" in names:
            self._in_flow(out, counts)
        if "packet" not in names:
            out["time"] = self._times(out)
            return out
        inside = out["packet"] >= 0  # -1 for faults that are in none: known at the end
        out["packet"][inside] += self._firsts[source[inside]]
        if inside.any():
            out["time"][inside] = self.packets["time"][out["packet"][inside]]
        out["time"][~inside] = self._last_times(out["flow"][~inside])
        return out

    def _in_flow(self, rows: np.ndarray, counts: np.ndarray) -> None:
        # offsets of datagrams become those in the flow; `counts` rows are of each part
        ends = np.cumsum(counts)
        for part, first, end in zip(self._parts, (ends - counts).tolist(), ends.tolist()):
            if part.offsets is not None:
                rows["offset"][first:end] = part.in_flow(rows["offset"][first:end])

    def _times(self, rows: np.ndarray) -> np.ndarray:
        # when the last byte of each row was there
        last = rows["offset"] + np.maximum(rows["length"].astype("i8"), 1)
        stamps, out = self._stamps, np.zeros(len(rows), "i8")
        flows, firsts = np.unique(stamps["flow"], return_index=True)
        if not len(flows) or not len(rows):
            return out
        group = np.minimum(np.searchsorted(flows, rows["flow"]), len(flows) - 1)
        known = flows[group] == rows["flow"]
        counts = np.diff(firsts, append=len(stamps))
        # one search for all flows: a flow's stamps lie between multiples of `wide`
        ends = stamps["end"]
        wide = int(max(ends.max(), last.max())) + 1
        if wide > (1 << 62) // len(flows):  # ranks do as well
            _, rank = np.unique(np.concatenate([ends, last]), return_inverse=True)
            ends, last, wide = rank[: len(ends)], rank[len(ends) :], len(rank)
        keys = np.repeat(np.arange(len(flows)), counts) * wide + ends
        at = np.searchsorted(keys, group * wide + last)
        at = np.minimum(at, (firsts + counts)[group] - 1)
        out[known] = stamps["time"][at[known]]
        return out

    def _last_times(self, flows: np.ndarray) -> np.ndarray:
        # when the last bytes of flows were there, 0 where that is not known
        known = self._stamps["flow"]
        at = np.searchsorted(known, flows, "right") - 1
        out = np.zeros(len(flows), "i8")
        there = (at >= 0) & (known[at] == flows) if len(known) else np.zeros(len(flows), bool)
        out[there] = self._stamps["time"][at[there]]
        return out

    @cached_property
    def packets(self) -> np.ndarray:
        """One row a frame: offset, length, type, data_length, time, flow."""
        return self._joined([batch.packets for _, batch in self.batches], _CAPTURE_FRAMES)

    @cached_property
    def nodes(self) -> np.ndarray:
        """One row a node record; see `winmx.Batch.nodes`."""
        return self._joined([batch.nodes for _, batch in self.batches], _CAPTURE_NODES)

    @cached_property
    def faults(self) -> FaultTable:
        """What was wrong, with `text()`.

        `packet` is a row of these packets, -1 for bytes that no packet covers; those have the time
        of the last bytes of their flow.
        """
        parts = [np.asarray(part.batch.faults) for part in self._parts]
        found = [self._joined(parts, CAPTURE_FAULTS)]
        for part in self._parts:
            if part.cut is not None:
                rows = np.zeros(len(part.cut), CAPTURE_FAULTS)
                for name in part.cut.dtype.names or ():
                    rows[name] = part.cut[name]
                rows["flow"], rows["time"] = part.flow, part.times
                found.append(rows)
        return fault_table(np.concatenate(found))

    @cached_property
    def findings(self) -> Findings:
        """Deviations in good rows; `row` is one of these packets or nodes. See `winmx.Batch`."""
        parts = []
        nodes = 0
        for part, first in zip(self._parts, self._firsts):
            found = part.batch.findings
            rows = np.zeros(len(found), _CAPTURE_FINDINGS)
            for name in FINDINGS.names or ():
                rows[name] = found[name]
            at = np.searchsorted(part.batch.packets["offset"], rows["offset"])
            rows["row"] += np.where(rows["table"] == Table.NODES, nodes, first)
            rows["flow"], rows["direction"] = part.flow, direction_number(part.batch.direction)
            rows["offset"] = part.packets["offset"][at]
            rows["time"] = self.packets["time"][first + at]
            parts.append(rows)
            nodes += len(part.batch.nodes)
        joined = np.concatenate(parts) if parts else np.zeros(0, _CAPTURE_FINDINGS)
        return joined.view(Findings)

    def history(self) -> np.ndarray:
        """What each sender said of each node; see `winmx.node_history`. Senders are addresses."""
        from mmscodec.capture.winmx_lists import history_of

        return history_of(self, self._flows)

    def lists(self) -> np.ndarray:
        """The sender of every node list.

        packet (row of these packets), time, flow, sender (text), sender_port: of the connection;
        ip <u4, udp_port, tcp_port: of record 0, 0 where there is none; records (how many), differs
        (record 0 has another address than the connection).
        """
        from mmscodec.capture.winmx_lists import lists_of

        return lists_of(self, self._flows)

    def answers(self, waiting: WaitingLists | None = None) -> np.ndarray:
        """Node lists paired with the QueueStatus (0x0384) that answers them.

        Parameters
        ----------
        waiting : winmx.WaitingLists, optional
            Of a batch: the lists that no batch before it had an answer to. One object goes through
            all batches in turn.

        Returns
        -------
        numpy.ndarray
            packet (row of the list in these packets, -1 where it came in an earlier batch), answer
            (row of the QueueStatus, -1 where none came), delay (ns, -1), flow, offset and time of
            the list, and the numbers of the answer's text as `winmx.queue_status` has them. Of a
            capture one row a list; of a batch one row for each list that is decided: it was
            answered, or its connection ended. All batches together have the rows of the capture.

        Raises
        ------
        ValueError
            Of a batch, without `waiting`: the answer may come in another one.

        Notes
        -----
        See `winmx.pair_answers`.
        """
        from mmscodec.capture.winmx_lists import answers_of

        if self._live and waiting is None:
            raise ValueError(
                "an answer may come in a later batch: give one mmscodec.winmx.WaitingLists() to "
                "answers() of every batch in turn"
            )
        return answers_of(self, self._flows, waiting)

    def intervals(self, quiet: float = 3.0) -> np.ndarray:
        """How often primaries sent node lists, and which fell silent.

        One row for each connection of a secondary link whose primary was heard: flow, sender, lists
        (how many), first, last (times, -1), least, median, most (ns between two, -1), silence (ns
        from the last list, or else from its first packet, to the end of the connection), silent
        (no list at all, or a silence of more than `quiet` times the median).

        Raises
        ------
        ValueError
            Of a batch, which cannot tell how long a primary was silent.
        """
        from mmscodec.capture.winmx_lists import intervals_of

        if self._live:
            raise ValueError("intervals are those of a whole capture, not of one batch of it")
        return intervals_of(self, self._flows, quiet)

    def __getitem__(self, name: str) -> np.ndarray:
        """Rows of every packet of a kind; see `winmx.Batch`."""
        parts = [np.asarray(batch[name]) for _, batch in self.batches]
        if not parts:
            parts = [np.asarray(Batch()[name])]
            return np.zeros(0, in_capture(parts[0].dtype).newbyteorder("=")).view(Rows)
        return self._joined(parts, in_capture(parts[0].dtype).newbyteorder("=")).view(Rows)

    def column(self, name: str, field: str) -> np.ndarray:
        """One field of every packet of a kind; see `winmx.Batch.column`."""
        parts = [batch.column(name, field) for _, batch in self.batches]
        return np.concatenate(parts) if parts else np.empty(0, object)

    def __repr__(self) -> str:
        return f"<WinmxTables: {len(self.links)} flows, {len(self.packets)} packets>"


def one_behind_the_other(parts: list[np.ndarray]) -> np.ndarray:
    """Arrays of one structured dtype joined, whose fields are not looked at: that would be slow."""
    if len(parts) == 1:
        return parts[0]
    whole = np.dtype((np.void, parts[0].dtype.itemsize))
    return np.concatenate([rows.view(whole) for rows in parts]).view(parts[0].dtype)


def knows(name: object) -> bool:
    """Is this the name of a WinMX packet?"""
    return name in BY_NAME or name in ITEM_TABLES


def whole(capture: Any) -> WinmxTables:
    """Tables of a whole capture, whose connections are deciphered side by side."""
    raw = capture._raw_flows
    stamps = capture._blocks["stamps"].array(dtypes.STAMPS)
    parts: list[Part] = []
    links: dict[int, str] = {}
    pairs = _pairs_of(raw)
    ends, missing = _known_ends(capture)
    halves = [
        (half(capture, ends, missing, client), half(capture, ends, missing, server))
        for client, server in pairs
    ]
    for pair, found in zip(pairs, decode_halves(halves)):
        link = found.recognition.link if found.recognition is not None else ""
        for row, batch in zip(pair, (found.client, found.server)):
            if row >= 0:
                links[row] = link
                parts.append(Part(row, batch))
    udp = (raw["protocol"] == Protocol.WINMX) & (raw["transport"] == Transport.UDP)
    for flow in np.flatnonzero(udp).tolist():
        links[flow] = "udp"
        parts.append(datagrams_of(capture, flow))
    return WinmxTables(parts, links, stamps, raw, live=capture._live)


def datagrams_of(tables: Any, flow: int) -> Part:
    """The datagrams of a flow; those that the snap length cut cannot be deciphered: faults."""
    rows = tables._extents(flow)
    gaps = tables.gaps[tables.gaps["flow"] == flow]
    cut = np.isin(rows["offset"] + rows["length"], gaps["offset"])
    broken, rows = rows[cut], rows[~cut]
    raw = [
        tables.read(flow, offset, length)
        for offset, length in zip(rows["offset"].tolist(), rows["length"].tolist())
    ]
    batch = decode_datagrams(raw)
    found = []
    for offset, length in zip(broken["offset"].tolist(), broken["length"].tolist()):
        lost = int(gaps["length"][gaps["offset"] == offset + length][0])
        code = FaultCode.CIPHER_BROKEN_BY_GAP
        found.append(fault(offset, length + lost, code, DATA, lost, length))
    times = gaps["time"][np.searchsorted(gaps["offset"], broken["offset"] + broken["length"])]
    return Part(flow, batch, rows["offset"].copy(), np.concatenate(found) if found else None, times)


def _pairs_of(raw: np.ndarray) -> list[tuple[int, int]]:
    """(client's row, server's row) of each WinMX connection, -1 for a direction not captured.

    Who is the client was told by the handshake when the connection was recognised.
    """
    pairs = []
    wanted = (raw["protocol"] == Protocol.WINMX) & (raw["transport"] == Transport.TCP)
    for row in np.flatnonzero(wanted).tolist():
        peer = int(raw["peer"][row])
        if 0 <= peer < row:
            continue  # this connection stands in the list
        pairs.append((peer, row) if raw["direction"][row] == Direction.TO_CLIENT else (row, peer))
    return pairs


def _known_ends(capture: Any) -> tuple[np.ndarray, np.ndarray]:
    """Of each flow: how many bytes are there before the first that is missing, how many are."""
    ends = capture._raw_flows["length"].astype("i8")
    missing = np.zeros(len(ends), np.int64)
    gaps = capture.gaps
    inside = gaps["flow"] >= 0
    np.minimum.at(ends, gaps["flow"][inside], gaps["offset"][inside])
    np.add.at(missing, gaps["flow"][inside], gaps["length"][inside])
    return ends, missing


def half(capture: Any, ends: np.ndarray, missing: np.ndarray, row: int) -> Half:
    """A direction: its bytes up to the first that is missing, its length, how many are missing."""
    if row < 0:
        return Half(memoryview(b""), 0)
    total = int(capture._raw_flows["length"][row])
    return Half(capture.read(row, 0, int(ends[row])), total, int(missing[row]))
