"""WinMX connections and datagrams of a capture, deciphered and decoded after the pass."""

from __future__ import annotations

from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.rows import Rows
from mmscodec.schema.dtypes import FINDINGS, in_capture
from mmscodec.schema.faults import FaultCode
from mmscodec.schema.vocabulary import C2S, S2C, direction_number
from mmscodec.schema.winmx import BY_NAME
from mmscodec.schema.winmx.dtypes import FAULT_ROWS, ITEM_TABLES, NODES, PACKET_ROWS
from mmscodec.schema.winmx.findings import Table
from mmscodec.winmx.batch import Batch
from mmscodec.winmx.decode import decode_datagrams
from mmscodec.winmx.faultrows import DATA, fault
from mmscodec.winmx.findings import Findings
from mmscodec.winmx.groups import Group, Streams, alone
from mmscodec.winmx.nodes import WaitingLists

_CAPTURE_FRAMES = in_capture(PACKET_ROWS)
_CAPTURE_NODES = in_capture(NODES)
CAPTURE_FAULTS = in_capture(FAULT_ROWS)
_CAPTURE_FINDINGS = in_capture(FINDINGS)


class Part(NamedTuple):
    """Rows of flows that are in one batch.

    Attributes
    ----------
    flows : array
        int64, in order of their places in the batch.
    starts : array or None
        Of several flows: the offset in the batch that is offset 0 of each.
    offsets : array or None
        Of datagrams: the offset of each packet in the flow.
    cut : array or None
        Faults of datagrams that the snap length cut, with offsets in the flow.
    times : array or None
        When each of them came.
    group : (Streams, Group) or None
        Where the rows of several flows come from.
    """

    flows: np.ndarray
    batch: Batch
    starts: np.ndarray | None = None
    offsets: np.ndarray | None = None
    cut: np.ndarray | None = None
    times: np.ndarray | None = None
    group: tuple[Streams, Group] | None = None

    @classmethod
    def of(cls, flow: int, batch: Batch, **more: Any) -> Part:
        """That of one flow."""
        return cls(np.array([flow], np.int64), batch, **more)

    def owners(self) -> tuple[np.ndarray, np.ndarray]:
        """Flow of each packet, and what to add to its offset to have that in the flow."""
        at = self.batch.packets["offset"]
        if self.offsets is not None:
            return np.repeat(self.flows, len(at)), self.offsets - at
        assert self.starts is not None
        number = np.searchsorted(self.starts, at, "right") - 1
        return self.flows[number], -self.starts[number]

    def faults(self) -> np.ndarray:
        """Faults; those of datagrams with offsets in the flow, where packets are not moved."""
        rows = np.asarray(self.batch.faults)
        if self.offsets is None or not len(self.offsets) or not len(rows):
            return rows
        rows, packets = rows.copy(), self.batch.packets["offset"]
        at = np.maximum(np.searchsorted(packets, rows["offset"], "right") - 1, 0)
        inside = np.maximum(rows["packet"], 0)
        shift = self.offsets - packets
        rows["offset"] += shift[at] - np.where(rows["packet"] >= 0, shift[inside], 0)
        return rows

    def unread(self) -> tuple[np.ndarray, np.ndarray]:
        """Faults of several flows in no packet, and the flow of each."""
        if self.group is None:
            return np.zeros(0, FAULT_ROWS), np.zeros(0, np.int64)
        _, group = self.group
        where = np.searchsorted(group.which, group.owners)
        return group.unread, self.flows[where]

    def batches(self) -> list[tuple[int, Batch]]:
        """A batch for each flow."""
        flows = self.flows.tolist()
        if self.group is None:
            return [(flows[0], self.batch)]
        return [(flow, alone(*self.group, number)) for number, flow in enumerate(flows)]


