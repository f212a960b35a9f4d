"""What a capture holds that nothing was made of, counted by reason."""

from __future__ import annotations

from typing import Any

import numpy as np

from mmscodec.capture.dtypes import address_text

#: Rows of `Capture.not_understood`.
_NOT_UNDERSTOOD = np.dtype(
    [
        ("reason", "U16"), ("number", "=u4"), ("frames", "=u8"), ("connections", "=u8"),
        ("time", "=i8"), ("src", "U39"), ("src_port", "=u2"), ("dst", "U39"), ("dst_port", "=u2"),
    ]
)  # fmt: skip

#: Of frames, by what the kernel calls them.
FRAMES = {1: "link type", 2: "wrong link type", 3: "Ethernet type", 4: "IP protocol", 5: "other"}
#: Of connections.
CONNECTIONS = ("unanswered", "refused", "silent", "HTTP", "RTSP", "not MMS")

_TEXTS = {
    "link type": "of link type {number}{name}, which is not read",
    "wrong link type": "that are not of link type {number}{name}, as their file says: "
    "they hold IP in another framing",
    "Ethernet type": "of Ethernet type 0x{number:04X}{name}",
    "IP protocol": "of IP protocol {number}{name}",
    "other": "of other kinds without TCP and UDP",
    "unanswered": "to port 1755 got no answer",
    "refused": "to port 1755 refused",
    "silent": "to port 1755 on which nothing was sent",
    "HTTP": "on which Windows Media was served over HTTP, which is not decoded",
    "RTSP": "of RTSP, which is not decoded",
    "not MMS": "to port 1755 on which no MMS was found",
}
_NAMES = {
    ("link type", 147): "for private use", ("link type", 189): "USB", ("link type", 220): "USB",
    ("link type", 187): "Bluetooth", ("link type", 201): "Bluetooth",
    ("wrong link type", 1): "Ethernet", ("wrong link type", 101): "raw IP",
    ("wrong link type", 113): "Linux cooked", ("wrong link type", 276): "Linux cooked 2",
    ("wrong link type", 105): "802.11", ("wrong link type", 0): "loopback",
    ("Ethernet type", 0x0806): "ARP", ("Ethernet type", 0x8863): "PPPoE discovery",
    ("Ethernet type", 0x88CC): "LLDP", ("Ethernet type", 0x88E5): "MACsec, encrypted",
    ("Ethernet type", 0x888E): "802.1X",
    ("IP protocol", 1): "ICMP", ("IP protocol", 2): "IGMP", ("IP protocol", 58): "ICMPv6",
    ("IP protocol", 50): "ESP, encrypted", ("IP protocol", 89): "OSPF",
    ("IP protocol", 108): "IPComp", ("IP protocol", 115): "L2TPv3", ("IP protocol", 132): "SCTP",
    ("IP protocol", 103): "PIM", ("IP protocol", 112): "VRRP",
}  # fmt: skip


class NotUnderstood(np.ndarray):
    """Rows of `Capture.not_understood`, which can say in words what they count."""

    def text(self) -> list[str]:
        """One phrase for each row: how many, of what, and the first connection."""
        return [_words(row) for row in np.atleast_1d(self)]


def _words(row: Any) -> str:
    reason, number = str(row["reason"]), int(row["number"])
    count = int(row["connections"]) or int(row["frames"])
    thing = "connection" if row["connections"] else "frame"
    name = _NAMES.get((reason, number), "")
    named = f" ({name})" if name else ""
    words = f"{count:,} {thing}{'s' if count != 1 else ''} "
    words += _TEXTS[reason].format(number=number, name=named)
    if not row["connections"]:
        return words
    frames = int(row["frames"])
    words += f" ({frames:,} frame{'s' if frames != 1 else ''})"
    first = f"{_end(row, 'src')} > {_end(row, 'dst')}"
    return f"{words}: {first}" if count == 1 else f"{words}, the first {first}"


def _end(row: Any, side: str) -> str:
    host = str(row[side])
    return f"[{host}]:{row[f'{side}_port']}" if ":" in host else f"{host}:{row[f'{side}_port']}"


def table(frames: list[tuple[Any, ...]], connections: list[tuple[Any, ...]]) -> NotUnderstood:
    """The table of an engine's counts."""
    rows: list[tuple[Any, ...]] = [
        (FRAMES[what], number, count, 0, time, "", 0, "", 0) for what, number, count, time in frames
    ]
    for reason, (count, number, time, src, src_port, dst, dst_port) in enumerate(connections):
        if count:
            ends = address_text(src), src_port, address_text(dst), dst_port
            rows.append((CONNECTIONS[reason], 0, number, count, time, *ends))
    return np.array(rows, _NOT_UNDERSTOOD).view(NotUnderstood)
