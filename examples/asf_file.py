"""What an MMS server must know of an ASF file: header, packets, bit rate, duration.

The ASF file header of MMS is the Header Object and the first 50 bytes of the Data Object; what
follows are the ASF data packets, all of one size. An index behind them is never sent.
"""

from __future__ import annotations

import struct
from bisect import bisect_left, bisect_right
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from weakref import WeakValueDictionary

DATA_OBJECT = 50  # bytes of the Data Object before its first packet
HEADER_OBJECT = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
FILE_PROPERTIES = bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365")
STREAM_PROPERTIES = bytes.fromhex("9107dcb7b7a9cf118ee600c00c205365")
SIZES = (0, 1, 2, 4)  # of the fields whose width two bits of a packet give
BROADCAST = 1  # in the flags of File Properties


class AsfHeader:
    """What the ASF file header says; objects that are cut off or empty say nothing.

    Attributes
    ----------
    packet_size, bit_rate : int
        Bytes; bit/s, all streams together.
    duration : float
        Seconds, as players show it.
    broadcast : bool
        The file is the recording of a live stream, its numbers are not known.
    streams : list of int
        Stream numbers.
    """

    def __init__(self, header: bytes) -> None:
        self.header = header
        self.packet_size = self.bit_rate = 0
        self.duration = 0.0
        self.broadcast = False
        self.streams: list[int] = []
        at, end = 30, len(header) - DATA_OBJECT
        while at + 24 <= end:
            guid, size = struct.unpack_from("<16sQ", header, at)
            if size < 24 or size > end - at:
                break
            if guid == FILE_PROPERTIES and size >= 104:
                play_duration, _, preroll = struct.unpack_from("<QQQ", header, at + 64)
                self.broadcast = bool(header[at + 88] & BROADCAST)
                self.packet_size, self.bit_rate = struct.unpack_from("<II", header, at + 96)
                self.duration = max(0.0, play_duration / 1e7 - preroll / 1e3)
            elif guid == STREAM_PROPERTIES and size >= 74:
                self.streams.append(struct.unpack_from("<H", header, at + 72)[0] & 0x7F)
            at += size


class AsfFile(AsfHeader):
    """An ASF file, cut into what MMS sends.

    Attributes
    ----------
    header : bytes
        Header Object and 50 bytes of the Data Object.
    packets : list of memoryview
        ASF data packets, each `packet_size` bytes.

    Raises
    ------
    ValueError
        This is no ASF file, or one without the size of its packets.
    """

    def __init__(self, path: str | Path) -> None:
        content = Path(path).read_bytes()
        if content[:16] != HEADER_OBJECT or len(content) < 30 + DATA_OBJECT:
            raise ValueError(f"{path} is no ASF file")
        size = struct.unpack_from("<Q", content, 16)[0] + DATA_OBJECT
        if size > len(content):
            raise ValueError(f"{path}: a header of {size} bytes in a file of {len(content)}")
        super().__init__(content[:size])
        if not self.packet_size:
            raise ValueError(f"{path} does not say how long its packets are")
        body = memoryview(content)[size:]
        count = struct.unpack_from("<Q", content, size - 10)[0]
        there = len(body) // self.packet_size
        starts = range(min(count, there) if count else there)
        self.packets = [body[i * self.packet_size : (i + 1) * self.packet_size] for i in starts]

    @cached_property
    def times(self) -> list[int]:
        """Send time of each packet, the latest so far where one is earlier than those before it."""
        return list(accumulate((send_time(packet) for packet in self.packets), max))

    def packet_at(self, seconds: float) -> int:
        """Number of the packet from which to play for this time.

        The first of those that have the latest send time up to it: a player needs all that is sent
        at one time, and the packets of a file often begin with several at 0.
        """
        after = bisect_right(self.times, seconds * 1000)
        return bisect_left(self.times, self.times[after - 1]) if after else 0

    def packets_until(self, milliseconds: float) -> int:
        """How many packets, from the first, are sent before this time."""
        return bisect_left(self.times, milliseconds)

    def flat(self) -> bytes:
        """Header and packets: what a client can write of this file."""
        return self.header + b"".join(self.packets)


_open_files: WeakValueDictionary[tuple, AsfFile] = WeakValueDictionary()


def shared(path: Path) -> AsfFile:
    """The file at `path`, read once for all who have it at the same time."""
    status = path.stat()
    key = path, status.st_mtime_ns, status.st_size
    file = _open_files.get(key)
    if file is None:
        _open_files[key] = file = AsfFile(path)
    return file


def parse(packet: memoryview) -> tuple[int, int, int]:
    """Where the Padding Length of an ASF packet lies, its width, and where the send time lies.

    Raises
    ------
    ValueError
        The packet is too short for its own fields.
    """
    at = 1 + (packet[0] & 0x0F) if packet and packet[0] & 0x80 else 0  # error correction data
    if len(packet) < at + 2:
        raise ValueError(f"an ASF packet of {len(packet)} bytes")
    flags = packet[at]
    before = SIZES[flags >> 5 & 3] + SIZES[flags >> 1 & 3]  # Packet Length and Sequence
    width = SIZES[flags >> 3 & 3]
    padding = at + 2 + before
    if len(packet) < padding + width + 6:
        raise ValueError(f"an ASF packet of {len(packet)} bytes")
    return padding, width, padding + width


def send_time(packet: memoryview) -> int:
    """Send time of an ASF packet, milliseconds; 0 if it has none."""
    try:
        return struct.unpack_from("<I", packet, parse(packet)[2])[0]
    except ValueError:
        return 0


def without_padding(packet: memoryview, keep_length: bool = False) -> bytes:
    """The packet as Windows servers send it: padding cut off, Padding Length 0.

    `keep_length` leaves the Padding Length as it was, as some servers do.
    """
    try:
        at, width, times = parse(packet)
    except ValueError:
        return bytes(packet)
    padding = int.from_bytes(packet[at : at + width], "little")
    if padding > len(packet) - times - 6:
        return bytes(packet)
    end = len(packet) - padding
    length = bytes(packet[at : at + width]) if keep_length else bytes(width)
    return bytes(packet[:at]) + length + bytes(packet[at + width : end])
