"""Just enough of a capture reader for the captures beside it: loopback Ethernet, IPv4, no loss."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import NamedTuple


class Piece(NamedTuple):
    """Payload of one segment or datagram, in order, without retransmissions."""

    time: int
    src: tuple[bytes, int]
    dst: tuple[bytes, int]
    udp: bool
    opens: bool
    data: bytes


def pieces(capture: bytes) -> Iterator[Piece]:
    assert struct.unpack_from("<I", capture)[0] == 0xA1B2C3D4
    at, expected = 24, {}
    while at < len(capture):
        seconds, micro, length, _ = struct.unpack_from("<IIII", capture, at)
        frame = capture[at + 16 : at + 16 + length]
        at += 16 + length
        ip = frame[14:]
        ip = ip[: struct.unpack_from(">H", ip, 2)[0]]
        rest = ip[(ip[0] & 15) * 4 :]
        ports = struct.unpack_from(">HH", rest)
        src, dst = (ip[12:16], ports[0]), (ip[16:20], ports[1])
        time = seconds * 10**9 + micro * 1000
        if ip[9] == 17:
            yield Piece(time, src, dst, True, False, rest[8:])
            continue
        seq = struct.unpack_from(">I", rest, 4)[0]
        data, syn = rest[(rest[12] >> 4) * 4 :], bool(rest[13] & 2)
        if syn:
            expected[src, dst] = (seq + 1) % 2**32
            yield Piece(time, src, dst, False, not rest[13] & 16, b"")
        elif data and seq == expected[src, dst]:
            expected[src, dst] = (seq + len(data)) % 2**32
            yield Piece(time, src, dst, False, False, data)
