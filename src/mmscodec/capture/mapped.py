"""Sources whose bytes can be addressed at any time: memory, mapped files, spooled streams."""

from __future__ import annotations

import mmap
import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

from mmscodec.capture._map import Map
from mmscodec.capture.compression import Readable
from mmscodec.capture.lookalikes import CAPTURE_STARTS
from mmscodec.errors import CaptureError
from mmscodec.schema.faults import FaultCode

_FaultRow = tuple[int, int, int, int, int, int]

#: A region of a file is mapped from a multiple of this.
GRAIN = mmap.ALLOCATIONGRANULARITY

WINDOW = 32 << 20  # bytes of a mapped file shown at a time
#: Pages of larger files are given back behind the walker, so that memory stays flat; of a capture
#: that is read in batches those of all that are larger than a window. They come back when touched.
KEEP = 1 << 30

MAPS = 1024  # files mapped at a time; a mapping holds no descriptor

PIECE = 1 << 20  # bytes of a stream asked for at a time; what is there is taken
_HEAD = 64 << 10  # bytes kept of a stream, to say what it is
_NAMED = 512  # bytes that say what a stream is that is no capture
_FIRST_PIECE = 64 << 10  # the first time
_MIN_FREE = 256 << 20  # bytes that a spool leaves on its disk
FREE_CHECK = 64 << 20

_ZEROS = memoryview(bytes(2 << 20))  # more than a piece


#: Time of a source without a record at its start: before all others.
NO_RECORD = -(1 << 63)


class Source(ABC):
    """One stream of bytes in a capture.

    Attributes
    ----------
    name : str
        For people: the path, or what the object is.
    base : int
        Position in the capture of the first byte.
    addressable : bool
        `mapping` works, at any time until the capture is closed.
    read_ahead : bool
        Another thread walks ahead and has pages mapped before they are needed.
    stable : bool
        All bytes are there at once, and stay where they are.
    keep : int
        Pages of larger mapped files are given back behind the walker.
    first : int or None
        Sources of one capture are merged by time: that of the first record, where it was looked at
        (`NO_RECORD` where none was found). None: this source follows when all before it have ended.
    """

    name = ""
    base = 0
    closed = False
    addressable = True
    read_ahead = False
    stable = False
    keep = KEEP
    first: int | None = None

    @abstractmethod
    def window(self, position: int, need: int) -> tuple[Any, int, bool]:
        """Bytes from `position` on: (buffer, position of its first byte, nothing follows).

        The buffer has at least `need` bytes from `position` on unless nothing follows.
        """

    @abstractmethod
    def mapping(self) -> tuple[Any, int]:
        """All bytes seen so far: (buffer, position of its first byte)."""

    def take_faults(self) -> list[_FaultRow]:
        """Faults of the source itself since the last call; positions count from `base`."""
        return []

    def walked(self) -> None:  # noqa: B027  most have nothing to give back
        """Give back what only the walk needed; it is at its end."""

    def release(self) -> None:  # noqa: B027  most have none
        """Give back the mapping; the next use makes a new one."""

    def close(self) -> None:
        """Give back everything; streams and spooled ones cannot be read any more."""
        self.closed = True
        self.release()

    def check_open(self) -> None:
        """CaptureError after `close`, rather than an end where there is none."""
        if self.closed:
            raise CaptureError(f"{self.name}: the capture is closed")


class MemorySource(Source):
    """A buffer, which is not copied."""

    stable = True

    def __init__(self, data: Any, name: str = "memory", base: int = 0) -> None:
        self.data = data
        self.name = name
        self.base = base
        self.size = memoryview(data).nbytes

    def window(self, position: int, need: int) -> tuple[Any, int, bool]:
        """The whole buffer."""
        return self.data, self.base, True

    def mapping(self) -> tuple[Any, int]:
        """The whole buffer."""
        return self.data, self.base


