"""Captures of MMS sessions, any number of flows, made by NumPy: pcap (ns), Ethernet, IPv4, TCP."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tests.capture.build import NANO, pcap_header

HEADERS = 16 + 54  # record header, Ethernet, IPv4, TCP
PING = bytes.fromhex(
    "01000000cefa0bb0200000004d4d5320040000000000000000000000000000000200 00001b00040000000000"
    "00000000".replace(" ", "")
)


@dataclass
class Corpus:
    name: str
    raw: np.ndarray  # the file
    packets: int
    flows: int
    data: int  # Data packets, or messages where there are none


def be(values, width: int) -> np.ndarray:
    """Big-endian bytes of numbers: shape (n, width)."""
    kind = {2: ">u2", 4: ">u4"}[width]
    return np.ascontiguousarray(values, kind).view(np.uint8).reshape(-1, width)


def records(flow: np.ndarray, seq, flags: int, payload: np.ndarray, first: int) -> np.ndarray:
    """Records of frames of one size, one a row; packet `first` + i at i microseconds."""
    count, size = payload.shape
    rows = np.zeros((count, HEADERS + size), np.uint8)
    at = np.arange(first, first + count, dtype=np.int64) * 1000
    head = np.zeros((count, 4), "<u4")
    head[:, 0] = 1_700_000_000 + at // 10**9
    head[:, 1] = at % 10**9
    head[:, 2:] = 54 + size
    rows[:, :16] = head.view(np.uint8)
    frame = rows[:, 16:]
    frame[:, 12] = 8
    frame[:, 14] = 0x45
    frame[:, 16:18] = be(np.full(count, 40 + size), 2)
    frame[:, 22], frame[:, 23] = 64, 6
    frame[:, 26:30] = be(0x0A000000 + (flow >> 8), 4)
    frame[:, 30:34] = be(0xC0A80000 + (flow & 255), 4)
    frame[:, 34:36] = be(np.full(count, 1755), 2)
    frame[:, 36:38] = be(1024 + flow % 50_000, 2)
    frame[:, 38:42] = be(np.asarray(seq, np.uint32), 4)
    frame[:, 46], frame[:, 47] = 0x50, flags
    frame[:, 54:] = payload
    return rows


def media(first: int, count: int, size: int) -> np.ndarray:
    """Data packets `first` to `first` + count of `size` bytes, one a row."""
    number = np.arange(first, first + count)
    rows = np.empty((count, size), np.uint8)
    rows[:] = np.random.default_rng(1).integers(0, 256, size, np.uint8)
    rows[:, :4] = np.ascontiguousarray(number, "<u4").view(np.uint8).reshape(-1, 4)
    rows[:, 4], rows[:, 5] = 4, number & 255
    rows[:, 6:8] = np.frombuffer(np.uint16(size).tobytes(), np.uint8)
    return rows


def across(begin: int, count: int, payload: int, packet: int) -> np.ndarray:
    """Segments `begin` to `begin` + count of a stream of Data packets of another size."""
    start, end = begin * payload, (begin + count) * payload
    first = start // packet
    stream = media(first, -(-end // packet) - first, packet).reshape(-1)
    return stream[start - first * packet : end - first * packet].reshape(count, payload)


def capture(
    name: str,
    flows: int,
    payload: int,
    megabytes: int,
    *,
    other: bool = False,
    packet: int | None = None,
) -> Corpus:
    """Every flow says SYN and a Ping, then come segments of `payload` bytes, flows in turns.

    Each is one Data packet; with one flow and `packet`, Data packets have that size and lie across
    segments. With `other`, what the flows say is of no known protocol.
    """
    rounds = max(1, (megabytes << 20) // ((HEADERS + payload) * flows))
    everybody = np.arange(flows)
    first = np.frombuffer(PING, np.uint8)
    if other:
        first = np.frombuffer(
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\nxxx"[:48], np.uint8
        )
    parts = [pcap_header(magic=NANO)]
    at = 0
    for flags, body, seq in ((2, first[:0], 0), (24, first, 1)):
        block = np.broadcast_to(body, (flows, len(body)))
        parts.append(records(everybody, np.full(flows, seq), flags, block, at).tobytes())
        at += flows
    step = max(1, min(rounds, (16 << 20) // (payload * flows) + 1))
    for begin in range(0, rounds, step):
        count = min(step, rounds - begin)
        number = np.repeat(np.arange(begin, begin + count), flows)
        if packet:
            assert flows == 1
            block = across(begin, count, payload, packet)
        else:
            block = np.repeat(media(begin, count, payload), flows, axis=0)
        if other:
            block[:, :8] = 0x2E
        seq = 1 + len(first) + number * payload
        parts.append(records(np.tile(everybody, count), seq, 16, block, at).tobytes())
        at += count * flows
    raw = np.frombuffer(b"".join(parts), np.uint8)
    data = rounds * payload // packet if packet else rounds * flows
    return Corpus(name, raw, at, flows, 0 if other else data)
