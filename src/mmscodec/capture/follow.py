"""A capture that still grows: one file, or a folder of files that another program rotates."""

from __future__ import annotations

import os
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from mmscodec.errors import CaptureError

_WAIT = 0.2  # seconds between two looks
_HEAD = 24  # bytes of the header of a pcap file
_PCAPNG = b"\x0a\x0d\x0d\x0a"
_MAGICS = tuple(
    magic.to_bytes(4, order)  # type: ignore[arg-type]
    for magic in (0xA1B2C3D4, 0xA1B23C4D)
    for order in ("little", "big")
)


#: Files that are remembered; a ring of rotating files has fewer.
REMEMBERED = 4096


@dataclass
class FilePart:
    """What a stream has of one file.

    Attributes
    ----------
    identity : tuple of int
        Device and inode.
    start : int
        Offset in the stream of its first byte.
    begin : int
        What is at offset x of the stream is at ``begin + x - start`` of the file; but the stream
        begins with the header of its first file, wherever it goes on in it.
    written : int or None
        When it was written last, if it was left: nothing more is read from it.
    """

    identity: tuple[int, int]
    start: int
    begin: int
    written: int | None = None


class Follow:
    """The bytes of files one after the other, as one stream that waits for more at its end.

    Of a folder its captures, the oldest first, and new ones as they appear; of a path the file that
    has it now, also after another one was renamed to it or it began anew. The headers of pcap files
    behind the first are left out; they must be equal, as those of rotated files are.

    Parameters
    ----------
    path : str
        A file or a folder.
    idle : float, optional
        The stream ends when no byte came for so many seconds; None: never.
    again : sequence of FilePart, optional
        What an earlier stream read: these files first, from where it began, in its order.
    left : mapping, optional
        Identities of files that were read, and when they were written last.

    Attributes
    ----------
    parts : deque of FilePart
        The last files of the stream, the present one behind the others.
    """

    def __init__(
        self,
        path: str,
        idle: float | None = None,
        again: Sequence[FilePart] = (),
        left: Mapping[tuple[int, int], int] | None = None,
    ) -> None:
        self.path, self.idle = Path(path), idle
        self.parts: deque[FilePart] = deque(maxlen=REMEMBERED)
        self._given = 0  # bytes of the stream
        self._again = list(again)
        self._folder = self.path.is_dir()
        self._file: BinaryIO | None = None
        self._current: tuple[int, int] | None = None  # device and inode
        # when they were written last, of files read
        self._left: dict[tuple[int, int], int] = dict(left or {})
        self._head = b""  # of the first file
        self._begins = False  # at the begin of a further one
        if not self._folder:
            self.path.open("rb").close()  # the error that a wrong name deserves

    def read1(self, size: int) -> bytes:
        """Some bytes as soon as there are some; ``b""`` at the end."""
        last = time.monotonic()
        while True:
            if data := self.some(size):
                return data
            if self.idle is not None and time.monotonic() - last >= self.idle:
                self.close()
                return b""
            time.sleep(_WAIT)

    read = read1

    def close(self) -> None:
        """Close the present file; the stream goes on with the next one, if it is read again."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def some(self, size: int) -> bytes:
        """Some bytes if there are any now."""
        while True:
            if data := self._some(size):
                self._given += len(data)
                return data
            if not self._next():
                return b""

    def _some(self, size: int) -> bytes:
        if self._file is None:
            return b""
        if not self._begins:
            return self._file.read(size)
        head = self._file.read(_HEAD)
        if len(head) < _HEAD:
            self._file.seek(0)
            return b""
        self._begins = False
        if not self._head:
            self._head = head
            self._file.seek(self.parts[-1].begin + _HEAD)
        elif head[:4] in _MAGICS:
            if head != self._head:
                name = self._file.name
                self.close()
                raise CaptureError(f"{name}: another header than that of the file before")
            self.parts[-1].begin = _HEAD
            return self._file.read(size)
        return head

    def _next(self) -> bool:
        """Go on to the next file if there is one, and the present one has no more bytes."""
        found = self._newer()
        if found is None:
            return False
        path, identity = found
        if self._file is not None and self._current is not None:
            written = os.fstat(self._file.fileno()).st_mtime_ns
            self._left[self._current] = self.parts[-1].written = written
            self._file.close()
        self._file = path.open("rb", buffering=0)  # type: ignore[assignment]
        self._current, self._begins = identity, True
        begin = self._again.pop(0).begin if self._again else 0
        self.parts.append(FilePart(identity, self._given, begin))
        return True

    def _newer(self) -> tuple[Path, tuple[int, int]] | None:
        if self._again:
            return places(self.path).get(self._again[0].identity)
        if not self._folder:
            return self._renewed(self.path)
        waiting = []
        for path in self.path.iterdir():
            if path.is_file() and _is_capture(path):
                about = path.stat()
                identity = (about.st_dev, about.st_ino)
                written = self._left.get(identity, -1)
                if identity != self._current and about.st_mtime_ns > written:
                    waiting.append((about.st_mtime_ns, path.name, path, identity))
        if not waiting:
            return None
        *_, path, identity = min(waiting)
        return path, identity

    def _renewed(self, path: Path) -> tuple[Path, tuple[int, int]] | None:
        """The file under a name that is another one than before, or began anew."""
        try:
            about = path.stat()
        except OSError:
            return None
        identity = (about.st_dev, about.st_ino)
        same = self._file is not None and identity == self._current
        if same and self._file is not None and about.st_size >= self._file.tell():
            return None
        return path, identity


def places(path: Path) -> dict[tuple[int, int], tuple[Path, tuple[int, int]]]:
    """The files of a folder, or the one of that name, by device and inode."""
    found = {}
    for file in path.iterdir() if path.is_dir() else (path,):
        try:
            about = file.stat()
        except OSError:  # taken away meanwhile
            continue
        identity = (about.st_dev, about.st_ino)
        found[identity] = file, identity
    return found


def _is_capture(path: Path) -> bool:
    """Whether a file begins as pcap or pcapng do."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError:
        return False
    return head in (*_MAGICS, _PCAPNG)
