"""Damage in words on stderr, and as an exit status."""

from __future__ import annotations

import sys
from typing import Any

from mmscodec.errors import CaptureError
from mmscodec.schema.faults import FAULT_FIELDS

DAMAGED = 3
MAGIC = next(number for number, name in FAULT_FIELDS.items() if name == "magic")
LINES = 10


class Damage:
    """Faults, counted batch by batch; the first few are kept to be shown."""

    def __init__(self) -> None:
        self.count = 0
        self.skipped = 0
        self.lines: list[str] = []

    def add(self, tables: Any) -> None:
        """Take in the faults of a batch; CaptureError if they are all there is."""
        rows = tables.faults
        if len(rows) and (rows["field"] == MAGIC).all() and not len(tables.flows):
            raise CaptureError("this is no capture: " + rows.text()[0])
        self.take(rows)

    def take(self, rows: Any) -> None:
        """Take in some faults."""
        self.count += len(rows)
        self.skipped += int(rows["length"].sum())
        self.lines += rows[: LINES - len(self.lines)].text()

    def report(self) -> int:
        """Say what was wrong with the input; 0 if nothing was, else 3."""
        if not self.count:
            return 0
        plural = "place" if self.count == 1 else "places"
        say(f"input damaged in {self.count} {plural}, {self.skipped} bytes skipped")
        for line in self.lines:
            say("  " + line)
        if self.count > len(self.lines):
            say(f"  and {self.count - len(self.lines)} more")
        return DAMAGED


def say(words: str) -> None:
    """One line on stderr."""
    print(f"mmscodec: {words}", file=sys.stderr)
