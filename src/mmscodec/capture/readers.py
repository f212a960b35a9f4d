"""One way to read from files, pipes, sockets and file objects: what is there, without waiting."""

from __future__ import annotations

import io
import os
import queue
import select
import socket
import stat
import threading
from collections.abc import Callable
from typing import Any

from mmscodec.capture.compression import MAGIC_SIZE, Decompressed, Readable, kind_of

_PIPE_SIZE = 1 << 20
#: Threads that read ahead at a time, each with a few MiB; what comes beyond is read without one.
AHEAD = threading.BoundedSemaphore(8)


class Reader:
    """``read(size)`` of any object that bytes come out of.

    At most one system call for each `read`, so that a live capture is seen when it arrives. A file
    object that has no such way (`read1`, `recv`, an unbuffered `read`) is asked for `size` bytes.
    """

    def __init__(self, inner: Any, *, owned: bool = False) -> None:
        self.inner = inner
        self.owned = owned
        self.pending = b""
        self.short = False  # the last `read` gave less than it was asked for
        self.waits: bool | None = None  # a pipe or socket
        for name in ("read1", "recv", "read"):
            method = getattr(inner, name, None)
            if method is not None:
                self.method = method
                break
        else:
            raise TypeError(f"{type(inner).__name__} has no read()")
        self.into: Any = None
        for name in ("readinto1", "recv_into", "readinto"):
            if hasattr(inner, name) and (name != "readinto" or isinstance(inner, io.FileIO)):
                self.into = getattr(inner, name)
                break
        widen(inner)

    def readinto(self, view: memoryview) -> int | None:
        """Some bytes into `view`: their number, 0 at the end; None: only `read` can do it."""
        if self.into is None or self.pending:
            return None
        size = self.into(view)
        if size is None:
            raise BlockingIOError("the file object is in non-blocking mode")
        return size

    def read(self, size: int) -> bytes:
        """Some bytes, ``b""`` at the end."""
        if self.pending:
            out, self.pending = self.pending, b""
            return out
        out = self.method(size)
        self.short = len(out or b"") < size  # nothing is left in a buffer of the object
        if out is None:
            raise BlockingIOError("the file object is in non-blocking mode")
        if isinstance(out, str):
            raise TypeError("the file object gives text; open it in binary mode")
        return bytes(out)

    def ready(self, seconds: float) -> bool:
        """Whether `read` would not wait, or will not any more within so long.

        True where that cannot be told: of file objects that have no descriptor, and of pipes on
        Windows.
        """
        if self.pending or not self.short:
            return True
        if self.waits is None:
            self.waits = _waits(self.inner)
        return not self.waits or bool(select.select([self.inner], [], [], seconds)[0])

    def head(self, size: int) -> bytes:
        """The first bytes, which a later `read` gives again; fewer only at the end."""
        found = self.read(size)
        while len(found) < size:
            more = self.read(size - len(found))
            if not more:
                break
            found += more
        self.pending = found
        return found

    def close(self) -> None:
        """Close the object if this reader opened it."""
        if self.owned:
            self.inner.close()


def _waits(inner: Any) -> bool:
    """A pipe or socket of the system, of which `select` can tell whether there are bytes."""
    try:
        raw = getattr(inner, "raw", inner)
        if not isinstance(raw, io.FileIO | socket.socket):
            return False
        mode = os.fstat(raw.fileno()).st_mode
        if not (stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)):
            return False
        select.select([inner], [], [], 0)
    except (OSError, ValueError):
        return False
    return True


def widen(inner: Any) -> None:
    """Give a pipe room for what comes while we are busy: 1 MiB instead of 64 KiB."""
    try:
        import fcntl

        number = inner.fileno()
        if stat.S_ISFIFO(os.fstat(number).st_mode):
            fcntl.fcntl(number, fcntl.F_SETPIPE_SZ, _PIPE_SIZE)
    except (ImportError, AttributeError, OSError, ValueError):
        pass  # no pipe, or a system without such a call


def plain_file(inner: Any) -> int | None:
    """File descriptor of a file object that is a plain view of a regular file, else None.

    Wrappers that decompress have a `fileno` too, of other bytes than they give.
    """
    if type(inner).__module__ == "tempfile":  # any other wrapper may give other bytes than its file
        inner = getattr(inner, "file", inner)
    raw = getattr(inner, "raw", inner) if isinstance(inner, io.BufferedReader) else inner
    if isinstance(inner, io.BufferedRandom):
        inner.flush()
        raw = inner.raw
    if not isinstance(raw, io.FileIO):
        return None
    try:
        number = raw.fileno()
        regular = stat.S_ISREG(os.fstat(number).st_mode)
    except (OSError, ValueError):
        return None
    return number if regular else None


