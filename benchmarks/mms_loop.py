"""The hand-written C loop on a stream, into arrays that are there already."""

from __future__ import annotations

import ctypes

import numpy as np

from benchmarks.harness import Run, compiled, pointer
from mmscodec.schema import dtypes
from mmscodec.schema.mms import MESSAGES

MAX_PACKET = 16 << 20
LEAST = np.zeros((2, 64), np.uint16)
for item in MESSAGES:
    LEAST[(item.mid >> 16) - 3, item.mid & 63] = item.min_size


class Loop:
    """`mms_loop` and `mms_gather` of c/mms_loop.c bound to one buffer and its arrays."""

    def __init__(self, data: np.ndarray, packets: int, messages: int, media: int) -> None:
        self.library = compiled("mms_loop")
        self.library.mms_loop.restype = ctypes.c_size_t
        self.library.mms_gather.restype = ctypes.c_size_t
        self.data = data
        self.packets = np.zeros(packets + 1, dtypes.PACKETS)
        self.messages = np.zeros(messages + 1, dtypes.MESSAGES)
        self.media = np.zeros(media + 1, dtypes.DATA)
        self.counts = np.zeros(3, np.uint64)
        tables = (self.packets, self.messages, self.media, self.counts)
        self.arguments = [
            pointer(data),
            ctypes.c_size_t(data.nbytes),
            ctypes.c_uint32(MAX_PACKET),
            pointer(LEAST),
            *map(pointer, tables),
        ]

    def __call__(self) -> int:
        return self.library.mms_loop(*self.arguments)

    def rows(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rows of the last call."""
        packets, messages, media = self.counts.tolist()
        return self.packets[:packets], self.messages[:messages], self.media[:media]

    def gather(self, mid: int, rows: np.ndarray) -> int:
        """Fixed fields of all messages with this MID into `rows`."""
        return self.library.mms_gather(
            pointer(self.data),
            pointer(self.messages),
            ctypes.c_size_t(int(self.counts[1])),
            ctypes.c_uint32(mid),
            ctypes.c_size_t(rows.itemsize),
            pointer(rows),
        )

    def run(self, rows: int) -> Run:
        return Run("C loop", self, self.data.nbytes, rows)
