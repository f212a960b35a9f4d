"""What a capture consists of: paths, patterns, directories, addresses and objects to entries."""

from __future__ import annotations

import errno
import glob
import importlib
import io
import mmap
import os
import re
import stat
import sys
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from mmscodec.capture._record_reader import RecordReader
from mmscodec.capture.compression import MAGIC_SIZE, decoder_of, kind_of
from mmscodec.capture.lookalikes import text_mode_pcap, what_is
from mmscodec.capture.mapped import (
    MAPS,
    NO_RECORD,
    MappedSource,
    MemorySource,
    Source,
    StreamSource,
)  # fmt: skip
from mmscodec.capture.readers import BufferReader, Detected, plain_file
from mmscodec.errors import CaptureError, MissingExtraError

_PEEK = 8 << 10  # bytes read at a time to find the first record of a file
_PEEK_LIMIT = 1 << 20
_TEXT_MODE = 64 << 10  # bytes that show what a transfer in text mode did
HEAD = 512  # of a file that is no capture, to say what it is


class Entry:
    """One stream of bytes before it is opened.

    `source` is there where it is a regular file that may be mapped, `opener` gives an object for
    `Reader` and whether it is to be closed; `kind` is the compression where it is known. `first` is
    the time of the first record where entries are put in order of it, see `Source.first`.
    """

    __slots__ = ("buffer", "first", "kind", "live", "name", "opener", "source")

    def __init__(
        self,
        name: str,
        opener: Callable[[], tuple[Any, bool]],
        buffer: Any = None,
        source: MappedSource | None = None,
        kind: str = "",
        live: bool = False,
    ) -> None:
        self.name, self.opener, self.buffer = name, opener, buffer
        self.source, self.kind, self.live = source, kind, live
        self.first: int | None = None


class Head(Source):
    """The start of a stream, read in small pieces."""

    def __init__(self, reader: Any) -> None:
        self.reader = reader
        self.data = b""
        self.ended = False

    def window(self, position: int, need: int) -> tuple[Any, int, bool]:
        """Everything read so far, grown."""
        wanted = min(position + need, _PEEK_LIMIT)
        while not self.ended:
            more = self.reader.read(_PEEK)
            self.data += more
            self.ended = not more or len(self.data) >= _PEEK_LIMIT
            if len(self.data) >= wanted:
                break
        return self.data, 0, self.ended

    def mapping(self) -> tuple[Any, int]:
        """Everything read so far."""
        return self.data, 0


def _peek(entry: Entry) -> tuple[bytes, str, int | None]:
    """First bytes (decompressed), format and time of the first record of an entry."""
    if entry.source is not None:
        start = memoryview(entry.source.mapping()[0])[:_PEEK_LIMIT]
        return recognised(start, *_first_record(MemorySource(start)))
    head = Head(Detected(entry.opener))
    try:
        found = _first_record(head)
        return recognised(memoryview(head.data), *found)
    finally:
        head.reader.close()


def recognised(start: memoryview, form: str, time: int | None) -> tuple[bytes, str, int | None]:
    """The same, without a format for a pcap file that a transfer in text mode destroyed."""
    head = bytes(start[:HEAD])
    if form != "pcap" or not text_mode_pcap(more := bytes(start[:_TEXT_MODE])):
        return head, form, time
    # the proof: put right, it has more records
    moved = _records_of(more) < _records_of(more.replace(b"\r\n", b"\n"))
    return (more, "", time) if moved else (head, form, time)


def _records_of(data: bytes) -> int:
    """Records in front of the first fault of a capture, all if there is none."""
    walker = RecordReader(MemorySource(data))
    rows = walker.rows()
    faults = walker.faults
    walker.close()
    return int((rows["position"] < faults["offset"][0]).sum()) if len(faults) else len(rows)


def _first_record(source: Source) -> tuple[str, int | None]:
    """Format of a source and time of its first record."""
    walker = RecordReader(source)
    time = walker.first_time()
    walker.close()
    return walker.format, time


