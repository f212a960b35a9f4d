"""Which section of its specification a fault is about."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.schema.faults import FAULT_SECTIONS, OTHER_FIELDS
from mmscodec.schema.winmx import packet_of

#: Faults of WinMX have codes from here on, or one that both protocols share.
_WINMX_CODES = 64
#: Where a fault is in no packet: how frames of such a connection begin.
_FRAMING = {"cache": "7.1", "udp": "10.2", "legacy": "12"}
_FRAMES = "3"


class Sections:
    """Sections for the rows of `capture.faults`, by their place in it."""

    def __init__(self, capture: Any) -> None:
        self.capture = capture
        faults = capture.faults
        # those of WinMX stand behind the others, and only where there is a connection
        own = capture.winmx.faults if (capture.flows["protocol"] == "winmx").any() else ()
        self._own = own
        self._first = len(faults) - len(own)
        batches = capture.winmx.batches if len(own) else []
        self._batches = [batch for _, batch in batches]
        self._starts = np.cumsum([0, *(len(batch.packets) for batch in self._batches)])
        self._links = {flow: batch.link for flow, batch in batches}

    def of(self, place: int, row: Any) -> str:
        """The section, "" where the fault is of a file or frame."""
        code = int(row["code"])
        if place >= self._first:
            return self._winmx(self._own[place - self._first], code)
        if code not in FAULT_SECTIONS or row["flow"] < 0 or row["field"] >= OTHER_FIELDS:
            return ""
        return FAULT_SECTIONS[code]

    def _winmx(self, row: Any, code: int) -> str:
        if code >= _WINMX_CODES and code in FAULT_SECTIONS:
            return FAULT_SECTIONS[code]
        packet = int(row["packet"])
        if packet < 0:
            return _FRAMING.get(self._links.get(int(row["flow"]), ""), _FRAMES)
        at = int(np.searchsorted(self._starts, packet, "right")) - 1
        batch = self._batches[at]
        number = int(batch.packets["type"][packet - int(self._starts[at])])
        known = packet_of(batch.link, number, batch.direction)
        return known.section if known else _FRAMES
