"""Rows chosen by flow and time: `--flow`, `--from`, `--to`."""

from __future__ import annotations

import argparse
import math
from datetime import UTC, datetime
from typing import Any

import numpy as np

from mmscodec.cli.files import from_zero
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
        seconds = float(word) if word.isascii() else math.nan
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


def arguments(parser: argparse.ArgumentParser, *, sessions: bool = False) -> None:
    """The options; with `sessions` those of a command that knows sessions."""
    group = parser.add_argument_group("which rows")
    if sessions:
        group.add_argument(
            "-s", "--session", type=from_zero, action="append", metavar="N",
            help="only this session, from 0 on; may be given again",
        )  # fmt: skip
    group.add_argument(
        "--flow", type=from_zero, action="append", metavar="N",
        help="only this flow, as decode numbers them; may be given again",
    )  # fmt: skip
    times(group)


def times(group: Any) -> None:
    """The options of time."""
    group.add_argument(
        "--from", dest="since", type=moment, metavar="TIME",
        help="only from this time on: seconds since the first row, or a date and time",
    )  # fmt: skip
    group.add_argument(
        "--to", dest="until", type=moment, metavar="TIME", help="only up to this time"
    )


class Choice:
    """Which rows are wanted; relative times count from the first row of the capture."""

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

    def begin_in(self, tables: Any) -> None:
        """The same, with all rows of a batch or capture that `decode` shows a line for."""
        if self.first is None and (self._relative(self.since) or self._relative(self.until)):
            parts = [tables.messages, tables.data, tables.faults, tables.gaps]
            if (tables.flows["protocol"] == "winmx").any():
                parts.append(tables.winmx.packets)
            from mmscodec.lines.rows import NO_TIME

            times = np.concatenate([np.asarray(rows["time"]) for rows in parts])
            self.begin(times[times != NO_TIME])

    @staticmethod
    def _relative(wanted: _Moment | None) -> bool:
        return wanted is not None and wanted.relative

    def keep(self, rows: Any) -> np.ndarray:
        """One bool a row of a table with the columns flow and time."""
        kept = self.keep_time(rows)
        if self.flows is not None:
            kept &= np.isin(rows["flow"], self.flows)
        return kept

    def keep_time(self, rows: Any) -> np.ndarray:
        """The same by time alone."""
        kept = np.ones(len(rows), bool)
        if self.since is not None:
            kept &= rows["time"] >= self._ns(self.since)
        if self.until is not None:
            kept &= rows["time"] <= self._ns(self.until)
        return kept

    def holds(self, time: int | None) -> bool:
        """Whether a moment is in the time that is asked for."""
        if time is None:
            return self.since is None and self.until is None
        return self.overlaps(time, time)

    def overlaps(self, start: int, end: int) -> bool:
        """Whether some of the time from `start` to `end` is asked for."""
        return (self.since is None or end >= self._ns(self.since)) and (
            self.until is None or start <= self._ns(self.until)
        )

    def _ns(self, wanted: _Moment) -> int:
        return wanted.ns + ((self.first or 0) if wanted.relative else 0)
