"""Tables of a capture: those of its protocols with time, flow, direction, and who spoke to whom."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np

from mmscodec.capture import dtypes
from mmscodec.capture.dtypes import GAP_REASONS
from mmscodec.capture.winmx_kind import WinmxKind
from mmscodec.errors import near
from mmscodec.mms import arrow as mms
from mmscodec.mms.findings import FINDING_TEXTS
from mmscodec.schema.dtypes import in_capture
from mmscodec.schema.findings import FINDING_FIELDS, FindingTable
from mmscodec.schema.mms import full_name
from mmscodec.schema.vocabulary import PROTOCOLS, Direction
from mmscodec.schema.winmx.findings import TEXTS
from mmscodec.tables import column as make
from mmscodec.tables import data as arrow
from mmscodec.tables.column import Column
from mmscodec.tables.data import Spans, Words
from mmscodec.tables.notes import noted
from mmscodec.tables.spec import (
    COMMON,
    DIRECTION_WORDS,
    TRANSPORT_WORDS,
    Spec,
    columns,
    merged,
    structured,
)
from mmscodec.tables.table import Table
from mmscodec.winmx import arrow as winmx

FLOW_SPECS = {
    "marks": Spec(note="1 SYN, 2 FIN, 4 RST seen; 8 closed the connection first"),
    "scope": Spec(note="tells apart equal addresses in other VLANs and tunnels"),
    "peer": Spec(dtype="i4", null=-1, note="number of the flow of the other direction"),
    "control": Spec(dtype="i4", null=-1, note="number of the TCP flow that announced it"),
    "packets": Spec(note="segments or datagrams"),
    "first_time": Spec("time"),
    "last_time": Spec("time"),
    "bytes": Spec(unit="bytes", note="payload on the wire"),
    "length": Spec(dtype="i8", unit="bytes", note="of the stream, gaps included"),
    "conflicts": Spec(unit="bytes", note="of retransmissions that differ from the first copy"),
    "rtt_min": Spec("duration"),
    "rtt_max": Spec("duration"),
    "rtt_sum": Spec("duration", note="of rtt_count samples"),
    "handshake": Spec("duration", null=-1, note="from the SYN to its first acknowledgment"),
}
GAP_SPECS = {
    "length": Spec(dtype="i8", unit="bytes", note="bytes missing"),
    "reason": Spec(names=Words(GAP_REASONS, str), note="why they are missing"),
}
FINDING_SPECS = {
    **mms.SPECS["findings"],
    "table": Spec(
        names=Words({t: t.name.lower() for t in FindingTable} | {4: "nodes", 5: "winmx_packets"}),
        note="the table that `row` is a row of",
    ),
    "code": Spec(names=Words(merged(TEXTS, FINDING_TEXTS), str), note="which rule is broken"),
    "field": Spec(
        names=Words({n: path for n, (_, path, _) in FINDING_FIELDS.items()} | {
            n: name for name, n in winmx.FIELD_NUMBERS.items() if n not in FINDING_FIELDS}),
        note="field that breaks it",
    ),
}  # fmt: skip

#: Tables that are structured arrays, by name: attribute, dtype, specs.
PLAIN = {
    "packets": ("packets", dtypes.CAPTURE_PACKETS, mms.SPECS["packets"]),
    "messages": ("messages", dtypes.CAPTURE_MESSAGES, mms.SPECS["messages"]),
    "data": ("data", dtypes.CAPTURE_DATA, mms.SPECS["data"]),
    "faults": ("faults", dtypes.CAPTURE_FAULTS, mms.SPECS["faults"]),
    "gaps": ("gaps", dtypes.GAPS, GAP_SPECS),
    "findings": ("findings", in_capture(mms.TABLES["findings"]), FINDING_SPECS),
    "nodes": ("nodes", in_capture(winmx.NODES), winmx.SPECS["nodes"]),
    "winmx_packets": ("winmx.packets", in_capture(winmx.PACKET_ROWS), winmx.SPECS["packets"]),
}
FIRST = ("time", "flow", "direction")
#: Names that `table` takes.
NAMES = ("flows", *PLAIN, *mms.KINDS, *winmx.KINDS)


def counted_tables(tables: Any) -> dict[str, int | None]:
    """Names that `table` takes; with the number of rows of those that are there by now."""
    counts: dict[str, int | None] = dict.fromkeys(NAMES)
    blocks = getattr(tables, "_whole", None)
    if blocks is None:
        return counts
    for name in ("flows", "packets", "messages", "data", "gaps"):
        counts[name] = len(blocks[name])
    counts.update((name, len(tables.rows(name))) for name in mms.KINDS)
    for name in ("faults", "findings", "winmx"):
        if name in tables.__dict__ and name != "winmx":
            counts[name] = len(tables.__dict__[name])
        elif name in tables.__dict__:
            found = tables.winmx
            counts.update(winmx_packets=len(found.packets), nodes=len(found.nodes))
    return counts


class Hosts(NamedTuple):
    """Addresses of flows: text of each different one, and what each row of `flows` has."""

    texts: bytes  # one behind the other
    starts: np.ndarray
    lengths: np.ndarray
    src: np.ndarray
    dst: np.ndarray
    src_port: np.ndarray
    dst_port: np.ndarray


class Peers:
    """Who spoke to whom, for rows that have a flow and a direction."""

    def __init__(self, tables: Any) -> None:
        self.tables = tables

    @cached_property
    def hosts(self) -> Hosts:
        """Addresses of all flows."""
        raw = self.tables._raw_flows
        both = np.concatenate([raw["src"], raw["dst"]])
        unique, back = (
            np.unique(both.view("V16"), return_inverse=True) if len(raw) else (both, both)
        )
        texts = [dtypes.address_text(item.tobytes()).encode() for item in unique]
        lengths = np.array([len(text) for text in texts], np.int64)
        back = np.asarray(back).reshape(-1)
        return Hosts(
            b"".join(texts), np.cumsum(lengths) - lengths, lengths, back[: len(raw)],
            back[len(raw) :], raw["src_port"], raw["dst_port"],
        )  # fmt: skip

    def columns(self, rows: Callable[[], np.ndarray], fields: tuple[str, ...]) -> list[Column]:
        """client, client_port, server, server_port of rows with these columns."""
        last: list[tuple[Any, Any]] = [(None, None)]  # four columns ask for the same rows in turn

        def found(start: int, stop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            # row of the flow, direction, whether there is neither
            asked, held = last[0]
            if asked == (start, stop):
                return held
            part = rows()[start:stop]
            at = self.tables.flow_rows(np.asarray(part[fields[0]]))
            ways = np.asarray(part[fields[1]])
            absent = (at < 0) | (ways == 0)
            held = np.where(absent, 0, at), ways, absent
            last[0] = (start, stop), held
            return held

        return [
            *self._side("client", Direction.TO_SERVER, found),
            *self._side("server", Direction.TO_CLIENT, found),
        ]

    def _side(self, side: str, way: int, found: Callable[[int, int], Any]) -> list[Column]:
        def parts(start: int, stop: int) -> Spans:
            at, ways, absent = found(start, stop)
            hosts, sends = self.hosts, ways == way
            if not len(hosts.src):
                zeros = np.zeros(stop - start, np.int64)
                return Spans([b""], None, zeros, zeros)
            which = np.where(sends, hosts.src[at], hosts.dst[at])
            lengths = np.where(absent, 0, hosts.lengths[which])
            return Spans([hosts.texts], None, hosts.starts[which], lengths)

        def ports(start: int, stop: int) -> np.ndarray:
            at, ways, absent = found(start, stop)
            hosts, sends = self.hosts, ways == way
            if not len(hosts.src):
                return np.full(stop - start, -1)
            found_ = np.where(sends, hosts.src_port[at], hosts.dst_port[at]).astype(np.int64)
            return np.where(absent, -1, found_)

        absent = lambda start, stop: found(start, stop)[2]  # noqa: E731
        about = {"description": f"address of the {side}"}
        text = make.text(side, parts, arrow.BYTES, absent=absent)  # ASCII, copied as it is
        return [
            Column(side, arrow.TEXT, text.fetch, about),
            make.number(f"{side}_port", ports, "u2", -1, description=f"port of the {side}"),
        ]


class CaptureArrow:
    """Makes the tables of a `CaptureTables`."""

    def __init__(self, tables: Any) -> None:
        self.tables = tables
        self.peers = Peers(tables)

    def table(self, name: str, payload: bool = False, secrets: bool = False) -> Table:
        """The table of that name; KeyError with what it could have been."""
        if name == "flows":
            return self.flows()
        if name in PLAIN:
            return self.plain(name, payload)
        if name in winmx.KINDS:
            return self.winmx_kind(name, secrets)
        name = full_name(name)
        if name not in mms.KINDS:
            raise KeyError(f"no table is called {name!r}{near(name, NAMES)}")
        return self.mms_kind(name, secrets)

    def first(self, rows: Callable[[], np.ndarray]) -> list[Column]:
        """time, flow, direction, client and server."""
        out: list[Column] = []
        for name in FIRST:
            out += columns(name, make.taken(rows, name), COMMON[name], np.dtype("i8"))
        return out + self.peers.columns(rows, ("flow", "direction"))

    def plain(self, name: str, payload: bool) -> Table:
        """A table that is a structured array."""
        attribute, dtype, specs = PLAIN[name]

        def rows() -> np.ndarray:
            found = self.tables
            for part in attribute.split("."):
                found = getattr(found, part)
            return np.asarray(found)

        made = [*self.first(rows), *structured(dtype, rows, specs, FIRST)]
        if name == "data" and payload:
            made.append(mms.payload_column(lambda a, b: payload_parts(self.tables, a, b)))
        if name == "faults":
            made += self.files(rows)
        if name == "winmx_packets":
            made.append(Column("type_name", arrow.NAMES, self._type_names))
        return Table(name, noted(name, made), lambda: len(rows()))

    def files(self, rows: Callable[[], np.ndarray]) -> list[Column]:
        """File and offset there of faults that are of no flow."""

        def places(start: int, stop: int) -> list[tuple[str | None, int]]:
            part = rows()[start:stop]
            return [
                self.tables.file_of(offset) if flow < 0 else (None, -1)
                for flow, offset in zip(part["flow"].tolist(), part["offset"].tolist())
            ]

        names = lambda a, b: [name for name, _ in places(a, b)]  # noqa: E731
        offsets = lambda a, b: np.array([at for _, at in places(a, b)], np.int64)  # noqa: E731
        return [
            make.strings(
                "capture_file", names, description="file that it is in, where not of a flow"
            ),
            make.number(
                "capture_offset", offsets, "i8", -1, unit="bytes", description="place there"
            ),
        ]

    def _type_names(self, start: int, stop: int) -> arrow.Data:
        # by link and side of each flow, so part by part
        texts: list[str] = []
        indices = np.empty(stop - start, np.int32)
        at = 0
        for _, batch in self.tables.winmx.batches:
            first, last = max(start, at), min(stop, at + len(batch.packets))
            if first < last:
                types = batch.packets["type"][first - at : last - at]
                unique, back = np.unique(types, return_inverse=True)
                indices[first - start : last - start] = back + len(texts)
                known = winmx.types_of(batch.link, batch.direction)
                texts += [known[t].name if t in known else f"0x{t:04X}" for t in unique.tolist()]
            at += len(batch.packets)
        words = sorted(set(texts))
        place = {word: number for number, word in enumerate(words)}
        found = np.array([place[word] for word in texts], np.int32)[indices] if texts else indices
        return stop - start, 0, (None, found), (), arrow.utf8(words)

    def flows(self) -> Table:
        """One row a flow."""
        rows = lambda: self.tables.flows  # noqa: E731
        raw = lambda: self.tables._raw_flows  # noqa: E731
        specs, quiet = FLOW_SPECS, lambda a, b: rows()["rtt_count"][a:b] == 0
        made = structured(dtypes.FLOWS, rows, specs, ("transport", "protocol", "direction"))
        by_name = {column.name: column for column in made}
        for name in ("rtt_min", "rtt_max", "rtt_sum"):
            by_name[name] = make.optional(by_name[name], quiet)
        out = [by_name.pop(name) for name in ("flow", "src", "src_port", "dst", "dst_port")]
        words = Words(dict(PROTOCOLS))
        out.append(make.words("transport", make.taken(raw, "transport"), TRANSPORT_WORDS))
        out.append(make.words("protocol", make.taken(raw, "protocol"), words))
        ways = lambda a, b: self.tables._directions[a:b]  # noqa: E731
        out.append(make.words("direction", ways, DIRECTION_WORDS, description="who sends it"))

        def directed() -> np.ndarray:
            found = np.zeros(len(raw()), [("flow", "i4"), ("direction", "u1")])
            found["flow"], found["direction"] = raw()["flow"], self.tables._directions
            return found

        out += self.peers.columns(directed, ("flow", "direction"))
        return Table("flows", noted("flows", [*out, *by_name.values()]), lambda: len(raw()))

    def mms_kind(self, name: str, secrets: bool) -> Table:
        """A kind of message."""
        kind = mms.Kind(name, lambda: self.tables._by_message, secrets)
        made = [*self.first(lambda: kind.rows), *kind.columns()]
        return Table(kind.struct.name, made, lambda: len(kind.numbers))

    def winmx_kind(self, name: str, secrets: bool) -> Table:
        """A kind of WinMX packet, or of items in one."""
        kind = WinmxKind(self.tables, name)
        plan = winmx.kind_layout(name)
        made = winmx.kind_columns(plan, lambda: kind.rows, kind.parts, secrets)
        return Table(name, [*self.first(lambda: kind.rows), *made], lambda: len(kind.rows))


WINDOW = 1 << 30  # of a mapping; views count with 32 bits
REACH = 1 << 17  # behind it, so that no payload crosses the end of its window


def payload_parts(tables: Any, start: int, stop: int) -> Spans:
    """Where payloads of Data packets lie: in mappings, or gathered where they do not."""
    rows = tables.data[start:stop]
    lengths = np.maximum(rows["length"].astype(np.int64) - 8, 0)
    offsets = rows["offset"] + 8
    places = np.zeros(len(rows), np.uint64)
    whole = np.zeros(len(rows), bool)
    by_flow = np.argsort(rows["flow"], kind="stable")
    flows, first = np.unique(rows["flow"][by_flow], return_index=True)
    for flow, mine in zip(flows.tolist(), np.split(by_flow, first[1:]), strict=True):
        places[mine], whole[mine] = places_in(tables._extents(flow), offsets[mine], lengths[mine])
    buffers: list[Any] = []
    which, at = np.zeros(len(rows), np.int32), np.zeros(len(rows), np.int64)
    _in_mappings(tables, places, np.flatnonzero(whole), (buffers, which, at))
    spill: list[Any] = []
    used = 0
    for row in np.flatnonzero(~whole).tolist():
        piece = tables.read(int(rows["flow"][row]), int(offsets[row]), int(lengths[row]))
        which[row], at[row] = len(buffers), used
        spill.append(piece)
        used += len(piece)
    return Spans([*buffers, b"".join(spill)], which, at, lengths)


def places_in(
    extents: np.ndarray, offsets: np.ndarray, lengths: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Place of each part of a flow, and whether it lies in one extent."""
    if not len(extents):
        return np.zeros(len(offsets), np.uint64), lengths == 0
    row = np.searchsorted(extents["offset"], offsets, "right") - 1
    found = extents[np.maximum(row, 0)]
    skip = offsets - found["offset"]
    inside = (row >= 0) & (skip + lengths <= found["length"])
    return found["place"] + np.where(inside, skip, 0).astype(np.uint64), inside


def _in_mappings(
    tables: Any, places: np.ndarray, rows: np.ndarray, out: tuple[list[Any], np.ndarray, np.ndarray]
) -> None:
    # number and offset of the buffer that each place is in, a window of a mapping or the arena
    buffers, which, at = out
    kept = places[rows] >= np.uint64(dtypes.ARENA)
    owners = np.where(kept, -1, tables._sources.owners(np.where(kept, 0, places[rows])))
    for owner in np.unique(owners).tolist():
        mine = rows[owners == owner]
        arena = (tables._arena, dtypes.ARENA)
        buffer, base = arena if owner < 0 else tables._sources.mapping(owner)
        relative = (places[mine] - np.uint64(base)).astype(np.int64)
        windows = relative // WINDOW
        view = memoryview(buffer).cast("B")
        for window in np.unique(windows).tolist():
            inside = mine[windows == window]
            which[inside] = len(buffers)
            at[inside] = relative[windows == window] - window * WINDOW
            buffers.append(view[window * WINDOW : (window + 1) * WINDOW + REACH])
