"""Connections without end, hostile ones among them, and what a decoder is to find in each.

Everything about a connection follows from its number: what kind it is, its addresses, its bytes.
Each of its Pings says the number and which of them it is, so that a row shows where it belongs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from benchmarks.capture_corpus import PING, records
from tests.capture.build import NANO, pcap_header

MESSAGES = 8  # Pings of a connection that is well
_NUMBER, _WHICH = 40, 44  # where a Ping has its two parameters
_STEPS = 4  # segments in which its bytes come
_WHOLE = np.frombuffer(PING * MESSAGES, np.uint8)
_HUGE = bytearray(PING)
_HUGE[8:12] = b"\xff\xff\xff\x7f"  # a packet of 2 GB


def _stream(pings: int, rest: bytes) -> np.ndarray:
    return np.frombuffer((PING * pings + rest).ljust(len(_WHOLE), b"\xff"), np.uint8)


_ALL = (1 << MESSAGES) - 1
#: Bytes of a connection by its kind, all of one length, and which Pings are in them, as bits.
KINDS = {
    "garbage": (_stream(0, b""), 0),
    "huge": (_stream(3, bytes(_HUGE)), 0b111),
    "cut": (_stream(5, PING[:20]), 0b11111),
    "hole": (_WHOLE, _ALL),  # of a capture its second segment is missing, which has two
    "silent": (_WHOLE[:0], 0),
    "well": (_WHOLE, _ALL),
}
_HOLE = 0b11110011
_NAMES = tuple(KINDS)
_OF = np.array([0, 1, 2, 3, 4, *[5] * 11])  # one in sixteen of each hostile kind


def kinds(numbers: np.ndarray) -> np.ndarray:
    """The kind of each connection, as an index of `KINDS`."""
    return _OF[numbers % len(_OF)]


def streams(numbers: np.ndarray, kind: str) -> np.ndarray:
    """The bytes of connections of one kind, a row each."""
    stream, pings = KINDS[kind]
    out = np.tile(stream, (len(numbers), 1))
    for which in range(pings.bit_length()):
        at = which * len(PING)
        out[:, at + _NUMBER : at + _NUMBER + 4] = _u32(numbers)
        out[:, at + _WHICH : at + _WHICH + 4] = _u32(np.full(len(numbers), which))
    return out


def _u32(values: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(values, "<u4").view(np.uint8).reshape(-1, 4)


def expected(count: int, capture: bool) -> np.ndarray:
    """Pings that there are to be of the connections 0 to `count`, as bits of a number."""
    found = np.zeros(count, np.uint16)
    of = kinds(np.arange(count))
    for at, (name, (_, pings)) in enumerate(KINDS.items()):
        found[of == at] = _HOLE if capture and name == "hole" else pings
    return found


def capture(most: int, together: int) -> Iterator[tuple[int, bytes]]:
    """A capture of connections in pieces: how many were opened by then, and bytes.

    `together` are begun at a time, and those of seven such groups are open side by side.
    """
    yield 0, pcap_header(magic=NANO)
    at = 0  # packets
    ages = _STEPS + 2
    for tick in range(-(-most // together) + ages):
        frames = []
        for age in range(ages):
            first = (tick - age) * together
            numbers = np.arange(first, min(first + together, most))
            if first < 0 or not len(numbers):
                continue
            for made in _segments(numbers, age, at):
                at += len(made)
                frames.append(made.tobytes())
        yield min((tick + 1) * together, most), b"".join(frames)


def _segments(numbers: np.ndarray, age: int, at: int) -> Iterator[np.ndarray]:
    # what connections send that were opened so many ticks ago
    size = len(_WHOLE)
    of = kinds(numbers)
    if age in (0, _STEPS + 1):
        seq = np.full(len(numbers), 1000 if age == 0 else 1001 + size)
        seq[of == _NAMES.index("silent")] = 1000 + (age > 0)
        yield records(numbers, seq, 2 if age == 0 else 17, np.zeros((len(numbers), 0), "u1"), at)
        return
    begin, end = (size * (age - 1) // _STEPS, size * age // _STEPS)
    for index, name in enumerate(_NAMES):
        mine = numbers[of == index]
        if name == "silent" or not len(mine) or (name == "hole" and age == 2):
            continue
        payload = streams(mine, name)[:, begin:end]
        yield records(mine, np.full(len(mine), 1001 + begin), 24, payload, at)
        at += len(mine)


class Seen:
    """Pings that were found in tables, beside those that are to be there."""

    def __init__(self) -> None:
        self.bits = np.zeros(0, np.uint16)
        self.rows = self.twice = self.strange = 0

    def add(self, numbers: np.ndarray, which: np.ndarray) -> None:
        """Rows: the connection of each, and which of its Pings it is."""
        self.rows += len(numbers)
        good = which < MESSAGES
        self.strange += int((~good).sum())
        numbers, which = numbers[good].astype(np.int64), which[good]
        size = int(numbers.max(initial=-1)) + 1
        if size > 1 << 26:
            self.strange += len(numbers)
            return
        if size > len(self.bits):
            self.bits = np.concatenate([self.bits, np.zeros(size - len(self.bits), np.uint16)])
        counted = np.bincount(numbers * MESSAGES + which, minlength=len(self.bits) * MESSAGES)
        there = (self.bits[:, None] >> np.arange(MESSAGES) & 1).reshape(-1)
        self.twice += int(np.maximum(counted + there - 1, 0).sum())
        new = (counted > 0).reshape(-1, MESSAGES) @ (1 << np.arange(MESSAGES))
        self.bits |= new.astype(np.uint16)

    def differing(self, count: int, capture: bool = True) -> np.ndarray:
        """Numbers of connections whose Pings are not those that were sent."""
        bits = np.zeros(max(count, len(self.bits)), np.uint16)
        bits[: len(self.bits)] = self.bits
        wanted = np.zeros(len(bits), np.uint16)
        wanted[:count] = expected(count, capture)
        return np.flatnonzero(bits != wanted)
