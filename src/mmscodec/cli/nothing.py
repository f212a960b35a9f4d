"""What a capture holds that nothing was made of, said at the end."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture import half_connections
from mmscodec.cli.damage import DAMAGED, say

#: Said wherever it occurs, and told by the exit status: frames that could not be looked at.
UNREAD = ("link type", "wrong link type")
#: Said wherever it occurs.
CONNECTIONS = ("unanswered", "refused", "silent", "HTTP", "RTSP", "not MMS")
_HALVES = 1 << 16  # flows without a peer that are kept to be paired


class Halves:
    """Flows without their other direction, batch by batch, to find those in two scopes."""

    def __init__(self) -> None:
        self.flows: dict[int, Any] = {}

    def add(self, flows: Any) -> None:
        """Take in the flows of a batch."""
        for row in flows:
            number = int(row["flow"])
            if row["peer"] >= 0:
                self.flows.pop(number, None)
            elif number in self.flows or len(self.flows) < _HALVES:
                self.flows[number] = row

    def say(self) -> None:
        """The hint, where there is one."""
        if not self.flows:
            return
        count = len(half_connections(np.array(list(self.flows.values()))))
        if count:
            were = "connection was" if count == 1 else "connections were"
            say(
                f"{count} {were} seen in two halves, each in another VLAN or tunnel: "
                "--ignore-vlan joins those of different VLANs"
            )


def report(capture: Any, found: bool, *, chosen: bool = False) -> int:
    """Say what was not understood; 3 where that is all there is, or frames are of no known kind.

    Parameters
    ----------
    capture : Capture
        The pass over it has ended.
    found : bool
        Something of MMS or WinMX was found.
    chosen : bool
        Only some rows were asked for, so that the others may be there.
    """
    if chosen and not found:
        say("no row is of the flows and times that were asked for")
        return 0
    rows = capture.not_understood
    counts = capture.counts
    texts = dict(zip(rows["reason"].tolist(), [""] * len(rows)))
    said = [
        text
        for reason, text in zip(rows["reason"].tolist(), rows.text())
        if not found or reason in UNREAD + CONNECTIONS
    ]
    if not found:
        segments = counts["segments"]
        of = f"{segments:,} of them TCP or UDP" if segments else "none of them TCP or UDP"
        say(f"no MMS or WinMX traffic in {counts['records']:,} frames, {of}")
    for text in said:
        say(f"  {text}" if not found else text)
    if any(reason in texts for reason in UNREAD):
        return DAMAGED
    if found:
        return 0
    nothing = counts["records"] > 0 and counts["segments"] == 0
    return DAMAGED if nothing or any(reason in texts for reason in CONNECTIONS) else 0
