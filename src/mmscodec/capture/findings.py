"""Findings of both protocols in one table."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.blocks import blocks, joined
from mmscodec.mms.findings import Findings, find
from mmscodec.schema.findings import Severity
from mmscodec.schema.winmx.findings import Table
from mmscodec.winmx.findings import line

#: In `table` of a capture's findings: a row of `winmx.packets` (1 is one of `packets`).
_WINMX_PACKETS = 5


class _CaptureFindings(Findings):
    """Findings of MMS rows (table 1 to 3), then those of WinMX rows (4 nodes, 5 winmx.packets)."""

    def text(self) -> list[str]:
        """One line for each finding: offset, severity, field, what, seen, expected, section."""
        rows = np.atleast_1d(np.asarray(self))
        mms = rows["table"] <= 3
        found = rows[mms].view(Findings)
        found.words = self.words
        lines = iter(found.text())
        return [next(lines) if known else _in_words(row) for known, row in zip(mms.tolist(), rows)]


def _in_words(row: np.void) -> str:
    """One WinMX finding, as MMS has them."""
    severity = Severity(int(row["severity"])).name.lower()
    return f"flow {int(row['flow'])} " + line(row).replace(f"{severity}:", severity, 1)


def find_all(tables: Any) -> Findings:
    """Findings of a capture or of one batch of it."""
    found = find(tables)
    others = np.asarray(tables.winmx.findings)
    if len(others) == 0:
        return found
    both = joined([np.asarray(found), others], found.dtype)
    for here in blocks(len(others)):
        table = both["table"][len(found) :][here]
        table[:] = np.where(table == Table.NODES, Table.NODES, _WINMX_PACKETS)
    whole = both.view(_CaptureFindings)
    whole.words = found.words
    return whole
