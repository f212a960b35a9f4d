"""The ways in which a Python user would index an MMS stream today.

Each gives the same three lists of tuples: packets (offset, length, seq), messages (offset, length,
mid) and Data packets (offset, length, location, incarnation, flags); `numpy_only` gives them as
arrays. They trust the stream: none looks for the next header after damage.
"""

from __future__ import annotations

import struct
from io import BytesIO

import numpy as np
from construct import (
    Bytes,
    Computed,
    Const,
    GreedyRange,
    Int8ul,
    Int16ul,
    Int32ul,
    Int64ul,
    Peek,
    RepeatUntil,
    Seek,
    Struct,
    Switch,
    Tell,
    this,
)
from kaitaistruct import KaitaiStream, KaitaiStruct

SESSION = 0xB00BFACE
Lists = tuple[list[tuple], list[tuple], list[tuple]]


def struct_loop(data: bytes) -> Lists:
    """Plain Python with the struct module."""
    packets, messages, media = [], [], []
    head = struct.Struct("<4xIIIIHHQ").unpack_from
    chunk = struct.Struct("<II").unpack_from
    body = struct.Struct("<IBBH").unpack_from
    p, n = 0, len(data)
    while n - p >= 8:
        location, incarnation, flags, size = body(data, p)
        if incarnation == 0xCE and chunk(data, p)[1] == SESSION:
            _, length, _, _, seq, _, _ = head(data, p)
            if n - p < length + 16:
                break
            packets.append((p, length + 16, seq))
            q, end = p + 32, p + 16 + length
            while q < end:
                units, mid = chunk(data, q)
                messages.append((q, units * 8, mid))
                q += units * 8
            p = end
        else:
            if n - p < size:
                break
            media.append((p, size, location, incarnation, flags))
            p += size
    return packets, messages, media


