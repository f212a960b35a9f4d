"""Bytes of a flow that nothing interpreted: in no packet, Data packet, gap or fault."""

from __future__ import annotations

from typing import Any

import numpy as np

TABLES = ("packets", "data", "gaps", "faults")


def unread_by_flow(cap: Any) -> np.ndarray:
    """Bytes of each row of `cap.flows` that belong to no row of its tables: int64."""
    flows = cap.flows
    count = len(flows)
    lengths = flows["length"].astype(np.int64)
    if not count:
        return lengths
    covered = np.zeros(count)
    for name in TABLES:
        flow, size = _columns(getattr(cap, name))
        covered += np.bincount(flow, weights=size, minlength=count)
    # rows may lie in each other (a gap in a Data packet): only where the sum is off they are merged
    suspect = np.flatnonzero((covered != lengths) & (lengths > 0) & (flows["transport"] == "tcp"))
    out = np.zeros(count, np.int64)
    if len(suspect):
        out[suspect] = lengths[suspect] - _merged(cap, suspect, lengths)
    return np.maximum(out, 0)


def _columns(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    here = rows["flow"] >= 0
    if here.all():
        return rows["flow"], rows["length"]
    return rows["flow"][here], rows["length"][here]


def _merged(cap: Any, suspect: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    # bytes of each suspect flow in at least one row
    flow, start, end = [], [], []
    for name in TABLES:
        rows = getattr(cap, name)
        mine = np.flatnonzero(np.isin(rows["flow"], suspect))
        flow.append(rows["flow"][mine].astype(np.int64))
        start.append(rows["offset"][mine].astype(np.int64))
        end.append(start[-1] + rows["length"][mine].astype(np.int64))
    flows, starts, ends = map(np.concatenate, (flow, start, end))
    limit = lengths[flows]
    starts, ends = np.clip(starts, 0, limit), np.clip(ends, 0, limit)
    order = np.lexsort((starts, flows))
    flows, starts, ends = flows[order], starts[order], ends[order]
    # ends so far, flow by flow: flows are told apart by an offset larger than any position
    far = int(lengths.max()) + 1
    until = np.maximum.accumulate(ends + flows * far) - flows * far
    before = np.concatenate([[0], until[:-1]])
    before[np.flatnonzero(np.diff(flows, prepend=-1))] = 0
    fresh = np.maximum(ends - np.maximum(starts, before), 0)
    return np.bincount(flows, weights=fresh, minlength=len(lengths))[suspect].astype(np.int64)
