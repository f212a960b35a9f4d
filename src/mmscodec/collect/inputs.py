"""Where the bytes of a capture come from, as a stream that pauses, ends and can be told to stop."""

from __future__ import annotations

import os
import select
import socket
import sys
import threading
import time
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

from mmscodec.capture.compression import MAGIC_SIZE, kind_of
from mmscodec.capture.follow import FilePart, Follow
from mmscodec.capture.readers import widen
from mmscodec.errors import CaptureError

_PIECE = 4 << 20  # bytes that are decoded together,
_TOGETHER = 0.2  # or those that come within so many seconds
_LOOK = 0.2  # seconds between two looks whether to stop
_REST = 64 << 20  # bytes of a pipe, and seconds, that are still read after a stop
_REST_SECONDS = 2.0


class Input(ABC):
    """The bytes of one capture; `read1` is what a capture reads from.

    Attributes
    ----------
    name : str
        For people.
    resumes : bool
        It can be read again, so that nothing is lost when it is left in the middle.
    position : int
        Bytes that were given.
    stopped : bool
        The end that was given is none of the input.
    """

    resumes = False

    def __init__(self, name: str, stop: threading.Event) -> None:
        self.name, self.stop = name, stop
        self.position = 0
        self.stopped = False
        self.cut = 0  # a place at which a piece ends

    @abstractmethod
    def poll(self, size: int, seconds: float) -> bytes | None:
        """Some bytes, None if there are none within so many seconds, or ``b""`` at the end."""

    def close(self) -> None:  # noqa: B027  most have nothing to close
        """Give back what is open."""

    @property
    def files(self) -> list[FilePart]:
        """What was read of which file, where it can be read again."""
        return []

    def read1(self, size: int) -> bytes:
        """What comes within a moment, at least one byte; ``b""`` at the end."""
        found: list[bytes] = []
        left, until = self._room(), 0.0
        while left > 0:
            if self.stop.is_set() and self.resumes:
                self.stopped = True
                return b""
            data = self.poll(left, _LOOK if not found else max(until - time.monotonic(), 0.0))
            if data:
                until = until or time.monotonic() + _TOGETHER
                found.append(data)
                left -= len(data)
            elif data is not None or self._rested():
                break
            if found and (time.monotonic() >= until or data is None):
                break
        out = found[0] if len(found) == 1 else b"".join(found)
        self.position += len(out)
        return out

    read = read1

    def _room(self) -> int:
        return min(_PIECE, self.cut - self.position) if self.position < self.cut else _PIECE

    def _rested(self) -> bool:
        # a pipe gave nothing, and was told to stop
        self.stopped = self.stopped or self.stop.is_set()
        return self.stop.is_set()


class _Descriptor(Input):
    """Standard input, a pipe, or a socket."""

    def __init__(self, name: str, stop: threading.Event, inner: Any) -> None:
        super().__init__(name, stop)
        self.inner = inner
        self.number = inner.fileno()
        self._until, self._rest = 0.0, _REST
        widen(inner)

    def poll(self, size: int, seconds: float) -> bytes | None:
        """See `Input`."""
        if self.stop.is_set():
            self._until = self._until or time.monotonic() + _REST_SECONDS
            if self._rest <= 0 or time.monotonic() >= self._until:
                self.stopped = True
                return b""
            seconds = 0.0
        try:
            if not select.select([self.number], [], [], seconds)[0]:
                return None
        except OSError:
            pass  # Windows tells this of sockets alone
        size = min(size, 1 << 20)
        if isinstance(self.inner, socket.socket):
            data = self.inner.recv(size)
        else:
            data = os.read(self.number, size)
        if self.stop.is_set():
            self._rest -= len(data)
        return data

    def close(self) -> None:
        """A socket is ours."""
        if isinstance(self.inner, socket.socket):
            self.inner.close()


class Growing(Input):
    """A file or folder, which may grow."""

    resumes = True

    def __init__(self, name: str, stop: threading.Event, follow: Follow, wait: bool) -> None:
        super().__init__(name, stop)
        self.follow, self.wait = follow, wait
        self._last = time.monotonic()

    def poll(self, size: int, seconds: float) -> bytes | None:
        """See `Input`."""
        data = self.follow.some(min(size, 1 << 20))
        if data:
            self._last = time.monotonic()
            return data
        idle = self.follow.idle
        if not self.wait or (idle is not None and time.monotonic() - self._last >= idle):
            return b""
        self.stop.wait(min(seconds, _LOOK))
        return None

    def _rested(self) -> bool:
        return False

    def close(self) -> None:
        """The present file."""
        self.follow.close()

    @property
    def files(self) -> list[FilePart]:
        """See `Input`."""
        return list(self.follow.parts)


def standard_input(stop: threading.Event) -> Input:
    """What is piped into the process."""
    if sys.stdin is None:
        raise CaptureError("-: standard input is closed")
    return _Descriptor("-", stop, sys.stdin.buffer)


def over_ip(address: str, stop: threading.Event) -> Input:
    """A capture that a server sends (pcap-over-IP); OSError if there is none."""
    connection = socket.create_connection(host_and_port(address), timeout=10.0)
    connection.settimeout(None)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    return _Descriptor(address, stop, connection)


def host_and_port(address: str) -> tuple[str, int]:
    """Of tcp://HOST:PORT, with brackets around an IPv6 address."""
    host, _, port = address.removeprefix("tcp://").rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ValueError(f"an address like tcp://HOST:PORT is needed, not {address}")
    return host.strip("[]"), int(port)


def check_file(path: str) -> None:
    """The error that a name deserves which cannot be followed."""
    try:
        if Path(path).is_dir():
            return
        with open(path, "rb") as file:
            if kind_of(file.read(MAGIC_SIZE)):
                raise CaptureError(f"{path}: it is compressed; mmscodec convert reads it")
    except ValueError as error:  # a NUL byte in it
        raise CaptureError(f"{path!r}: {error}") from None
