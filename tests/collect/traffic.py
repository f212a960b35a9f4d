"""Connections without end, hostile ones among them, and what a decoder is to find in each.

Everything about a connection follows from its number: what kind it is, its addresses, its bytes.
Each of its Pings says the number and which of them it is, so that a row shows where it belongs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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


AGES = _STEPS + 2  # what a connection does, one thing at a time: open, say four parts, close


def cohorts(
    most: int, together: int, more: Callable[[], bool] = lambda: True
) -> Iterator[tuple[int, list[tuple[int, np.ndarray]]]]:
    """How many connections were opened, and which of them do what now: (age, numbers).

    `together` are opened at a time, so six times as many are open side by side; none is opened
    when there are `most`, or `more` says no, and the iteration ends when the last is closed.
    """
    tick = 0
    while tick < -(-most // together) + AGES:
        if tick * together < most and not more():
            most = tick * together
        now = []
        for age in range(AGES):
            first = (tick - age) * together
            if 0 <= first < most:
                now.append((age, np.arange(first, min(first + together, most))))
        tick += 1
        yield min(tick * together, most), now


def capture(
    most: int, together: int, more: Callable[[], bool] = lambda: True
) -> Iterator[tuple[int, bytes]]:
    """A capture in pieces: how many connections were opened by then (see `cohorts`), and bytes."""
    yield 0, pcap_header(magic=NANO)
    at = 0  # packets
    for opened, now in cohorts(most, together, more):
        frames = []
        for age, numbers in now:
            for made in _segments(numbers, age, at):
                at += len(made)
                frames.append(made.tobytes())
        yield opened, b"".join(frames)


def parts(numbers: np.ndarray, age: int) -> dict[int, bytes]:
    """What raw streams say at an age between 1 and 4, by the number of each."""
    size, of, out = len(_WHOLE), kinds(numbers), {}
    for index, name in enumerate(_NAMES):
        mine = numbers[of == index]
        if name != "silent" and len(mine):
            said = streams(mine, name)[:, size * (age - 1) // _STEPS : size * age // _STEPS]
            out |= dict(zip(mine.tolist(), map(bytes, said), strict=True))
    return out


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
        self.bits = np.zeros(1 << 12, np.uint16)
        self.rows = self.twice = self.strange = 0

    def add(self, numbers: np.ndarray, which: np.ndarray) -> None:
        """Rows: the connection of each, and which of its Pings it is."""
        self.rows += len(numbers)
        good = (which < MESSAGES) & (numbers < 1 << 28)
        self.strange += int((~good).sum())
        keys = numbers[good].astype(np.int64) * MESSAGES + which[good]
        known = np.unique(keys)
        self.twice += len(keys) - len(known)
        numbers, bits = known // MESSAGES, (1 << (known % MESSAGES)).astype(np.uint16)
        if len(numbers) and numbers[-1] >= len(self.bits):
            more = np.zeros(2 * int(numbers[-1]) + 1 - len(self.bits), np.uint16)
            self.bits = np.concatenate([self.bits, more])
        self.twice += int((self.bits[numbers] & bits != 0).sum())
        np.bitwise_or.at(self.bits, numbers, bits)

    def differing(self, count: int, capture: bool = True) -> np.ndarray:
        """Numbers of connections whose Pings are not those that were sent."""
        bits = np.zeros(max(count, len(self.bits)), np.uint16)
        bits[: len(self.bits)] = self.bits
        wanted = np.zeros(len(bits), np.uint16)
        wanted[:count] = expected(count, capture)
        return np.flatnonzero(bits != wanted)
