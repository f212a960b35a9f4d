"""WinMX of a capture: connections with their ladders, node lists of each primary, nodes, slots."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.report.ladder import Fields, Ladder, troubles
from mmscodec.report.limits import Limits
from mmscodec.report.problems import Problems
from mmscodec.report.series import thinned
from mmscodec.sessions.session_flows import RowsByFlow
from mmscodec.winmx import addresses, slots_over_time

_CHARTED = 100  # nodes with a chart of their slots
_PRIMARIES = 12  # with a chart of their own
_HISTORY = (
    "count", "first", "last", *(
        f"free_{which}_slots_{what}" for which in ("primary", "secondary")
        for what in ("min", "max", "last")
    ),
)  # fmt: skip


class Winmx:
    """The WinMX connections of a capture.

    Attributes
    ----------
    pairs : list of (int, int)
        Flow of the client and of the server of each connection, -1 where one was not captured.
    """

    def __init__(self, capture: Any, fields: Fields, problems: Problems) -> None:
        self.capture = capture
        self.pairs = _pairs(capture)
        self._ladder = Ladder(fields, np.asarray(capture.winmx.packets), problems, winmx=True)
        flows = len(capture.flows)
        tables = (self._ladder.table, np.asarray(capture.faults), capture.gaps)
        self._by_flow = [RowsByFlow(table, flows) for table in tables]

    def first_view(self, limits: Limits) -> dict[str, Any] | None:
        """What is shown of all of them; None where there is none."""
        found = self.capture.winmx
        if not self.pairs:
            return None
        shown = self.pairs[: limits.sessions]
        return {
            "connections": [_connection(self.capture, pair, found.links) for pair in shown],
            "connection_count": len(self.pairs),
            "primaries": _primaries(found)[: limits.listed],
            "slots": _current_slots(found, limits),
            "nodes": _nodes(found, limits), "node_count": len(found.nodes),
        }  # fmt: skip

    def of(self, pair: tuple[int, int], limits: Limits) -> dict[str, Any]:
        """The packets of one connection as a ladder."""
        capture = self.capture
        start = int(min(capture.flows["first_time"][flow] for flow in pair if flow >= 0))
        rows, faults, gaps = (
            np.concatenate([found[flow] for flow in pair]) for found in self._by_flow
        )
        rows = rows[np.argsort(self._ladder.table["time"][rows], kind="stable")]
        made = self._ladder.messages(rows, {}, start, limits)
        made += troubles(capture.faults[faults], capture.gaps[gaps], start, limits)
        made.sort(key=lambda item: item[0])
        return {"ladder": made, "messages": len(rows)}


def _pairs(capture: Any) -> list[tuple[int, int]]:
    flows, pairs, seen = capture.flows, [], set()
    for flow in sorted(capture.winmx.links):
        if flow in seen:
            continue
        peer = int(flows["peer"][flow])
        seen |= {flow, peer}
        served = flows["direction"][flow] == "S>C"
        pairs.append((peer, flow) if served else (flow, peer))
    return pairs


def _connection(capture: Any, pair: tuple[int, int], links: dict[int, str]) -> list[Any]:
    """[client, server, link, first us, last us, bytes]"""
    flows = capture.flows
    row = flows[pair[0] if pair[0] >= 0 else pair[1]]
    near, far = ("src", "dst") if pair[0] >= 0 else ("dst", "src")
    ends = [f"{row[side]}:{row[f'{side}_port']}" for side in (near, far)]
    mine = flows[[flow for flow in pair if flow >= 0]]
    return [
        *ends, links.get(int(row["flow"]), ""), int(mine["first_time"].min()) // 1000,
        int(mine["last_time"].max()) // 1000, int(mine["bytes"].sum()),
    ]  # fmt: skip


def _primaries(found: Any) -> list[list[Any]]:
    """[flow, sender, lists, first us, last us, least, median, most ns, silence ns, silent]"""
    rows = found.intervals()
    names = ("flow", "sender", "lists", "first", "last", "least", "median", "most", "silence",
             "silent")  # fmt: skip
    out = [list(row) for row in zip(*(rows[name].tolist() for name in names))]
    for row in out:
        row[3:5] = [time // 1000 if time >= 0 else -1 for time in row[3:5]]
    return out


def _current_slots(found: Any, limits: Limits) -> list[dict[str, Any]]:
    """Free slots of each primary itself over time: record 0 of its lists."""
    nodes = found.nodes
    own = nodes[nodes["current"]]
    out = []
    for flow in np.unique(own["flow"])[:_PRIMARIES].tolist():
        rows = own[own["flow"] == flow]
        out.append({"flow": flow, **_slots(rows["time"], rows, limits.points)})
    return out


def _slots(times: np.ndarray, rows: np.ndarray, points: int) -> dict[str, list[int]]:
    chosen = thinned(rows["free_secondary_slots"], points)
    return {
        "t": (times[chosen] // 1000).tolist(),
        "primary": rows["free_primary_slots"][chosen].tolist(),
        "secondary": rows["free_secondary_slots"][chosen].tolist(),
    }


def _nodes(found: Any, limits: Limits) -> list[dict[str, Any]]:
    """The nodes that were named most, with what their senders said of them."""
    rows = found.history()
    rows = rows[np.argsort(-rows["count"], kind="stable")][: limits.listed]
    texts = addresses(rows)
    nodes = found.nodes
    out = []
    for number, (row, text) in enumerate(zip(rows, texts)):
        one: dict[str, Any] = {name: int(row[name]) for name in _HISTORY}
        one |= {"first": one["first"] // 1000, "last": one["last"] // 1000}
        one |= {"ip": str(text), "udp_port": int(row["udp_port"])}
        one |= {"tcp_port": int(row["tcp_port"]), "sender": str(row["sender"])}
        if number < _CHARTED and one["count"] > 1:
            slots = slots_over_time(nodes, str(text), one["tcp_port"])
            one["slots"] = _slots(slots["time"], slots, 60)
        out.append(one)
    return out
