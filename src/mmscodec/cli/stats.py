"""`mmscodec stats`: what a capture holds, counted."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any

import numpy as np

from mmscodec.cli.damage import Damage
from mmscodec.cli.files import opened, selection
from mmscodec.cli.flows import endpoint, protocol, transport
from mmscodec.cli.output import columns, iso_time
from mmscodec.cli.winmx_events import has_winmx
from mmscodec.schema import mms
from mmscodec.schema.faults import FaultCode

KINDS = ("media", "header", "packet-pair")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    selection(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")


class Counts:
    """Everything counted, batch by batch."""

    def __init__(self) -> None:
        self.flows: dict[int, Any] = {}
        self.messages: Counter[int] = Counter()
        self.faults: Counter[int] = Counter()
        self.kinds: dict[str, list[int]] = {}
        self.per_flow: dict[str, Counter[int]] = {}
        self.times: list[int] = []
        self.winmx: Counter[str] = Counter()
        self.nodes = 0

    def add(self, tables: Any) -> None:
        """Take in one batch."""
        self.flows.update(zip(tables.flows["flow"].tolist(), tables.flows))
        messages, data = tables.messages, tables.data
        self.messages.update(messages["mid"].tolist())
        self.faults.update(tables.faults["code"].tolist())
        for number, kind in enumerate(KINDS):
            chosen = data["kind"] == number
            if chosen.any():
                known = self.kinds.setdefault(kind, [0, 0])
                known[0] += int(chosen.sum())
                known[1] += int(data["length"][chosen].sum())
        for name, rows in (("messages", messages), ("data_packets", data)):
            self._per_flow(name, rows["flow"], np.ones(len(rows)))
            self._per_flow("bytes", rows["flow"], rows["length"])
            self._span(rows)
        if has_winmx(tables.flows):
            self._add_winmx(tables)

    def _add_winmx(self, tables: Any) -> None:
        packets = tables.winmx.packets
        for _, batch in tables.winmx.batches:
            self.winmx.update(batch.names)
        self.nodes += len(tables.nodes)
        self.faults.update(tables.winmx.faults["code"].tolist())
        self._per_flow("messages", packets["flow"], np.ones(len(packets)))
        self._per_flow("bytes", packets["flow"], packets["length"])
        self._span(packets)

    def _span(self, rows: np.ndarray) -> None:
        if len(rows):
            times = [*self.times, int(rows["time"].min()), int(rows["time"].max())]
            self.times = [min(times), max(times)]

    def _per_flow(self, name: str, flow: np.ndarray, weights: np.ndarray) -> None:
        numbers, inverse = np.unique(flow, return_inverse=True)
        sums = np.bincount(inverse, weights, minlength=len(numbers)).astype(np.int64)
        self.per_flow.setdefault(name, Counter()).update(dict(zip(numbers.tolist(), sums.tolist())))

    def plain(self) -> dict[str, Any]:
        """All counts as plain Python objects."""
        return {
            "first_time": iso_time(min(self.times)) if self.times else None,
            "last_time": iso_time(max(self.times)) if self.times else None,
            "flows": [self._flow(number, flow) for number, flow in sorted(self.flows.items())],
            "messages": {
                **{mms.message_name(mid): n for mid, n in sorted(self.messages.items())},
                **dict(sorted(self.winmx.items())),
            },
            "nodes": self.nodes,
            "data": {k: {"packets": n, "bytes": size} for k, (n, size) in self.kinds.items()},
            "faults": {fault_name(code): n for code, n in sorted(self.faults.items())},
        }

    def _flow(self, number: int, flow: Any) -> dict[str, Any]:
        return {
            "flow": number,
            "src": endpoint(flow, "src"),
            "dst": endpoint(flow, "dst"),
            "transport": transport(flow),
            "protocol": protocol(flow),
            **{name: counts[number] for name, counts in self.per_flow.items()},
        }


def fault_name(code: int) -> str:
    """A fault code in words."""
    try:
        return FaultCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"fault {code}"


def lines(counts: dict[str, Any]) -> list[str]:
    """The counts as tables for people."""
    out = [f"{counts['first_time']} to {counts['last_time']}"] if counts["first_time"] else []
    if counts["flows"]:
        heads = [head.replace("_", " ") for head in counts["flows"][0]]
        out += ["", *columns([flow.values() for flow in counts["flows"]], heads)]
    if counts["messages"]:
        out += ["", *columns(counts["messages"].items(), ("message", "count"))]
    if counts["data"]:
        rows = [(kind, *numbers.values()) for kind, numbers in counts["data"].items()]
        out += ["", *columns(rows, ("Data packets", "count", "bytes"))]
    if counts["nodes"]:
        out += ["", f"WinMX node records  {counts['nodes']}"]
    if counts["faults"]:
        out += ["", *columns(counts["faults"].items(), ("fault", "count"))]
    return out or ["nothing that mmscodec knows"]


def run(options: argparse.Namespace) -> int:
    """Print the counts; 0, or 3 when the input was damaged."""
    counts, damage = Counts(), Damage()
    with opened(options.files, options) as capture:
        for tables in capture.iter_batches():
            counts.add(tables)
            damage.add(tables)
            if has_winmx(tables.flows):
                damage.take(tables.winmx.faults)
    if options.json:
        print(json.dumps(counts.plain(), indent=1))
    else:
        print("\n".join(lines(counts.plain())))
    sys.stdout.flush()
    return damage.report()
