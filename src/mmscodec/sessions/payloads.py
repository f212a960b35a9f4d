"""Payloads of many Data packets of a capture at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.asf._write import PacketWriter
from mmscodec.asf.plan import PLAN
from mmscodec.blocks import blocks
from mmscodec.errors import CaptureError

LONGEST = 0xFFFF


class Payloads:
    """Where the payloads of a capture lie.

    Parameters
    ----------
    cap : Capture
        Its Data packets are looked up once.

    Attributes
    ----------
    kept : bool
        Whether the bytes of the capture can be read (again).
    lengths : numpy.ndarray
        int64: bytes of each payload, one for each row of `cap.data`.
    """

    def __init__(self, cap: Any) -> None:
        data = cap.data
        flows = np.flatnonzero(np.bincount(data["flow"]))
        number = np.zeros(int(flows[-1]) + 1 if len(flows) else 0, np.int32)
        number[flows] = np.arange(len(flows))
        self._plan = np.zeros(len(data), PLAN)
        self._plan["offset"] = data["offset"] + 8
        self._plan["length"] = np.maximum(data["length"], 8) - 8
        self._plan["source"] = number[data["flow"]]
        self.lengths = self._plan["length"].astype(np.int64)
        try:
            extents, buffers = cap._places(flows.tolist())
            self._reader = PacketWriter(extents, buffers, LONGEST)
            self.kept = True
        except CaptureError:
            self.kept = False

    def send_times(self) -> np.ndarray:
        """Send time in ms of the ASF packet in each row of `cap.data`, int64; -1 = not known."""
        out = np.full(len(self._plan), -1, np.int64)
        if self.kept:
            for rows in blocks(len(out)):
                self._reader.send_times(self._plan[rows], out[rows])
        return out

    def read(self, rows: np.ndarray) -> np.ndarray:
        """Payloads of these rows, one behind the other: uint8, a copy. What is missing is 0."""
        out = np.empty(int(self.lengths[rows].sum()), np.uint8)
        self._reader.copy(self._plan[rows], out)
        return out
