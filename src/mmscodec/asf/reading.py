"""Little-endian numbers and texts out of an ASF header, each read inside of its bounds."""

from __future__ import annotations

from mmscodec.errors import TruncatedError


def number(data: bytes | memoryview, at: int, size: int, end: int | None = None) -> int:
    """An unsigned integer of `size` bytes; TruncatedError where `end` comes first."""
    stop = len(data) if end is None else end
    if stop - at < size:
        raise TruncatedError(
            f"ASF header: {size} bytes needed at {at}, {max(stop - at, 0)} there",
            offset=at, need=size, have=max(stop - at, 0),
        )  # fmt: skip
    return int.from_bytes(data[at : at + size], "little")


def u32_at(data: bytes | memoryview, at: int, end: int | None = None) -> int:
    """Four bytes."""
    return number(data, at, 4, end)


def u64_at(data: bytes | memoryview, at: int, end: int | None = None) -> int:
    """Eight bytes."""
    return number(data, at, 8, end)


def _text_at(data: bytes | memoryview, at: int, size: int, end: int) -> str:
    """UTF-16 text of at most `size` bytes, up to its first NUL."""
    size = max(min(size, end - at), 0) & ~1
    text = bytes(data[at : at + size]).decode("utf-16-le", "replace")
    return text.split("\0", 1)[0]


class Cursor:
    """Reads one thing after the other."""

    def __init__(self, data: bytes | memoryview, at: int, end: int) -> None:
        self.data, self.at, self.end = data, at, end

    def take(self, size: int) -> int:
        """The next `size` bytes as a number."""
        value = number(self.data, self.at, size, self.end)
        self.at += size
        return value

    def raw(self, size: int) -> bytes:
        """The next `size` bytes."""
        number(self.data, self.at, 0, self.end)
        if self.end - self.at < size:
            number(self.data, self.at, size, self.end)
        self.at += size
        return bytes(self.data[self.at - size : self.at])

    def text(self, size: int) -> str:
        """Text of the next `size` bytes."""
        if self.end - self.at < size:
            number(self.data, self.at, size, self.end)
        self.at += size
        return _text_at(self.data, self.at - size, size, self.end)
