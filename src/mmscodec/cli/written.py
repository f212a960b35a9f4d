"""Files that a command wrote, told as words for people, JSON lines or CSV."""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterable
from typing import Any

from mmscodec.cli.result import cell


def arguments(parser: argparse.ArgumentParser) -> None:
    """The options."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="JSON lines, one object for each file")
    form.add_argument("--csv", action="store_true", help="CSV, one row for each file")


class Written:
    """Tells of one file after the other."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.json, self.csv = options.json, options.csv
        self.names: list[str] | None = None

    def tell(self, lines: Iterable[str], **facts: Any) -> None:
        """One file: what people read, and the same as named values."""
        if self.json:
            print(json.dumps(facts, separators=(",", ":"), default=str))
        elif self.csv:
            csv_row(facts, head=self.names is None)
            self.names = list(facts)
        else:
            print("\n".join(lines))
        sys.stdout.flush()


def csv_row(facts: dict[str, Any], *, head: bool) -> None:
    """A row of CSV, behind the names; what is no number and no text as JSON."""
    writer = csv.writer(sys.stdout, lineterminator="\n")
    if head:
        writer.writerow(facts)
    values = (
        json.dumps(value, default=str) if isinstance(value, dict | list) else value
        for value in facts.values()
    )
    writer.writerow([cell(value) for value in values])
