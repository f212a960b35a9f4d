"""What a pass over a capture gives: tables that join on the rows of `flows`."""

from __future__ import annotations

from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from mmscodec.capture import _extents, dtypes
from mmscodec.capture._copy import copy_pieces
from mmscodec.capture.directions import fill_directions, flow_directions
from mmscodec.errors import LimitError
from mmscodec.faulttable import FaultTable, fault_table
from mmscodec.mms.columns import MessageColumns
from mmscodec.rows import as_rows
from mmscodec.schema.mms import BY_NAME
from mmscodec.schema.vocabulary import Protocol

if TYPE_CHECKING:
    from mmscodec.capture.winmx import WinmxTables
    from mmscodec.mms.findings import Findings
    from mmscodec.schema.names import MessageName
    from mmscodec.tables import Table


class CaptureTables:
    """Rows of a capture, or of one batch of it.

    Arrays are one-dimensional, C-contiguous and little-endian, over memory of their own. Rows of
    `packets`, `messages`, `data`, `faults` and `gaps` stand in the order in which they were
    complete; `time` is the capture time (ns since 1970) of the segment that completed the row,
    `flow` its row in `flows` (-1 for faults of a file or frame), `direction` a key of
    `capture.DIRECTIONS`: 1 to the server, 2 to the client, 0 where nobody told. Offsets count from
    the first byte of the flow.
    """

    _live = False  # of one batch

    def __init__(self, blocks: dict[str, Any], sources: Any, owner: Any = None) -> None:
        self._blocks = blocks
        self._sources: Any = sources
        self._owner = owner  # keeps the sources open
        self._flow_extents: dict[int, Any] = {}

    @cached_property
    def _raw_flows(self) -> np.ndarray:
        return self._blocks["flows"].array(dtypes.RAW_FLOWS)

    @cached_property
    def flows(self) -> np.ndarray:
        """One row a flow, that is one direction of a connection.

        flow (its number, which the column `flow` of all other tables holds; of a whole capture also
        the index of its row), src, dst (text), src_port, dst_port, transport ("tcp", "udp"),
        protocol ("mms", "winmx" or ""), direction ("C>S", "S>C" or ""), marks (1 SYN, 2 FIN, 4 RST
        seen; 8: its FIN or RST was the first of the connection), scope (0, or a number that tells
        apart equal addresses in other VLANs and tunnels), peer (number of the other direction, -1),
        control (that of the TCP flow that announced a UDP
        flow, -1), packets, gaps, retransmissions, faults, first_time, last_time, bytes (payload on
        the wire), length (of the stream, gaps included), conflicts (bytes of retransmissions that
        differ from the first copy, the one that is kept), out_of_order (segments with new
        bytes below others seen before), zero_windows (acknowledgments by which this side takes
        nothing more), rtt_count, rtt_min, rtt_max, rtt_sum (ns; times from the last segment
        with payload to the acknowledgment of all that this side sent, as seen where the capture
        was taken), handshake (ns from the SYN of this side to its first acknowledgment, -1 = not
        captured).
        """
        flows = self._pass_flows
        if not self._has_winmx:
            return flows
        flows = flows.copy()
        flows["faults"] = dtypes.faults_of(self._raw_flows, self.faults)
        return flows

    @property
    def _has_winmx(self) -> bool:
        return bool((self._raw_flows["protocol"] == Protocol.WINMX).any())

    @cached_property
    def _pass_flows(self) -> np.ndarray:
        # `flows` before WinMX was decoded, which asks for them
        return dtypes.flow_table(self._raw_flows, self._pass_faults, self._directions)

    def _bare(self) -> CaptureTables:
        """These tables for what they keep: who holds them is held by nothing of them, so that the
        capture is freed with its name, not by the cycle collector.

        Its `flows` are `_pass_flows`; WinMX is not asked for.
        """
        bare = CaptureTables(self._blocks, self._sources)
        bare._flow_extents = self._flow_extents
        for name in ("_raw_flows", "_pass_flows", "messages", "data", "_by_message", "_arena"):
            bare.__dict__[name] = getattr(self, name)
        return bare

    @cached_property
    def _directions(self) -> np.ndarray:
        return flow_directions(self._raw_flows, self.flow_rows(self._raw_flows["peer"]))

    def _directed(self, rows: Any) -> Any:
        # rows that could not tell their direction themselves have that of their flow
        return fill_directions(rows, self.flow_rows(rows["flow"]), self._directions)

    def flow_rows(self, flows: Any) -> np.ndarray:
        """Indices in `flows` of flows by their numbers, -1 for those that are not there."""
        return dtypes.find_rows(self._raw_flows["flow"], flows)

    def _row(self, flow: int) -> int:
        row = int(self.flow_rows(flow))
        if row < 0:
            raise self._no_flow(flow)
        return row

    def _no_flow(self, flow: int) -> IndexError:
        count = len(self._raw_flows)
        of = f"there are {count}" if count else "there are no flows at all"
        return IndexError(f"there is no flow {flow}: {of}")

    @cached_property
    def packets(self) -> np.ndarray:
        """TcpMessageHeader packets; see `mms.Batch.packets`."""
        return self._directed(self._blocks["packets"].array(dtypes.CAPTURE_PACKETS))

    @cached_property
    def messages(self) -> np.ndarray:
        """MMS messages; see `mms.Batch.messages`."""
        return self._directed(self._blocks["messages"].array(dtypes.CAPTURE_MESSAGES))

    @cached_property
    def data(self) -> np.ndarray:
        """Data packets; see `mms.Batch.data`."""
        return self._blocks["data"].array(dtypes.CAPTURE_DATA)

    @cached_property
    def faults(self) -> FaultTable:
        """What was wrong, with `text()`; offset is in the flow, or a position where flow is -1.

        The time of a fault of a file is that of the record in front of it, or of the first one; 0,
        which is no time, in a file without any record. See `file_of` for what is at a position.

        Those of WinMX rows stand behind the others, as
        `winmx.faults` has them.
        """
        found = self._pass_faults
        if not self._has_winmx or not len(self.winmx.faults):
            return found
        more = np.zeros(len(self.winmx.faults), found.dtype)
        for name in found.dtype.names or ():
            more[name] = self.winmx.faults[name]
        return fault_table(np.concatenate([found, more]))

    @cached_property
    def _pass_faults(self) -> FaultTable:
        # faults of files, frames, TCP and MMS
        return fault_table(self._directed(self._blocks["faults"].array(dtypes.CAPTURE_FAULTS)))

    @cached_property
    def gaps(self) -> np.ndarray:
        """Missing bytes: offset, length, time, flow, reason (`capture.GAP_REASONS`), direction."""
        return self._directed(self._blocks["gaps"].array(dtypes.GAPS))

    @cached_property
    def findings(self) -> Findings:
        """Deviations from the specification in good rows, worked out when first asked for.

        See `mms.Batch.findings`; in order of flow and offset. Of TcpMessageHeader only the fields
        that `packets` holds are looked at. Those of WinMX rows stand behind them: table 4 is
        `nodes`, 5 is `winmx.packets`; their `code` is a `schema.winmx.findings.Finding`.
        """
        from mmscodec.capture.findings import find_all

        return find_all(self)

    @cached_property
    def _by_message(self) -> MessageColumns:
        """The mechanism behind `cap[name]` and `column`."""
        positions = self._blocks["messages"].array(dtypes.POSITIONS)["position"]
        control = self._blocks["control"].array("u1")
        return MessageColumns(self.messages, positions, [(0, control)] if len(control) else [])

    @cached_property
    def winmx(self) -> WinmxTables:
        """Tables of WinMX connections and datagrams.

        Of a whole capture they are deciphered and decoded when first asked for; batches have the
        rows that became complete in them.
        """
        from mmscodec.capture.winmx_whole import whole

        return whole(self)

    @property
    def nodes(self) -> np.ndarray:
        """Node records of WinMX connections, with time and flow; see `winmx.Batch.nodes`.

        `packet` is a row of `winmx.packets`.
        """
        return self.winmx.nodes

    def __getitem__(self, message: MessageName | int) -> np.ndarray:
        """Fixed fields of every message of this name (or MID), with time and flow: a copy.

        Names of WinMX packets give the rows of `winmx[name]`.
        """
        if _mms_name(message):
            return as_rows(self._by_message.array(message))
        return self.winmx[str(message)]

    def column(self, message: MessageName | int, field: str) -> np.ndarray:
        """One field of every message of a kind; see `mms.Batch.column`."""
        if _mms_name(message):
            return self._by_message.column(message, field)
        return self.winmx.column(str(message), field)

    def rows(self, message: MessageName | int) -> np.ndarray:
        """Rows of `messages` to which the rows of `self[message]` belong."""
        return self._by_message.rows(message)

    def table(self, name: str, *, payload: bool = False, secrets: bool = False) -> Table:
        """A table, or a kind of message or WinMX packet, as Arrow columns.

        See `mmscodec.Capture.table`.
        """
        from mmscodec.capture.arrow import CaptureArrow

        return CaptureArrow(self).table(name, payload, secrets)

    def _extents(self, flow: int) -> np.ndarray:
        if flow not in self._flow_extents:
            last = int(self._raw_flows["extent"][self._row(flow)])
            found = _extents.collect(self._blocks["extents"], last)
            self._flow_extents[flow] = found.array(dtypes.EXTENTS)
        return self._flow_extents[flow]

    @cached_property
    def _arena(self) -> np.ndarray:
        return self._blocks["bytes"].array("u1")

    def _held(self, place: int, length: int) -> memoryview:
        if place >= dtypes.ARENA:
            at = place - dtypes.ARENA
            return self._arena[at : at + length].data
        return self._sources.view(place, length)

    def payload(self, i: int) -> memoryview:
        """Payload of Data packet `i`: a read-only view where it lies in one segment, else a copy.

        Bytes that are missing from the capture are 0; such Data packets have no row.
        """
        row = self.data[i]
        flow, offset, length = int(row["flow"]), int(row["offset"]) + 8, int(row["length"]) - 8
        return self.read(flow, offset, max(length, 0))

    def read(self, flow: int, offset: int, length: int) -> memoryview:
        """`length` bytes of a flow at `offset`: a read-only view if they lie together, or a copy.

        Missing bytes are 0.
        """
        extents = self._extents(flow)
        end = offset + length
        first = int(np.searchsorted(extents["offset"], offset, "right")) - 1
        if first >= 0 and length:
            row = extents[first]
            skip = offset - int(row["offset"])
            if skip + length <= int(row["length"]):
                return self._held(int(row["place"]) + skip, length).toreadonly()
        last = int(np.searchsorted(extents["offset"], end, "left"))
        return self._gather(extents[max(first, 0) : last], offset, end).data.toreadonly()

    def _gather(self, extents: np.ndarray, start: int, end: int) -> np.ndarray:
        # bytes from start to end of a flow; runs of extents without a gap are copied in one go
        out = np.zeros(end - start, np.uint8)
        begins = extents["offset"]
        low = np.maximum(begins, start)
        high = np.minimum(begins + extents["length"], end)
        places = extents["place"] + (low - begins).astype("u8")
        sizes = high - low
        good = sizes > 0
        low, high, places, sizes = low[good], high[good], places[good], sizes[good]
        if len(low) == 0:
            return out
        kept = places >= np.uint64(dtypes.ARENA)
        cuts = np.flatnonzero((low[1:] != high[:-1]) | (kept[1:] != kept[:-1])) + 1
        bounds = [0, *cuts.tolist(), len(low)]
        for a, b in pairwise(bounds):
            to = int(low[a]) - start
            if not kept[a]:
                piece = self._sources.gather(places[a:b], sizes[a:b])
                out[to : to + len(piece)] = piece
                continue
            size = int(sizes[a:b].sum())
            copy_pieces(self._arena, dtypes.ARENA, places[a:b], sizes[a:b], out[to : to + size])
        return out

    def _places(self, flows: list[int]) -> tuple[list[np.ndarray], list[tuple[int, Any]]]:
        """Where the bytes of flows lie, for those who copy them on their own.

        Returns
        -------
        extents : list of numpy.ndarray
            Of each flow, ascending: offset, place, length.
        buffers : list of (int, buffer)
            Ascending: the place of its first byte, and the buffer.
        """
        rows = self.flow_rows(np.array(flows, np.int64))
        lasts = np.where(rows < 0, 0, self._raw_flows["extent"][rows] if len(rows) else 0)
        found, bounds = _extents.collect_all(self._blocks["extents"], lasts)
        every, ends = found.array(dtypes.EXTENTS), bounds.tolist()
        extents = [every[start:end] for start, end in pairwise(ends)]
        places = every["place"]
        owners = np.unique(self._sources.owners(places[places < np.uint64(dtypes.ARENA)]))
        maps = (self._sources.mapping(int(owner)) for owner in owners)
        return extents, [*((base, buffer) for buffer, base in maps), (dtypes.ARENA, self._arena)]

    def file_of(self, position: int) -> tuple[str, int]:
        """Name of the file that a position is in, and the offset there, after decompression.

        Positions are the `offset` of faults whose flow is -1: the files of a capture follow each
        other in one line of positions.
        """
        source, offset = self._sources.locate(position)
        return source.name, offset

    def stream(self, flow: int, *, max_missing: int = 64 << 20) -> bytearray:
        """All bytes of a flow in order, a copy. Missing ones are 0; `gaps` says which.

        Of a batch: those from the first byte that its rows need.

        Raises
        ------
        LimitError
            More than `max_missing` bytes are missing.
        """
        if flow < 0:  # from the end
            if -flow > len(self._raw_flows):
                raise self._no_flow(flow)
            flow = int(self._raw_flows["flow"][flow])
        first, length = self._span(flow)
        missing = int(self.gaps["length"][self.gaps["flow"] == flow].sum())
        if missing > max_missing:
            raise LimitError(f"{missing} bytes of flow {flow} are missing", have=missing)
        return bytearray(self._gather(self._extents(flow), first, first + length))

    def _span(self, flow: int) -> tuple[int, int]:
        # stream offset of the first byte that belongs to these tables, and how many follow
        extents = self._extents(flow)
        if len(extents) == 0:
            return 0, 0
        first = int(extents["offset"][0])
        return first, int(extents["offset"][-1]) + int(extents["length"][-1]) - first

    def __repr__(self) -> str:
        counts = f"{len(self.flows)} flows, {len(self.packets)} packets, {len(self.messages)} "
        counts += f"messages, {len(self.data)} data, "
        if self._has_winmx:
            counts += f"{len(self.winmx.packets)} WinMX packets, {len(self.nodes)} nodes, "
        counts += f"{len(self.faults)} faults"
        return f"<{type(self).__name__}: {counts}>"


def _mms_name(message: object) -> bool:
    """False for the name of a WinMX packet."""
    if not isinstance(message, str) or message in BY_NAME:
        return True
    from mmscodec.capture.winmx import knows

    return not knows(message)
