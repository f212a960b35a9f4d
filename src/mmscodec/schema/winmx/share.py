"""Sharing and browsing: sections 8.2 and 8.5."""

from __future__ import annotations

from mmscodec.schema.fields import Struct
from mmscodec.schema.winmx.base import (
    Part,
    array,
    cstr,
    handle,
    one_of,
    packet,
    raw,
    should_be,
    u8,
    u16,
    u32,
    unknown,
)

UP = "secondary to primary"
DOWN = "primary to secondary"


def file_hash() -> Part:
    """The hash that a file is shared under."""
    return raw("hash", 20, note="digest of 16 bytes, then the file's length as a u32")


def media(**options: object) -> tuple[Part, ...]:
    """Three fields of media files; `options` say when they are there."""
    return (
        u16("bitrate", **options),
        u32("sample_rate", **options),
        u32("play_time_seconds", unit="s", **options),
    )


def metadata() -> tuple[Part, ...]:
    """A length byte and, where it is 11, a type byte and the media fields."""
    return (
        u8("metadata_length", rule=one_of(0, 11), unit="bytes"),
        u8("metadata_type", rule=should_be(0x4D), when="metadata_length", equals=11),
        *media(when="metadata_length", equals=11),
        raw(
            "metadata_unknown", count="metadata_length", when="metadata_length", equals=11,
            otherwise=True, note="metadata of a length that is not understood",
        ),
    )  # fmt: skip


SHARED_FILE = Struct(
    "SharedFile", "8.2",
    (cstr("file_name"), file_hash(), u32("size", unit="bytes"), *media()),
)  # fmt: skip

PACKETS = (
    packet(
        0x0FA1, "ShareFile", "share file", "8.2", UP,
        cstr("full_path"),
        file_hash(),
        u32("size", unit="bytes"),
        u16("bitrate", optional=True, note="this and the next two for media files only"),
        u32("sample_rate", when="has_bitrate", equals=1),
        u32("play_time_seconds", unit="s", when="has_bitrate", equals=1),
    ),
    unknown(0x0FA2, "UnshareFile", "unshare file", "8.2", UP),
    packet(
        0x0FA3, "ShareFolder", "share folder", "8.2", UP,
        cstr("folder"),
        array("files", struct=SHARED_FILE),
    ),
    unknown(0x0FA4, "UnshareFolder", "unshare folder", "8.2", UP),
    packet(0x1B59, "BrowseRequest", "browse request", "8.5", UP, handle(), cstr("user_name")),
    packet(0x1B5A, "EndBrowsing", "end browsing", "8.5", UP, handle(), cstr("user_name")),
    packet(
        0x1BBC, "BrowseEntry", "browse entry", "8.5", DOWN,
        handle(),
        cstr("user_name"),
        cstr("file_path"),
        file_hash(),
        u32("size", unit="bytes"),
        *metadata(),
    ),
    packet(0x1BC6, "BrowseComplete", "browse complete", "8.5", DOWN, handle(), cstr("user_name")),
    packet(
        0x1BD0, "BrowseError", "browse error", "8.5", DOWN,
        handle(),
        cstr("user_name"),
        cstr("error_text", optional=True),
    ),
)  # fmt: skip
