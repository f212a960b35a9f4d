"""Rows chosen by flow and time: `--flow`, `--from`, `--to`."""

from __future__ import annotations

import argparse
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mmscodec.frozen import Frozen

_NS = 10**9


class _Moment(Frozen):
    """A time on the command line: ns since 1970, or ns since the first row of the capture."""

    ns: int
    relative: bool


def moment(word: str) -> _Moment:
    """Seconds since the first row, or a date and time (ISO 8601, UTC unless it says otherwise).

    >>> moment("2.5"), moment("1970-01-01T00:00:01.000000002Z")
    (Moment(ns=2500000000, relative=True), Moment(ns=1000000002, relative=False))
    """
    try:
        seconds = float(word)
    except ValueError:
        return _Moment(absolute(word), relative=False)
    if not math.isfinite(seconds) or abs(seconds) > 2**33:
        raise argparse.ArgumentTypeError(f"no time: {word}")
    return _Moment(round(seconds * _NS), relative=True)


def absolute(word: str) -> int:
    """Nanoseconds since 1970; Python's own reader of dates knows microseconds alone."""
    whole, point, rest = word.partition(".")
    digits = rest[: len(rest) - len(rest.lstrip("0123456789"))]
    try:
        parsed = datetime.fromisoformat(whole + rest[len(digits) :])
    except ValueError:
        text = f"no time: {word}; seconds, or a date and time like 2026-11-21T00:06:07Z"
        raise argparse.ArgumentTypeError(text) from None
    if point and not 0 < len(digits) <= 9:
        raise argparse.ArgumentTypeError(f"no time: {word}; at most nine digits behind the point")
    utc = parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)
    since = utc - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * _NS + int(digits.ljust(9, "0"))


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    group = parser.add_argument_group("which rows")
    group.add_argument(
        "--flow", type=int, action="append", metavar="N", help="only this flow; may be given again"
    )
    group.add_argument(
        "--from", dest="since", type=moment, metavar="TIME",
        help="only from this time on: seconds since the first row, or a date and time",
    )  # fmt: skip
    group.add_argument(
        "--to", dest="until", type=moment, metavar="TIME", help="only up to this time"
    )


class Choice:
    """Which rows are wanted; relative times count from the first row that `keep` is shown."""

    def __init__(self, options: Any = None) -> None:
        self.flows = getattr(options, "flow", None)
        self.since: _Moment | None = getattr(options, "since", None)
        self.until: _Moment | None = getattr(options, "until", None)
        self.first: int | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing was asked for."""
        return self.flows is None and self.since is None and self.until is None

    def begin(self, times: np.ndarray) -> None:
        """The times of a batch; the earliest of the first one is what relative times count from."""
        if self.first is None and len(times):
            self.first = int(times.min())

    def keep(self, rows: Any) -> np.ndarray:
        """One bool a row of a table with the columns flow and time."""
        kept = np.ones(len(rows), bool)
        if self.flows is not None:
            kept &= np.isin(rows["flow"], self.flows)
        if self.since is not None:
            kept &= rows["time"] >= self._ns(self.since)
        if self.until is not None:
            kept &= rows["time"] <= self._ns(self.until)
        return kept

    def overlaps(self, start: int, end: int) -> bool:
        """Whether some of the time from `start` to `end` is asked for."""
        return (self.since is None or end >= self._ns(self.since)) and (
            self.until is None or start <= self._ns(self.until)
        )

    def _ns(self, wanted: _Moment) -> int:
        return wanted.ns + ((self.first or 0) if wanted.relative else 0)
