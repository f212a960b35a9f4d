"""The three ways to print rows: a table for people, JSON lines, CSV."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, TextIO

from mmscodec.cli.cells import cell_len, cut, left, right
from mmscodec.cli.flows import endpoint, protocol, transport
from mmscodec.lines.fields import Style
from mmscodec.lines.forms import CsvForm, JsonForm, PeopleForm
from mmscodec.lines.rows import Rows

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


def put(out: TextIO, blocks: Iterable[bytes]) -> None:
    """UTF-8 into a stream of text; past its encoder where that would change nothing."""
    raw = getattr(out, "buffer", None)
    if raw is None or str(out.encoding).lower().replace("-", "") != "utf8" or os.linesep != "\n":
        for block in blocks:
            out.write(block.decode())
        return
    out.flush()
    for block in blocks:
        raw.write(block)


class Table:
    """A line for each row: seconds since the first, flow, direction, name, key fields."""

    def __init__(self, out: TextIO, style: Style) -> None:
        self.out = out
        self.style = style
        self.width = width_of(out)
        self.color = colored(out)
        full = self.width is None or self.width >= WIDE
        self.head = f"{'time':>12} {'flow':>4} dir "
        self.head += f"{'name':<39} fields" if full else f"{'name (short)':<24} fields"
        self.form = PeopleForm(style, () if full else SHORT, 39 if full else 24)
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
            self._line(self.head, "1")
            self.known = int(flows["flow"].max(initial=-1)) + 1

    def write(self, rows: Rows) -> None:
        """A line each, cut to the width of the terminal."""
        before = rows.before_times()
        if self.first is None and len(before) < len(rows):
            self._write(before)
            self.first = rows.first_time()
            self._line(f"{'':>12} starts {iso_time(self.first)}")
            rows = rows.behind(len(before))
        self._write(rows)

    def _write(self, rows: Rows) -> None:
        blocks = self.form.lines(rows, self.first)
        if (self.width is None or self.style.whole) and not self.color:
            put(self.out, blocks)
            return
        kinds = (rows.groups[group].kind for group in rows.which.tolist())
        for block in blocks:
            for line in block.decode().removesuffix("\n").split("\n"):
                self._line(line, _COLORS.get(next(kinds), ""))

    def _line(self, text: str, color: str = "") -> None:
        text = text.rstrip()
        if self.width is not None and not self.style.whole:
            text = cut(text, self.width)
        if color and self.color:
            text = f"\x1b[{color}m{text}\x1b[0m"
        self.out.write(text + "\n")


class Machine:
    """JSON lines or CSV: the form, and the ends of each flow."""

    def __init__(self, out: TextIO, form: JsonForm | CsvForm) -> None:
        self.out, self.form = out, form
        self.ends: dict[int, tuple[str, str]] = {}
        self.out.write(form.head)

    def flows(self, flows: Any) -> None:
        """Remember who speaks to whom, and forget those that are gone."""
        before = self.ends
        self.ends = {
            number: before.get(number) or (endpoint(flow, "src"), endpoint(flow, "dst"))
            for number, flow in zip(flows["flow"].tolist(), flows)
        }

    def write(self, rows: Rows) -> None:
        """A line each."""
        put(self.out, self.form.lines(rows, self.ends))


def is_number(cell: str) -> bool:
    """Whether a cell is digits alone, maybe with commas."""
    return cell.replace(",", "").isdigit()


def columns(rows: Iterable[Iterable[Any]], heads: Iterable[str]) -> list[str]:
    """Lines with columns as wide as they need to be; numbers to the right."""
    cells = [[str(cell) for cell in row] for row in rows]
    table = [list(heads), *cells]
    widths = [max(cell_len(line[i]) for line in table) for i in range(len(table[0]))]
    numbers = [all(map(is_number, column)) for column in zip(*cells)] or [False] * len(widths)
    return [
        "  ".join(
            right(cell, width) if to_right else left(cell, width)
            for cell, width, to_right in zip(line, widths, numbers)
        ).rstrip()
        for line in table
    ]
