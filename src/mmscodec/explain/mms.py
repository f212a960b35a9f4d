"""MMS: TcpMessageHeader packets with their messages, Data packets, requests to resend."""

from __future__ import annotations

from typing import Any

from mmscodec import mms as codec
from mmscodec.explain.model import Explanation, Part
from mmscodec.explain.values import fixed_parts, number_of, part_of
from mmscodec.lines.fields import Style, plain
from mmscodec.schema import mms
from mmscodec.schema import values as mms_values
from mmscodec.schema.fields import Field, Message, Struct


def packet(thing: Explanation, style: Style) -> None:
    """Fill in a TcpMessageHeader packet."""
    thing.title, thing.section = "TcpMessageHeader packet", mms.TCP_MESSAGE_HEADER.section
    thing.parts = fixed_parts(mms.TCP_MESSAGE_HEADER, thing.raw, 0, style, 0)
    batch = codec.decode(thing.raw)
    for row in range(len(batch.messages)):
        thing.parts += _message_parts(batch, row, thing.raw, style)


def datagram(thing: Explanation, style: Style) -> None:
    """Fill in a RequestPacketListResend."""
    thing.title, thing.section = mms.RESEND.name, mms.RESEND.section
    batch = codec.decode(thing.raw, transport="udp")
    if len(batch.messages):
        thing.parts = _message_parts(batch, 0, thing.raw, style)


def data(thing: Explanation, style: Style, kind: int) -> None:
    """Fill in a Data packet of a kind (0 media, 1 header, 2 packet-pair)."""
    thing.section = mms.DATA_PACKET.section
    thing.title = f"Data packet ({mms_values.DATA_KINDS.get(kind, kind)})"
    numbers = (
        style if kind else Style(names=False, secrets=style.secrets, charset=style.charset)
    )  # AFFlags of media count
    thing.parts = fixed_parts(mms.DATA_PACKET, thing.raw, 0, numbers, 0)
    payload = mms.DATA_PACKET["payload"]
    rest = thing.raw[mms.DATA_PACKET.fixed_size :]
    if rest:
        start = mms.DATA_PACKET.fixed_size
        thing.parts.append(part_of(payload, start, rest, rest, style, 0))


def _message_parts(batch: Any, row: int, raw: bytes, style: Style) -> list[Part]:
    """The head of a message and its fields."""
    found = batch.messages[row]
    at, size, mid = int(found["offset"]), int(found["length"]), int(found["mid"])
    known: Struct | None = mms.RESEND if mid == mms.RESEND_SIGNATURE else mms.BY_MID.get(mid)
    if known is None:
        head = Part(at, size, mms.message_name(mid), meaning="no such message in the specification")
        return [head]
    out = [Part(at, size, known.name, meaning=known.note, section=known.section)]
    least = known.min_size if isinstance(known, Message) else known.fixed_size
    if size < least:
        out[0].findings.append(f"shorter than its fixed part of {least} bytes")
        return out
    end = at + size
    chunk_len = int.from_bytes(raw[at : at + 4], "little")
    for field in known.fields:
        if field.needs_chunk_len and chunk_len < field.needs_chunk_len:
            out.append(Part(end, 0, field.name, "absent", field.note, depth=1))
        elif field.variable:
            out += _variable_part(batch, known, field, row, raw, style)
        elif field.struct is not None:
            start = at + (field.offset or 0)
            section = field.struct.section
            out.append(Part(start, field.size or 0, field.name, section=section, depth=1))
            out += fixed_parts(field.struct, raw, start, style, 2)
        else:
            start = at + (field.offset or 0)
            piece = raw[start : min(start + (field.size or 0), end)]
            if len(piece) == field.size:
                out.append(part_of(field, start, piece, number_of(field, piece), style, 1))
    covered = max(part.offset + part.length for part in out[1:])
    if covered < end:
        out.append(Part(covered, end - covered, "padding", f"{end - covered} bytes", depth=1))
    return out


def _variable_part(
    batch: Any, known: Struct, field: Field, row: int, raw: bytes, style: Style
) -> list[Part]:
    """A field of variable length, the entries of a list below it."""
    number = int((batch.rows(known.name) == row).argmax())
    place = batch.extents(known.name, field.name)[number]
    start, size = int(place["offset"]), int(place["length"])
    if size == 0:
        return [
            Part(start, 0, field.name, "absent" if field.optional else '""', field.note, depth=1)
        ]
    value = batch.column(known.name, field.name)[number]
    piece = raw[start : start + size]
    if field.kind == "array" and field.struct is not None:
        part = Part(start, size, field.name, f"{len(value)} entries", field.note, depth=1)
    else:
        shown = piece if field.kind == "bytes" else plain(value)
        part = part_of(field, start, piece, shown, style, 1)
    out = [part]
    if field.kind == "array" and field.struct is not None:
        step = field.struct.fixed_size
        for entry in range(start, start + size - step + 1, step):
            out += fixed_parts(field.struct, raw, entry, style, 2, most=entry + step)
    return out