class BufferReader:
    """Reads a buffer piece by piece."""

    def __init__(self, data: Any) -> None:
        self.data = memoryview(data).cast("B")

    def read(self, size: int) -> bytes:
        """The next `size` bytes, fewer at the end."""
        out, self.data = bytes(self.data[:size]), self.data[size:]
        return out

    def close(self) -> None:
        """Let the buffer go."""
        self.data = memoryview(b"")


class Detected:
    """Opens at the first `read`, and decompresses what turns out to be compressed.

    Parameters
    ----------
    opener : callable
        Gives an object for `Reader`, and whether it is to be closed.
    ahead : bool
        Decompress in a thread of its own.
    """

    def __init__(self, opener: Callable[[], tuple[Any, bool]], *, ahead: bool = False) -> None:
        self.opener = opener
        self.ahead = ahead
        self.inner: Any = None
        self.closed = False

    def read(self, size: int) -> bytes:
        """Some decompressed bytes, ``b""`` at the end."""
        if self.inner is None:
            if self.closed:
                return b""
            self._start()
        return self.inner.read(size)

    def readinto(self, view: memoryview) -> int | None:
        """Some bytes into `view`: their number, 0 at the end; None: only `read` can do it."""
        if not isinstance(self.inner, Reader):
            return None
        return self.inner.readinto(view)

    def _start(self) -> None:
        inner, owned = self.opener()
        reader = Reader(inner, owned=owned)
        self.inner = reader
        kind = kind_of(reader.head(MAGIC_SIZE))
        if kind:
            self.inner = Decompressed(reader, kind)
            if self.ahead and AHEAD.acquire(blocking=False):
                self.inner = _ReadAhead(self.inner, AHEAD.release)

    def take_faults(self) -> list[tuple[int, int, int, int, int, int]]:
        """What was wrong with the compressed data."""
        return self.inner.take_faults() if hasattr(self.inner, "take_faults") else []

    def close(self) -> None:
        """Close what was opened."""
        self.closed = True
        if self.inner is not None:
            self.inner.close()


class _ReadAhead:
    """Reads in a thread of its own, a few pieces ahead: decompression beside decoding.

    `at_end` is called once, by `close`.
    """

    def __init__(
        self,
        inner: Readable,
        at_end: Callable[[], Any] = lambda: None,
        piece: int = 1 << 20,
        depth: int = 4,
    ) -> None:
        self.inner = inner
        self.at_end = at_end
        self.piece = piece
        self.pieces: queue.Queue[bytes | BaseException] = queue.Queue(depth)
        self.stopped = threading.Event()
        self.ended = False
        self.thread = threading.Thread(target=self._run, name="mmscodec-read", daemon=True)
        self.thread.start()

    def _run(self) -> None:
        item: bytes | BaseException = b"?"
        while item and not self.stopped.is_set():
            try:
                item = self._piece()
            except BaseException as error:  # handed to the reader
                self._put(error)
                return
            self._put(item)

    def _piece(self) -> bytes:
        found: list[bytes] = []
        size = 0
        while size < self.piece:
            data = self.inner.read(self.piece)
            if not data:
                break
            found.append(data)
            size += len(data)
        return found[0] if len(found) == 1 else b"".join(found)

    def _put(self, item: bytes | BaseException) -> None:
        while not self.stopped.is_set():
            try:
                self.pieces.put(item, timeout=0.1)
                return
            except queue.Full:
                continue

    def read(self, size: int) -> bytes:
        """The next piece, whatever its size; ``b""`` at the end."""
        if self.ended:
            return b""
        item = self.pieces.get()
        if isinstance(item, BaseException):
            self.ended = True
            raise item
        self.ended = not item
        return item

    def take_faults(self) -> list[tuple[int, int, int, int, int, int]]:
        """Faults of the inner reader."""
        return self.inner.take_faults() if hasattr(self.inner, "take_faults") else []

    def close(self) -> None:
        """Stop the thread and close what it reads from."""
        if not self.stopped.is_set():
            self.at_end()
        self.stopped.set()
        self.ended = True
        while self.thread.is_alive():
            try:
                self.pieces.get_nowait()
            except queue.Empty:
                self.thread.join(0.05)
        self.inner.close()
