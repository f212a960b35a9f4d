"""Frames of a capture by number, the bytes of flows that lie in one, and the frames of rows."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.capture._merge import Merge
from mmscodec.capture.dtypes import ARENA
from mmscodec.capture.export import again
from mmscodec.tables import column as make
from mmscodec.tables.table import Table


class Frames:
    """All records of a capture in its order, which is that of Wireshark's `frame.number`."""

    def __init__(self, capture: Any) -> None:
        # what follows walks a stream again, which is there once it was read for these tables
        self.capture = capture._bare()
        merge = Merge((again(source) for source in capture._sources), keep=True)
        self.rows = merge.rows()

    def number(self, frame: int) -> int:
        """Row of a frame counted from 1; IndexError where there is none."""
        if not 1 <= frame <= len(self.rows):
            raise IndexError(f"there is no frame {frame}: the capture has {len(self.rows)}")
        return frame - 1

    @cached_property
    def _by_position(self) -> np.ndarray:
        return np.argsort(self.rows["position"], kind="stable")

    @cached_property
    def _by_time(self) -> np.ndarray:
        return np.argsort(self.rows["time"], kind="stable")

    def holding_all(self, positions: np.ndarray) -> np.ndarray:
        """Rows of the records whose frames have the bytes at positions; -1: none."""
        found = np.full(len(positions), -1, np.int64)
        if not len(self.rows):
            return found
        starts = self.rows["position"][self._by_position]
        wanted = positions.astype(np.uint64)
        place = np.searchsorted(starts, wanted, "right") - 1
        rows = self._by_position[np.maximum(place, 0)]
        ends = self.rows["position"][rows].astype(np.uint64) + self.rows["caplen"][rows]
        inside = (place >= 0) & (wanted < ends) & (wanted < np.uint64(ARENA))
        found[inside] = rows[inside]
        return found

    def holding(self, position: int) -> int | None:
        """Row of the record whose frame has the byte at a position; None: it is in none."""
        row = int(self.holding_all(np.array([position], np.uint64))[0])
        return None if row < 0 else row

    def stretches(self, row: int) -> list[tuple[int, int, int]]:
        """(flow, first offset, end) of the bytes of flows that lie in a record."""
        record = self.rows[row]
        first = int(record["position"])
        end, time = first + int(record["caplen"]), int(record["time"])
        flows = self.capture._pass_flows
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

    def completing(
        self, times: np.ndarray, flows: np.ndarray, ends: np.ndarray | None = None
    ) -> np.ndarray:
        """Numbers of the frames, from 1 on, that completed rows; 0 where that is not known.

        The frame has the time of the row. Of several with that time it is the one that holds the
        row's last byte, at `ends` in its flow, or the only one that holds bytes of the flow.
        """
        sorted_times = self.rows["time"][self._by_time]
        first = np.searchsorted(sorted_times, times, "left")
        count = np.searchsorted(sorted_times, times, "right") - first
        found = np.zeros(len(times), np.int64)
        alone = count == 1
        found[alone] = self._by_time[first[alone]] + 1
        several = np.flatnonzero((count > 1) & (flows >= 0))
        by_flow = several[np.argsort(flows[several], kind="stable")]
        which, starts = np.unique(flows[by_flow], return_index=True)
        for flow, rows in zip(which.tolist(), np.split(by_flow, starts[1:])):
            last = None if ends is None else ends[rows]
            found[rows] = self._of_flow(flow, times[rows], last)
        return found

    def _of_flow(self, flow: int, times: np.ndarray, ends: np.ndarray | None) -> np.ndarray:
        extents = self.capture._extents(flow)
        found = np.zeros(len(times), np.int64)
        if not len(extents):
            return found
        if ends is not None:
            at = np.maximum(np.searchsorted(extents["offset"], ends, "right") - 1, 0)
            beyond = (ends - extents["offset"][at]).astype(np.uint64)
            held = self.holding_all(extents["place"][at] + beyond)
            good = (beyond < extents["length"][at]) & (held >= 0)
            good &= self.rows["time"][np.maximum(held, 0)] == times
            found[good] = held[good] + 1
        mine = np.unique(self.holding_all(extents["place"]))
        mine = mine[mine >= 0]
        mine = mine[np.argsort(self.rows["time"][mine], kind="stable")]
        first = np.searchsorted(self.rows["time"][mine], times, "left")
        alone = (np.searchsorted(self.rows["time"][mine], times, "right") - first == 1) & (
            found == 0
        )
        found[alone] = mine[first[alone]] + 1
        return found


def with_frames(frames: Callable[[], Frames], made: Table) -> Table:
    """A table with a column `frame`; ValueError where its rows are of no flow."""
    names = made.column_names
    if "time" not in names or "flow" not in names:
        raise ValueError(f"rows of {made.name} are not completed by one frame: none has a number")
    numbers: list[np.ndarray] = []

    def fetch(start: int, stop: int) -> np.ndarray:
        if not numbers:
            numbers.append(_numbers(frames(), made))
        return numbers[0][start:stop]

    column = make.number(
        "frame", fetch, "i8", 0, description="number of the frame that completed the row, from 1 on"
    )
    return made.with_columns([column, *made.columns])


def _numbers(frames: Frames, made: Table) -> np.ndarray:
    times, flows = made.numbers("time"), made.numbers("flow")
    ends = None
    if {"offset", "length"} <= set(made.column_names):
        ends = made.numbers("offset") + np.maximum(made.numbers("length"), 1).astype(np.int64) - 1
    found = frames.completing(times, flows, ends)
    if made.name == "faults":  # of a file: offset is a position
        rows = np.flatnonzero(flows < 0)
        offsets = made.numbers("offset")[rows]
        found[rows] = np.where(offsets < 0, -1, frames.holding_all(np.maximum(offsets, 0))) + 1
    return found
