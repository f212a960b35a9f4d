"""A kind of WinMX packet, or of items in one, as columns of a capture."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.tables.data import Spans
from mmscodec.winmx import arrow as winmx


class WinmxKind:
    """Rows of a kind of WinMX packet, from all connections."""

    def __init__(self, tables: Any, name: str) -> None:
        self.tables, self.name = tables, name

    @cached_property
    def rows(self) -> np.ndarray:
        """All rows, flow by flow."""
        return self.tables.winmx[self.name]

    @cached_property
    def owners(self) -> tuple[list[Any], np.ndarray]:
        """Batches, and the first row of each, and how many there are."""
        batches = [batch for _, batch in self.tables.winmx.batches]
        return batches, np.cumsum([0, *(len(batch[self.name]) for batch in batches)])

    def parts(self, start: int, stop: int, field: str) -> Spans:
        """Where a field of variable length lies."""
        batches, firsts = self.owners
        buffers, which, at, lengths = [b""], [], [], []
        for batch, first, last in zip(batches, firsts.tolist(), firsts[1:].tolist()):
            low, high = max(start, first), min(stop, last)
            if low >= high:
                continue
            rows = batch[self.name][low - first : high - first]
            buffer, places, sizes = winmx.source_of(batch, rows, field)
            which.append(np.full(len(rows), len(buffers), np.int32))
            buffers.append(buffer)
            at.append(places)
            lengths.append(sizes)
        if not which:
            none = np.zeros(stop - start, np.int64)
            return Spans(buffers, None, none, none)
        return Spans(buffers, *(np.concatenate(part) for part in (which, at, lengths)))