class MappedSource(Source):
    """A regular file, mapped when it is used.

    Parameters
    ----------
    opener : callable
        Gives a file descriptor, which is closed after mapping.
    start : int
        Bytes of the file that are not part of the capture.
    number : int, optional
        A descriptor of the same file, which stays open; the file is mapped at once.
    """

    stable = True

    def __init__(
        self,
        name: str,
        opener: Callable[[], int],
        start: int = 0,
        base: int = 0,
        number: int | None = None,
    ) -> None:
        self.name = name
        self.opener = opener
        self.start = start
        self.base = base
        self.map: Any = None
        if number is not None:
            self.identity = identity(number)
        else:
            own = opener()
            try:
                self.identity = identity(own)
            finally:
                os.close(own)
        self.size = max(self.identity[0] - start, 0)
        if number is not None:
            self.map = Map(number, self.size, start)

    def mapping(self) -> tuple[Any, int]:
        """The file from `start` on, also after `close`: it is the same file, or an error."""
        held = self.map  # another thread may release it meanwhile
        if held is None:
            number = self.opener()
            try:
                now = identity(number)
                if now[1:] != self.identity[1:] or now[0] < self.identity[0]:
                    raise CaptureError(f"{self.name}: changed while it was read")
                held = self.map = Map(number, self.size, self.start)
            finally:
                os.close(number)
        return held, self.base

    def window(self, position: int, need: int) -> tuple[Any, int, bool]:
        """The file up to `WINDOW` bytes behind `position`."""
        buffer, base = self.mapping()
        done = position - base
        end = min(self.size, done + max(need, WINDOW))
        if end - done > 1 << 20 and not self.read_ahead:
            buffer.populate(done, end)
        if self.size > self.keep:
            buffer.forget(0, done)
        if end == self.size:
            return buffer, base, True
        return memoryview(buffer)[:end], base, False

    def walked(self) -> None:
        """Pages of a capture that is read in batches."""
        if self.keep < KEEP and self.map is not None:
            self.map.forget(0, self.size)

    def release(self) -> None:
        """Drop the mapping; it goes when the last view of it does."""
        self.map = None


def identity(number: int) -> tuple[int, int, int]:
    """Size, device and inode of an open file."""
    status = os.fstat(number)
    return status.st_size, status.st_dev, status.st_ino


