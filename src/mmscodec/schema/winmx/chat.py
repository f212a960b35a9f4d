"""Packets of the chat link: section 9."""

from __future__ import annotations

from mmscodec.frozen import replace
from mmscodec.schema.winmx import base
from mmscodec.schema.winmx.base import (
    Packet,
    Part,
    cstr,
    ipv4,
    line_type,
    one_of,
    rank,
    raw,
    should_be,
    u8,
    u16,
    u32,
)

UP = "client to server"
DOWN = "server to client"


def packet(
    mid: int, name: str, title: str, roles: str, *parts: Part, one_way: bool = False
) -> Packet:
    """A packet of the chat link."""
    made = base.packet(mid, name, title, "9", roles, *parts, link="chat")
    return replace(made, one_way=one_way)


def unknown(mid: int, name: str, title: str, roles: str = DOWN) -> Packet:
    """A chat packet known only by its name."""
    return base.unknown(mid, name, title, "9", roles, "chat")


def undescribed(mid: int) -> Packet:
    """A type that is seen on chat links and described nowhere."""
    name = f"Chat{mid:04X}"
    return base.unknown(mid, name, "not described", "9", "both", "chat")


def primary(prefix: str = "") -> tuple[Part, ...]:
    """Address and UDP port of a user's primary."""
    return ipv4(prefix + "primary_ip"), u16(prefix + "primary_udp_port")


def user() -> tuple[Part, ...]:
    """A user as lists name one."""
    return (cstr("user_name"), *primary(), line_type(), u32("files"))


def renamed() -> tuple[Part, ...]:
    """Old and new name of a user."""
    return (
        cstr("old_user_name"),
        *primary("old_"),
        cstr("new_user_name"),
        *primary("new_"),
        line_type(),
        u32("files"),
    )


def marker(*values: int) -> Part:
    """One byte that says that something is so; some peers leave it out."""
    rule = one_of(*values) if values else None
    return u8("marker", rule=rule, default=0x31, optional=True)


PACKETS = (
    packet(
        0x0064, "JoinRequest", "chat join request", UP,
        cstr("room_name"), line_type(), *primary(), u32("files"), cstr("user_name"),
    ),
    packet(
        0x0065, "RenameRequest", "chat rename request", UP,
        line_type(), *primary(), u32("files"), cstr("user_name"),
    ),
    packet(0x0066, "JoinAccepted", "chat join accepted", DOWN, marker(0x31, 0)),
    packet(0x0068, "ProtocolSupported", "3.53 protocol supported", DOWN, marker()),
    packet(0x0069, "ServerMarker", "RoboMX/MCMA server marker", DOWN, marker()),
    packet(0x006E, "UserEntered331", "user entered (3.31)", DOWN, *user()),
    packet(0x006F, "UserListEntry331", "user list entry (3.31)", DOWN, *user()),
    packet(0x0070, "UserRenamed331", "user renamed (3.31)", DOWN, *renamed()),
    packet(0x0071, "UserEntered", "user entered (3.53, no IP)", DOWN, *user(), rank()),
    packet(0x0072, "UserListEntry", "user list entry (3.53)", DOWN, *user(), rank()),
    packet(0x0073, "UserLeft", "user left", DOWN, cstr("user_name"), *primary()),
    packet(
        0x0074, "UserRenamed", "user renamed or rank changed (3.53)", DOWN, *renamed(), rank(),
    ),
    packet(
        0x0075, "UserEnteredWithIp", "user entered (3.53, IP shown)", DOWN,
        *user(), rank(), ipv4("ip"),
    ),
    packet(0x0078, "MessageOfTheDay", "message of the day", DOWN, cstr("text")),
    undescribed(0x00AA),
    undescribed(0x00BB),
    packet(0x00C8, "Text331", "text (3.31)", UP, cstr("text"), one_way=True),
    packet(
        0x00C8, "TextToClients331", "text (3.31), sent by a server", DOWN,
        cstr("user_name"), cstr("text"), rank(optional=True), one_way=True,
    ),
    packet(
        0x00C9, "TextToClients", "text to clients", DOWN,
        cstr("user_name"), cstr("text"), rank(optional=True),
    ),
    packet(0x00CA, "Action", "action", UP, cstr("text")),
    packet(0x00CB, "ActionToClients", "action to clients", DOWN, cstr("user_name"), cstr("text")),
    undescribed(0x00CC),
    packet(0x00D2, "Notice", "coloured text or notice", DOWN, cstr("text")),
    packet(0x00D3, "OperatorText", "operator or echo text", DOWN, cstr("text")),
    packet(0x012C, "Topic", "topic", DOWN, cstr("topic")),
    packet(0x012D, "RoomRenamed", "room renamed", DOWN, cstr("room_name")),
    packet(0x0190, "Redirect", "redirect", DOWN, cstr("room_name")),
    packet(0x13ED, "ClientAnnouncement", "3.53 client announcement", UP, marker(0x31)),
    packet(0x13EE, "RedirectedFrom", "redirected from", UP, cstr("room_name")),
    packet(0x1450, "Text", "text (3.53)", UP, cstr("text")),
    packet(0x9900, "IpSendSupported", "IP-send supported", DOWN, marker()),
    packet(0x9901, "IpSendWanted", "IP-send wanted", UP, marker()),
    packet(
        0x9902, "IpSendEntry", "IP-send entry", DOWN,
        cstr("user_name"), *primary(), u16("files"), line_type(), rank(),
        cstr("ip_text"), cstr("host_name", optional=True),
    ),
    packet(
        0x9903, "IpSendEnd", "IP-send end", DOWN,
        u8("zero", rule=should_be(0), default=0, optional=True),
    ),
    packet(0x9904, "ColourCodeFormat", "colour code format", DOWN, cstr("format")),
    packet(
        0x9905, "ProgramIdentification", "program identification", "both",
        cstr("program"), cstr("version"),
    ),
    packet(
        0xFDE8, "Ping", "ping", "both",
        raw("payload", note="empty, one byte 0, or a string '1'"),
    ),
    unknown(0x3400, "ExtensionOffered", "extension offered"),
    unknown(0x3401, "Typing", "typing"),
    unknown(0x3402, "StoppedTyping", "stopped typing"),
    unknown(0x3403, "TypingStateOnJoin", "typing state on join"),
    unknown(0x3411, "UserStatus", "user status"),
    unknown(0x3412, "UserStatesOnJoin", "user states on join"),
    unknown(0x3421, "UserMessageLine", "user message line"),
    packet(0x3470, "ExtensionAccepted", "extension accepted", UP, u32("value", rule=should_be(1))),
    packet(0x3481, "OwnStatus", "own status", UP, u16("status")),
    packet(0x3491, "OwnMessageLine", "own message line", UP, cstr("text")),
)  # fmt: skip
