"""Stream Properties: what kind of stream, which codec, in what shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from mmscodec.asf.objects import STREAM_TYPES
from mmscodec.asf.reading import Cursor

#: Audio format tags that occur in ASF.
_FORMAT_TAGS = {
    0x0001: "PCM", 0x0002: "Microsoft ADPCM", 0x0003: "IEEE float", 0x000A: "Windows Media Voice 9",
    0x0042: "G.723.1", 0x0050: "MPEG layer 1/2", 0x0055: "MP3", 0x0130: "Sipro ACELP.net",
    0x0160: "Windows Media Audio 1", 0x0161: "Windows Media Audio 2",
    0x0162: "Windows Media Audio 9 Professional", 0x0163: "Windows Media Audio 9 Lossless",
    0x0164: "Windows Media Audio over S/PDIF", 0x00FF: "AAC", 0x1600: "AAC (ADTS)", 0x2000: "AC-3",
}  # fmt: skip

_VIDEO_CODES = {
    "MP43": "Microsoft MPEG-4 version 3", "MP42": "Microsoft MPEG-4 version 2",
    "MPG4": "Microsoft MPEG-4 version 1", "MP4S": "ISO MPEG-4", "M4S2": "ISO MPEG-4",
    "WMV1": "Windows Media Video 7", "WMV2": "Windows Media Video 8",
    "WMV3": "Windows Media Video 9", "WMVA": "Windows Media Video 9 Advanced",
    "WVC1": "Windows Media Video VC-1", "MSS1": "Windows Media Screen 7",
    "MSS2": "Windows Media Screen 9",
}  # fmt: skip


@dataclass(slots=True)
class Stream:
    """One stream of an ASF file. What does not fit its kind is 0 or ""."""

    number: int
    kind: str
    codec: str = ""
    format_tag: int = 0
    fourcc: str = ""
    channels: int = 0
    sample_rate: int = 0
    bits_per_sample: int = 0
    width: int = 0
    height: int = 0
    bit_rate: int = 0
    language: str = ""
    time_offset: float = 0.0
    encrypted: bool = False

    def as_dict(self) -> dict[str, Any]:
        """Plain Python objects; fields that say nothing are left out."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {k: v for k, v in values.items() if v or k in ("number", "kind")}

    def __str__(self) -> str:
        shape = ""
        if self.width:
            shape = f", {self.width}x{self.height}"
        elif self.sample_rate:
            shape = f", {self.sample_rate} Hz, {self.channels} channels"
        rate = f", {self.bit_rate // 1000} kbit/s" if self.bit_rate else ""
        return f"{self.number} {self.kind}: {self.codec or 'unknown'}{shape}{rate}"


def stream_properties(data: memoryview, start: int, end: int) -> Stream:
    """Read the body of a Stream Properties Object."""
    at = Cursor(data, start, end)
    kind = STREAM_TYPES.get(at.raw(16), "other")
    at.raw(16)
    offset = at.take(8)
    size, _ = at.take(4), at.take(4)
    flags = at.take(2)
    at.take(4)
    stream = Stream(flags & 0x7F, kind, time_offset=offset / 1e7, encrypted=bool(flags & 0x8000))
    body = Cursor(data, at.at, min(end, at.at + size))
    if kind == "audio":
        stream.format_tag, stream.channels = body.take(2), body.take(2)
        stream.sample_rate, stream.bit_rate = body.take(4), body.take(4) * 8
        body.take(2)
        stream.bits_per_sample = body.take(2)
        stream.codec = _FORMAT_TAGS.get(stream.format_tag, f"format 0x{stream.format_tag:04X}")
    elif kind == "video":
        stream.width, stream.height = body.take(4), body.take(4)
        body.raw(1 + 2 + 4 + 4 + 4 + 2)
        stream.bits_per_sample = body.take(2)
        stream.fourcc = "".join(
            chr(byte) if 32 <= byte < 127 else "?" for byte in body.raw(4)
        ).rstrip()
        stream.codec = _VIDEO_CODES.get(stream.fourcc.upper(), stream.fourcc)
    return stream