class Spool:
    """Temporary files without a name, in which sources keep what cannot be mapped.

    A file is written by one source at a time; sources that are read side by side get files of
    their own.
    """

    def __init__(self, directory: str | None = None) -> None:
        self.directory = directory
        self.idle: list[SpoolFile] = []
        self.files: list[SpoolFile] = []

    def take(self) -> SpoolFile:
        """A file that nobody writes to."""
        try:
            return self.idle.pop()
        except IndexError:
            file = SpoolFile(self.directory)
            self.files.append(file)
            return file

    def give_back(self, file: SpoolFile) -> None:
        """The source that took `file` is at its end."""
        file.end = -(-file.end // GRAIN) * GRAIN
        self.idle.append(file)

    def close(self) -> None:
        """The files are gone when the last mapping of them is."""
        for file in self.files:
            file.file.close()


class SpoolFile:
    """One temporary file that only grows."""

    def __init__(self, directory: str | None) -> None:
        import tempfile

        self.file: Any = tempfile.TemporaryFile(  # noqa: SIM115  lives as long as the spool
            buffering=0, prefix="mmscodec-", dir=directory
        )
        self.end = 0
        self.unchecked = 0

    def write(self, data: memoryview) -> None:
        """Append; zeros are left out, so that they take no room on the disk."""
        number = self.file.fileno()
        self.unchecked += len(data)
        if self.unchecked >= FREE_CHECK:
            self.unchecked = 0
            check_free(number)
        if not data[0] and not data[-1] and data == _ZEROS[: len(data)]:
            os.truncate(number, self.end + len(data))
            self.end += len(data)
            return
        self.file.seek(self.end)
        while data:
            written = self.file.write(data)
            self.end += written
            data = data[written:]


def check_free(number: int) -> None:
    """OSError when the disk of an open file is nearly full."""
    if hasattr(os, "fstatvfs"):
        status = os.fstatvfs(number)
        if status.f_bavail * status.f_frsize < _MIN_FREE:
            raise OSError(f"the disk of the spool has less than {_MIN_FREE >> 20} MiB left")


class StreamSource(Source):
    """A stream of which only the part that is being walked is kept.

    Bytes are read into one buffer behind those that were not walked yet, so what a window shows is
    good until the next one is asked for.
    """

    addressable = False

    def __init__(self, name: str, reader: Readable, base: int = 0) -> None:
        self.name = name
        self.reader = reader
        self.base = base
        self.ended = False
        self.start = base  # position of the first byte of the buffer
        self.buffer = bytearray()
        self.filled = 0
        self.head = b""  # its first bytes, up to _HEAD
        self.into = getattr(reader, "readinto", None)
        self.piece = _FIRST_PIECE
        self.faults: list[_FaultRow] = []
        self.given: list[_FaultRow] = []  # those that were taken

    def window(self, position: int, need: int) -> tuple[Any, int, bool]:
        """The bytes not yet walked and those that have come since."""
        self.check_open()
        if position < self.start:
            raise CaptureError(f"{self.name}: a stream is read once; open it with spool=True")
        walked = position - self.start
        left = self.filled - walked
        if walked and left:
            view = memoryview(self.buffer)
            view[:left] = view[walked : self.filled]
        self.start, self.filled = position, left
        while not self.ended:
            if not self._read_more():
                self._end()
                break
            if self.filled >= need and not self._is_strange():
                break
        return memoryview(self.buffer)[: self.filled], position, self.ended

    def _is_strange(self) -> bool:
        """Whether it is no capture, and more bytes are needed to say what it is."""
        return len(self.head) < _NAMED and not self.head.startswith(CAPTURE_STARTS)

    def _read_more(self) -> bool:
        """Bytes behind those in the buffer; False at the end."""
        if self.into is not None:
            self._make_room(self.piece)
            view = memoryview(self.buffer)[self.filled : self.filled + self.piece]
            size = self.into(view)
            if size is not None:
                if size == self.piece:  # there is more than we asked for
                    self.piece = min(4 * self.piece, PIECE)
                return size > 0 and self._take(view[:size], size)
        data = self.reader.read(PIECE)
        if not data:
            return False
        self._make_room(len(data))
        view = memoryview(self.buffer)[self.filled : self.filled + len(data)]
        view[:] = data
        return self._take(view, len(data))

    def _make_room(self, size: int) -> None:
        if len(self.buffer) - self.filled < size:
            known = memoryview(self.buffer)[: self.filled]
            self.buffer = bytearray(max(self.filled + size, 2 * len(self.buffer)))
            self.buffer[: self.filled] = known

    def _take(self, data: memoryview, size: int) -> bool:
        """Bytes that have come, which stand in the buffer; False to end here."""
        if len(self.head) < _HEAD:
            self.head += bytes(data[: _HEAD - len(self.head)])
        self.filled += size
        return True

    def _end(self) -> None:
        self.ended = True
        if hasattr(self.reader, "take_faults"):
            self.faults += self.reader.take_faults()
        self.reader.close()

    def walked(self) -> None:
        """Give back the buffer."""
        self.start += self.filled
        self.buffer = bytearray()
        self.filled = 0

    def mapping(self) -> tuple[Any, int]:
        """Not to be had."""
        raise CaptureError(f"{self.name}: payload of a stream is gone; open it with spool=True")

    def take_faults(self) -> list[_FaultRow]:
        """What was wrong with the compressed data, or with the disk of the spool."""
        found, self.faults = self.faults, []
        self.given += found
        return found

    def close(self) -> None:
        """Stop reading."""
        super().close()
        if not self.ended:
            self._end()


class SpooledSource(StreamSource):
    """A stream that is walked as it comes, and written to the spool, where it can be mapped."""

    addressable = True

    def __init__(self, name: str, reader: Readable, spool: Spool, base: int = 0) -> None:
        super().__init__(name, reader, base)
        self.spool = spool
        self.file: SpoolFile | None = None
        self.begins = 0  # where in it this source begins
        self.size = 0
        self.map: Any = b""

    def window(self, position: int, need: int) -> tuple[Any, int, bool]:
        """As of a stream; from the spool for who starts again."""
        if position < self.start:
            if position == self.base:  # from the start: what was wrong is said once more
                self.faults, self.given = self.given + self.faults, []
            return *self.mapping(), self.ended
        return super().window(position, need)

    def _take(self, data: memoryview, size: int) -> bool:
        try:
            if self.file is None:
                self.file = self.spool.take()
                self.begins = self.file.end
            self.file.write(data)
        except OSError:
            # what was spooled so far is good
            self.faults.append((self.size, 0, FaultCode.TOO_LONG, 0, size, 0))
            return False
        self.size += size
        return super()._take(data, size)

    def _end(self) -> None:
        if self.file is not None:
            self.spool.give_back(self.file)
        super()._end()

    def mapping(self) -> tuple[Any, int]:
        """Everything spooled so far."""
        self.check_open()
        held = self.map
        if self.file is not None and len(held) != self.size:
            held = self.map = Map(self.file.file.fileno(), self.size, self.begins)
        return held, self.base

    def release(self) -> None:
        """Drop the mapping; it goes when the last view of it does."""
        self.map = b""
