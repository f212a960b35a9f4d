"""Captures for tables and text: control messages in full segments, and media."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import corpus
from benchmarks.capture_corpus import PING, records
from tests.capture.build import NANO, pcap_header

SEGMENT = 1448


def write(path: Path, kind: str, megabytes: int) -> int:
    """A capture of a stream of `corpus`, one flow; returns its bytes."""
    made = {"control": corpus.control, "media": corpus.media, "mixed": corpus.mixed}[kind]
    return segments(path, np.frombuffer(made(megabytes).data, np.uint8), SEGMENT)


def pings(path: Path, count: int) -> int:
    """A capture of so many messages, 30 to a segment, one flow; returns its bytes."""
    return segments(path, np.tile(np.frombuffer(PING, np.uint8), count), 30 * len(PING))


def segments(path: Path, stream: np.ndarray, size: int) -> int:
    """A capture of a stream in segments of `size` bytes; what is left over is left out."""
    count = len(stream) // size
    payload = stream[: count * size].reshape(count, size)
    number = np.arange(count, dtype=np.int64)
    with path.open("wb") as file:
        file.write(pcap_header(magic=NANO))
        for at in range(0, count, 65536):
            part = slice(at, min(at + 65536, count))
            rows = records(np.zeros(len(number[part]), np.int64), 1 + number[part] * size, 0x10,
                           payload[part], at)  # fmt: skip
            file.write(rows.tobytes())
        return file.tell()
