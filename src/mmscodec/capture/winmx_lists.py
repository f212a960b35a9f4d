"""What watchers of the network ask of node lists: senders, answers, intervals, histories."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture import dtypes
from mmscodec.schema.vocabulary import Direction, Protocol, Transport
from mmscodec.winmx.history import node_history
from mmscodec.winmx.nodes import WaitingLists, pair_answers
from mmscodec.winmx.words import STATUS, queue_status

NODE_LIST = 0x03A1
_MAPPED = bytes(10) + b"\xff\xff"  # in front of an IPv4 address

LISTS = np.dtype(
    [
        ("packet", "<i8"), ("time", "<i8"), ("flow", "<i4"), ("sender", "U39"),
        ("sender_port", "<u2"), ("ip", "<u4"), ("udp_port", "<u2"), ("tcp_port", "<u2"),
        ("records", "<u4"), ("differs", "?"),
    ]
)  # fmt: skip
ANSWERS = np.dtype(
    [
        ("packet", "<i8"), ("answer", "<i8"), ("delay", "<i8"), ("flow", "<i4"),
        ("offset", "<i8"), ("time", "<i8"), *STATUS.descr,
    ]
)  # fmt: skip
_INTERVALS = np.dtype(
    [
        ("flow", "<i4"), ("sender", "U39"), ("lists", "<i8"), ("first", "<i8"), ("last", "<i8"),
        ("least", "<i8"), ("median", "<i8"), ("most", "<i8"), ("silence", "<i8"), ("silent", "?"),
    ]
)  # fmt: skip


def _list_rows(tables: Any) -> np.ndarray:
    """Rows of the packets that are node lists of a secondary link."""
    packets = tables.packets
    at = np.flatnonzero(packets["type"] == NODE_LIST)
    secondary = [tables.links.get(flow) == "secondary" for flow in packets["flow"][at].tolist()]
    return at[np.array(secondary, bool)] if len(at) else at


def senders(raw: np.ndarray, flows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Address of who sends each flow, as text and as IPv4 number (0 for IPv6)."""
    rows = dtypes.find_rows(raw["flow"], flows)
    known = {row: raw["src"][row].tobytes() for row in set(rows.tolist()) if row >= 0}
    known[-1] = bytes(16)
    texts = {row: dtypes.address_text(value) for row, value in known.items()}
    numbers = {
        row: int.from_bytes(value[12:], "big") if value[:12] == _MAPPED else 0
        for row, value in known.items()
    }
    text = np.array([texts[row] for row in rows.tolist()], "U39")
    return text, np.array([numbers[row] for row in rows.tolist()], np.uint32)


def lists_of(tables: Any, raw: np.ndarray) -> np.ndarray:
    """See `WinmxTables.lists`."""
    at = _list_rows(tables)
    packets, nodes = tables.packets[at], tables.nodes
    out = np.zeros(len(at), LISTS)
    out["packet"], out["time"], out["flow"] = at, packets["time"], packets["flow"]
    out["sender"], numbers = senders(raw, packets["flow"])
    row = dtypes.find_rows(raw["flow"], packets["flow"])
    out["sender_port"] = np.where(row >= 0, raw["src_port"][row], 0) if len(raw) else 0
    out["records"] = packets["data_length"] // 12
    first = nodes[nodes["record"] == 0]
    place = np.searchsorted(first["packet"], at)
    there = out["records"] > 0
    for name in ("ip", "udp_port", "tcp_port"):
        out[name][there] = first[name][place[there]]
    out["differs"] = there & (out["ip"] != numbers)
    return out


