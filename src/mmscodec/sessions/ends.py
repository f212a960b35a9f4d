"""Which flows make a session: the control connection, and the UDP flows that belong to it."""

from __future__ import annotations

import re
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
    ports: dict[tuple[str, int], list[tuple[int, Ends]]] = {}
    owner: dict[int, Ends] = {}
    for ends in found:
        owner[ends.client] = owner[ends.server] = ends
        for time, address, port in announced(ends, control):
            for host in {address, ends.client_host}:
                ports.setdefault((host, port), []).append((time, ends))
    times = cap.data["time"]
    chosen = (flows["transport"] == "udp") & (flows["protocol"] == "mms")
    for flow in np.flatnonzero(chosen).tolist():
        rows = data[flow]
        if not len(rows):
            continue
        row = flows[flow]
        users = [
            (time, ends)
            for time, ends in ports.get((str(row["dst"]), int(row["dst_port"])), [])
            if ends.server_host == str(row["src"])
        ]
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
        users.sort(key=lambda item: item[0])
        starts = np.array([time for time, _ in users], np.int64)
        which = np.maximum(np.searchsorted(starts, times[rows], "right") - 1, 0)
        for number, (_, ends) in enumerate(users):
            part = rows[which == number]
            if len(part):
                ends.data_flow = flow if ends.data_flow < 0 else ends.data_flow
                ends.udp = np.sort(np.concatenate([ends.udp, part]))


def _udp_resends(
    flows: np.ndarray, found: list[Ends], by_flow: dict[int, list[Message]], control: Control
) -> None:
    # to the server's address and the port of the TCP connection, confirmed by dwClientId = nCubs
    if not control.has(mms.RESEND.name):
        return
    places: dict[tuple[str, str, int], list[Ends]] = {}
    for ends in found:
        places.setdefault((ends.client_host, ends.server_host, ends.server_port), []).append(ends)
    for flow, messages in by_flow.items():
        row = flows[flow]
        if row["transport"] != "udp":
            continue
        users = places.get((str(row["src"]), str(row["dst"]), int(row["dst_port"])), [])
        for message in messages:
            if message.mid != mms.RESEND_SIGNATURE or not users:
                continue
            record = control.record(mms.RESEND.name, message.row)
            wanted = int(record["dw_client_id"]) if record is not None else -1
            known = [ends for ends in users if wanted in client_ids(ends, control)]
            earlier = [ends for ends in known or users if ends.start <= message.time]
            ends = (earlier or known or users)[-1]
            ends.messages.append(message)
            ends.resend_flow = flow


def client_ids(ends: Ends, control: Control) -> set[int]:
    """nCubs of every ReportFunnelInfo of the session."""
    name = "LinkMacToViewerReportFunnelInfo"
    records = (control.record(name, m.row) for m in ends.messages if m.mid == MID[name])
    return {int(record["n_cubs"]) for record in records if record is not None}
