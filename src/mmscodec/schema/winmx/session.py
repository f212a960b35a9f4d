"""Handshake, peer cache and session packets: sections 5, 7 and 8.1."""

from __future__ import annotations

from mmscodec.schema.fields import Struct
from mmscodec.schema.winmx.base import (
    array,
    cstr,
    line_type,
    node_fields,
    packet,
    raw,
    should_be,
    text,
    u8,
    u16,
    unknown,
)

NODE = Struct("Node", "4.1", node_fields(), 12)
CACHE_NODE = Struct("CacheNode", "7.2", node_fields(padding=True), 12)

GREETING = packet(
    0x31, "Greeting", "greeting of a primary or chat server", "5.2", "server to client",
    u8("greeting", rule=should_be(0x31)), link="handshake",
)  # fmt: skip
CACHE_GREETING = packet(
    0x38, "CacheGreeting", "greeting of a peer cache", "7.1", "cache to client",
    u8("greeting", rule=should_be(0x38)), link="handshake",
)  # fmt: skip
KEY_BLOCK = packet(
    0, "KeyBlock", "key block", "6.1", "both",
    raw("block", 16, note="holds the role of its sender"), link="handshake",
)  # fmt: skip
CACHE_LIST = packet(
    0x38, "CacheList", "peer-cache list of 10 primaries", "7.2", "cache to client",
    raw("start_value", 12, note="start of the cipher chain"),
    array("nodes", struct=CACHE_NODE, note="ten records, deciphered"), link="cache",
)  # fmt: skip

NODE_LIST = packet(
    0x03A1, "NodeList", "alternative primary node list", "4", "primary to secondary",
    array("nodes", struct=NODE, note="eight records; record 0 is the current primary"),
)  # fmt: skip

PACKETS = (
    packet(
        0x0384, "QueueStatus", "queue status", "8.1", "secondary to primary",
        text("status_text", note="9000 + free - queued, then words; answer to NodeList"),
    ),
    packet(
        0x038D, "UserNameNotification", "user name notification", "8.1", "secondary to primary",
        cstr("full_user_name", note="base name, underscore, session id in five digits"),
    ),
    unknown(
        0x038E, "UserNameQueueNotification", "user name queue notification", "8.1",
        "secondary to primary",
    ),
    unknown(
        0x039D, "NodeChangeNotification", "primary host node change notification", "8.1",
        "primary to secondary",
    ),
    NODE_LIST,
    packet(
        0x03E9, "UserInfo", "user info (login or rename)", "8.1", "secondary to primary",
        cstr("base_user_name"),
        line_type(),
        u16("tcp_transfer_port"),
    ),
    packet(
        0x0460, "UserInfoAcknowledgement", "user info acknowledgement", "8.1",
        "primary to secondary",
        u16("session_id"),
    ),
)  # fmt: skip
