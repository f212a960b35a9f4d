"""Frames of a capture by number, and the bytes of flows that lie in one."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture._merge import Merge
from mmscodec.capture.export import again


class Frames:
    """All records of a capture in its order."""

    def __init__(self, capture: Any) -> None:
        self.capture = capture
        capture.flows  # noqa: B018  a stream is there to be walked again once it was read
        merge = Merge((again(source) for source in capture._sources), keep=True)
        self.rows = merge.rows()

    def number(self, frame: int) -> int:
        """Row of a frame counted from 1; IndexError where there is none."""
        if not 1 <= frame <= len(self.rows):
            raise IndexError(f"there is no frame {frame}: the capture has {len(self.rows)}")
        return frame - 1

    def holding(self, position: int) -> int | None:
        """Row of the record whose frame has the byte at a position; None: it is in none."""
        order = np.argsort(self.rows["position"], kind="stable")
        starts = self.rows["position"][order].astype(np.int64)
        place = int(np.searchsorted(starts, position, "right")) - 1
        if place < 0:
            return None
        row = int(order[place])
        return row if position < starts[place] + int(self.rows["caplen"][row]) else None

    def stretches(self, row: int) -> list[tuple[int, int, int]]:
        """(flow, first offset, end) of the bytes of flows that lie in a record."""
        record = self.rows[row]
        first = int(record["position"])
        end, time = first + int(record["caplen"]), int(record["time"])
        flows = self.capture.flows
        near = flows[(flows["first_time"] <= time) & (flows["last_time"] >= time)]
        out = []
        for flow in near["flow"].tolist():
            extents = self.capture._extents(flow)
            places = extents["place"].astype(np.float64)  # those of kept bytes are far above
            inside = (places + extents["length"] > first) & (places < end)
            for row_ in extents[inside]:
                begin = max(int(row_["place"]), first)
                stop = min(int(row_["place"]) + int(row_["length"]), end)
                offset = int(row_["offset"]) + begin - int(row_["place"])
                out.append((flow, offset, offset + stop - begin))
        return out
