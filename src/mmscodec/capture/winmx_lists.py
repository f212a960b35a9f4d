"""What watchers of the network ask of node lists: senders, answers, intervals, histories."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture import dtypes
from mmscodec.winmx.history import node_history
from mmscodec.winmx.nodes import pair_answers
from mmscodec.winmx.words import STATUS, queue_status

NODE_LIST, QUEUE_STATUS = 0x03A1, 0x0384
_MAPPED = bytes(10) + b"\xff\xff"  # in front of an IPv4 address

LISTS = np.dtype(
    [
        ("packet", "<i8"), ("time", "<i8"), ("flow", "<i4"), ("sender", "U39"),
        ("sender_port", "<u2"), ("ip", ">u4"), ("udp_port", "<u2"), ("tcp_port", "<u2"),
        ("records", "<u4"), ("differs", "?"),
    ]
)  # fmt: skip
ANSWERS = np.dtype(
    [("packet", "<i8"), ("answer", "<i8"), ("delay", "<i8"), ("flow", "<i4"), *STATUS.descr]
)
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


def answers_of(tables: Any, raw: np.ndarray) -> np.ndarray:
    """See `WinmxTables.answers`."""
    at = _list_rows(tables)
    packets = tables.packets
    out = np.zeros(len(at), ANSWERS)
    out["packet"], out["flow"] = at, packets["flow"][at]
    out["answer"] = out["delay"] = -1
    for name in ("number", "free", "max", "queued"):
        out[name] = -1
    rows = tables["QueueStatus"]["packet"]
    numbers = queue_status(tables.column("QueueStatus", "status_text"))
    for flow in np.unique(out["flow"]).tolist():
        row = int(dtypes.find_rows(raw["flow"], flow))
        peer = int(raw["peer"][row]) if row >= 0 else -1
        mine = np.flatnonzero(out["flow"] == flow)
        theirs = np.flatnonzero(packets["flow"][rows] == peer)
        times = packets["time"][at[mine]]
        found = pair_answers(times, packets["time"][rows[theirs]])
        paired, answer = mine[found >= 0], theirs[found[found >= 0]]
        out["answer"][paired] = rows[answer]
        out["delay"][paired] = packets["time"][rows[answer]] - times[found >= 0]
        for name in STATUS.names or ():
            out[name][paired] = numbers[name][answer]
    return out


def intervals_of(tables: Any, raw: np.ndarray, quiet: float) -> np.ndarray:
    """See `WinmxTables.intervals`."""
    lists = lists_of(tables, raw)
    served = (raw["protocol"] == 2) & (raw["direction"] == 2) & (raw["transport"] == 6)
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
