"""A capture that lies in memory already."""

from __future__ import annotations


class MemorySource:
    """A source over a buffer, which is not copied."""

    def __init__(self, data, name: str = "memory") -> None:
        self.data = data
        self.name = name

    def window(self, position: int, need: int) -> tuple[object, int, bool]:
        """The whole buffer, which starts at 0."""
        return self.data, 0, True
