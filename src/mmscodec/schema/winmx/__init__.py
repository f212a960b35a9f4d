"""The WinMX peer network: every packet that is known, each field once.

`PACKETS` holds them all; `by_type` and `by_name` find one. Types known only by name are there
too, without fields.
"""

from __future__ import annotations

from collections.abc import Mapping

from mmscodec.schema import faults
from mmscodec.schema.vocabulary import S2C
from mmscodec.schema.winmx import (
    chat,
    filetransfer,
    primary,
    search,
    session,
    share,
    transfer,
    whois,
)
from mmscodec.schema.winmx.base import HEADS, LINE_TYPES, LINKS, RANKS, Packet, Part
from mmscodec.schema.winmx.session import CACHE_NODE, NODE, NODE_LIST

__all__ = (
    "BY_NAME", "CACHE_NODE", "FAULT_FIELD_BASE", "FIELD_NUMBERS", "HEADS", "LINE_TYPES", "LINKS",
    "NODE", "NODE_LIST", "PACKETS", "RANKS", "SERVER_ROLES", "TYPES", "Packet", "Part",
    "packet_of", "title", "types_of",
)  # fmt: skip

PACKETS: tuple[Packet, ...] = (
    *session.PACKETS,
    *share.PACKETS,
    *whois.PACKETS,
    *search.PACKETS,
    *transfer.PACKETS,
    *chat.PACKETS,
    *primary.PACKETS,
    *filetransfer.PACKETS,
    session.CACHE_LIST,
)

#: What stands before the first packet of a connection.
HANDSHAKE = (session.GREETING, session.CACHE_GREETING, session.KEY_BLOCK)

BY_NAME: Mapping[str, Packet] = {item.name: item for item in PACKETS}


def _servers(item: Packet) -> bool:
    # does a client send another packet under the same type?
    return item.one_way and item.direction == S2C


#: Packets by link and type. A link of "" takes the frames of both kinds of client link, and
#: 0x13ED, which both have, as the secondary link's.
TYPES: Mapping[str, Mapping[int, Packet]] = {
    **{
        link: {item.mid: item for item in PACKETS if item.link == link and not _servers(item)}
        for link in LINKS
    },
    "": {
        item.mid: item
        for link in ("chat", "secondary")
        for item in PACKETS
        if item.link == link and not _servers(item)
    },
}  # fmt: skip

#: The same for what a server is known to have sent.
_SERVER_TYPES: Mapping[str, Mapping[int, Packet]] = {
    link: known | {i.mid: i for i in PACKETS if _servers(i) and i.link in (link, link or "chat")}
    for link, known in ((link, dict(TYPES[link])) for link in TYPES)
}

#: Names of fields that a fault or finding can point at start here in `faults.FAULT_FIELDS`.
FAULT_FIELD_BASE = 1024

_NAMES = sorted({part.name for item in PACKETS for part in (
    *item.fields, *(item.items.fields if item.items else ())
)})  # fmt: skip

#: Field numbers of faults and findings, by name.
FIELD_NUMBERS: Mapping[str, int] = {
    name: FAULT_FIELD_BASE + number for number, name in enumerate(_NAMES)
}

#: Link that each kind of server key block opens, section 5.1.
SERVER_ROLES: Mapping[int, str] = {0x51: "primary", 0x53: "secondary", 0x58: "chat"}


def types_of(link: str, direction: str = "") -> Mapping[int, Packet]:
    """Packets of a link by type; `direction` is "C>S", "S>C", or "" where not known."""
    return (_SERVER_TYPES if direction == S2C else TYPES)[link]


def packet_of(link: str, mid: int, direction: str = "") -> Packet | None:
    """The packet of type `mid` on a link, None where no notes know it."""
    return types_of(link, direction).get(mid)


def title(link: str, mid: int, direction: str = "") -> str:
    """What the notes call a type, or its number."""
    item = packet_of(link, mid, direction)
    return item.title if item else f"0x{mid:04X}"


def _name_fields() -> None:
    faults.FAULT_FIELDS.update({number: name for name, number in FIELD_NUMBERS.items()})


_name_fields()
