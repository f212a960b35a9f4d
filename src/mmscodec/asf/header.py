"""What an ASF header says: file, streams, codecs, names, durations."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from mmscodec.asf import objects
from mmscodec.asf.objects import OBJECT_SIZE, walk
from mmscodec.asf.reading import Cursor, u32_at, u64_at
from mmscodec.asf.streams import Stream, stream_properties
from mmscodec.errors import MalformedError, MmsCodecError, TruncatedError

DATA_OBJECT_START = 50  # bytes of the Data Object that end a header: up to the first packet
_MAX_ITEMS = 4096  # in all lists of a header together
_MAX_WALKS = 256
_HEADER_START = 30  # GUID, size, number of objects, two reserved bytes


@dataclass(slots=True)
class AsfHeader:
    """The header of an ASF file.

    Times are in seconds, sizes in bytes, rates in bit/s. `size` is the length of the Header Object;
    the first ASF data packet is at ``size + 50``. `fields` holds the position of each number that
    a live stream leaves open. What could not be read stands in `problems` as (offset, words).
    """

    size: int = 0
    file_id: UUID | None = None
    file_size: int = 0
    packet_count: int = 0
    play_duration: float = 0.0
    send_duration: float = 0.0
    preroll: float = 0.0
    broadcast: bool = False
    seekable: bool = False
    min_packet_size: int = 0
    max_packet_size: int = 0
    bit_rate: int = 0
    title: str = ""
    author: str = ""
    copyright: str = ""
    description: str = ""
    rating: str = ""
    encrypted: bool = False
    streams: list[Stream] = field(default_factory=list)
    codecs: list[str] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)
    fields: dict[str, int] = field(default_factory=dict)
    problems: list[tuple[int, str]] = field(default_factory=list)
    _about: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def packet_size(self) -> int:
        """Size of every ASF data packet, 0 if the header does not say."""
        return self.max_packet_size if self.min_packet_size == self.max_packet_size else 0

    @property
    def duration(self) -> float:
        """Seconds of content: the play duration without the preroll; 0 for live streams."""
        return max(self.play_duration - self.preroll, 0.0)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python objects, for JSON."""
        names = [
            name
            for name in self.__slots__
            if name not in ("streams", "fields", "file_id", "_about")
        ]
        out = {name: getattr(self, name) for name in names}
        out["file_id"] = str(self.file_id) if self.file_id else ""
        out["duration"] = self.duration
        out["streams"] = [stream.as_dict() for stream in self.streams]
        return out


def describe(header: bytes | bytearray | memoryview) -> AsfHeader:
    """Read an ASF header, however damaged.

    Parameters
    ----------
    header : bytes-like
        Begins with the Header Object; what follows it does not matter.

    Returns
    -------
    AsfHeader
        With all that could be read; `problems` says what could not.

    Raises
    ------
    MalformedError, TruncatedError
        There is no ASF Header Object at all.
    """
    data = memoryview(header).cast("B")
    if len(data) < OBJECT_SIZE + 6:
        raise TruncatedError(
            f"ASF header of {len(data)} bytes: an empty one has 30", need=30, have=len(data)
        )
    if data[:16] != objects.HEADER:
        raise MalformedError("these bytes do not begin with an ASF Header Object")
    out = AsfHeader(size=u64_at(data, 16))
    end = out.size
    if out.size > len(data):
        out.problems.append((16, f"Header Object of {out.size} bytes, {len(data)} are there"))
        end = len(data)
    elif out.size < _HEADER_START:
        out.problems.append((16, f"Header Object of {out.size} bytes, the least is 30"))
        return out
    for item in walk(data, _HEADER_START, end, out.problems):
        _read(out, data, item, True)
    _name_streams(out)
    return out


def _read(out: AsfHeader, data: memoryview, item: objects.Object, outer: bool) -> None:
    reader = _READERS.get(item.guid)
    if item.guid == objects.HEADER_EXTENSION and not outer:
        out.problems.append((item.offset, "a Header Extension inside of another"))
        return
    if reader is None:
        out.encrypted |= item.guid in _ENCRYPTION
        return
    try:
        reader(out, data, item)
    except MmsCodecError as error:
        out.problems.append((item.offset, str(error)))


