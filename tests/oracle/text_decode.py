"""What `mmscodec decode` prints, made row by row."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Any

from mmscodec.cli.choice import Choice
from tests.oracle.text_events import Event, Events
from tests.oracle.text_fields import Style
from tests.oracle.text_output import Csv, JsonLines, Table
from tests.oracle.text_winmx import has_winmx, winmx_events

FORMS = {"json": JsonLines, "csv": Csv, "people": Table}


def _runs_folded(events: Iterable[Event]) -> Iterator[Event]:
    """Data packets of a kind that follow each other in a flow become one event."""
    held: Event | None = None
    count = 0

    def folded(event: Event) -> Event:
        return event if count == 1 else _with_count(event, count)

    for event in events:
        if (
            held is not None
            and event.kind == "data"
            and (event.name, event.flow) == (held.name, held.flow)
        ):
            held.length += event.length
            count += 1
            continue
        if held is not None:
            yield folded(held)
            held = None
        if event.kind == "data":
            held, count = event, 1
        else:
            yield event
    if held is not None:
        yield folded(held)


def _with_count(event: Event, count: int) -> Event:
    event.name = f"{event.name} x {count}"
    return event


def decoded(
    capture: Any, form: str, severity: Any = None, quiet: bool = False, count: int | None = None,
    style: Style | None = None, options: Any = None,
) -> str:  # fmt: skip
    """The text of all batches of a capture."""
    style = style or Style()
    out = io.StringIO()
    writer = FORMS[form](out, style)
    for event in islice(_events(capture, writer, severity, quiet, style, Choice(options)), count):
        writer.write(event)
    return out.getvalue()


def _events(
    capture: Any, writer: Any, severity: Any, quiet: bool, style: Style, wanted: Choice
) -> Iterator[Event]:
    for tables in capture.iter_batches():
        events: Iterable[Event] = Events(tables, severity, wanted)
        writer.flows(tables.flows)
        if has_winmx(tables.flows):
            packets = winmx_events(tables, wanted, style.charset)
            events = merge(events, packets, key=lambda event: event.time)
        yield from _runs_folded(events) if quiet else events
