"""`mmscodec decode`: every message and Data packet, one line each."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterable, Iterator
from heapq import merge
from itertools import islice
from typing import Any

from mmscodec.cli import choice, nothing
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import Damage
from mmscodec.cli.events import Event, Events
from mmscodec.cli.fields import CHARSET, Style
from mmscodec.cli.files import charset, opened, positive, selection
from mmscodec.cli.output import Csv, JsonLines, Table
from mmscodec.cli.progress import progress
from mmscodec.cli.winmx_events import has_winmx, winmx_events
from mmscodec.schema.findings import Severity


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    selection(parser)
    choice.arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines, one object for each row")
    form.add_argument("--csv", action="store_true", help="CSV, fields as JSON in the last column")
    parser.add_argument(
        "-c", "--limit", "--count", dest="count", type=positive, metavar="N",
        help="stop after N rows",
    )  # fmt: skip
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="one line for each run of Data packets"
    )
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--findings",
        dest="severity",
        action="store_const",
        const=Severity.UNINITIALISED,
        help="also every rule of the specification that a good row breaks",
    )
    level.add_argument(
        "--violations",
        dest="severity",
        action="store_const",
        const=Severity.VIOLATION,
        help="the same without what real peers are known for",
    )
    parser.add_argument(
        "-n", "--no-names", action="store_true", help="numbers instead of names of values"
    )
    parser.add_argument(
        "--show-secrets", action="store_true", help="print credentials instead of hiding them"
    )
    parser.add_argument(
        "--charset", type=charset, default=CHARSET, metavar="NAME",
        help=f"encoding of 8-bit text, like cp932 or gbk (default: {CHARSET})",
    )  # fmt: skip
    parser.add_argument(
        "--whole", action="store_true", help="do not cut lines to the width of the terminal"
    )


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


def run(options: argparse.Namespace) -> int:
    """Print the rows; 0, or 3 when the input was damaged."""
    style = Style(
        names=not options.no_names, secrets=options.show_secrets, whole=options.whole,
        charset=options.charset,
    )  # fmt: skip
    writer: JsonLines | Csv | Table
    if options.json:
        writer = JsonLines(sys.stdout, style)
    elif options.csv:
        writer = Csv(sys.stdout, style)
    else:
        writer = Table(sys.stdout, style)
    damage = Damage()
    found = False
    # lines that scroll by are progress enough
    with (
        progress(sys.stdout.isatty()) as bar,
        opened(options.files, options, bar) as capture,
    ):
        live = _is_pipe(options.files)
        halves = nothing.Halves()
        chosen = rows(capture, writer, damage, options, live, halves)
        for event in islice(chosen, options.count):
            writer.write(event)
            found = True
        sys.stdout.flush()
        halves.say()
        status = nothing.report(capture, found, chosen=not Choice(options).everything)
    return damage.report() or status


def _is_pipe(files: list[str]) -> bool:
    """Whether bytes may come slowly, so that each must be shown when it comes."""
    return "-" in files and not stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)


def rows(
    capture: Any,
    writer: JsonLines | Csv | Table,
    damage: Damage,
    options: Any,
    live: bool,
    halves: nothing.Halves,
) -> Iterator[Event]:
    """The rows of one batch after the other: memory does not grow with the capture."""
    wanted = Choice(options)
    for tables in capture.iter_batches():
        damage.add(tables, capture)
        halves.add(tables.flows)
        events: Iterable[Event] = Events(tables, options.severity, wanted)
        writer.flows(_chosen_flows(tables.flows, wanted))
        if has_winmx(tables.flows):
            packets = winmx_events(tables, wanted, options.charset)
            events = merge(events, packets, key=lambda event: event.time)
        yield from _runs_folded(events) if options.quiet else events
        if live:
            sys.stdout.flush()


def _chosen_flows(flows: Any, wanted: Choice) -> Any:
    """Rows of the flows that were asked for."""
    if wanted.flows is None:
        return flows
    return flows[[int(number) in wanted.flows for number in flows["flow"]]]
