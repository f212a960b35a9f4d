"""Opens whatever holds a capture: files, directories, pipes, sockets, addresses, memory."""

from __future__ import annotations

import threading
from bisect import bisect_right
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from itertools import pairwise
from types import TracebackType
from typing import Any

import numpy as np

from mmscodec.capture._copy import copy_pieces
from mmscodec.capture.discovery import Entry, entries_of
from mmscodec.capture.mapped import (
    MAPS,
    MemorySource,
    Source,
    Spool,
    SpooledSource,
    StreamSource,
)
from mmscodec.capture.readers import Detected

#: Positions given to a source: a multiple of this, so that no two sources share one.
STEP = 1 << 16
_COMPRESSED_ROOM = 1 << 42  # positions for what comes out of one compressed file
_STREAM_ROOM = 1 << 56  # for a pipe, which may be endless


class Sources(Sequence[Source]):
    """The sources of one capture in order of time, and random access to their bytes.

    A byte's position is the `base` of its source plus its offset there, after decompression. Close
    it, or use it as a context manager; views handed out stay good.
    """

    def __init__(self, sources: list[Source], spool: Spool, skipped: list[tuple[str, str]]) -> None:
        self.sources = sources
        self.bases = [source.base for source in sources]
        self.spool = spool
        #: Files of a directory or pattern that are no captures: (path, why).
        self.skipped = skipped
        self._used: OrderedDict[int, Source] = OrderedDict()
        self._lock = threading.Lock()  # of those used last
        self.closed = False

    def __len__(self) -> int:
        return len(self.sources)

    def __getitem__(self, index: Any) -> Any:
        return self.sources[index]

    def __iter__(self) -> Iterator[Source]:
        for source in self.sources:
            self._touch(source)
            yield source

    def locate(self, position: int) -> tuple[Source, int]:
        """The source that a position belongs to, and the offset there."""
        index = bisect_right(self.bases, position) - 1
        if index < 0:
            raise IndexError(f"no byte of the capture is at position {position}")
        return self.sources[index], position - self.bases[index]

    def owners(self, positions: Any) -> np.ndarray:
        """Number of the source that each position belongs to, -1 before the first."""
        return np.searchsorted(np.array(self.bases, np.uint64), positions, side="right") - 1

    def mapping(self, index: int) -> tuple[Any, int]:
        """All bytes of a source, and the position of the first."""
        if index < 0:
            raise IndexError("a position is before the first source")
        self._touch(self.sources[index])
        return self.sources[index].mapping()

    def view(self, position: int, length: int) -> memoryview:
        """`length` bytes from `position` on, without a copy.

        Raises
        ------
        IndexError
            If they are not inside one source.
        CaptureError
            If the source is a stream opened without a spool, or its file has changed.
        """
        source, _ = self.locate(position)
        self._touch(source)
        buffer, start = source.mapping()
        first = position - start
        found = memoryview(buffer)[first : first + length]
        if length < 0 or len(found) != length:
            raise IndexError(f"{source.name} ends before {length} bytes from {first} on")
        return found

    def gather(self, positions: Any, lengths: Any) -> np.ndarray:
        """The bytes of many pieces, one behind the other, as a new array of uint8.

        Parameters
        ----------
        positions, lengths : array of int, shape (n,)
            Position and length of each piece; consecutive pieces of one source are copied in one
            go.
        """
        where = np.ascontiguousarray(positions, dtype=np.uint64)
        sizes = np.ascontiguousarray(lengths, dtype=np.int64)
        if where.shape != sizes.shape or where.ndim != 1:
            raise ValueError("positions and lengths must be one-dimensional and equally long")
        if (sizes < 0).any():
            raise ValueError("a length is negative")
        owners = self.owners(where)
        cuts = [0, *(np.flatnonzero(np.diff(owners)) + 1).tolist(), len(where)]
        runs = [(first, last) for first, last in pairwise(cuts) if first != last]
        for first, last in runs:  # before memory is asked for
            if int(np.max(sizes[first:last])) > len(self.mapping(int(owners[first]))[0]):
                raise IndexError("a piece is longer than its source")
        out = np.empty(int(sizes.sum()), np.uint8)
        done = 0
        for first, last in runs:
            buffer, start = self.mapping(int(owners[first]))
            size = int(sizes[first:last].sum())
            copy_pieces(
                buffer, start, where[first:last], sizes[first:last], out[done : done + size]
            )
            done += size
        return out

    def _touch(self, source: Source) -> None:
        """Keep the mappings used last; files are opened again when they are needed again."""
        key = id(source)
        with self._lock:
            self._used[key] = source
            self._used.move_to_end(key)
            while len(self._used) > MAPS:
                self._used.popitem(last=False)[1].release()

    def close(self) -> None:
        """Stop reading and drop the mappings. May be called again.

        Who still asks a stream or a spooled one for bytes gets a CaptureError; buffers and files
        are as they were.
        """
        self.closed = True
        for source in self.sources:
            source.close()
        self.spool.close()

    def __enter__(self) -> Sources:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def open_sources(
    spec: Any, *, spool: bool = True, spool_directory: str | None = None, mapped: bool = True
) -> Sources:
    """Open a capture.

    Parameters
    ----------
    spec : path, str, buffer, file object, socket, or list of these
        A directory and a pattern (``*``, ``?``, ``[``) stand for the captures in them, ``"-"`` for
        standard input, ``scheme://...`` for what fsspec opens. Several files are put in order of
        their first record. Compression (gzip, zstd, lz4, xz, bz2) is told by content.
    spool : bool
        Keep what cannot be mapped (compressed files, pipes) in an unnamed temporary file, so that
        payload can be had later at bounded memory. Without it such sources are read once, piece by
        piece.
    spool_directory : str, optional
        Where that file is; default: as `tempfile` chooses (environment variable TMPDIR).
    mapped : bool
        False reads regular files as if they were pipes: safe when another program may cut a file
        while it is read, which would end the process otherwise.

    Raises
    ------
    FileNotFoundError, PermissionError
        If a path is not there, or may not be read.
    CaptureError
        If nothing is found in a directory, or the only file is no capture.
    MissingExtraError
        If a compression or an address needs a package that is not installed.
    """
    entries, skipped = entries_of(spec, mapped)
    store = Spool(spool_directory)
    sources: list[Source] = []
    base = 0
    for entry in entries:
        source, room = _source_of(entry, base, store if spool else None)
        source.first = entry.first
        sources.append(source)
        base += -(-(room + 1) // STEP) * STEP
    return Sources(sources, store, skipped)


def _source_of(entry: Entry, base: int, spool: Spool | None) -> tuple[Source, int]:
    """A source for one entry, and how many positions it may use."""
    if entry.buffer is not None and not entry.kind:
        memory = MemorySource(entry.buffer, entry.name, base)
        return memory, memory.size
    if entry.source is not None:
        entry.source.base = base
        return entry.source, entry.source.size
    room = _STREAM_ROOM if entry.live else _COMPRESSED_ROOM
    if spool is None:
        return StreamSource(entry.name, Detected(entry.opener), base), room
    reader = Detected(entry.opener, ahead=not entry.live)
    return SpooledSource(entry.name, reader, spool, base), room
