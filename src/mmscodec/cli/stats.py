"""`mmscodec stats`: what a capture holds, counted."""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from typing import Any

import numpy as np

from mmscodec.cli.damage import report
from mmscodec.cli.files import opened
from mmscodec.cli.flows import endpoint, protocol, transport
from mmscodec.cli.output import columns, iso_time
from mmscodec.schema import mms
from mmscodec.schema.faults import FaultCode

KINDS = ("media", "header", "packet-pair")


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("--json", action="store_true", help="one JSON object")


def counted(capture: Any) -> dict[str, Any]:
    """All counts as plain Python objects."""
    messages, data, faults = capture.messages, capture.data, capture.faults
    times = [rows["time"] for rows in (messages, data) if len(rows)]
    kinds = {
        kind: {"packets": int(chosen.sum()), "bytes": int(data["length"][chosen].sum())}
        for number, kind in enumerate(KINDS)
        if (chosen := data["kind"] == number).any()
    }
    mids, counts = np.unique(messages["mid"], return_counts=True)
    codes = Counter(faults["code"].tolist())
    return {
        "first_time": iso_time(int(min(rows.min() for rows in times))) if times else None,
        "last_time": iso_time(int(max(rows.max() for rows in times))) if times else None,
        "flows": [flow_counts(capture, i, flow) for i, flow in enumerate(capture.flows)],
        "messages": {
            mms.message_name(mid): count for mid, count in zip(mids.tolist(), counts.tolist())
        },
        "data": kinds,
        "faults": {fault_name(code): count for code, count in sorted(codes.items())},
    }


def fault_name(code: int) -> str:
    """A fault code in words."""
    try:
        return FaultCode(code).name.lower().replace("_", " ")
    except ValueError:
        return f"fault {code}"


def flow_counts(capture: Any, number: int, flow: Any) -> dict[str, Any]:
    """Counts of one flow."""
    messages = capture.messages["flow"] == number
    data = capture.data["flow"] == number
    return {
        "flow": number,
        "src": endpoint(flow, "src"),
        "dst": endpoint(flow, "dst"),
        "transport": transport(flow),
        "protocol": protocol(flow),
        "messages": int(messages.sum()),
        "data_packets": int(data.sum()),
        "bytes": int(capture.messages["length"][messages].sum())
        + int(capture.data["length"][data].sum()),
    }


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
    if counts["faults"]:
        out += ["", *columns(counts["faults"].items(), ("fault", "count"))]
    return out or ["nothing that mmscodec knows"]


def run(options: argparse.Namespace) -> int:
    """Print the counts; 0, or 3 when the input was damaged."""
    with opened(options.files) as capture:
        counts = counted(capture)
        if options.json:
            print(json.dumps(counts, indent=1))
        else:
            print("\n".join(lines(counts)))
        sys.stdout.flush()
        return report(capture)
