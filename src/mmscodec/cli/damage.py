"""Damage in words on stderr, and as an exit status."""

from __future__ import annotations

import sys
from typing import Any

from mmscodec.cli.flows import endpoint
from mmscodec.errors import CaptureError
from mmscodec.schema.faults import FAULT_FIELDS, FaultCode

DAMAGED = 3
_MAGIC = next(number for number, name in FAULT_FIELDS.items() if name == "magic")
LINES = 10


class Damage:
    """Faults, counted batch by batch; the first few are kept to be shown."""

    def __init__(self) -> None:
        self.count = 0
        self.skipped = 0
        self.limits: list[str] = []
        self.lines: list[str] = []
        self.doubtful: Any = None  # a capture, and the name of its file that is damaged

    def add(self, tables: Any, capture: Any) -> None:
        """Take in the faults of a batch; CaptureError if they are all there is."""
        from mmscodec.sessions.interrupted import left_inside

        rows = tables.faults
        if len(rows) and len(tables.flows):
            rows = rows[~left_inside(rows, tables.flows)]
        if len(rows) and (rows["field"] == _MAGIC).all() and not len(tables.flows):
            _refuse(capture, tables.file_of(int(rows[0]["offset"]))[0])
            raise CaptureError("this is no capture: " + where(tables, rows[0], rows.text()[0]))
        for row in rows[rows["code"] == FaultCode.BAD_RECORD][:1]:
            self.doubtful = capture, tables.file_of(int(row["offset"]))[0]
        beyond = rows["code"] == FaultCode.BEYOND_LIMIT
        if beyond.any():
            self.limits += [
                where(tables, row, line) for row, line in zip(rows[beyond], rows[beyond].text())
            ]
            rows = rows[~beyond]
        self.count += len(rows)
        self.skipped += int(rows["length"].sum())
        some = rows[: LINES - len(self.lines)]
        self.lines += [where(tables, row, line) for row, line in zip(some, some.text())]

    def check(self) -> None:
        """CaptureError if the only file turned out to be no capture."""
        if self.doubtful is not None:
            _refuse(*self.doubtful)

    def report(self) -> int:
        """Say what was wrong with the input; 0 if nothing was, else 3.

        CaptureError if its only file turned out to be no capture.
        """
        self.check()
        for line in self.limits[:LINES]:
            say(f"not read any further, for a limit of this program: {line}")
        if not self.count:
            return DAMAGED if self.limits else 0
        plural = "place" if self.count == 1 else "places"
        say(f"input damaged in {self.count} {plural}, {self.skipped} bytes skipped")
        for line in self.lines:
            say("  " + line)
        if self.count > len(self.lines):
            say(f"  and {self.count - len(self.lines)} more")
        return DAMAGED


def _refuse(capture: Any, name: str) -> None:
    """CaptureError for a stream that is no capture, in the words for a file."""
    if why := dict(capture.skipped).get(name):
        raise CaptureError(f"{name} is no pcap or pcapng file: {why}")


def where(tables: Any, row: Any, line: str) -> str:
    """A line about a fault with the flow it is in, or the name of the file and the offset there."""
    number = int(row["flow"])
    if number >= 0:
        flows = tables.flows[tables.flows["flow"] == number]
        ends = (f" {endpoint(flow, 'src')} > {endpoint(flow, 'dst')}" for flow in flows[:1])
        return f"flow {number}{''.join(ends)} {line}"
    if row["offset"] < 0:
        return line
    name, offset = tables.file_of(int(row["offset"]))
    return f"{name} 0x{offset:x}:{line.partition(':')[2]}"


def say(words: str) -> None:
    """One line on stderr."""
    print(f"mmscodec: {words}", file=sys.stderr)
