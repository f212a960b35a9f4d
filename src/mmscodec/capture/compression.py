"""Compressed bytes, told by their content, given out in bounded pieces.

Every decoder here has the interface of `bz2.BZ2Decompressor`: ``decompress(data, max_length)``,
``needs_input``, ``eof``, ``unused_data``. What was decoded before damage is given out; the damage
is a fault, not an exception.
"""

from __future__ import annotations

import bz2
import importlib
import lzma
import zlib
from collections.abc import Callable
from typing import Any, Protocol

from mmscodec.errors import MissingExtraError
from mmscodec.schema.faults import FaultCode

#: How long a start `kind_of` wants to see.
MAGIC_SIZE = 8

PIECE = 64 << 10  # bytes of output a step; damage costs at most so many good ones
#: A library that meets damage keeps what it made of the same input to itself. So the input goes to
#: it in steps that depend on the place in the file alone, whatever pieces it was read in: up to the
#: first number of bytes in steps of the second.
_STEPS = ((16 << 10, 512), (256 << 10, 4 << 10))
_STEP = 16 << 10  # behind that: larger ones are not faster
_READ = 128 << 10  # asked for at a time
_PAUSE = 0.5  # seconds without a byte from a pipe, after which a step is not waited for
XZ_MEMORY = 256 << 20  # a stream that wants more than `xz -9` four times over is refused
ZSTD_WINDOW = 28  # log2 of the largest window: as much memory as xz may use
_FRAME_HEAD = 18  # bytes of the longest header of a zstd frame
_COMPRESSED_DATA = 140  # FAULT_FIELDS

_MAGICS = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xfd7zXZ\0": "xz",
}


class Readable(Protocol):
    """Something to read from: ``b""`` is the end; fewer bytes than asked for are not."""

    def read(self, size: int) -> bytes: ...  # noqa: D102

    def close(self) -> None: ...  # noqa: D102


def kind_of(head: bytes) -> str:
    """``"gzip"``, ``"zstd"``, ``"lz4"``, ``"xz"``, ``"bz2"``, or ``""`` for anything else."""
    for magic, kind in _MAGICS.items():
        if head.startswith(magic):
            return kind
    if head[:3] == b"BZh" and head[3:4] in b"123456789" and len(head) > 3:
        return "bz2"
    # skippable frames belong to zstd and lz4 alike; zstd writes them, lz4 does not
    if len(head) >= 4 and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18":
        return "zstd"
    return ""


def _zstd_window(head: bytes) -> int:
    """Bytes of the window that a zstd frame with this start asks for (RFC 8878, 3.1.1.1); or 0."""
    if len(head) < 6 or head[:4] != b"\x28\xb5\x2f\xfd":
        return 0
    flags = head[4]
    if flags & 0x20:  # a single segment: the window is the content
        at = 5 + (0, 1, 2, 4)[flags & 3]
        size = (1, 2, 4, 8)[flags >> 6]
        value = int.from_bytes(head[at : at + size], "little")
        return value + 256 if size == 2 else value
    base = 1 << (10 + (head[5] >> 3))
    return base + (base >> 3) * (head[5] & 7)


class _Steps:
    """A reader's bytes in steps that do not depend on how they come.

    Only a pipe that pauses in the middle of a step cuts it: a live capture is to be seen.
    """

    def __init__(self, raw: Readable) -> None:
        self.raw = raw
        self.ready = getattr(raw, "ready", None)
        self.at = 0
        self.rest = b""

    def read(self) -> bytes:
        """The next step, shorter at the end; ``b""`` behind it."""
        end = self.at + next((step for limit, step in _STEPS if self.at < limit), _STEP)
        end -= end % (end - self.at)  # behind a cut: to where the step would have ended
        size = end - self.at
        found = [self.rest]
        length = len(self.rest)
        while length < size:
            if length and self.ready is not None and not self.ready(_PAUSE):
                break
            more = self.raw.read(_READ)
            if not more:
                break
            found.append(more)
            length += len(more)
        data = b"".join(found)
        out, self.rest = data[:size], data[size:]
        self.at += len(out)
        return out


class _Gzip:
    """`zlib` with the interface of the others."""

    def __init__(self) -> None:
        self.inner = zlib.decompressobj(31)
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self.inner.eof

    @property
    def unused_data(self) -> bytes:
        return self.inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        tail = self.inner.unconsumed_tail
        out = self.inner.decompress(tail + data if tail else data, max_length)
        self.needs_input = not self.inner.unconsumed_tail and len(out) < max_length
        return out


