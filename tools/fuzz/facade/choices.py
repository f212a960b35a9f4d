"""Numbers and pieces out of the front of an input."""

from collections.abc import Iterator


class Choices:
    """Takes numbers from the front of an input; `rest` is what was not taken.

    What is not there any more is zero, so that every input is good for something.
    """

    def __init__(self, data: bytes) -> None:
        self.rest = data

    def byte(self) -> int:
        """The next byte."""
        return self.number(1)

    def number(self, size: int) -> int:
        """The next little-endian number."""
        return int.from_bytes(self.bytes(size), "little")

    def bytes(self, size: int) -> bytes:
        """The next bytes, as many as there are."""
        found, self.rest = self.rest[:size], self.rest[size:]
        return found

    def cuts(self) -> list[int]:
        """Where the rest is cut: up to three places; none, or each byte, for some values."""
        kind, places = self.byte(), [self.number(2) for _ in range(3)]
        if kind & 3 == 0:
            return list(range(1, min(len(self.rest), 64)))
        return sorted(place % (len(self.rest) + 1) for place in places[: kind & 3])


def pieces(data: bytes, cuts: list[int]) -> Iterator[bytes]:
    """The data cut at these offsets; each piece in memory of its own."""
    start = 0
    for end in [*cuts, len(data)]:
        yield data[start:end]
        start = end
