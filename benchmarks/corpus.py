"""MMS byte streams with a fixed seed: control messages, media, and a mix of both.

Every stream is valid: a decoder must find no fault in it. `Stream` says what is inside, so that a
benchmark can check what it timed.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

HEADER = struct.Struct("<4sIIIIHHQ")
SESSION, SEAL = 0xB00BFACE, 0x20534D4D

# name, MID, bytes of the message (multiples of 8, at least the fixed part), weight
KINDS = [
    ("LinkMacToViewerPing", 0x0004001B, (16,), 6),
    ("LinkViewerToMacPong", 0x0003001B, (16,), 6),
    ("LinkMacToViewerReportStreamSwitch", 0x00040021, (16,), 3),
    ("LinkMacToViewerReportEndOfStream", 0x0004001E, (16,), 2),
    ("LinkViewerToMacStopPlaying", 0x00030009, (16,), 3),
    ("LinkMacToViewerReportReadBlock", 0x00040011, (24,), 2),
    ("LinkMacToViewerReportStartedPlaying", 0x00040005, (40,), 4),
    ("LinkViewerToMacStartPlaying", 0x00030007, (40, 56), 6),
    ("LinkMacToViewerReportFunnelInfo", 0x00040015, (48,), 2),
    ("LinkViewerToMacReadBlock", 0x00030015, (56,), 4),
    ("LinkViewerToMacConnectFunnel", 0x00030002, (80, 96), 2),
    ("LinkMacToViewerReportOpenFile", 0x00040006, (120,), 2),
    ("LinkViewerToMacOpenFile", 0x00030005, (64, 88), 2),
]


@dataclass(frozen=True)
class Stream:
    """One corpus: its bytes and how many packets, messages and Data packets it holds."""

    name: str
    data: np.ndarray
    packets: int
    messages: int
    media: int
    kinds: dict[str, int]

    @property
    def rows(self) -> int:
        return self.packets + self.messages + self.media

    def part(self, size: int) -> bytes:
        """The first whole things of the stream, `size` bytes at most: for slow rivals."""
        return self.data[:size].tobytes()


def message(rng: np.random.Generator, mid: int, size: int) -> bytes:
    """A message whose fields hold random numbers; variable-length counts stay zero."""
    body = rng.integers(0, 1 << 16, (size - 8) // 4, dtype=np.uint32)
    if mid in (0x00030002, 0x00030005, 0x00040006):
        body[4:] = 0
    return struct.pack("<II", size // 8, mid) + body.astype("<u4").tobytes()


def packet(messages: list[bytes]) -> bytes:
    """A TcpMessageHeader packet, chunkCount as every real peer sends it."""
    body = b"".join(messages)
    length = len(body) + 16
    head = HEADER.pack(b"\1\0\0\0", SESSION, length, SEAL, length // 8, 0, 0, 0)
    return head + body


def packet_pool(rng: np.random.Generator, count: int) -> list[tuple[bytes, list[int]]]:
    """Packets of one message, seldom of two to four, with the kinds in each."""
    weights = np.array([kind[3] for kind in KINDS], float)
    weights /= weights.sum()
    pool = []
    for _ in range(count):
        many = 1 if rng.random() < 0.9 else int(rng.integers(2, 5))
        kinds = rng.choice(len(KINDS), many, p=weights).tolist()
        sizes = [int(rng.choice(KINDS[kind][2])) for kind in kinds]
        pool.append((packet([message(rng, KINDS[k][1], n) for k, n in zip(kinds, sizes)]), kinds))
    return pool


def media_packet(location: int, size: int, payload: bytes) -> bytes:
    return struct.pack("<IBBH", location, 9, location & 0xFF, size) + payload[: size - 8]


def assembled(name: str, pieces: list[tuple[bytes, list[int] | None]], order) -> Stream:
    """The pieces in the given order; `seq` counts packets up, LocationId Data packets."""
    data = np.frombuffer(b"".join([pieces[i][0] for i in order]), np.uint8).copy()
    sizes = np.array([len(piece) for piece, _ in pieces])[order]
    starts = np.cumsum(sizes) - sizes
    is_packet = np.array([kinds is not None for _, kinds in pieces])[order]
    heads = starts[is_packet]
    seq = np.arange(len(heads)) & 0xFFFF
    data[heads + 20] = seq & 0xFF
    data[heads + 21] = seq >> 8
    bodies = starts[~is_packet]
    location = np.arange(len(bodies))
    for byte in range(4):
        data[bodies + byte] = location >> 8 * byte & 0xFF
    data[bodies + 5] = location & 0xFF
    held = np.zeros((len(pieces), len(KINDS)), np.int64)
    for i, (_, kinds) in enumerate(pieces):
        for kind in kinds or ():
            held[i, kind] += 1
    counts = (np.bincount(order, minlength=len(pieces))[:, None] * held).sum(axis=0)
    kinds = {KINDS[k][0]: int(n) for k, n in enumerate(counts) if n}
    media = len(order) - len(heads)
    data.flags.writeable = False
    return Stream(name, data, len(heads), sum(kinds.values()), media, kinds)


def sequence(rng: np.random.Generator, sizes: np.ndarray, weights, total: int) -> np.ndarray:
    """Indices of pieces, drawn at random, whose sizes add up to `total` bytes or a bit less."""
    mean = float((sizes * weights).sum())
    order = rng.choice(len(sizes), int(total / mean * 1.05) + 16, p=weights)
    ends = np.cumsum(sizes[order])
    return order[: int(np.searchsorted(ends, total, "right"))]


@lru_cache(maxsize=1)
def control(megabytes: int = 256) -> Stream:
    """Concatenated control packets, about 70 bytes to a message."""
    rng = np.random.default_rng(1755)
    pieces = packet_pool(rng, 8192)
    sizes = np.array([len(piece) for piece, _ in pieces])
    weights = np.full(len(pieces), 1 / len(pieces))
    order = sequence(rng, sizes, weights, megabytes << 20)
    return assembled("control messages", pieces, order)


@lru_cache(maxsize=1)
def media(megabytes: int = 256) -> Stream:
    """Data packets of 1,456 bytes, one Ping after every 200 of them."""
    rng = np.random.default_rng(1756)
    ping = packet([message(rng, 0x0004001B, 16)])
    run = 200 * 1456 + len(ping)
    count = (megabytes << 20) // run
    block = np.empty((count, run), np.uint8)
    data = block[:, : 200 * 1456].reshape(count, 200, 1456)
    payload = rng.integers(0, 256, (1456,), np.uint8)
    data[:] = payload
    location = np.arange(count * 200, dtype="<u4").reshape(count, 200)
    data[:, :, :4] = location.view(np.uint8).reshape(count, 200, 4)
    data[:, :, 4] = 9
    data[:, :, 5] = location & 0xFF
    data[:, :, 6] = 1456 & 0xFF
    data[:, :, 7] = 1456 >> 8
    block[:, 200 * 1456 :] = np.frombuffer(ping, np.uint8)
    block[:, 200 * 1456 + 20] = np.arange(count) & 0xFF
    block[:, 200 * 1456 + 21] = np.arange(count) >> 8 & 0xFF
    block = block.reshape(-1)
    block.flags.writeable = False
    return Stream("media", block, count, count, count * 200, {KINDS[0][0]: count})


@lru_cache(maxsize=1)
def mixed(megabytes: int = 256) -> Stream:
    """Control packets and Data packets of 60 to 1,456 bytes in random order, half of each."""
    rng = np.random.default_rng(1757)
    pieces: list[tuple[bytes, list[int] | None]] = [*packet_pool(rng, 4096)]
    payload = rng.integers(0, 256, 2048, np.uint8).tobytes()
    pieces += [
        (media_packet(location, int(rng.integers(60, 1457)), payload), None)
        for location in range(4096)
    ]
    sizes = np.array([len(piece) for piece, _ in pieces])
    weights = np.full(len(pieces), 1 / len(pieces))
    return assembled("mixed", pieces, sequence(rng, sizes, weights, megabytes << 20))
