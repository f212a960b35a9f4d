"""Which flows make a session: the control connection, and the UDP flows that belong to it."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mmscodec.schema import mms
from mmscodec.sessions._bulk import in_order
from mmscodec.sessions.control import Control, Message

FUNNEL = re.compile(r"\\\\([^\\]*)\\(TCP|UDP)\\(\d{1,5})", re.IGNORECASE)
NO_ROWS = np.empty(0, np.int64)


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
    funnel: bool = False  # a ConnectFunnel was captured
    control: Control | None = None
    by_flow: RowsByFlow | None = None  # of `messages`
    resends: list[np.ndarray] = field(default_factory=list)  # rows of `messages` over UDP
    ordered: np.ndarray = field(default_factory=lambda: NO_ROWS)  # all of them in causal order
    kept: list[Message] | None = None  # while a session is looked at
    tcp: np.ndarray = field(default_factory=lambda: NO_ROWS)  # rows of `data`
    udp: np.ndarray = field(default_factory=lambda: NO_ROWS)

    @property
    def parts(self) -> list[np.ndarray]:
        """Rows of `messages`, flow by flow."""
        if self.by_flow is None:
            return self.resends
        mine = [self.by_flow[flow] for flow in (self.client, self.server)]
        return [rows for rows in (*mine, *self.resends) if len(rows)]

    @property
    def messages(self) -> list[Message]:
        """Control messages in causal order; made when asked for, since captures hold millions."""
        if self.kept is not None:
            return self.kept
        return self.control.at(self.ordered) if self.control else []

    @property
    def start(self) -> int:
        """Time of the first message, for order."""
        return self._times()[0]

    @property
    def end(self) -> int:
        """Time of the last message."""
        return self._times()[1]

    def _times(self) -> tuple[int, int]:
        if self.control is None or not any(len(rows) for rows in self.parts):
            return 0, 0
        times = self.control.messages["time"]
        parts = [times[rows] for rows in self.parts if len(rows)]
        return min(int(part.min()) for part in parts), max(int(part.max()) for part in parts)


class _AllEnds:
    """`Ends` of all sessions, each made when it is looked at: captures hold many sessions.

    Attributes
    ----------
    pairs : numpy.ndarray
        int64, shape (n, 2): client's and server's flow of each connection, -1 = none.
    made : dict
        Those that were looked at, by their number.
    owner : numpy.ndarray
        Session of each flow, -1 = none; one more, -1, for the flow -1.
    """

    def __init__(
        self, flows: np.ndarray, pairs: np.ndarray, control: Control, rows: tuple[RowsByFlow, ...]
    ) -> None:
        self.pairs, self.made = pairs, dict[int, Ends]()
        self._flows, self._control, self._rows = flows, control, rows
        self._count = len(pairs)
        self._funnels = np.zeros(len(pairs) + 1, bool)
        self.owner = np.full(len(flows) + 1, -1, np.int64)
        for side in (0, 1):
            self.owner[pairs[:, side]] = np.arange(len(pairs))
        self.owner[-1] = -1

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> Ends:
        if index not in self.made:
            if not 0 <= index < self._count:
                raise IndexError(index)
            self.made[index] = self._make(index)
        return self.made[index]

    def __iter__(self) -> Iterator[Ends]:
        return (self[index] for index in range(self._count))

    def _make(self, index: int) -> Ends:
        client, server = self.pairs[index].tolist()
        messages, data = self._rows
        ends = Ends(client, server, control=self._control, by_flow=messages)
        row, (near, far) = (
            (self._flows[client], ("src", "dst")) if client >= 0
            else (self._flows[server], ("dst", "src"))
        )  # fmt: skip
        ends.client_host, ends.client_port = str(row[near]), int(row[f"{near}_port"])
        ends.server_host, ends.server_port = str(row[far]), int(row[f"{far}_port"])
        ends.tcp, ends.funnel = data[server], bool(self._funnels[index])
        return ends

    def append(self, ends: Ends) -> None:
        """One more, of which no connection was captured."""
        self.made[self._count] = ends
        self._count += 1

    def of_flow(self, flow: int) -> Ends | None:
        """The session of a flow."""
        index = int(self.owner[flow])
        return None if index < 0 else self[index]

    def ask_funnels(self, owners: np.ndarray) -> None:
        """A ConnectFunnel of each of these sessions was captured; none was looked at yet."""
        self._funnels[owners] = True

    def known(self) -> list[tuple[int, Ends]]:
        """Those that were looked at, in order."""
        return sorted(self.made.items(), key=lambda item: item[0])

    def client_host(self, index: int) -> str:
        """Address of the client of a session."""
        if index in self.made:
            return self.made[index].client_host
        client, server = self.pairs[index]
        return str(self._flows["src"][client] if client >= 0 else self._flows["dst"][server])


@dataclass(slots=True, eq=False)
class Found:
    """All sessions of a capture, in order of their first flow.

    Attributes
    ----------
    ends : _AllEnds
    pairs : numpy.ndarray
        int64, shape (n, 2): client's and server's flow of each, -1 = none.
    order, bounds : numpy.ndarray
        int64: rows of `messages` in causal order, session by session, and where those of each
        session begin and end.
    data : RowsByFlow
        Rows of `cap.data`.
    not_plain : numpy.ndarray
        Sessions that have more than the flows of one TCP connection.
    """

    ends: _AllEnds
    pairs: np.ndarray
    order: np.ndarray
    bounds: np.ndarray
    data: RowsByFlow
    not_plain: np.ndarray


def find(cap: Any, control: Control) -> Found:
    """All sessions of a capture."""
    flows = cap.flows
    messages = RowsByFlow(control.messages, len(flows))
    data = RowsByFlow(cap.data, len(flows))
    found = _connections(flows, control, messages, data)
    _udp_data(flows, found, data, cap, control)
    _udp_resends(flows, found, control)
    pairs = np.concatenate([found.pairs, np.full((len(found) - len(found.pairs), 2), -1)])
    more = [
        index for index, ends in found.known()
        if ends.resends or len(ends.udp) or ends.by_flow is None
    ]  # fmt: skip
    order, bounds = _in_order(found, control, messages, pairs)
    return Found(found, pairs, order, bounds, data, np.array(more, np.int64))


def _in_order(
    found: _AllEnds, control: Control, messages: RowsByFlow, pairs: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    counts = np.where(pairs >= 0, np.diff(messages.bounds, append=0)[pairs], 0).sum(axis=1)
    late = [index for index, ends in found.known() if ends.resends]  # a third flow
    for index in late:
        counts[index] += sum(map(len, found[index].resends))
    bounds = np.zeros(len(found) + 1, np.int64)
    np.cumsum(counts, out=bounds[1:])
    order = np.empty(int(bounds[-1]), np.int64)
    in_order(control.messages, messages.order, messages.bounds, pairs, bounds, order)
    for index in late:
        order[bounds[index] : bounds[index + 1]] = control.in_order(found[index].parts)
    return order, bounds


def _connections(
    flows: np.ndarray, control: Control, messages: RowsByFlow, data: RowsByFlow
) -> _AllEnds:
    votes = np.append(_votes(len(flows), control, data), 0)  # of the flow -1
    here = np.append((flows["transport"] == "tcp") & (flows["protocol"] == "mms"), False)
    mine = np.flatnonzero(here)
    peers = flows["peer"][mine].astype(np.int64)
    first = ~here[peers] | (peers > mine)  # once a connection
    mine, peers = mine[first], peers[first]
    asks = votes[mine] >= votes[peers]
    pairs = np.stack([np.where(asks, mine, peers), np.where(asks, peers, mine)], 1)
    return _AllEnds(flows, pairs, control, (messages, data))


def _votes(flows: int, control: Control, data: RowsByFlow) -> np.ndarray:
    # of each flow, how much of what it says is a client's: messages of clients less all the rest
    of, client = control.messages["flow"], control.from_client()
    here = of >= 0
    said = np.bincount(of[here & client], minlength=flows)
    against = np.bincount(of[here & ~client], minlength=flows) + np.diff(data.bounds)
    return said - against


def announced(found: _AllEnds, control: Control) -> Iterator[tuple[Ends, int, str, int]]:
    """Session, time, address and UDP port of each ConnectFunnel that asks for UDP."""
    name = "LinkViewerToMacConnectFunnel"
    if not control.has(name):
        return
    rows = control.rows(name)
    owners = found.owner[control.messages["flow"][rows]]
    found.ask_funnels(owners[owners >= 0])
    times = control.messages["time"][rows].tolist()
    for index, time, text in zip(owners.tolist(), times, control.column(name, "funnel_name")):
        if index < 0 or not text or "UDP" not in text.upper():  # which most do not ask for
            continue
        match = FUNNEL.match(text)
        if match and match[2].upper() == "UDP" and int(match[3]) < 65536:
            yield found[index], time, match[1], int(match[3])


def _udp_data(
    flows: np.ndarray, found: _AllEnds, data: RowsByFlow, cap: Any, control: Control
) -> None:
    # a port may serve several sessions one after the other: rows go by time of the announcement
    ports: dict[tuple[str, int, str], list[tuple[int, Ends]]] = {}
    for ends, time, address, port in announced(found, control):
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
        if not users and (owner := found.of_flow(int(row["control"]))) is not None:
            users = [(0, owner)]
        if not users and (quiet := _quiet(found, row, times[rows])) is not None:
            users = [(0, quiet)]
        if not users:  # the control connection was not captured
            lone = Ends(
                client_host=str(row["dst"]), client_port=int(row["dst_port"]),
                server_host=str(row["src"]), server_port=int(row["src_port"]), control=control,
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


def _quiet(found: _AllEnds, row: np.void, times: np.ndarray) -> Ends | None:
    """The only session that may own a UDP flow whose port no captured message names.

    Its ConnectFunnel was not captured, nor any Data over TCP, and it was there at that time.
    """
    mine = [
        ends for ends in found
        if ends.client_host == str(row["dst"]) and ends.server_host == str(row["src"])
        and ends.server >= 0 and not len(ends.tcp) and not ends.funnel
        and ends.start <= int(times.max()) and ends.end >= int(times.min())
    ]  # fmt: skip
    return mine[0] if len(mine) == 1 else None


def _udp_resends(flows: np.ndarray, found: _AllEnds, control: Control) -> None:
    # to the server's address and the port of the TCP connection, confirmed by dwClientId = nCubs
    name = mms.RESEND.name
    if not control.has(name):
        return
    numbers = _client_ids(found, control)
    places: dict[tuple[str, str, int, int | None], list[Ends]] = {}
    for ends in sorted(found, key=lambda ends: ends.start):
        for number in {None, *numbers.get(id(ends), ())}:
            key = ends.client_host, ends.server_host, ends.server_port, number
            places.setdefault(key, []).append(ends)
    starts = {key: [ends.start for ends in some] for key, some in places.items()}
    taken: dict[tuple[int, int], tuple[Ends, list[int]]] = {}
    for at, row in zip(control.array(name)["dw_client_id"].tolist(), control.rows(name).tolist()):
        message = control.messages[row]
        number = int(message["flow"])
        flow = flows[number]
        if flow["transport"] != "udp":
            continue
        key = str(flow["src"]), str(flow["dst"]), int(flow["dst_port"]), at
        key = key if key in places else (*key[:3], None)
        if key in places:
            index = max(bisect_right(starts[key], int(message["time"])) - 1, 0)
            ends = places[key][index]
            ends.resend_flow = number
            taken.setdefault((id(ends), number), (ends, []))[1].append(row)
    for ends, rows in taken.values():
        ends.resends.append(np.array(rows, np.int64))


def _client_ids(found: _AllEnds, control: Control) -> dict[int, set[int]]:
    """nCubs of every ReportFunnelInfo, by the `id` of its session."""
    name = "LinkMacToViewerReportFunnelInfo"
    out: dict[int, set[int]] = {}
    if not control.has(name):
        return out
    owner = {flow: ends for ends in found for flow in (ends.client, ends.server) if flow >= 0}
    of = control.messages["flow"][control.rows(name)].tolist()
    for flow, number in zip(of, control.array(name)["n_cubs"].tolist()):
        if flow in owner:
            out.setdefault(id(owner[flow]), set()).add(number)
    return out
