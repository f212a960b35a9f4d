"""The three ways to print events: a table for people, JSON lines, CSV."""

from __future__ import annotations

import csv
import json
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, TextIO

from mmscodec.cli.cells import cut, left
from mmscodec.cli.flows import endpoint, protocol, transport
from tests.oracle.text_events import NO_TIME, Event
from tests.oracle.text_fields import Style, flattened, for_json, safe, summary

SHORT = ("LinkViewerToMac", "LinkMacToViewer")
WIDE = 120
_COLORS = {"message": "36", "data": "2", "fault": "31", "gap": "33", "finding": "33"}


def width_of(stream: TextIO) -> int | None:
    """Columns of the terminal behind `stream`; None = it is none, and lines may be any length.

    $COLUMNS says how wide a terminal is, not that a file or pipe is one.
    """
    if not stream.isatty():
        return None
    return shutil.get_terminal_size((80, 24)).columns


def colored(stream: TextIO) -> bool:
    """Whether colours are wanted: a terminal that can, and no NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def iso_time(time: int) -> str:
    """UTC, to the nanosecond."""
    seconds, ns = divmod(time, 10**9)
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return f"{seconds}.{ns:09}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{ns:09}Z"


class Table:
    """A line for each event: seconds since the first, flow, direction, name, key fields."""

    def __init__(self, out: TextIO, style: Style) -> None:
        self.out = out
        self.style = style
        self.width = width_of(out)
        self.color = colored(out)
        self.full_names = self.width is None or self.width >= WIDE
        self.first: int | None = None
        self.known = 0

    def flows(self, flows: Any) -> None:
        """A line for each flow that is new, then the heads of the columns."""
        new = flows[flows["flow"] >= self.known]
        for flow in new:
            words = f"{transport(flow)} {protocol(flow)}".strip()
            ends = f"{endpoint(flow, 'src')} > {endpoint(flow, 'dst')}"
            self._line(f"flow {flow['flow']:>3}  {ends}  {words}")
        if len(new):
            head = "name" if self.full_names else "name (short)"
            self._line(f"{'time':>12} {'flow':>4} dir {head:<{self._name_width()}} fields", "1")
            self.known = int(flows["flow"].max(initial=-1)) + 1

    def write(self, event: Event) -> None:
        """One line, cut to the width of the terminal."""
        if self.first is None and event.time != NO_TIME:
            self.first = event.time
            self._line(f"{'':>12} starts {iso_time(event.time)}")
        known = self.first is not None and event.time != NO_TIME
        time = f"{(event.time - (self.first or 0)) / 1e9:.6f}" if known else ""
        name = safe(event.name)
        for prefix in SHORT:
            name = name if self.full_names else name.removeprefix(prefix)
        flow = "" if event.flow < 0 else event.flow
        way = event.direction or "?"  # no empty column, for tools that count them
        start = f"{time:>12} {flow:>4} {way:<3} {left(name, self._name_width())} "
        self._line(start + self._detail(event), _COLORS.get(event.kind, ""))

    def _name_width(self) -> int:
        return 39 if self.full_names else 24

    def _detail(self, event: Event) -> str:
        if event.words:
            return safe(event.words)
        if event.kind == "data":
            values = event.values
            return (
                f"location_id={values['location_id']} incarnation={values['play_incarnation']}"
                f" af_flags={values['af_flags']} {event.length} bytes"
            )
        if event.struct is None:
            return f"{event.length} bytes"
        return summary(event.struct, event.values, self.style)

    def _line(self, text: str, color: str = "") -> None:
        text = text.rstrip()
        if self.width is not None and not self.style.whole:
            text = cut(text, self.width)
        if color and self.color:
            text = f"\x1b[{color}m{text}\x1b[0m"
        self.out.write(text + "\n")


class _Machine:
    """What JSON and CSV have in common: the ends of each flow and the fields of an event."""

    def __init__(self, out: TextIO, style: Style) -> None:
        self.out = out
        self.style = style
        self.ends: dict[int, tuple[str, str]] = {}
        self.known = 0

    def flows(self, flows: Any) -> None:
        """Remember who speaks to whom, and forget those that are gone."""
        before = self.ends
        self.ends = {
            number: before.get(number) or (endpoint(flow, "src"), endpoint(flow, "dst"))
            for number, flow in zip(flows["flow"].tolist(), flows)
        }
        self.known = max(self.ends, default=-1) + 1

    def record(self, event: Event) -> dict[str, Any]:
        """The columns that every event has."""
        src, dst = self.ends.get(event.flow, ("", ""))
        return {
            "type": event.kind,
            "time": None if event.time == NO_TIME else iso_time(event.time),
            "time_ns": None if event.time == NO_TIME else event.time,
            "flow": event.flow,
            "src": src,
            "dst": dst,
            "direction": event.direction,
            "name": event.name,
            "offset": event.offset,
            "length": event.length,
        }

    def fields(self, event: Event) -> dict[str, Any]:
        """Every field by its Python name; nested structures as objects."""
        if event.words:
            return {**event.values, "text": event.words}
        if event.struct is None:
            return {}
        return {
            field.python_name: for_json(field, event.values[field.python_name], self.style)
            for field in event.struct.fields
            if field.python_name in event.values
        }

    def names(self, event: Event) -> dict[str, str]:
        """Names of enumerated values, for the fields that have one."""
        if event.struct is None or not self.style.names or event.kind != "message":
            return {}
        return {
            field.python_name: field.values[value]
            for _, field, value in flattened(event.struct, event.values)
            if isinstance(value, int) and value in field.values
        }


class JsonLines(_Machine):
    """One JSON object on a line for each event."""

    def write(self, event: Event) -> None:
        """The event with all its fields."""
        record = {**self.record(event), "fields": self.fields(event)}
        if names := self.names(event):
            record["names"] = names
        self.out.write(json.dumps(record, separators=(",", ":")) + "\n")


class Csv(_Machine):
    """One row for each event; fields as JSON in the last column."""

    def __init__(self, out: TextIO, style: Style) -> None:
        super().__init__(out, style)
        self.rows = csv.writer(out, lineterminator="\n")
        blank = Event("", "", 0, -1, 0, 0)
        self.rows.writerow([*self.record(blank), "fields"])

    def write(self, event: Event) -> None:
        """One row."""
        fields: Mapping[str, Any] = self.fields(event)
        packed = json.dumps(fields, separators=(",", ":"))
        self.rows.writerow([*self.record(event).values(), packed])
