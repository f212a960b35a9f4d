"""What an MMS server must know of an ASF file: header, packets, bit rate, duration.

The ASF file header of MMS is the Header Object and the first 50 bytes of the Data Object; what
follows are the ASF data packets, all of one size. An index behind them is never sent.
"""

from __future__ import annotations

import struct
from pathlib import Path

DATA_OBJECT = 50  # bytes of the Data Object before its first packet
FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
SIZES = (0, 1, 2, 4)  # of the fields whose width two bits of a packet give


class AsfHeader:
    """What the ASF file header says.

    Attributes
    ----------
    packet_size, bit_rate : int
        Bytes; bit/s, all streams together.
    duration : float
        Seconds, as players show it.
    streams : list of int
        Stream numbers.
    """

    def __init__(self, header: bytes) -> None:
        self.header = header
        self.packet_size = self.bit_rate = 0
        self.duration = 0.0
        self.streams: list[int] = []
        at = 30
        while at + 24 <= len(header) - DATA_OBJECT:
            guid, size = struct.unpack_from("<16sQ", header, at)
            if guid == FILE_PROPERTIES:
                play_duration, _, preroll = struct.unpack_from("<QQQ", header, at + 64)
                self.packet_size, self.bit_rate = struct.unpack_from("<II", header, at + 96)
                self.duration = max(0.0, play_duration / 1e7 - preroll / 1e3)
            elif guid == STREAM_PROPERTIES:
                self.streams.append(struct.unpack_from("<H", header, at + 72)[0] & 0x7F)
            at += max(size, 24)


class AsfFile(AsfHeader):
    """An ASF file, cut into what MMS sends.

    Attributes
    ----------
    header : bytes
        Header Object and 50 bytes of the Data Object.
    packets : list of memoryview
        ASF data packets, each `packet_size` bytes.
    """

    def __init__(self, path: str | Path) -> None:
        content = Path(path).read_bytes()
        size = struct.unpack_from("<Q", content, 16)[0] + DATA_OBJECT
        super().__init__(content[:size])
        count = struct.unpack_from("<Q", content, size - 10)[0]
        body = memoryview(content)[size : size + count * self.packet_size]
        self.packets = [
            body[i : i + self.packet_size] for i in range(0, len(body), self.packet_size)
        ]

    def packet_at(self, seconds: float) -> int:
        """Number of the last packet that is sent at or before this time."""
        times = [send_time(packet) for packet in self.packets]
        return sum(time <= seconds * 1000 for time in times[1:])

    def flat(self) -> bytes:
        """Header and packets: what a client can write of this file."""
        return self.header + b"".join(self.packets)


def parse(packet: memoryview) -> tuple[int, int, int]:
    """Where the Padding Length of an ASF packet lies, its width, and where the send time lies."""
    at = 1 + (packet[0] & 0x0F) if packet[0] & 0x80 else 0  # after the error correction data
    flags = packet[at]
    before = SIZES[flags >> 5 & 3] + SIZES[flags >> 1 & 3]  # Packet Length and Sequence
    width = SIZES[flags >> 3 & 3]
    padding = at + 2 + before
    return padding, width, padding + width


def send_time(packet: memoryview) -> int:
    """Send time of an ASF packet, milliseconds."""
    return struct.unpack_from("<I", packet, parse(packet)[2])[0]


def without_padding(packet: memoryview) -> bytes:
    """The packet as Windows servers send it: padding cut off, Padding Length 0."""
    at, width, _ = parse(packet)
    padding = int.from_bytes(packet[at : at + width], "little")
    return bytes(packet[:at]) + bytes(width) + bytes(packet[at + width : len(packet) - padding])
