"""The packets of a plan into an open file, as fast as the disk takes them.

Two threads take ranges in turn: while one puts packets together the other one's are being written.
The second thread also has the system start on the disk with what is written, so that a big file is
nearly there when the last packet is. If that makes it wait, the first one goes on alone.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import numpy as np

from mmscodec.asf._write import HAS_PLACES, PacketWriter, reserve, start_writing
from mmscodec.asf.plan import FILLER

Progress = Callable[[int], Any]

#: Packets are put together in a buffer that stays in a processor's cache.
GATHER_LEN = 1 << 19
#: What a thread takes at a time.
RANGE_LEN = 4 << 20
#: What the disk is told to begin with at a time.
START_LEN = 32 << 20
#: Smaller files are left to the system, which writes them when it likes.
BIG_LEN = 64 << 20


class Ranges:
    """Ranges of rows, handed out in order to whichever thread asks."""

    def __init__(self, rows: int, step: int) -> None:
        self._rows, self._step = rows, step
        self._next = self._fresh = 0
        self._lock = Lock()

    def take(self) -> tuple[int, int] | None:
        """First row and the one behind the last; None when there are no more."""
        with self._lock:
            start = self._next
            self._next = min(start + self._step, self._rows)
            return (start, self._next) if start < self._next else None

    def stop(self) -> None:
        """Hand out no more."""
        with self._lock:
            self._next = self._rows

    def done(self, rows: int) -> None:
        """So many more rows are written."""
        with self._lock:
            self._fresh += rows

    def fresh(self) -> int:
        """Rows written since the last call."""
        with self._lock:
            rows, self._fresh = self._fresh, 0
            return rows


def write_packets(
    file: Any, rows: np.ndarray, writer: PacketWriter, progress: Progress | None = None
) -> int:
    """Write the packets of a plan behind what was written to `file`; how many there were.

    Parameters
    ----------
    file : io.FileIO
        Unbuffered.
    rows : numpy.ndarray
        `PLAN`.
    progress : callable, optional
        Called in this thread with the number of bytes written since the last call.
    """
    at, size = file.tell(), writer.packet_size
    buffer = bytearray(GATHER_LEN + size)
    if not HAS_PLACES:
        return _one_after_the_other(file, rows, writer, buffer, progress)
    descriptor = file.fileno()
    if len(rows):
        reserve(descriptor, at, len(rows) * size)
    ranges = Ranges(len(rows), max(RANGE_LEN // size, 1))
    # a filler repeats the send time of the packet before it: one thread then
    alone = len(rows) * size <= 2 * RANGE_LEN or os.cpu_count() == 1
    alone = alone or bool((rows["source"] == FILLER).any())
    other: Future[PacketWriter] | None = None
    with ThreadPoolExecutor(1) as pool:
        try:
            if not alone:
                other = pool.submit(_help, ranges, rows, writer.twin(), descriptor, at)
            while part := ranges.take():
                writer.write(rows, *part, descriptor, at, buffer, GATHER_LEN)
                ranges.done(part[1] - part[0])
                if progress is not None:
                    progress(ranges.fresh() * size)
            if other is not None:
                writer.add(other.result())
        finally:
            ranges.stop()
    if progress is not None and (left := ranges.fresh()):
        progress(left * size)
    return len(rows)


def _help(
    ranges: Ranges, rows: np.ndarray, writer: PacketWriter, descriptor: int, at: int
) -> PacketWriter:
    size, begun = writer.packet_size, at
    buffer = bytearray(GATHER_LEN + size)
    big = len(rows) * size >= BIG_LEN
    try:
        while part := ranges.take():
            writer.write(rows, *part, descriptor, at, buffer, GATHER_LEN)
            ranges.done(part[1] - part[0])
            # up to the range before this one, which the other thread may not have finished: what is
            # not there yet is not begun, and that is all
            end = at + (part[0] * size - RANGE_LEN)
            if big and end - begun >= START_LEN:
                start_writing(descriptor, begun, end - begun)
                begun = end
    finally:
        ranges.stop()
    return writer


def _one_after_the_other(
    file: Any, rows: np.ndarray, writer: PacketWriter, buffer: bytearray, progress: Progress | None
) -> int:
    done = 0
    while done < len(rows):
        count = writer.fill(rows, done, buffer)
        write_all(file, memoryview(buffer)[: count * writer.packet_size])
        done += count
        if progress is not None:
            progress(count * writer.packet_size)
    return done


def write_all(file: Any, data: Any) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
