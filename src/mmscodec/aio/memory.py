"""Memory into which the kernel writes, and in which batches show what came."""

from __future__ import annotations

from typing import Any

from mmscodec._block import Block

_SPARE = 4  # blocks that wait for being used again
_LEAST = 4096  # bytes for which it is worth to go on in a block


class Memory:
    """Blocks of bytes that are filled one behind the other.

    A block is filled again when nothing refers to its bytes any more; while a batch does, another
    one is taken. So bytes are never copied, and never change under a batch.

    Parameters
    ----------
    size : int
        Bytes of a block.
    """

    __slots__ = ("_begin", "_blocks", "_view", "size")

    def __init__(self, size: int = 1 << 18) -> None:
        if size < 1:
            raise ValueError(f"size is 1 byte or more, not {size}")
        self.size = size
        self._blocks: list[Block] = []
        self._view = memoryview(b"")
        self._begin = 0

    def free(self) -> memoryview:
        """Where the next bytes may be written: a writable view of one byte or more."""
        if len(self._view) - self._begin < min(_LEAST, self.size):
            self._view = memoryview(b"")
            self._view = memoryview(self._unused()).cast("B")
            self._begin = 0
        return self._view[self._begin :]

    def filled(self, count: int) -> memoryview:
        """The next `count` bytes, which have been written, as a view that cannot be written to."""
        start, self._begin = self._begin, self._begin + count
        return self._view[start : self._begin].toreadonly()

    def _unused(self) -> Any:
        for block in self._blocks:
            if not block.busy:
                return block
        block = Block(1)
        block.room(self.size)
        self._blocks = [block, *self._blocks[: _SPARE - 1]]
        return block
