"""Captures for tables and text: control messages in full segments, and media."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from benchmarks import corpus
from benchmarks.capture_corpus import records
from tests.capture.build import NANO, pcap_header

SEGMENT = 1448


def write(path: Path, kind: str, megabytes: int) -> int:
    """A capture of a stream of `corpus`, one flow; returns its bytes."""
    made = {"control": corpus.control, "media": corpus.media, "mixed": corpus.mixed}[kind]
    stream = np.frombuffer(made(megabytes).data, np.uint8)
    count = len(stream) // SEGMENT
    payload = stream[: count * SEGMENT].reshape(count, SEGMENT)
    number = np.arange(count, dtype=np.int64)
    with path.open("wb") as file:
        file.write(pcap_header(magic=NANO))
        for at in range(0, count, 65536):
            part = slice(at, min(at + 65536, count))
            rows = records(np.zeros(len(number[part]), np.int64), 1 + number[part] * SEGMENT, 0x10,
                           payload[part], at)  # fmt: skip
            file.write(rows.tobytes())
        return file.tell()
