"""Rows of flows that have not ended, while a capture is read in batches."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture import dtypes

#: A row of the kernel, and what the batches said of it. Text is made when a row is written.
_KEPT = np.dtype([("raw", dtypes.RAW_FLOWS), ("faults", "<u4"), ("way", "u1")])
_NO_FAULTS = np.zeros(0, [("flow", "<i4")])


class FlowRows:
    """Some rows of `flows` of several batches, in the form that `CaptureArrow` reads."""

    def __init__(self, kept: np.ndarray) -> None:
        self._raw_flows = np.ascontiguousarray(kept["raw"])
        self._directions = np.ascontiguousarray(kept["way"])
        self.flows = dtypes.flow_table(self._raw_flows, _NO_FAULTS, self._directions)
        self.flows["faults"] = kept["faults"]

    def flow_rows(self, flows: Any) -> np.ndarray:
        """Indices of rows by the numbers of their flows."""
        return dtypes.find_rows(self._raw_flows["flow"], flows)


class OpenFlows:
    """The last row of each flow that has not ended, by number.

    165 bytes a flow, and as much again for those that ended lately and for growth: rows are
    written over where they are, and those that ended are let go when half of all has.
    """

    def __init__(self) -> None:
        self._rows = np.empty(0, _KEPT)
        self._count = self._gone = 0

    def __len__(self) -> int:
        return self._count - self._gone

    def take(self, tables: Any) -> np.ndarray:
        """The rows of a batch; those that have ended are given back, with all their faults."""
        raw = tables._raw_flows
        given = np.zeros(len(raw), _KEPT)
        given["raw"], given["way"] = raw, tables._directions
        # faults are counted batch by batch
        given["faults"] = dtypes.faults_of(raw, tables.faults)
        rows = self._rows[: self._count]
        at = dtypes.find_rows(rows["raw"]["flow"], raw["flow"])
        known, ended = at >= 0, _ended(given)
        given["faults"][known] += rows["faults"][at[known]]
        rows[at[known]] = given[known]
        self._gone += int((known & ended).sum())
        self._add(given[~known & ~ended])
        return given[ended]

    def _add(self, new: np.ndarray) -> None:
        # numbers ascend from batch to batch
        if 2 * self._gone > self._count:
            rows = self._rows[: self._count]
            self._rows = rows[~_ended(rows)]
            self._count, self._gone = len(self._rows), 0
        count = self._count + len(new)
        if count > len(self._rows):
            rows = np.empty(max(count, len(self._rows) * 3 // 2), _KEPT)
            rows[: self._count] = self._rows[: self._count]
            self._rows = rows
        self._rows[self._count : count] = new
        self._count = count

    def rest(self) -> np.ndarray:
        """All rows that are left; none is kept."""
        rows = self._rows[: self._count]
        self._rows, self._count, self._gone = np.empty(0, _KEPT), 0, 0
        return rows[~_ended(rows)]


def _ended(rows: np.ndarray) -> np.ndarray:
    return rows["raw"]["marks"] & dtypes.ENDED != 0
