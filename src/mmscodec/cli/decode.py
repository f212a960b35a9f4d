"""`mmscodec decode`: every message and Data packet, one line each."""

from __future__ import annotations

import argparse
import os
import stat
import sys
from collections.abc import Iterator
from typing import Any

from mmscodec.cli import choice, nothing
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import Damage
from mmscodec.cli.files import limit, opened, texts
from mmscodec.cli.output import Machine, Table
from mmscodec.cli.progress import progress
from mmscodec.lines.fields import Style
from mmscodec.lines.forms import CsvForm, JsonForm
from mmscodec.lines.rows import Rows

LIVE = True  # rows are printed as they come


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    choice.arguments(parser)
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines, one object for each row")
    form.add_argument("--csv", action="store_true", help="CSV, fields as JSON in the last column")
    limit(parser, "rows")
    parser.add_argument(
        "-q", "--quiet", action="store_true", help="one line for each run of Data packets"
    )
    level = parser.add_mutually_exclusive_group()
    level.add_argument(
        "--findings",
        dest="severity",
        action="store_const",
        const="UNINITIALISED",
        help="also every rule of the specification that a good row breaks",
    )
    level.add_argument(
        "--violations",
        dest="severity",
        action="store_const",
        const="VIOLATION",
        help="the same without what real peers are known for",
    )
    parser.add_argument(
        "-n", "--no-names", action="store_true", help="numbers instead of names of values"
    )
    texts(parser)
    parser.add_argument(
        "--whole", action="store_true", help="do not cut lines to the width of the terminal"
    )


def run(options: argparse.Namespace) -> int:
    """Print the rows; 0, or 3 when the input was damaged."""
    damage = Damage()
    found = False
    # lines that scroll by are progress enough
    with (
        progress(sys.stdout.isatty()) as bar,
        opened(options.files, options, bar) as capture,
    ):
        live = options.follow or _is_pipe(options.files)
        halves = nothing.Halves()
        writer = _writer(options)
        for rows in _rows(capture, writer, damage, options, halves):
            writer.write(rows)
            found = found or bool(len(rows))
            if live:
                sys.stdout.flush()
        sys.stdout.flush()
        halves.say()
        status = nothing.report(capture, found, chosen=not Choice(options).everything)
    return damage.report() or status


def _writer(options: argparse.Namespace) -> Machine | Table:
    style = Style(
        names=not options.no_names, secrets=options.show_secrets, whole=options.whole,
        charset=options.charset,
    )  # fmt: skip
    if options.json:
        return Machine(sys.stdout, JsonForm(style))
    if options.csv:
        return Machine(sys.stdout, CsvForm(style))
    return Table(sys.stdout, style)


def _is_pipe(files: list[str]) -> bool:
    """Whether bytes may come slowly, so that each must be shown when it comes."""
    return "-" in files and not stat.S_ISREG(os.fstat(sys.stdin.fileno()).st_mode)


def _rows(
    capture: Any, writer: Machine | Table, damage: Damage, options: Any, halves: nothing.Halves
) -> Iterator[Rows]:
    """The rows of one batch after the other: memory does not grow with the capture."""
    wanted = Choice(options)
    left = options.limit
    severity = _severity(options.severity)
    for tables in capture.iter_batches():
        damage.add(tables, capture)
        halves.add(tables.flows)
        writer.flows(_chosen_flows(tables.flows, wanted))
        rows = Rows(tables, severity)
        wanted.begin(rows.known_times())
        if not wanted.everything:
            rows.keep(wanted.keep(rows.seen()))
        if options.quiet:
            rows.fold()
        rows.first(left)
        yield rows
        if left is not None:
            left -= len(rows)
            if left <= 0:
                return


def _severity(name: str | None) -> Any:
    if name is None:
        return None
    from mmscodec.schema.findings import Severity

    return Severity[name]


def _chosen_flows(flows: Any, wanted: Choice) -> Any:
    """Rows of the flows that were asked for."""
    if wanted.flows is None:
        return flows
    return flows[[int(number) in wanted.flows for number in flows["flow"]]]
