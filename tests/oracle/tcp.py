"""One direction of a TCP connection put together byte by byte, from the rules alone.

Slow on purpose: a dictionary of bytes. The rules: offset 0 is the byte behind the SYN, or the
lowest byte that was seen; the first copy of a byte is kept, and a later one that differs is a
conflict,
unless the checksum of the one is right and that of the other wrong: then the right one is kept and
nothing contradicts it; the last byte repeated alone is a keep-alive and is not compared; a hole is
a gap once something stands behind it; what a segment claims to have had is no hole by itself.
"""

from __future__ import annotations

GOOD, BAD, SILENT = 1, 2, 0


class Direction:
    """The bytes of one direction."""

    def __init__(self, isn: int | None) -> None:
        self.isn = isn
        self.base: int | None = None if isn is None else isn + 1
        self.bytes: dict[int, tuple[int, int]] = {}  # sequence number: value, checksum
        self.end: int | None = self.base
        self.conflicts = 0

    def segment(self, seq: int, payload: bytes, checksum: int = SILENT) -> None:
        """The payload of one segment, `seq` not wrapped."""
        probe = len(payload) == 1 and self.end is not None and seq == self.end - 1
        for place, value in enumerate(payload, seq):
            known = self.bytes.get(place)
            if known is None:
                self.bytes[place] = value, checksum
            elif probe:
                continue
            elif value == known[0]:
                if checksum == GOOD:
                    self.bytes[place] = value, GOOD
            elif known[1] == BAD and checksum == GOOD:
                self.bytes[place] = value, checksum
            elif not (known[1] == GOOD and checksum == BAD):
                self.conflicts += 1
        if payload:
            self.end = max(self.end or seq, seq + len(payload))

    def result(self) -> tuple[bytes, list[tuple[int, int]]]:
        """The stream with zeros in its gaps, and (offset, length) of these."""
        if not self.bytes:
            return b"", []
        base = min(self.bytes) if self.base is None else self.base
        last = max(self.bytes) + 1
        stream = bytearray(last - base)
        gaps: list[tuple[int, int]] = []
        for place in range(base, last):
            known = self.bytes.get(place)
            if known is not None:
                stream[place - base] = known[0]
            elif gaps and sum(gaps[-1]) == place - base:
                gaps[-1] = gaps[-1][0], gaps[-1][1] + 1
            else:
                gaps.append((place - base, 1))
        return bytes(stream), gaps
