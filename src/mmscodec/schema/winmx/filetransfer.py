"""Connections over which files go from client to client, in plain: section 5.5.

Types are those of this package: nothing on the wire names them. The separators of requests are
uncertain, and so is which side greets; both are read as they were seen.
"""

from __future__ import annotations

from mmscodec.schema.winmx.base import Part, packet, quoted, raw, should_be, text, u8, u32


def request(verb: bytes) -> tuple[Part, ...]:
    """A request for a file, or the offer of one."""
    return (
        raw("verb", len(verb), default=verb),
        quoted("user_name", equals=1),
        quoted("path"),
        raw("rest", note="a space, and letters or digits"),
    )


PACKETS = (
    packet(
        0x31, "TransferGreeting", "greeting of a client that shares files", "5.5", "both",
        u8("greeting", rule=should_be(0x31)), link="transfer",
    ),
    packet(
        0x47, "FileRequest", "request for a file", "5.5", "downloader to uploader",
        *request(b"GET"), link="transfer",
    ),
    packet(
        0x53, "FileOffer", "offer of a file", "5.5", "uploader to downloader",
        *request(b"SEND"), link="transfer",
    ),
    packet(
        0x5A, "FileSize", "size of a file", "5.5", "uploader to downloader",
        text("size_text", note="decimal"), link="transfer",
    ),
    packet(
        0x50, "FilePositions", "positions in a file", "5.5", "downloader to uploader",
        u32("start_position", unit="bytes"), u32("end_position", unit="bytes"), link="transfer",
    ),
)  # fmt: skip