def streams_that_are_none(sources: Iterable[Source]) -> list[tuple[str, str]]:
    """Streams that were read and are no captures, by how they begin: (name, what they are)."""
    found = []
    for source in sources:
        if isinstance(source, StreamSource) and source.head:
            start = memoryview(source.head)
            head, form, _ = recognised(start, *_first_record(MemorySource(start)))
            if not form:
                found.append((source.name, what_is(head)))
    return found


def entries_of(spec: Any, mapped: bool = True) -> tuple[list[Entry], list[tuple[str, str]]]:
    """Entries in order of time, and files left out: (path, why).

    Regular files get a `source` if they are to be `mapped`.
    """
    single = not _is_several(spec)
    entries: list[Entry] = []
    chosen: list[Entry] = []  # by directory or pattern: may hold other files
    for item in [spec] if single else list(spec):
        found, named = _expand(item, mapped)
        (entries if named else chosen).extend(found)
        if len(entries) + len(chosen) > MAPS:
            release(found)
    skipped: list[tuple[str, str]] = []
    movable = all(_is_repeatable(entry) for entry in entries)
    if len(entries) + len(chosen) == 1 and entries:
        _check(entries[0])
        return entries, skipped
    looked_at = chosen + (entries if movable else [])
    optional = {id(entry) for entry in chosen}
    for entry in looked_at:
        head, form, time = _peek(entry)
        if len(looked_at) > MAPS:
            release([entry])
        if movable:
            entry.first = NO_RECORD if time is None else time
        if not form and id(entry) in optional:
            skipped.append((entry.name, what_is(head)))
    left_out = {name for name, _ in skipped}
    kept = entries + [entry for entry in chosen if entry.name not in left_out]
    if not kept:
        raise CaptureError(f"no capture in {spec}")
    if movable:
        kept.sort(key=lambda entry: (entry.first, natural(entry.name)))
    return kept, skipped


def release(entries: Iterable[Entry]) -> None:
    """Give back mappings; more files than may be mapped are mapped when it is their turn."""
    for entry in entries:
        if entry.source is not None:
            entry.source.release()


def _is_several(spec: Any) -> bool:
    if isinstance(spec, str | os.PathLike | int) or _is_buffer(spec):
        return False
    if hasattr(spec, "read") or hasattr(spec, "recv"):
        return False
    if isinstance(spec, Iterable):
        return True
    raise TypeError(f"cannot open {type(spec).__name__} as a capture")


def _is_buffer(item: Any) -> bool:
    return isinstance(item, bytes | bytearray | memoryview | mmap.mmap | np.ndarray)


def _is_repeatable(entry: Entry) -> bool:
    """It may be opened to look at its start, and again later."""
    return not entry.live


def _check(entry: Entry) -> None:
    """`CaptureError` for the one file that is no capture."""
    if entry.live:
        return
    head, form, _ = _peek(entry)
    if not form and head:
        raise CaptureError(f"{entry.name} is no pcap or pcapng file: {what_is(head)}")


