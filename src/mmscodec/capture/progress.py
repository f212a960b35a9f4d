"""How far a pass is, in bytes of the files."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mmscodec.capture.mapped import MappedSource, MemorySource
from mmscodec.capture.source import Sources


class Steps:
    """Positions of the pass as numbers of bytes read since the last call."""

    def __init__(self, sources: Sources, tell: Callable[[int], Any]) -> None:
        self._sources, self._tell = sources, tell
        self._reached: dict[int, int] = {}  # offset in each source; side by side they take turns

    def at(self, position: int) -> None:
        """The pass is at a position (see `Sources`)."""
        source, offset = self._sources.locate(position)
        before = self._reached.get(source.base, 0)
        if offset > before:
            self._reached[source.base] = offset
            self._tell(offset - before)


def whole_size(sources: Sources) -> int | None:
    """Bytes of all sources, None where one of them does not know before it is read."""
    total = 0
    for source in sources.sources:
        if not isinstance(source, MappedSource | MemorySource):
            return None
        total += source.size
    return total
