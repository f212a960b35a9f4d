"""What is in a capture: files, counts, flows, players, and the table of its sessions."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from mmscodec.lines.fields import safe
from mmscodec.report.limits import Limits, short
from mmscodec.schema import mms

_FLOW = ("bytes", "packets", "gaps", "retransmissions", "faults")
#: Columns of the table of sessions that are numbers as they stand in `cap.sessions`.
_NUMBERS = (
    "media_packets", "media_bytes", "lost", "locations_left_out", "gaps", "faults", "unread",
    "violations", "deviations", "stalls", "underruns", "late_packets", "resends_delivered",
    "partial", "end_reason", "played_out", "bit_rate",
)  # fmt: skip


def overview(
    capture: Any, names: list[str], others: list[list[Any]], limits: Limits
) -> dict[str, Any]:
    """The first view of a page, but for the sessions; `others` = kinds of WinMX packets."""
    flows, counts = capture.flows, capture.counts
    known = flows[flows["protocol"] != ""]
    times = known if len(known) else flows
    protocols, amounts = np.unique(known["protocol"], return_counts=True)
    unread = capture.not_understood
    return {
        "files": [_file(source, limits) for source in capture._sources][: limits.listed],
        "given": [short(safe(name), limits.text) for name in names],
        "skipped": [[short(safe(part), limits.text) for part in pair]
                    for pair in capture.skipped[:100]],
        "first": int(times["first_time"].min()) // 1000 if len(times) else None,
        "last": int(times["last_time"].max()) // 1000 if len(times) else None,
        "counts": {
            **{name: counts[name] for name in ("records", "segments") if name in counts},
            "flows": len(flows), "known_flows": len(known), "messages": len(capture.messages),
            "data": len(capture.data), "data_bytes": int(capture.data["length"].sum()),
            "sessions": len(capture.sessions), "faults": len(capture.faults),
            "gaps": len(capture.gaps), "gap_bytes": int(capture.gaps["length"].sum()),
            "findings": len(capture.findings),
        },
        "protocols": dict(zip(protocols.tolist(), amounts.tolist())),
        "kinds": [*_kinds(capture), *others],
        "not_understood": [
            [text, int(frames)] for text, frames in zip(unread.text(), unread["frames"])
        ][: limits.listed],
        "flows": _flows(flows, known, limits),
    }  # fmt: skip


def _file(source: Any, limits: Limits) -> list[Any]:
    path = str(source.name)
    size = os.path.getsize(path) if os.path.isfile(path) else None
    return [short(safe(os.path.basename(path) or path), limits.text), size]


def _kinds(capture: Any) -> list[list[Any]]:
    mids, counts = np.unique(np.asarray(capture.messages["mid"]), return_counts=True)
    return [[mms.message_name(mid), n] for mid, n in zip(mids.tolist(), counts.tolist())]


def _flows(flows: Any, known: Any, limits: Limits) -> list[list[Any]]:
    """[flow, from, to, transport, protocol, direction, first us, last us, *_FLOW] of flows."""
    some = (known if len(known) else flows)[: limits.listed]
    columns = [
        some["flow"].tolist(), _ends(some, "src"), _ends(some, "dst"), some["transport"].tolist(),
        some["protocol"].tolist(), some["direction"].tolist(),
        (some["first_time"] // 1000).tolist(), (some["last_time"] // 1000).tolist(),
        *(some[name].tolist() for name in _FLOW),
    ]  # fmt: skip
    return [list(row) for row in zip(*columns)]


def _ends(rows: Any, side: str) -> list[str]:
    pairs = zip(rows[side].tolist(), rows[f"{side}_port"].tolist())
    return [f"[{host}]:{port}" if ":" in host else f"{host}:{port}" for host, port in pairs]


def players(sessions: list[Any], limits: Limits) -> list[list[Any]]:
    """[player and version, sessions] by frequency."""
    counts: dict[str, int] = {}
    for one in sessions:
        name = short(safe(f"{one.player} {one.player_version}".strip()), 80)
        counts[name] = counts.get(name, 0) + 1
    frequent = sorted(counts.items(), key=lambda item: -item[1])
    return [list(item) for item in frequent[: limits.listed]]


def session_table(capture: Any, sessions: list[Any], limits: Limits) -> dict[str, list[Any]]:
    """Columns of the table of sessions; times in us, latencies in ns, -1 = not known."""
    rows = capture.sessions[[one.index for one in sessions]]
    out: dict[str, list[Any]] = {name: rows[name].tolist() for name in _NUMBERS}
    out["index"] = [one.index for one in sessions]
    out["start"] = (rows["start"] // 1000).tolist()
    out["length"] = ((rows["end"] - rows["start"]) // 1000).tolist()
    out["transport"] = rows["transport"].tolist()
    out["start_up"] = rows["start_up"].tolist()
    out["rate"] = rows["received_bit_rate"].astype(np.int64).tolist()
    for name in ("client_address", "server_address", "file_name", "end_text", "partial_text"):
        out[name] = [short(safe(getattr(one, name)), limits.text) for one in sessions]
    out["player"] = [
        short(safe(f"{one.player} {one.player_version}".strip()), 80) for one in sessions
    ]
    return out
