"""The numbers of an ASF header that a live stream, or a part of a file, leaves open or wrong."""

from __future__ import annotations

from mmscodec.asf import objects
from mmscodec.asf.header import DATA_OBJECT_START, AsfHeader

BROADCAST = 1


def whole_header(header: bytes, described: AsfHeader) -> bytes:
    """Header Object and the first 50 bytes of the Data Object, made where they did not come."""
    end = described.size + DATA_OBJECT_START
    if len(header) >= end:
        return header[:end]
    start = header[: described.size]
    file_id = described.file_id.bytes_le if described.file_id else bytes(16)
    data = objects.DATA + (50).to_bytes(8, "little") + file_id + bytes(8) + b"\x01\x01"
    return start + data


def completed(
    header: bytes,
    described: AsfHeader,
    *,
    packets: int,
    packet_size: int,
    first_send: int = -1,
    last_end: int = -1,
) -> tuple[bytes, list[str]]:
    """The header with its numbers made true for what follows it, and the names of those changed.

    A header that is true already stays as it is, byte for byte: an on-demand file that came whole
    keeps the size that counts its index, which MMS does not carry.

    Parameters
    ----------
    header : bytes
        Header Object and 50 bytes of the Data Object.
    described : AsfHeader
        What `describe` says of it.
    packets, packet_size : int
        ASF data packets that follow, and their size.
    first_send, last_end : int
        ms: send time of the first packet, end of the last; -1 = not known.
    """
    out = bytearray(header)
    changed: list[str] = []
    at = described.size
    total = len(header) + packets * packet_size

    def put(name: str, place: int | None, size: int, value: int) -> None:
        if place is None:
            return
        new = min(value, (1 << 8 * size) - 1).to_bytes(size, "little")
        if out[place : place + size] != new:
            out[place : place + size] = new
            changed.append(name)

    true = not described.broadcast and described.packet_count == packets
    true = true and described.packet_size in (0, packet_size)
    put("data object size", at + 16, 8, DATA_OBJECT_START + packets * packet_size)
    put("total data packets", at + 40, 8, packets)
    if true:
        return bytes(out), changed
    fields = described.fields
    put("file size", fields.get("file_size"), 8, total)
    put("packet count", fields.get("packet_count"), 8, packets)
    if last_end >= 0:
        live = described.broadcast or not described.play_duration
        start = max(first_send, 0) if live else 0
        length = max(last_end - start, 0) * 10_000
        preroll = int(described.preroll * 1e3) * 10_000
        known = (1 << 63) if live else int(described.play_duration * 1e7)
        put("play duration", fields.get("play_duration"), 8, min(length + preroll, known))
        known = (1 << 63) if live else int(described.send_duration * 1e7) or 1 << 63
        put("send duration", fields.get("send_duration"), 8, min(length, known))
    if described.broadcast and "flags" in fields:
        place = fields["flags"]
        flags = int.from_bytes(out[place : place + 4], "little")
        put("broadcast flag", place, 4, flags & ~BROADCAST)
    for name in ("min_packet_size", "max_packet_size"):
        if described.packet_size != packet_size:
            put(name.replace("_", " "), fields.get(name), 4, packet_size)
    return bytes(out), changed
