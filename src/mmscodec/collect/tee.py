"""Raw MMS streams that others send here, one a connection: nothing is ever answered."""

from __future__ import annotations

import os
import selectors
import socket
import stat
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from mmscodec.capture.arrow_stream import counted_on
from mmscodec.collect.captured import count_faults, names
from mmscodec.collect.config import Settings
from mmscodec.collect.counts import Counts
from mmscodec.collect.inputs import host_and_port
from mmscodec.collect.pieces import Maker, Piece
from mmscodec.convert.library import pyarrow
from mmscodec.mms import Decoders, ManyBatch
from mmscodec.mms.arrow import KINDS
from mmscodec.schema.mms import BY_NAME

_CHUNK = 1 << 16  # bytes of a connection taken at a time,
_CHUNKS = 64  # and of how many connections
_LOOK = 0.2  # seconds between two looks whether to stop
_REST_SECONDS = 2.0  # what has arrived when it is told to stop is still read, for so long
_PLAIN = ("packets", "messages", "data", "faults")
#: Tables of raw streams: streams has a row for each that ended.
TEED = ("streams", *_PLAIN, *KINDS)


@dataclass
class _Stream:
    number: int
    peer: str
    start: int
    bytes: int = 0


class Tee:
    """Listens, and decodes what comes.

    Parameters
    ----------
    settings : Settings
    stop : threading.Event
    counts : Counts
    """

    def __init__(self, settings: Settings, stop: threading.Event, counts: Counts) -> None:
        self.settings, self.stop, self.counts = settings, stop, counts
        self.names = names(settings, TEED)
        self.selector = selectors.DefaultSelector()
        self.decoders = Decoders(max_streams=settings.max_streams)
        self.open: dict[socket.socket, _Stream] = {}
        self.addresses: list[str] = []
        self._paths: list[str] = []
        self._before: Counter[str] = Counter()
        self._maker = Maker(settings.charset, {}, 0)
        self._ended: list[tuple[_Stream, int]] = []
        try:
            for address in settings.listen:
                self._listen(address)
        except BaseException:
            self.close()
            raise

    def _listen(self, address: str) -> None:
        if address.startswith("unix:"):
            path = address.removeprefix("unix:")
            if os.path.exists(path) and stat.S_ISSOCK(os.stat(path).st_mode):
                os.unlink(path)  # of a collector that was killed
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            listener.bind(path)
            listener.listen(128)
            self._paths.append(path)
            self.addresses.append(address)
        else:
            host, port = host_and_port(address)
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listener = socket.create_server((host, port), family=family, backlog=128)
            self.addresses.append(f"tcp://{host}:{listener.getsockname()[1]}")
        listener.setblocking(False)
        self.selector.register(listener, selectors.EVENT_READ, True)

    def pieces(self) -> Iterator[Piece]:
        """What comes until it is told to stop; then all streams end."""
        until = 0.0
        while True:
            stopping = self.stop.is_set()
            until = until or (time.monotonic() + _REST_SECONDS if stopping else 0.0)
            ready = self.selector.select(0.0 if stopping else _LOOK)
            if stopping and (not ready or time.monotonic() > until):
                break
            yield from self._round([key.fileobj for key, _ in ready])
        for connection in list(self.open):
            yield from self._close(connection)
        yield from self._streams()

    def _round(self, ready: list[Any]) -> Iterator[Piece]:
        numbers, chunks, gone = [], [], []
        for connection in ready:
            stream = self.open.get(connection)
            if stream is None:
                yield from self._accept(connection)
                continue
            try:
                data = connection.recv(_CHUNK)
            except BlockingIOError:
                continue
            except OSError:  # reset
                data = b""
            if not data:
                gone.append(connection)
                continue
            stream.bytes += len(data)
            self.open[connection] = self.open.pop(connection)  # used last
            numbers.append(stream.number)
            chunks.append(data)
            if len(chunks) == _CHUNKS:
                yield from self._feed(numbers, chunks)
                numbers, chunks = [], []
        if chunks:
            yield from self._feed(numbers, chunks)
        for connection in gone:
            yield from self._close(connection)
        yield from self._streams()

    def _feed(self, numbers: list[int], chunks: list[bytes]) -> Iterator[Piece]:
        now = time.time_ns()
        self.counts.bytes += sum(map(len, chunks))
        self.counts.records += len(chunks)
        yield from self._tables(self.decoders.feed(numbers, chunks, [now] * len(chunks)))

    def _accept(self, listener: Any) -> Iterator[Piece]:
        try:
            connection, peer = listener.accept()
        except OSError:  # it has gone already, or there are too many open files
            return
        if len(self.open) >= self.settings.max_streams:
            oldest = next(iter(self.open))
            self.counts.evicted += 1
            yield from self._close(oldest)
        connection.setblocking(False)
        self.selector.register(connection, selectors.EVENT_READ, False)
        name = f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) else "unix"
        self.open[connection] = _Stream(self.decoders.open(), name, time.time_ns())
        self.counts.streams = len(self.open)

    def _close(self, connection: socket.socket) -> Iterator[Piece]:
        stream = self.open.pop(connection)
        self.selector.unregister(connection)
        connection.close()
        self.counts.streams = len(self.open)
        self._ended.append((stream, time.time_ns()))
        yield from self._tables(self.decoders.close(stream.number))

    def _tables(self, batch: ManyBatch) -> Iterator[Piece]:
        made = {}
        kinds = set(batch.messages["mid"].tolist())
        for name in self.names:
            if name == "streams" or (name in BY_NAME and BY_NAME[name].mid not in kinds):
                continue
            table = counted_on(batch.table(name, secrets=self.settings.show_secrets), self._before)
            if len(table):
                made[name] = table
        for name in ("packets", "messages"):
            self._before[name] += len(getattr(batch, name))
        count_faults(self.counts, batch.faults)
        piece = self._maker.piece(made)
        self.counts.newest = max(self.counts.newest, piece.time)
        if piece.tables:
            yield piece

    def _streams(self) -> Iterator[Piece]:
        if self._ended and "streams" in self.names:
            pa = pyarrow()
            time_type = pa.timestamp("ns", "UTC")
            ended, self._ended = self._ended, []
            table = pa.table({
                "flow": pa.array([s.number for s, _ in ended], pa.int32()),
                "peer": pa.array([s.peer for s, _ in ended], pa.string()),
                "start": pa.array([s.start for s, _ in ended], time_type),
                "end": pa.array([end for _, end in ended], time_type),
                "bytes": pa.array([s.bytes for s, _ in ended], pa.int64()),
            })  # fmt: skip
            yield self._maker.made({"streams": table})
        self._ended.clear()

    def close(self) -> None:
        """Listen no more."""
        for key in list(self.selector.get_map().values()):
            key.fileobj.close()  # type: ignore[union-attr]
        self.selector.close()
        for path in self._paths:
            if os.path.exists(path):
                os.unlink(path)