def answers_of(tables: Any, raw: np.ndarray, waiting: WaitingLists | None) -> np.ndarray:
    """See `WinmxTables.answers`; without `waiting` every list is decided here."""
    packets = tables.packets
    at, rows = _list_rows(tables), tables["QueueStatus"]["packet"]
    statuses = queue_status(tables.column("QueueStatus", "status_text"))
    flows, peers = packets["flow"][at], _listeners(raw, packets["flow"][rows])
    decided = set(flows.tolist() + peers.tolist()) - {-1}
    ended = _ended_flows(raw)
    if waiting is not None:
        decided |= ended & waiting.lists.keys()
    parts = [np.empty(0, ANSWERS)]
    for flow in sorted(decided):
        mine, theirs = at[flows == flow], np.flatnonzero(peers == flow)
        before = waiting.take(flow) if waiting is not None else np.empty((0, 2), np.int64)
        lists = _lists_that_wait(before, packets, mine, flow)
        found = pair_answers(lists["time"], packets["time"][rows[theirs]])
        paired = np.flatnonzero(found >= 0)
        answer = theirs[found[paired]]
        lists["answer"][paired] = rows[answer]
        lists["delay"][paired] = packets["time"][rows[answer]] - lists["time"][paired]
        for name in STATUS.names or ():
            lists[name][paired] = statuses[name][answer]
        if waiting is not None and flow not in ended:
            open_ = lists[len(paired) :]  # answers come in order: those without one are the last
            kept = waiting.put(flow, np.stack([open_["offset"], open_["time"]], 1))
            lists = lists[: len(paired) + len(kept)]
        parts.append(lists)
    out = np.concatenate(parts)
    return out[np.argsort(out["packet"], kind="stable")]


def _lists_that_wait(
    before: np.ndarray, packets: np.ndarray, mine: np.ndarray, flow: int
) -> np.ndarray:
    """Rows of lists without an answer: those of earlier batches, then these of `packets`."""
    lists = np.zeros(len(before) + len(mine), ANSWERS)
    for name in ("packet", "answer", "delay", "number", "free", "max", "queued"):
        lists[name] = -1
    lists["flow"] = flow
    lists["offset"][: len(before)], lists["time"][: len(before)] = before.T
    lists["packet"][len(before) :] = mine
    for name in ("offset", "time"):
        lists[name][len(before) :] = packets[name][mine]
    return lists


def _listeners(raw: np.ndarray, flows: np.ndarray) -> np.ndarray:
    """The other direction of each flow, -1 where no row of either tells."""
    peers = dict(zip(raw["peer"].tolist(), raw["flow"].tolist()))
    peers |= {flow: peer for flow, peer in zip(raw["flow"].tolist(), raw["peer"].tolist())
              if peer >= 0}  # fmt: skip
    return np.array([peers.get(flow, -1) for flow in flows.tolist()], np.int64)


def _ended_flows(raw: np.ndarray) -> set[int]:
    """Flows of which nothing more will come."""
    return set(raw["flow"][raw["marks"] & dtypes.ENDED != 0].tolist())


def intervals_of(tables: Any, raw: np.ndarray, quiet: float) -> np.ndarray:
    """See `WinmxTables.intervals`."""
    lists = lists_of(tables, raw)
    served = raw["direction"] == Direction.TO_CLIENT
    served &= (raw["protocol"] == Protocol.WINMX) & (raw["transport"] == Transport.TCP)
    rows = [i for i in np.flatnonzero(served).tolist()
            if tables.links.get(int(raw["flow"][i])) == "secondary"]  # fmt: skip
    out = np.zeros(len(rows), _INTERVALS)
    ends = {int(row["flow"]): int(row["last_time"]) for row in raw}
    out["sender"], _ = senders(raw, raw["flow"][rows])
    for made, i in zip(out, rows):
        flow = int(raw["flow"][i])
        times = lists["time"][lists["flow"] == flow]
        steps = np.diff(times)
        end = max(ends[flow], ends.get(int(raw["peer"][i]), 0))
        made["flow"], made["lists"] = flow, len(times)
        made["least"] = made["median"] = made["most"] = -1
        since = int(times[-1]) if len(times) else int(raw["first_time"][i])
        made["first"], made["last"] = (times[0], times[-1]) if len(times) else (-1, -1)
        made["silence"] = end - since
        made["silent"] = not len(times)
        if len(steps):
            made["least"], made["median"], made["most"] = steps.min(), np.median(steps), steps.max()
            made["silent"] = end - since > quiet * float(np.median(steps))
    return out


def history_of(tables: Any, raw: np.ndarray) -> np.ndarray:
    """See `WinmxTables.history`."""
    nodes = tables.nodes
    text, _ = senders(raw, nodes["flow"])
    return node_history(nodes, sender=text, time=nodes["time"])
