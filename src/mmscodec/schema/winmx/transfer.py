"""Transfer management: section 8.6. The files themselves never cross this network."""

from __future__ import annotations

from mmscodec.schema.winmx.base import (
    cstr,
    handle,
    ipv4,
    one_of,
    packet,
    raw,
    u8,
    u16,
    unknown,
)
from mmscodec.schema.winmx.share import DOWN, UP

PACKETS = (
    packet(
        0x1F41, "DownloadRequest", "download request", "8.6", UP,
        handle(),
        cstr("user_name"),
        cstr("file_name"),
        u8("option", rule=one_of(0, 1), values={0: "normal", 1: "join queue"}),
    ),
    packet(
        0x1F4A, "ForceIncomingDownload", "force incoming download", "8.6", UP,
        handle(),
        cstr("user_name"),
        cstr("path_and_file"),
    ),
    packet(
        0x1F54, "UploadFailed", "upload failed", "8.6", UP,
        handle(),
        cstr("user_name"),
        cstr("file_name"),
        raw("reason", note="encoding unknown"),
    ),
    unknown(0x1F5E, "UploadQueueStatusRequest", "upload queue status request", "8.6", UP),
    packet(
        0x1F68, "UploadConfirmed", "upload confirmed", "8.6", UP,
        handle(),
        cstr("user_name"),
        cstr("file_name"),
    ),
    packet(
        0x1FA4, "DownloadFailed", "download failed or busy", "8.6", DOWN,
        handle(),
        cstr("user_name"),
        cstr("file_name"),
        cstr("status_text"),
    ),
    unknown(0x1FAE, "UploadFailedByPrimary", "upload failed (primary side)", "8.6", DOWN),
    unknown(0x1FB8, "UploadRequest", "upload request", "8.6", DOWN),
    packet(
        0x1FC2, "DownloadStart", "download start", "8.6", DOWN,
        cstr("requesting_user_name"),
        handle(),
        cstr("user_name"),
        cstr("file_name"),
        ipv4("ip"),
        u16("tcp_port"),
    ),
    unknown(0x1FCC, "DownloadInQueue", "download in queue", "8.6", DOWN),
    unknown(0x1FD6, "UploadStart", "upload start", "8.6", DOWN),
)  # fmt: skip
