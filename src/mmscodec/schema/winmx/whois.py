"""Who-is and private messages: section 8.3."""

from __future__ import annotations

from mmscodec.schema.winmx.base import cstr, handle, line_type, packet, raw, u16, u32

UP = "secondary to primary"
DOWN = "primary to secondary"

PACKETS = (
    packet(0x1389, "WhoIsRequest", "who-is request", "8.3", UP, handle(), cstr("user_name")),
    packet(
        0x138A, "WhoIsAnswer", "who-is answer", "8.3", DOWN,
        handle(),
        cstr("user_name"),
        line_type(),
        u32("online_seconds", unit="s"),
        u16("files"),
        cstr("queue_status"),
    ),
    packet(
        0x138B, "WhoIsFailed", "who-is failed", "8.3", DOWN,
        handle(),
        cstr("user_name"),
        cstr("message", optional=True),
    ),
    packet(
        0x13EC, "SendPrivateMessage", "send private message", "8.3", UP,
        handle(),
        cstr("user_name"),
        cstr("text"),
    ),
    packet(
        0x13ED, "PrivateMessageAcknowledged", "private message acknowledged", "8.3", DOWN,
        handle(),
        cstr("user_name"),
        cstr("result", note="message id, then text such as SENT"),
    ),
    packet(
        0x13F6, "PrivateMessageReceived", "private message received", "8.3", DOWN,
        raw("message_id", 12),
        handle(),
        cstr("user_name"),
        cstr("text"),
    ),
    packet(
        0x144F, "AcknowledgePrivateMessage", "acknowledge private message", "8.3", UP,
        handle(),
        cstr("user_name"),
        raw("message_id", 12),
        cstr("result", note="SENT or a refusal"),
    ),
)  # fmt: skip
