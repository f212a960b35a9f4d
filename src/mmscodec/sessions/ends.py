"""Which flows make a session: the control connection, and the UDP flows that belong to it."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmscodec.schema import mms
from mmscodec.sessions.control import MID, Control, Message

FUNNEL = re.compile(r"\\\\([^\\]*)\\(TCP|UDP)\\(\d{1,5})", re.IGNORECASE)
NO_ROWS = np.empty(0, np.int64)


@dataclass(slots=True, eq=False)
class Ends:
    """The flows of a session (rows of `flows`, -1 = none), and its rows in the other tables."""

    client: int = -1
    server: int = -1
    data_flow: int = -1
    resend_flow: int = -1
    client_host: str = ""
    server_host: str = ""
    client_port: int = 0
    server_port: int = 0
    messages: list[Message] = field(default_factory=list)
    tcp: np.ndarray = field(default_factory=lambda: NO_ROWS)  # rows of `data`
    udp: np.ndarray = field(default_factory=lambda: NO_ROWS)

    @property
    def start(self) -> int:
        """Time of the first message, for order."""
        return min((m.time for m in self.messages), default=0)


class RowsByFlow:
    """Rows of a table by flow, each in table order."""

    def __init__(self, table: np.ndarray, flows: int) -> None:
        of = table["flow"]
        self.order = np.argsort(of, kind="stable")
        self.bounds = np.searchsorted(of[self.order], np.arange(flows + 1))

    def __getitem__(self, flow: int) -> np.ndarray:
        if flow < 0:
            return NO_ROWS
        return self.order[self.bounds[flow] : self.bounds[flow + 1]]


def find(cap: Any, control: Control) -> list[Ends]:
    """All sessions of a capture, in order of their first flow."""
    flows = cap.flows
    by_flow: dict[int, list[Message]] = {}
    for message in control.all():
        by_flow.setdefault(message.flow, []).append(message)
    data = RowsByFlow(cap.data, len(flows))
    found = _connections(flows, by_flow, data)
    _udp_data(flows, found, data, cap, control)
    _udp_resends(flows, found, by_flow, control)
    return found


def _connections(
    flows: np.ndarray, by_flow: dict[int, list[Message]], data: RowsByFlow
) -> list[Ends]:
    found: list[Ends] = []
    seen: set[int] = set()
    mine = np.flatnonzero((flows["transport"] == "tcp") & (flows["protocol"] == "mms"))
    for flow in mine.tolist():
        if flow in seen:
            continue
        peer = int(flows["peer"][flow])
        seen |= {flow, peer}
        client, server = (flow, peer) if _asks(flow, peer, by_flow, data) else (peer, flow)
        ends = Ends(client, server)
        row = flows[client if client >= 0 else server]
        near, far = ("src", "dst") if client >= 0 else ("dst", "src")
        ends.client_host, ends.client_port = str(row[near]), int(row[f"{near}_port"])
        ends.server_host, ends.server_port = str(row[far]), int(row[f"{far}_port"])
        ends.messages = by_flow.get(client, []) + by_flow.get(server, [])
        ends.tcp = data[server]
        found.append(ends)
    return found


def _asks(flow: int, peer: int, by_flow: dict[int, list[Message]], data: RowsByFlow) -> bool:
    # whether `flow` is the client's direction: by what both sides say
    def votes(one: int) -> int:
        messages = by_flow.get(one, [])
        return sum(1 if m.client else -1 for m in messages) - len(data[one])

    return votes(flow) >= votes(peer)


def announced(ends: Ends, control: Control) -> list[tuple[int, str, int]]:
    """Time, address and UDP port of each ConnectFunnel that asks for UDP."""
    out = []
    for message in ends.messages:
        if message.mid != MID["LinkViewerToMacConnectFunnel"]:
            continue
        name = control.value("LinkViewerToMacConnectFunnel", "funnel_name", message.row) or ""
        match = FUNNEL.match(name)
        if match and match[2].upper() == "UDP" and int(match[3]) < 65536:
            out.append((message.time, match[1], int(match[3])))
    return out


def _udp_data(
    flows: np.ndarray, found: list[Ends], data: RowsByFlow, cap: Any, control: Control
) -> None:
    # a port may serve several sessions one after the other: rows go by time of the announcement
    ports: dict[tuple[str, int, str], list[tuple[int, Ends]]] = {}
    owner: dict[int, Ends] = {}
    for ends in found:
        owner[ends.client] = owner[ends.server] = ends
        for time, address, port in announced(ends, control):
            for host in {address, ends.client_host}:
                ports.setdefault((host, port, ends.server_host), []).append((time, ends))
    for users in ports.values():
        users.sort(key=lambda item: item[0])
    times = cap.data["time"]
    parts: dict[int, tuple[Ends, list[np.ndarray]]] = {}
    chosen = (flows["transport"] == "udp") & (flows["protocol"] == "mms")
    for flow in np.flatnonzero(chosen).tolist():
        rows = data[flow]
        if not len(rows):
            continue
        row = flows[flow]
        users = ports.get((str(row["dst"]), int(row["dst_port"]), str(row["src"])), [])
        control_flow = int(row["control"])
        if not users and control_flow in owner:
            users = [(0, owner[control_flow])]
        if not users:  # the control connection was not captured
            lone = Ends(
                client_host=str(row["dst"]), client_port=int(row["dst_port"]),
                server_host=str(row["src"]), server_port=int(row["src_port"]),
            )  # fmt: skip
            found.append(lone)
            users = [(0, lone)]
        starts = np.array([time for time, _ in users], np.int64)
        which = np.maximum(np.searchsorted(starts, times[rows], "right") - 1, 0)
        order = np.argsort(which, kind="stable")
        numbers, first = np.unique(which[order], return_index=True)
        for number, part in zip(numbers.tolist(), np.split(rows[order], first[1:])):
            ends = users[number][1]
            ends.data_flow = flow if ends.data_flow < 0 else ends.data_flow
            parts.setdefault(id(ends), (ends, []))[1].append(part)
    for ends, some in parts.values():
        ends.udp = np.sort(np.concatenate(some))


def _udp_resends(
    flows: np.ndarray, found: list[Ends], by_flow: dict[int, list[Message]], control: Control
) -> None:
    # to the server's address and the port of the TCP connection, confirmed by dwClientId = nCubs
    if not control.has(mms.RESEND.name):
        return
    places: dict[tuple[str, str, int, int | None], list[Ends]] = {}
    for ends in sorted(found, key=lambda ends: ends.start):
        for number in {None, *client_ids(ends, control)}:
            key = ends.client_host, ends.server_host, ends.server_port, number
            places.setdefault(key, []).append(ends)
    starts = {key: [ends.start for ends in some] for key, some in places.items()}
    for flow, messages in by_flow.items():
        row = flows[flow]
        if row["transport"] != "udp":
            continue
        where = str(row["src"]), str(row["dst"]), int(row["dst_port"])
        for message in messages:
            record = None
            if message.mid == mms.RESEND_SIGNATURE:
                record = control.record(mms.RESEND.name, message.row)
            if record is None:
                continue
            key = (*where, int(record["dw_client_id"]))
            key = key if key in places else (*where, None)
            if key in places:
                at = max(bisect_right(starts[key], message.time) - 1, 0)
                places[key][at].messages.append(message)
                places[key][at].resend_flow = flow


def client_ids(ends: Ends, control: Control) -> set[int]:
    """nCubs of every ReportFunnelInfo of the session."""
    name = "LinkMacToViewerReportFunnelInfo"
    records = (control.record(name, m.row) for m in ends.messages if m.mid == MID[name])
    return {int(record["n_cubs"]) for record in records if record is not None}
