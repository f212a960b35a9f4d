"""The send time of one ASF data packet."""

from __future__ import annotations

from typing import Any

SIZES = (0, 1, 2, 4)  # of the fields whose width two bits of a packet give


def send_time(packet: Any) -> int:
    """Send time of an ASF data packet in ms, -1 where the bytes are none.

    Parameters
    ----------
    packet : bytes-like
    """
    head = bytes(packet[:48])
    at = 0
    if head and head[0] & 0x80:
        if head[0] & 0x70:
            return -1
        at = 1 + (head[0] & 0x0F)
    if len(head) < at + 2 or head[at] & 0x80 or head[at + 1] & 0xC0 != 0x40:
        return -1
    flags = head[at]
    at += 2 + SIZES[flags >> 5 & 3] + SIZES[flags >> 1 & 3] + SIZES[flags >> 3 & 3]
    if len(head) < at + 6:
        return -1
    return int.from_bytes(head[at : at + 4], "little")
