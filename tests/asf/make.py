"""ASF files made by hand, after the ASF specification."""

import struct
from dataclasses import dataclass
from uuid import UUID

import numpy as np

from mmscodec.asf._write import PacketWriter
from mmscodec.asf.plan import PLAN
from mmscodec.capture.dtypes import EXTENTS

HEADER = UUID("75B22630-668E-11CF-A6D9-00AA0062CE6C").bytes_le
DATA = UUID("75B22636-668E-11CF-A6D9-00AA0062CE6C").bytes_le
FILE = UUID("8CABDCA1-A947-11CF-8EE4-00C00C205365").bytes_le
STREAM = UUID("B7DC0791-A9B7-11CF-8EE6-00C00C205365").bytes_le
EXTENSION = UUID("5FBF03B5-A92E-11CF-8EE3-00C00C205365").bytes_le
AUDIO = UUID("F8699E40-5B4D-11CF-A8FD-00805F5C442B").bytes_le
RESERVED = UUID("ABD3D211-A9BA-11CF-8EE6-00C00C205365").bytes_le
FILE_ID = UUID("11111111-2222-3333-4444-555555555555").bytes_le
MS = 10_000  # of the 100 ns units of file properties
PREROLL = 3000


@dataclass
class Asf:
    header: bytes
    packets: list
    packet_size: int

    @property
    def file(self):
        return self.header + b"".join(self.packets)

    @property
    def short(self):
        """The packets as a server sends them: padding stripped, padding length 0."""
        return [stripped(packet) for packet in self.packets]


def obj(guid, body):
    return guid + struct.pack("<Q", len(body) + 24) + body


def file_properties(
    packets, packet_size, *, duration=10_000, broadcast=False, size=0, count=None, preroll=PREROLL
):
    known = not broadcast
    return obj(
        FILE,
        FILE_ID
        + struct.pack(
            "<QQQQQQIIII",
            size if known else 0,
            0,
            (packets if count is None else count) if known else 0,
            (duration + preroll) * MS if known else 0,
            duration * MS if known else 0,
            preroll,
            1 if broadcast else 2,
            packet_size,
            packet_size,
            64000,
        ),
    )


def audio_stream(number=1):
    form = struct.pack("<HHIIHHH", 0x161, 2, 44100, 8000, 2973, 16, 0)
    return obj(
        STREAM,
        AUDIO + bytes(16) + struct.pack("<QIIHI", 0, len(form), 0, number, 0) + form,
    )


def header(count, packet_size, *, broadcast=False, extra=b""):
    total = 0 if broadcast else count
    size = 0

    def build(size):
        inner = file_properties(count, packet_size, broadcast=broadcast, size=size)
        inner += audio_stream() + extra
        objects = 2 + bool(extra)
        top = HEADER + struct.pack("<QIBB", len(inner) + 30, objects, 1, 2) + inner
        data = 50 + (0 if broadcast else count * packet_size)
        return top + DATA + struct.pack("<Q", data) + FILE_ID + struct.pack("<QBB", total, 1, 1)

    size = len(build(0)) + count * packet_size
    return build(size)


def packet(number, packet_size, body, *, padding=2, send=None, step=100):
    """One ASF data packet with a single payload; `padding` = bytes of the Padding Length field."""
    send = number * step if send is None else send
    kind = {0: 0, 1: 1, 2: 2, 4: 3}[padding]
    payload = bytes([1, number & 0xFF]) + struct.pack("<IBII", 0, 8, len(body), send) + body
    fixed = 3 + 2 + padding + 6 + len(payload)
    pad = packet_size - fixed
    assert pad >= 0
    assert padding or pad == 0
    head = b"\x82\0\0" + bytes([kind << 3, 0x5D])
    head += pad.to_bytes(padding, "little") if padding else b""
    return head + struct.pack("<IH", send, step) + payload + bytes(pad)


def stripped(data):
    """What a server sends of a packet with a Padding Length field of two bytes."""
    if data[3] >> 3 & 3 != 2:
        return data
    pad = int.from_bytes(data[5:7], "little")
    return data[:5] + b"\0\0" + data[7 : len(data) - pad]


def asf(count=20, packet_size=400, *, broadcast=False, short_every=4, first_send=0):
    """A file of one audio stream; every `short_every`-th packet has padding."""
    packets = []
    for i in range(count):
        room = packet_size - 3 - 2 - 2 - 6 - 15
        body = bytes((i + j) & 0xFF for j in range(room if i % short_every else room // 2))
        packets.append(packet(i, packet_size, body, send=first_send + i * 100))
    return Asf(header(count, packet_size, broadcast=broadcast), packets, packet_size)


def mended(packet, size):
    """(bytes, state): one packet filled up to `size` by a writer, and as what it was counted."""
    extents, plan, out = np.zeros(1, EXTENTS), np.zeros(1, PLAN), bytearray(size)
    extents["length"] = plan["length"] = len(packet)
    writer = PacketWriter([extents], [(0, packet)], size)
    assert writer.fill(plan, 0, out) == 1
    return bytes(out), writer.counts.index(1)
