"""The packets of a plan into an open file."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from mmscodec.asf._write import PacketWriter

Progress = Callable[[int], Any]

#: Packets are put together in a buffer that stays in a processor's cache.
GATHER_LEN = 1 << 19


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
        Called with the number of bytes written since the last call.
    """
    size, done = writer.packet_size, 0
    buffer = bytearray(max(GATHER_LEN, size))
    while done < len(rows):
        count = writer.fill(rows, done, buffer)
        write_all(file, memoryview(buffer)[: count * size])
        done += count
        if progress is not None:
            progress(count * size)
    return done


def write_all(file: Any, data: Any) -> None:
    """Write to an unbuffered file, which may take less than it is given."""
    view = memoryview(data)
    while len(view):
        view = view[file.write(view) :]