class _Packets(NamedTuple):
    """Of the packets of all parts, one part behind the other: where they go."""

    firsts: np.ndarray  # of each part
    flows: np.ndarray
    shifts: np.ndarray
    order: np.ndarray
    rank: np.ndarray  # the row of each, once they stand flow by flow


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
        self._parts = sorted(parts, key=lambda part: int(part.flows[0]))
        self._flows = flows  # as the kernel wrote them
        self._live = live  # of one batch
        self._stamps = stamps[np.argsort(stamps["flow"], kind="stable")]
        self.links = links

    @cached_property
    def batches(self) -> list[tuple[int, Batch]]:
        """(flow, `winmx.Batch`) of each flow, in the order of rows."""
        found = [pair for part in self._parts for pair in part.batches()]
        return sorted(found, key=lambda pair: pair[0])

    @cached_property
    def _places(self) -> _Packets:
        counts = [len(part.batch.packets) for part in self._parts]
        firsts = np.cumsum([0, *counts], dtype=np.int64)
        flows = self._column("flow", np.array(counts, np.int64))
        shifts = np.zeros(len(flows), np.int64)
        for part, start, end in zip(self._parts, firsts.tolist(), firsts[1:].tolist()):
            if part.starts is not None or part.offsets is not None:
                flows[start:end], shifts[start:end] = part.owners()
        order = np.argsort(flows, kind="stable")
        return _Packets(firsts, flows, shifts, order, ranks(order))

    def _column(self, of: str, counts: np.ndarray) -> np.ndarray:
        # flow (the first) or direction of the part of each of so many rows
        if of == "flow":
            return np.repeat([part.flows[0] for part in self._parts], counts).astype(np.int64)
        return np.repeat(self._ways, counts)

    @cached_property
    def _ways(self) -> np.ndarray:
        numbers = {way: direction_number(way) for way in ("", C2S, S2C)}
        return np.array([numbers[part.batch.direction] for part in self._parts], "u1")

    def _of_packets(self, parts: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
        # of rows of all parts that name packets: the packet among all, or -1, and the flow
        counts = np.array([len(rows) for rows in parts], np.int64)
        packet = np.concatenate([np.zeros(0, np.int64), *(rows["packet"] for rows in parts)])
        inside, flow = packet >= 0, self._column("flow", counts)
        packet[inside] += np.repeat(self._places.firsts[:-1], counts)[inside]
        flow[inside] = self._places.flows[packet[inside]]
        return packet, flow

    def _joined(self, parts: list[np.ndarray], dtype: np.dtype) -> np.ndarray:
        # rows of all parts that name their packet, flow by flow, with time and flow
        counts = np.array([len(rows) for rows in parts], np.int64)
        out = np.zeros(counts.sum(), dtype)
        if not len(out):
            return out
        packet, flow = self._of_packets(parts)
        rows = one_behind_the_other([rows for rows in parts if len(rows)])
        order = np.argsort(flow, kind="stable")
        names, places = rows.dtype.names or (), self._places
        rows, packet = taken(rows, order), packet[order]
        for name in names:
            out[name] = rows[name]
        out["flow"], out["direction"] = flow[order], self._column("direction", counts)[order]
        inside = packet >= 0  # -1 for faults that are in none: known at the end
        packet = packet[inside]
        for name in names:
            if name == "offset":
                out[name][inside] += places.shifts[packet]
            elif name.endswith("_offset") and name[:-7] + "_length" in names:
                absent = (out[name][inside] == 0) | self._of_datagrams[packet]
                out[name][inside] += np.where(absent, 0, places.shifts[packet])
        out["packet"][inside] = places.rank[packet]
        if len(packet):
            out["time"][inside] = self.packets["time"][out["packet"][inside]]
        out["time"][~inside] = self._last_times(out["flow"][~inside])
        return out

    @cached_property
    def _of_datagrams(self) -> np.ndarray:
        # of the packets of all parts, whether they are datagrams: places in them are the batch's
        counts = np.diff(self._places.firsts)
        return np.repeat([part.offsets is not None for part in self._parts], counts)

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
        parts = [part.batch.packets for part in self._parts]
        places = self._places
        out = np.zeros(len(places.flows), _CAPTURE_FRAMES)
        if not len(out):
            return out
        rows = one_behind_the_other([rows for rows in parts if len(rows)])
        rows = taken(rows, places.order)
        for name in rows.dtype.names or ():
            out[name] = rows[name]
        out["offset"] += places.shifts[places.order]
        out["flow"] = places.flows[places.order]
        out["direction"] = self._column("direction", np.diff(places.firsts))[places.order]
        out["time"] = self._times(out)
        return out

    @cached_property
    def nodes(self) -> np.ndarray:
        """One row a node record; see `winmx.Batch.nodes`."""
        return self._joined([part.batch.nodes for part in self._parts], _CAPTURE_NODES)

    @cached_property
    def faults(self) -> FaultTable:
        """What was wrong, with `text()`.

        `packet` is a row of these packets, -1 for bytes that no packet covers; those have the time
        of the last bytes of their flow.
        """
        found = self._joined([part.faults() for part in self._parts], CAPTURE_FAULTS)
        unread = [
            self._in_no_packet(*part.unread(), direction_number(part.batch.direction))
            for part in self._parts if part.group is not None
        ]  # fmt: skip
        if unread:
            found = np.concatenate([*unread, found])
            found = taken(found, np.argsort(found["flow"], kind="stable"))
        cut = [
            self._in_no_packet(part.cut, part.flows, 0, part.times)
            for part in self._parts if part.cut is not None
        ]  # fmt: skip
        return fault_table(np.concatenate([found, *cut]))

    def _in_no_packet(
        self, found: np.ndarray, flows: np.ndarray, direction: int, times: Any = None
    ) -> np.ndarray:
        rows = np.zeros(len(found), CAPTURE_FAULTS)
        for name in found.dtype.names or ():
            rows[name] = found[name]
        rows["flow"], rows["direction"] = flows, direction
        rows["time"] = self._last_times(rows["flow"]) if times is None else times
        return rows

    @cached_property
    def findings(self) -> Findings:
        """Deviations in good rows; `row` is one of these packets or nodes. See `winmx.Batch`."""
        found = [np.asarray(part.batch.findings) for part in self._parts]
        counts = np.array([len(rows) for rows in found], np.int64)
        out = np.zeros(counts.sum(), _CAPTURE_FINDINGS)
        if not len(out):
            return out.view(Findings)
        places = self._places
        rows = one_behind_the_other([rows for rows in found if len(rows)])
        packet = places.firsts[:-1].repeat(counts) + np.concatenate([
            np.searchsorted(part.batch.packets["offset"], rows["offset"])
            for part, rows in zip(self._parts, found)
        ])  # fmt: skip
        for name in FINDINGS.names or ():
            out[name] = rows[name]
        out["flow"], out["direction"] = places.flows[packet], self._column("direction", counts)
        out["time"] = self.packets["time"][places.rank[packet]]
        out["offset"] += places.shifts[packet]
        nodes = [part.batch.nodes for part in self._parts]
        of_nodes = out["table"] == Table.NODES
        if of_nodes.any():
            firsts = np.cumsum([0, *(len(rows) for rows in nodes)])[:-1].repeat(counts)
            rank = ranks(np.argsort(self._of_packets(nodes)[1], kind="stable"))
            out["row"][of_nodes] = rank[(firsts + out["row"])[of_nodes]]
        others = ~of_nodes
        firsts = places.firsts[:-1].repeat(counts)
        out["row"][others] = places.rank[(firsts + out["row"])[others]]
        return taken(out, np.argsort(out["flow"], kind="stable")).view(Findings)

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
        parts = [np.asarray(part.batch[name]) for part in self._parts]
        if not parts:
            parts = [np.asarray(Batch()[name])]
            return np.zeros(0, in_capture(parts[0].dtype).newbyteorder("=")).view(Rows)
        return self._joined(parts, in_capture(parts[0].dtype).newbyteorder("=")).view(Rows)

    def column(self, name: str, field: str) -> np.ndarray:
        """One field of every packet of a kind; see `winmx.Batch.column`."""
        parts = [part.batch.column(name, field) for part in self._parts]
        if not parts:
            return np.empty(0, object)
        flows = self._of_packets([np.asarray(part.batch[name]) for part in self._parts])[1]
        return np.concatenate(parts)[np.argsort(flows, kind="stable")]

    def __repr__(self) -> str:
        return f"<WinmxTables: {len(self.links)} flows, {len(self.packets)} packets>"


def one_behind_the_other(parts: list[np.ndarray]) -> np.ndarray:
    """Arrays of one structured dtype joined, whose fields are not looked at: that would be slow."""
    if len(parts) == 1:
        return parts[0]
    whole = np.dtype((np.void, parts[0].dtype.itemsize))
    return np.concatenate([rows.view(whole) for rows in parts]).view(parts[0].dtype)


def taken(rows: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Rows in an order, padding as well."""
    return rows.view(f"V{rows.itemsize}")[order].view(rows.dtype)


def ranks(order: np.ndarray) -> np.ndarray:
    """Where each row goes in an order."""
    out = np.empty(len(order), np.int64)
    out[order] = np.arange(len(order))
    return out


def knows(name: object) -> bool:
    """Is this the name of a WinMX packet?"""
    return name in BY_NAME or name in ITEM_TABLES


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
    made = np.concatenate(found) if found else None
    return Part.of(flow, batch, offsets=rows["offset"].copy(), cut=made, times=times)
