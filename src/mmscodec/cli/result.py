"""Rows of a query as a table for people, CSV or JSON lines."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import chain
from typing import Any, TextIO
from uuid import UUID

from mmscodec.cli.cells import cut
from mmscodec.cli.output import SHORT, iso_time, width_of
from mmscodec.cli.width import fits, shortened
from mmscodec.lines.fields import safe

_WIDEST = 60  # columns of a cell in a table


def _plain(value: Any) -> Any:
    # as JSON has it
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, timedelta):
        return (value.days * 86_400 + value.seconds) * 10**9 + value.microseconds * 1000
    if isinstance(value, datetime):
        return value.isoformat().removesuffix("+00:00") + "Z"
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    return str(value) if isinstance(value, date | time | UUID) else repr(value)


def _values(answer: Any) -> Iterator[list[Any]]:
    for row in answer.rows():
        yield [
            _plain(value) if value is None or not time else iso_time(value)
            for value, time in zip(row, answer.times)
        ]


def _word(value: Any) -> str:
    # for people and CSV
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g}" if abs(value) < 1e15 else repr(value)
    return value if isinstance(value, str) else json.dumps(value)


def cell(value: Any) -> str:
    """A cell of CSV: neither a formula nor an order to a terminal."""
    if isinstance(value, float):
        return repr(value)
    text = safe(_word(value))
    return "'" + text if isinstance(value, str) and text[:1] in ("=", "+", "-", "@") else text


def _as_table(answer: Any, out: TextIO) -> None:
    """Columns side by side, numbers to the right, as wide as the terminal.

    Where that is too narrow messages have their short names, as in `decode`. Where there is none,
    in a pipe or file, a cell alone is cut, to a width that can be read.
    """
    rows = [[cut(safe(_word(value)), _WIDEST) for value in row] for row in _values(answer)]
    heads = [safe(name) for name in answer.columns]
    width = width_of(out)
    if width is not None and not fits(rows, heads, width):
        rows = [[_without(text, SHORT) for text in row] for row in rows]
    for line in shortened(rows, heads, width):
        out.write(line + "\n")


def _without(text: str, prefixes: tuple[str, ...]) -> str:
    # without the first of them that it begins with
    for prefix in prefixes:
        if text.startswith(prefix):
            return text[len(prefix) :]
    return text


def _as_csv(answer: Any, out: TextIO) -> None:
    """RFC 4180 with a line of names."""
    writer = csv.writer(out, lineterminator="\n")
    rows = _values(answer)
    first = next(rows, None)  # names are known behind it
    writer.writerow([cell(name) for name in answer.columns])
    for row in [] if first is None else chain([first], rows):
        writer.writerow([cell(value) for value in row])


def _as_json(answer: Any, out: TextIO) -> None:
    """An object a line, in ASCII."""
    for row in _values(answer):
        out.write(json.dumps(dict(zip(answer.columns, row)), separators=(",", ":")) + "\n")


FORMS: dict[str, Callable[[Any, TextIO], None]] = {
    "table": _as_table, "csv": _as_csv, "json": _as_json,
}  # fmt: skip
