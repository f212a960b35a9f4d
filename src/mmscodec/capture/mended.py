"""Rows that were made of damaged bytes: whether they have to be made again.

A copy of a segment whose checksum is right takes the place of the one that came first and is
damaged. Where that one had been decoded by then, another pass over the capture decodes the right
bytes in its place. Inside of a payload nothing was decoded.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture import dtypes


def to_decode_again(blocks: dict[str, Any]) -> tuple[np.ndarray, np.ndarray] | None:
    """What `Engine` takes as `mended`, None where no row depends on it."""
    rows = blocks["mended"].array(dtypes.MENDED)
    if not len(rows) or not _outside_of_payload(rows, blocks["data"].array(dtypes.CAPTURE_DATA)):
        return None
    return rows[np.argsort(rows["place"], kind="stable")], rows[np.argsort(rows["copy"])]


def _outside_of_payload(rows: np.ndarray, data: np.ndarray) -> bool:
    """Whether some of the bytes lie in anything but the payload of one Data packet."""
    data = data[np.isin(data["flow"], rows["flow"])]
    data = data[np.lexsort((data["offset"], data["flow"]))]
    for flow in np.unique(rows["flow"]).tolist():
        mine = rows[rows["flow"] == flow]
        first, last = np.searchsorted(data["flow"], [flow, flow + 1])
        starts = data["offset"][first:last]
        at = np.searchsorted(starts, mine["offset"], "right") - 1
        if last == first or (at < 0).any():
            return True
        ends = starts[at] + data["length"][first:last][at]
        if not (
            (mine["offset"] >= starts[at] + 8) & (mine["offset"] + mine["length"] <= ends)
        ).all():
            return True
    return False