def _file_properties(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    at = Cursor(data, item.start, item.end)
    out.file_id = UUID(bytes_le=at.raw(16))
    places = {}
    for name, size in (
        ("file_size", 8), ("creation", 8), ("packet_count", 8), ("play_duration", 8),
        ("send_duration", 8), ("preroll", 8), ("flags", 4), ("min_packet_size", 4),
        ("max_packet_size", 4), ("bit_rate", 4),
    ):  # fmt: skip
        places[name] = at.at
        value = at.take(size)
        if name in ("play_duration", "send_duration"):
            setattr(out, name, value / 1e7)
        elif name == "preroll":
            out.preroll = value / 1e3
        elif name == "flags":
            out.broadcast, out.seekable = bool(value & 1), bool(value & 2)
        elif name != "creation":
            setattr(out, name, value)
    out.fields = places


def _stream(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    stream = stream_properties(data, item.start, item.end)
    if any(known.number == stream.number for known in out.streams):
        return
    if len(out.streams) < 128:
        out.streams.append(stream)


def _extension(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    size = u32_at(data, item.start + 18, item.end)
    end = item.start + 22 + size
    if end > item.end:
        out.problems.append((item.offset, f"extension data of {size} bytes leaves its object"))
        end = item.end
    if not _may_walk(out, item):
        return
    for inner in walk(data, item.start + 22, end, out.problems):
        _read(out, data, inner, False)


def _may_walk(out: AsfHeader, item: objects.Object) -> bool:
    # one extension and at most 127 streams are what a file has
    walks = out._about["walks"] = out._about.get("walks", 0) + 1
    if walks == _MAX_WALKS + 1:
        out.problems.append((item.offset, f"more than {_MAX_WALKS} objects that hold objects"))
    return walks <= _MAX_WALKS


def _allowed(out: AsfHeader, count: int) -> int:
    # how many of `count` items of a list are still read
    left = _MAX_ITEMS - out._about.get("items", 0)
    if count > left >= 0 and not out._about.get("full"):
        out._about["full"] = True
        out.problems.append((0, f"more than {_MAX_ITEMS} items in lists"))
    out._about["items"] = _MAX_ITEMS - max(left - count, 0)
    return min(count, max(left, 0))


def _extended_stream(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    at = Cursor(data, item.start, item.end)
    at.raw(16)
    rate = at.take(4)
    at.raw(24 + 4)
    stream_number = at.take(2) & 0x7F
    language = at.take(2)
    at.take(8)
    names, extensions = at.take(2), at.take(2)
    out._about.setdefault("extended", {})[stream_number] = rate, language
    for _ in range(_allowed(out, names)):
        at.take(2)
        at.raw(at.take(2))
    for _ in range(_allowed(out, extensions)):
        at.raw(18)
        at.raw(at.take(4))
    if not _may_walk(out, item):
        return
    for inner in walk(data, at.at, item.end, out.problems):
        if inner.guid == objects.STREAM_PROPERTIES:
            _stream(out, data, inner)


def _codec_list(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    at = Cursor(data, item.start + 16, item.end)
    for _ in range(_allowed(out, at.take(4))):
        kind = at.take(2)
        name = at.text(at.take(2) * 2)
        words = at.text(at.take(2) * 2)
        at.raw(at.take(2))
        what = {1: "video", 2: "audio"}.get(kind, "other")
        out.codecs.append(f"{what}: {name}{f' ({words})' if words else ''}")


def _content(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    at = Cursor(data, item.start, item.end)
    names = ("title", "author", "copyright", "description", "rating")
    for name, size in zip(names, [at.take(2) for _ in names]):
        setattr(out, name, at.text(size))


def _extended_content(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    at = Cursor(data, item.start, item.end)
    for _ in range(_allowed(out, at.take(2))):
        name = at.text(at.take(2))
        kind, size = at.take(2), at.take(2)
        if kind == 0:
            out.metadata[name] = at.text(size)
        elif kind in (2, 3, 4, 5):
            value = int.from_bytes(at.raw(size), "little")
            out.metadata[name] = bool(value) if kind == 2 else value
        else:
            at.raw(size)


def _bit_rates(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    at = Cursor(data, item.start, item.end)
    rates = out._about.setdefault("rates", {})
    for _ in range(_allowed(out, at.take(2))):
        number = at.take(2) & 0x7F
        rates[number] = at.take(4)


def _languages(out: AsfHeader, data: memoryview, item: objects.Object) -> None:
    at = Cursor(data, item.start, item.end)
    out._about["languages"] = [at.text(at.take(1)) for _ in range(_allowed(out, at.take(2)))]


def _name_streams(out: AsfHeader) -> None:
    # what stands about a stream in other objects than its own
    languages = out._about.pop("languages", [])
    rates = out._about.pop("rates", {})
    extended = out._about.pop("extended", {})
    for stream in out.streams:
        rate, language = extended.get(stream.number, (0, None))
        stream.bit_rate = rates.get(stream.number, 0) or rate or stream.bit_rate
        if language is not None and language < len(languages):
            stream.language = languages[language]
    out.streams.sort(key=lambda stream: stream.number)


_READERS = {
    objects.FILE_PROPERTIES: _file_properties,
    objects.STREAM_PROPERTIES: _stream,
    objects.HEADER_EXTENSION: _extension,
    objects.EXTENDED_STREAM: _extended_stream,
    objects.CODEC_LIST: _codec_list,
    objects.CONTENT_DESCRIPTION: _content,
    objects.EXTENDED_CONTENT: _extended_content,
    objects.STREAM_BIT_RATES: _bit_rates,
    objects.LANGUAGES: _languages,
}
_ENCRYPTION = (
    objects.CONTENT_ENCRYPTION,
    objects.EXTENDED_ENCRYPTION,
    objects.ADVANCED_ENCRYPTION,
)
