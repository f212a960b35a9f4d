"""Damage in words on stderr, and as an exit status."""

from __future__ import annotations

import sys
from typing import Any

from mmscodec.schema import faults

DAMAGED = 3
LINES = 10


def report(capture: Any) -> int:
    """Say what was wrong with the input; 0 if nothing was, else 3."""
    rows = capture.faults
    if rows is None or len(rows) == 0:
        return 0
    skipped = int(rows["length"].sum())
    plural = "place" if len(rows) == 1 else "places"
    say(f"input damaged in {len(rows)} {plural}, {skipped} bytes skipped")
    names = ("code", "field", "offset", "length", "need", "have")
    for row in rows[:LINES]:
        say("  " + faults.text(**{name: int(row[name]) for name in names}))
    if len(rows) > LINES:
        say(f"  and {len(rows) - LINES} more")
    return DAMAGED


def say(words: str) -> None:
    """One line on stderr."""
    print(f"mmscodec: {words}", file=sys.stderr)