def _gzip() -> Callable[[], Any]:
    try:
        igzip = importlib.import_module("isal.igzip_lib")
    except ImportError:
        return _Gzip
    return lambda: igzip.IgzipDecompressor(flag=igzip.DECOMP_GZIP)


def _zstd() -> Callable[[], Any]:
    for name in ("compression.zstd", "backports.zstd"):
        try:
            module = importlib.import_module(name)
        except ImportError:
            continue
        # the library stops at 128 MiB, below what `zstd --long=28` writes
        options = {module.DecompressionParameter.window_log_max: ZSTD_WINDOW}
        return lambda: module.ZstdDecompressor(options=options)
    raise MissingExtraError("backports.zstd", "compress")


def _lz4() -> Callable[[], Any]:
    try:
        return importlib.import_module("lz4.frame").LZ4FrameDecompressor
    except ImportError:
        raise MissingExtraError("lz4", "compress") from None


def decoder_of(kind: str) -> Callable[[], Any]:
    """What makes decoders of a kind; `MissingExtraError` names the extra that has it."""
    if kind == "xz":
        return lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY)
    if kind == "bz2":
        return bz2.BZ2Decompressor
    return {"gzip": _gzip, "zstd": _zstd, "lz4": _lz4}[kind]()


class Decompressed:
    """The decompressed bytes of a reader, members that follow each other as one.

    Attributes
    ----------
    faults : list of tuple
        Rows of the faults table; offsets count decompressed bytes from the start.
    """

    def __init__(self, raw: Readable, kind: str, pending: bytes = b"") -> None:
        self.raw = raw
        self.steps = _Steps(raw)
        self.kind = kind
        self.make = decoder_of(kind)
        self.decoder = self.make()
        self.pending = pending
        self.started = bool(pending)  # the decoder got bytes of its frame
        self.frame = b""  # the first of them
        self.ended = False
        self.produced = 0
        self.faults: list[tuple[int, int, int, int, int, int]] = []

    def read(self, size: int) -> bytes:
        """The next bytes, `PIECE` at most; ``b""`` at the end or at damage."""
        while not self.ended:
            if self.decoder.eof and not self._next_member():
                break
            data = self._input() if self.decoder.needs_input else b""
            if self.ended:
                break
            try:
                out = self.decoder.decompress(data, min(size, PIECE))
            except Exception as error:
                # each library has exceptions of its own, some of them plain RuntimeError
                self._refused(data, error)
                break
            if out:
                self.produced += len(out)
                return out
        return b""

    def _input(self) -> bytes:
        data = self.pending or self.steps.read()
        self.pending = b""
        if data:
            self.started = True
            if len(self.frame) < _FRAME_HEAD:
                self.frame += data[: _FRAME_HEAD - len(self.frame)]
        elif self.started:
            self._fault(FaultCode.FILE_TRUNCATED)
        else:
            self.ended = True
        return data

    def _next_member(self) -> bool:
        """Start the next frame; False at the end."""
        rest = self.decoder.unused_data or b""
        # gzip and xz allow zero bytes between members and behind the last one
        rest = rest.lstrip(b"\0")
        while len(rest) < MAGIC_SIZE:
            more = self.steps.read()
            if not more:
                break
            rest = (rest + more).lstrip(b"\0") if not rest else rest + more
        self.started = bool(rest)
        if not rest:
            self.ended = True
            return False
        if kind_of(rest) != self.kind:
            self._fault(FaultCode.BAD_COMPRESSION)
            return False
        self.decoder = self.make()
        self.pending = rest
        self.frame = b""
        return True

    def _refused(self, data: bytes, error: Exception) -> None:
        """The library gave up: damage, or more memory than it may have."""
        words = str(error).lower()
        if self.kind == "xz" and "memory usage limit" in words:
            self._fault(FaultCode.BEYOND_LIMIT, XZ_MEMORY + 1, XZ_MEMORY)
            return
        window = _zstd_window(self.frame) if self.kind == "zstd" else 0
        if window > 1 << ZSTD_WINDOW:
            self._fault(FaultCode.BEYOND_LIMIT, window, 1 << ZSTD_WINDOW)
        else:
            self._fault(FaultCode.BAD_COMPRESSION)

    def _fault(self, code: FaultCode, need: int = 0, have: int = 0) -> None:
        self.ended = True
        self.faults.append((self.produced, 0, code, _COMPRESSED_DATA, need, have))

    def take_faults(self) -> list[tuple[int, int, int, int, int, int]]:
        """Faults since the last call."""
        found, self.faults = self.faults, []
        return found

    def close(self) -> None:
        """Close what is read from."""
        self.ended = True
        self.raw.close()
