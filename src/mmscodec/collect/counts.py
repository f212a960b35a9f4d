"""What a collector counts, as plain numbers; metrics and logs read them."""

from __future__ import annotations

import os
import time
from collections import Counter


class Counts:
    """Since the start of the process.

    Attributes
    ----------
    bytes, records, runs, files, parts : int
        Read; records (chunks of raw streams); runs; files and parts that were finished.
    rows, faults, dropped : Counter
        Rows written by table; faults by name; rows dropped by reason ("queue", "disk").
    streams, evicted : int
        Connections in mind now; given up for want of room.
    queue_bytes, part_bytes : int
        That wait to be written; of the files in hand.
    newest : int
        Capture time (ns) of the newest row that was taken.
    """

    def __init__(self) -> None:
        self.bytes = self.records = self.runs = self.files = self.parts = 0
        self.rows: Counter[str] = Counter()
        self.faults: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.streams = self.evicted = self.queue_bytes = self.part_bytes = 0
        self.newest = 0
        self.reconnects = 0

    @property
    def lag(self) -> float:
        """Seconds from the capture of the newest row until now; 0 before there is one."""
        return max(time.time() - self.newest / 1e9, 0.0) if self.newest else 0.0


def memory() -> int:
    """Bytes of this process in memory; the most that it ever had where there is no /proc."""
    try:
        with open("/proc/self/statm", "rb") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        pass
    try:
        import resource
        import sys

        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024
    except ImportError:
        return 0
