"""WinMX: packets deciphered, handshakes."""

from __future__ import annotations

from typing import Any

from mmscodec.explain.model import Check, Explanation, Part
from mmscodec.explain.values import number_of, part_of
from mmscodec.lines.fields import Style
from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.winmx import HEADS, Packet, packet_of
from mmscodec.schema.winmx.base import Part as Wire
from mmscodec.winmx import cipher


def frame(thing: Explanation, batch: Any, row: int, style: Style) -> None:
    """Fill in packet `row` of a batch."""
    found = batch.packets[row]
    start, buffer = batch.pieces[0]
    at, size = int(found["offset"]) - start, int(found["length"])
    plain = bytes(memoryview(buffer).cast("B")[at : at + size])
    mid = int(found["type"])
    known = packet_of(batch.link, mid, batch.direction)
    if batch.link != "transfer":
        thing.plain = plain
    thing.section = known.section if known is not None else ""
    head = HEADS.get(batch.link or "secondary", 4)
    if head == 4:
        thing.parts += [
            Part(0, 2, "type", f"0x{mid:04X}", known.title if known else "no notes know this type"),
            Part(2, 2, "length", f"{size - 4} B", "bytes behind this header", section="3"),
        ]
    elif head == 17:
        thing.parts += [
            Part(0, 1, "greeting", f"0x{plain[0]:02X}", "of a peer cache", section="7.1"),
            Part(1, 16, "key block", "", "checked, and keys nothing", section="6.1"),
        ]
    end = head
    if known is not None and known.known:
        end = _sequence(known, plain, head, thing, style, 0)
    if 0 <= end < size:
        rest = "data" if known is None or not known.known else "surplus"
        words = "its layout is not known" if rest == "data" else "bytes behind the last field"
        thing.parts.append(Part(end, size - end, rest, f"{size - end} B", words))


def _sequence(
    layout: Struct | Packet, plain: bytes, at: int, thing: Explanation, style: Style, depth: int
) -> int:
    """Fields one after the other from `at` on; the place behind them, -1 where one is cut."""
    seen: dict[str, int] = {}
    for field in layout.fields:
        left = len(plain) - at
        if field.kind == "array" and field.struct is not None:
            at = _items(field, plain, at, thing, style, depth)
        elif _is_there(field, seen, left):
            size, shown = _size_of(field, plain, at, seen)
            if size is None or size > left:
                thing.reasons.append(f"the packet ends inside of {field.name}")
                return -1
            piece = plain[at : at + shown]
            value: Any = number_of(field, piece)
            if field.kind == "ipv4":
                value = ".".join(map(str, piece))
            part = part_of(field, at, piece, value, style, depth)
            part.length = size
            thing.parts.append(part)
            if isinstance(value, int):
                seen[field.name] = value
            at += size
        if at < 0:
            return at
    return at


def _items(
    field: Field, plain: bytes, at: int, thing: Explanation, style: Style, depth: int
) -> int:
    """What repeats to the end."""
    number = 0
    assert field.struct is not None
    while at < len(plain):
        thing.parts.append(
            Part(at, 0, f"{field.name}[{number}]", section=field.struct.section, depth=depth)
        )
        first = len(thing.parts)
        at = _sequence(field.struct, plain, at, thing, style, depth + 1)
        if at < 0:
            thing.parts[first - 1].length = len(plain) - thing.parts[first - 1].offset
            return at
        thing.parts[first - 1].length = at - thing.parts[first - 1].offset
        number += 1
    return at


def _is_there(field: Field, seen: dict[str, int], left: int) -> bool:
    """Whether a packet has a field."""
    if field.optional:
        if left:
            seen["has_" + field.name] = 1
        return left > 0
    if not isinstance(field, Wire) or not field.when or field.kind == "quoted":
        return True
    value = seen.get(field.when, 0)
    return value not in (0, field.equals) if field.otherwise else value == field.equals


def _size_of(field: Field, plain: bytes, at: int, seen: dict[str, int]) -> tuple[int | None, int]:
    """Bytes that a field takes, and how many of them are its value; None where its end is not."""
    left = len(plain) - at
    if field.size is not None:
        return field.size, field.size
    if field.kind in ("cstr", "quoted"):
        end = plain.find(b"\0" if field.kind == "cstr" else b'"', at)
        return (None, 0) if end < 0 else (end - at + 1, end - at)
    if field.kind == "ansi":
        return left, left - (left > 0 and plain[-1] == 0)
    size = seen.get(field.count, left) if field.count else left
    return size, size


def handshake(thing: Explanation, link: str) -> None:
    """Fill in a greeting or a key block."""
    thing.section = "5.2" if thing.length == 1 else "6.1"
    if thing.length == 1:
        thing.parts = [Part(0, 1, "greeting", f"0x{thing.raw[0]:02X}", f"of a {link} link")]
        return
    thing.parts = [Part(0, 16, "key block", "", "holds the role of its sender")]
    thing.checks = key_checks(thing.raw)


def key_checks(block: bytes) -> list[Check]:
    """What makes a key block one: its checks, plain and under the mask of the patched clients."""
    out = []
    for name, form in (("as it is", block), ("under the mask", cipher.mask(block))):
        role = cipher.check_key_block(form)
        seen = "does not check" if role is None else role.name.lower().replace("_", " ")
        needed = "a role, and two sums that check"
        out.append(Check(f"key block {name}", needed, seen, role is not None))
        if role is not None:
            break
    return out
