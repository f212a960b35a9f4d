"""`mmscodec stats`: what a capture holds, counted."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any

import numpy as np

from mmscodec.cli import choice, nothing
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import Damage
from mmscodec.cli.files import limit, opened
from mmscodec.cli.flows import endpoint, protocol, transport
from mmscodec.cli.output import columns, iso_time
from mmscodec.cli.progress import progress
from mmscodec.schema import mms
from mmscodec.schema.faults import FaultCode
from mmscodec.schema.winmx import packet_of

KINDS = ("media", "header", "packet-pair")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    choice.arguments(parser)
    parser.add_argument("--json", action="store_true", help="one JSON object")
    limit(parser, "flows, the first ones, in the list of flows")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def has_winmx(flows: Any) -> bool:
    """Whether any flow speaks WinMX."""
    return bool((flows["protocol"] == "winmx").any())


class Counts:
    """Everything counted, batch by batch."""

    def __init__(self, wanted: Choice | None = None) -> None:
        self.wanted = wanted or Choice()
        self.flows: dict[int, Any] = {}
        self.messages: Counter[int] = Counter()
        self.faults: Counter[int] = Counter()
        self.kinds: dict[str, list[int]] = {}
        self.per_flow: dict[str, Counter[int]] = {}
        self.times: list[int] = []
        self.winmx: Counter[str] = Counter()
        self.nodes = 0
        self.not_understood: Any = ()  # rows of `Capture.not_understood`

    def add(self, tables: Any) -> None:
        """Take in one batch."""
        flows = tables.flows
        chosen = (
            flows if self.wanted.flows is None else flows[np.isin(flows["flow"], self.wanted.flows)]
        )
        self.flows.update(zip(chosen["flow"].tolist(), chosen))
        self.wanted.begin_in(tables)
        messages, data = (rows[self.wanted.keep(rows)] for rows in (tables.messages, tables.data))
        self.messages.update(messages["mid"].tolist())
        faults = tables.faults
        self.faults.update(faults["code"][self.wanted.keep(faults)].tolist())
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
        kept = self.wanted.keep(packets)
        first = 0
        for _, batch in tables.winmx.batches:
            mine = kept[first : first + len(batch.packets)]
            first += len(mine)
            numbers, counts = np.unique(batch.packets["type"][mine], return_counts=True)
            for mid, count in zip(numbers.tolist(), counts.tolist()):
                packet = packet_of(batch.link, mid, batch.direction)
                self.winmx[packet.name if packet else f"0x{mid:04X}"] += count
        self.nodes += int(self.wanted.keep(tables.nodes).sum())
        packets = packets[kept]
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

    def plain(self, limit: int | None = None) -> dict[str, Any]:
        """All counts as plain Python objects; `limit` is how many flows are listed."""
        return {
            "first_time": iso_time(min(self.times)) if self.times else None,
            "last_time": iso_time(max(self.times)) if self.times else None,
            "flows": [
                self._flow(number, flow) for number, flow in sorted(self.flows.items())[:limit]
            ],
            "messages": {
                **{mms.message_name(mid): n for mid, n in sorted(self.messages.items())},
                **dict(sorted(self.winmx.items())),
            },
            "nodes": self.nodes,
            "data": {k: {"packets": n, "bytes": size} for k, (n, size) in self.kinds.items()},
            "not_understood": [
                dict(zip(rows.dtype.names, rows.tolist())) for rows in self.not_understood
            ],
            "faults": {_fault_name(code): n for code, n in sorted(self.faults.items())},
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


def _fault_name(code: int) -> str:
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
    counts, damage, halves = Counts(Choice(options)), Damage(), nothing.Halves()
    with progress(options.quiet) as bar, opened(options.files, options, bar) as capture:
        for tables in capture.iter_batches():
            counts.add(tables)
            damage.add(tables, capture)
            halves.add(tables.flows)
        counts.not_understood = capture.not_understood
        halves.say()
        found = bool(counts.times)
        status = nothing.report(capture, found, chosen=not counts.wanted.everything)
    if options.json:
        print(json.dumps(counts.plain(options.limit), indent=1))
    else:
        print("\n".join(lines(counts.plain(options.limit))))
    sys.stdout.flush()
    return damage.report() or status