def natural(name: str) -> list[tuple[int, str]]:
    """A key that puts trace2 before trace10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def _expand(item: Any, mapped: bool) -> tuple[list[Entry], bool]:
    """Entries of one item, and whether it named them one by one."""
    if _is_buffer(item):
        return [_of_buffer(item)], True
    if isinstance(item, int):
        return [
            _of_object(os.fdopen(item, "rb", buffering=0, closefd=False), f"<{item}>", mapped)
        ], True
    if not isinstance(item, str | os.PathLike):
        return [_of_object(item, str(getattr(item, "name", type(item).__name__)), mapped)], True
    path = os.fspath(item)
    if isinstance(path, bytes):
        path = os.fsdecode(path)
    if path == "-":
        if sys.stdin is None:
            raise CaptureError("-: standard input is closed")
        return [_of_object(sys.stdin.buffer, "<stdin>", mapped)], True
    if "://" in path:
        return _of_address(path, mapped)
    if os.path.isdir(path):
        return _of_directory(path, mapped), False
    if not os.path.exists(path) and glob.has_magic(path):
        names = sorted(glob.glob(path, recursive=True), key=natural)
        return _of_names([name for name in names if os.path.isfile(name)], mapped), False
    return [_of_path(path, mapped)], True


def _of_directory(path: str, mapped: bool) -> list[Entry]:
    names = [
        found.path
        for found in os.scandir(path)
        if found.is_file() and not found.name.startswith(".")
    ]
    return _of_names(sorted(names, key=natural), mapped)


def _of_names(names: list[str], mapped: bool) -> list[Entry]:
    entries = []
    for name in names:
        entry = _of_path(name, mapped)
        if len(names) > MAPS:
            release([entry])
        entries.append(entry)
    return entries


def _of_path(path: str, mapped: bool) -> Entry:
    try:
        mode = os.stat(path).st_mode
    except ValueError as error:  # a NUL byte in it
        raise FileNotFoundError(errno.ENOENT, f"no such file: {error}", path) from None
    regular = stat.S_ISREG(mode)

    def opener() -> tuple[Any, bool]:
        return open(path, "rb", buffering=0), True

    def descriptor() -> int:
        return os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))

    if not regular:
        return Entry(path, opener, live=True)
    number = descriptor()
    try:
        kind = _known(os.read(number, MAGIC_SIZE))
        source = MappedSource(path, descriptor, number=number) if mapped and not kind else None
    finally:
        os.close(number)
    return Entry(path, opener, source=source, kind=kind)


def _known(head: bytes) -> str:
    """The compression; `MissingExtraError` now rather than later."""
    kind = kind_of(head)
    if kind:
        decoder_of(kind)
    return kind


def _of_buffer(data: Any) -> Entry:
    view = memoryview(data).cast("B")

    def opener() -> tuple[Any, bool]:
        return BufferReader(view), False

    return Entry("memory", opener, buffer=view, kind=_known(bytes(view[:MAGIC_SIZE])))


def _of_object(inner: Any, name: str, mapped: bool) -> Entry:
    if isinstance(inner, io.BytesIO):
        entry = _of_buffer(inner.getbuffer()[inner.tell() :])
        entry.name = name
        return entry
    if not hasattr(inner, "read") and not hasattr(inner, "recv"):
        raise TypeError(f"{type(inner).__name__} has no read()")

    def opener() -> tuple[Any, bool]:
        return inner, False

    number = plain_file(inner)
    if number is None:
        return Entry(name, opener, live=True)
    start = inner.tell()
    kind = _known(inner.read(MAGIC_SIZE))
    inner.seek(start)
    if kind or not mapped:
        return Entry(name, opener, kind=kind, live=True)
    return Entry(name, opener, source=MappedSource(name, _Descriptor(number), start))


class _Descriptor:
    """Duplicates of a file descriptor, also after its owner has closed it."""

    def __init__(self, number: int) -> None:
        self.number = os.dup(number)

    def __call__(self) -> int:
        """A new descriptor; the caller closes it."""
        return os.dup(self.number)

    def __del__(self) -> None:
        os.close(self.number)


def _of_address(address: str, mapped: bool) -> tuple[list[Entry], bool]:
    try:
        core: Any = importlib.import_module("fsspec.core")
    except ImportError:
        raise MissingExtraError("fsspec", "cloud") from None
    try:
        system, path = core.url_to_fs(address)
    except (ImportError, ValueError) as error:  # fsspec opens each kind with a package of its own
        raise CaptureError(f"cannot open {address}: {str(error).rstrip('.')}") from None
    local = "file" in ((system.protocol,) if isinstance(system.protocol, str) else system.protocol)
    if local:
        return _expand(path, mapped)
    if glob.has_magic(path):
        names, named = system.glob(path), False
    elif system.isdir(path):
        names, named = list(system.ls(path, detail=False)), False
    else:
        names, named = [path], True
    if not named:
        names = [name for name in names if system.isfile(name)]
    return [_remote(system, name) for name in sorted(names, key=natural)], named


def _remote(system: Any, path: str) -> Entry:
    def opener() -> tuple[Any, bool]:
        try:
            return system.open(path, "rb"), True
        except FileNotFoundError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        except OSError as error:
            raise CaptureError(f"{path}: {error.strerror or error}") from error

    return Entry(path, opener)
