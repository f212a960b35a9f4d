"""Search and the list of chat rooms: sections 8.4 and 8.7."""

from __future__ import annotations

from mmscodec.schema.winmx.base import (
    Part,
    cstr,
    ipv4,
    line_type,
    packet,
    raw,
    should_be,
    u8,
    u16,
    u32,
)
from mmscodec.schema.winmx.share import DOWN, UP, file_hash, metadata


def query() -> tuple[Part, ...]:
    """What both kinds of search begin with."""
    return (
        u32("search_id", note="one more for every search of any kind"),
        line_type(u8, "minimum_line_type"),
        u8("zero_1", rule=should_be(0)),
        u8("file_type"),
        u8("zero_2", rule=should_be(0)),
    )


PACKETS = (
    packet(0x1771, "TextSearch", "text search", "8.4", UP, *query(), cstr("text")),
    packet(0x1772, "HashSearch", "hash search", "8.4", UP, *query(), raw("digest", 16)),
    packet(
        0x177A, "SearchResult", "search result", "8.4", DOWN,
        u32("search_id"),
        ipv4("primary_ip"),
        u16("primary_udp_port"),
        raw("unknown", 5),
        cstr("path"),
        file_hash(),
        u32("size", unit="bytes"),
        *metadata(),
        line_type(u8),
        ipv4("ping_ip"),
        cstr("user_name"),
        cstr("queue_status"),
    ),
    packet(
        0x238D, "RoomListRequest", "room list request", "8.7", UP,
        u32("zero", rule=should_be(0), optional=True),
    ),
    packet(
        0x238E, "RoomListEntry", "room list entry", "8.7", DOWN,
        u32("users"),
        u32("limit"),
        cstr("room_name", note="ends in 12 digits: the host's address and TCP port"),
        cstr("topic"),
    ),
)  # fmt: skip
