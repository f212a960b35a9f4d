"""A capture that still grows: one file, or a folder of files that another program rotates."""

from __future__ import annotations

import os
import time
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
    """

    def __init__(self, path: str, idle: float | None = None) -> None:
        self.path, self.idle = Path(path), idle
        self._folder = self.path.is_dir()
        self._file: BinaryIO | None = None
        self._current: tuple[int, int] | None = None  # device and inode
        self._left: dict[tuple[int, int], int] = {}  # when they were written last, of files read
        self._head = b""  # of the first file
        self._begins = False  # at the begin of a further one
        if not self._folder:
            self.path.open("rb").close()  # the error that a wrong name deserves

    def read1(self, size: int) -> bytes:
        """Some bytes as soon as there are some; ``b""`` at the end."""
        last = time.monotonic()
        while True:
            if data := self._some(size):
                return data
            if self._next():
                continue
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
        elif head[:4] in _MAGICS:
            if head != self._head:
                name = self._file.name
                self.close()
                raise CaptureError(f"{name}: another header than that of the file before")
            return self._file.read(size)
        return head

    def _next(self) -> bool:
        """Go on to the next file if there is one, and the present one has no more bytes."""
        found = self._newer()
        if found is None:
            return False
        path, identity = found
        if self._file is not None and self._current is not None:
            self._left[self._current] = os.fstat(self._file.fileno()).st_mtime_ns
            self._file.close()
        self._file = path.open("rb", buffering=0)  # type: ignore[assignment]
        self._current, self._begins = identity, True
        return True

    def _newer(self) -> tuple[Path, tuple[int, int]] | None:
        if not self._folder:
            return self._again(self.path)
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

    def _again(self, path: Path) -> tuple[Path, tuple[int, int]] | None:
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


def _is_capture(path: Path) -> bool:
    """Whether a file begins as pcap or pcapng do."""
    try:
        with path.open("rb") as file:
            head = file.read(4)
    except OSError:
        return False
    return head in (*_MAGICS, _PCAPNG)