def numpy_only(data: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Vectorised: find every signature, then walk all stretches between them in step.

    It takes a signature inside a payload for a header, which a decoder may not.
    """
    a = np.frombuffer(data, np.uint8)

    def number(at: np.ndarray, size: int) -> np.ndarray:
        return sum(a[at + i].astype(np.int64) << 8 * i for i in range(size))

    found = np.flatnonzero(a[4:-27] == 0xCE)
    for i, byte in ((1, 0xFA), (2, 0x0B), (3, 0xB0)):
        found = found[a[found + 4 + i] == byte]
    length = number(found + 8, 4) + 16
    whole = found + length <= len(a)
    found, length = found[whole], length[whole]
    packets = np.stack([found, length, number(found + 20, 2)], axis=1)
    messages = [np.empty((0, 3), np.int64)]
    at, end = found + 32, found + length
    while len(at):
        left = at < end
        at, end = at[left], end[left]
        size = number(at, 4) * 8
        messages.append(np.stack([at, size, number(at + 4, 4)], axis=1))
        at = at + size
    media = [np.empty((0, 5), np.int64)]
    at = np.append(0, found + length)
    end = np.append(found, len(a))
    while len(at):
        left = at + 8 <= end
        at, end = at[left], end[left]
        size = number(at + 6, 2)
        inside = at + size <= end
        at, end, size = at[inside], end[inside], size[inside]
        media.append(
            np.stack([at, size, number(at, 4), a[at + 4], a[at + 5]], axis=1, dtype=np.int64)
        )
        at = at + size
    return packets, ordered(messages), ordered(media)


def ordered(parts: list[np.ndarray]) -> np.ndarray:
    """Rows of all parts by offset."""
    rows = np.concatenate(parts)
    return rows[np.argsort(rows[:, 0], kind="stable")]


MESSAGE = Struct("offset" / Tell, "units" / Int32ul, "mid" / Int32ul, Seek(this.units * 8 - 8, 1))
PACKET = Struct(
    "offset" / Tell,
    Const(b"\1\0\0\0\xce\xfa\x0b\xb0"),
    "length" / Int32ul,
    Const(b"MMS "),
    "chunk_count" / Int32ul,
    "seq" / Int16ul,
    "mbz" / Int16ul,
    "time_sent" / Int64ul,
    "end" / Computed(this.offset + this.length + 16),
    "messages" / RepeatUntil(lambda item, _, ctx: item.offset + item.units * 8 >= ctx.end, MESSAGE),
)
MEDIA = Struct(
    "offset" / Tell,
    "location" / Int32ul,
    "incarnation" / Int8ul,
    "flags" / Int8ul,
    "size" / Int16ul,
    Seek(this.size - 8, 1),
)
STREAM = GreedyRange(
    Struct(
        "first" / Peek(Bytes(8)),
        "thing" / Switch(lambda ctx: ctx.first[4:], {b"\xce\xfa\x0b\xb0": PACKET}, default=MEDIA),
    )
)


def construct_parse(data: bytes) -> Lists:
    """The declarative library `construct`."""
    packets, messages, media = [], [], []
    for item in STREAM.parse(data):
        thing = item.thing
        if "messages" in thing:
            packets.append((thing.offset, thing.length + 16, thing.seq))
            messages += [(m.offset, m.units * 8, m.mid) for m in thing.messages]
        else:
            media.append((thing.offset, thing.size, thing.location, thing.incarnation, thing.flags))
    return packets, messages, media


class KaitaiMessage(KaitaiStruct):
    """As the Kaitai Struct compiler writes it for a type of two integers and a body."""

    def __init__(self, _io, _parent=None, _root=None):
        super().__init__(_io)
        self._parent = _parent
        self._root = _root
        self._read()

    def _read(self):
        self.chunk_len = self._io.read_u4le()
        self.mid = self._io.read_u4le()
        self.body = self._io.read_bytes(self.chunk_len * 8 - 8)


class KaitaiPacket(KaitaiStruct):
    """TcpMessageHeader and its messages in a substream."""

    def __init__(self, _io, _parent=None, _root=None):
        super().__init__(_io)
        self._parent = _parent
        self._root = _root
        self._read()

    def _read(self):
        self.magic = self._io.read_bytes(8)
        self.message_length = self._io.read_u4le()
        self.seal = self._io.read_bytes(4)
        self.chunk_count = self._io.read_u4le()
        self.seq = self._io.read_u2le()
        self.mbz = self._io.read_u2le()
        self.time_sent = self._io.read_u8le()
        self._raw_messages = self._io.read_bytes(self.message_length - 16)
        inner = KaitaiStream(BytesIO(self._raw_messages))
        self.messages = []
        while not inner.is_eof():
            self.messages.append(KaitaiMessage(inner, self, self._root))


class KaitaiData(KaitaiStruct):
    """A Data packet."""

    def __init__(self, _io, _parent=None, _root=None):
        super().__init__(_io)
        self._parent = _parent
        self._root = _root
        self._read()

    def _read(self):
        self.location_id = self._io.read_u4le()
        self.play_incarnation = self._io.read_u1()
        self.af_flags = self._io.read_u1()
        self.packet_size = self._io.read_u2le()
        self.payload = self._io.read_bytes(self.packet_size - 8)


def kaitai_parse(data: bytes) -> Lists:
    """Classes as the Kaitai Struct compiler emits them, on its Python runtime."""
    stream = KaitaiStream(BytesIO(data))
    packets, messages, media = [], [], []
    while stream.size() - stream.pos() >= 8:
        at = stream.pos()
        if data[at + 4 : at + 8] == b"\xce\xfa\x0b\xb0":
            packet = KaitaiPacket(stream)
            packets.append((at, packet.message_length + 16, packet.seq))
            q = at + 32
            for message in packet.messages:
                messages.append((q, message.chunk_len * 8, message.mid))
                q += message.chunk_len * 8
        else:
            item = KaitaiData(stream)
            media.append(
                (at, item.packet_size, item.location_id, item.play_incarnation, item.af_flags)
            )
    return packets, messages, media
