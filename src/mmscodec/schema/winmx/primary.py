"""Links between primaries (section 10) and the older WPNP 2.x (section 12)."""

from __future__ import annotations

from mmscodec.schema.winmx.base import (
    Part,
    cstr,
    ipv4,
    packet,
    raw,
    should_be,
    text,
    u8,
    u16,
    u32,
)

#: Type of the table that holds every packet of a primary link.
ANY = -1


def header() -> tuple[Part, ...]:
    """The 17-byte header of primary TCP links."""
    return (
        ipv4("origin_ip"),
        u16("origin_udp_port"),
        raw("unknown_1", 2),
        raw("request_id", 4, note="echoed in the answer"),
        raw("unknown_2", 3),
        u8("payload_length", unit="bytes"),
        raw("unknown_3", 1, note="possibly the high byte of the length"),
    )


PACKETS = (
    packet(
        ANY, "PrimaryPacket", "any packet between primaries", "10.1", "primary to primary",
        *header(), raw("data", note="type byte and what follows"), link="primary",
    ),
    packet(
        0x4E, "RoomListQuery", "room list query (payload type)", "10.1", "primary to primary",
        *header(), u8("payload_type", rule=should_be(0x4E)), raw("payload_rest"), link="primary",
    ),
    packet(
        0x47, "RoomAdvertisement", "room advertisement", "10.2", "room host to primary",
        raw("random_seed", 4, note="so that equal messages differ on the wire"),
        u8("type", rule=should_be(0x47)),
        raw("request_id", 4, note="copied from the query"),
        u32("users"),
        u32("limit"),
        u16("room_tcp_port"),
        cstr("room_name"),
        cstr("topic"),
        link="udp",
    ),
    packet(
        2, "LegacyLogin", "login (older protocol)", "12", "peer to peer",
        text("text", secret=True, note='user, password, 0, "WinMX", number'), link="legacy",
    ),
    packet(
        3, "LegacyLoginAnswer", "login answer (older protocol)", "12", "peer to peer",
        text("text", note="a mail address"), link="legacy",
    ),
    packet(
        65494, "LegacySearchResult", "search result (older protocol)", "12", "peer to peer",
        text("text"), link="legacy",
    ),
)  # fmt: skip
