"""Fields of the schema as parts: value, meaning, rule."""

from __future__ import annotations

import struct
from typing import Any

from mmscodec.explain.model import Part
from mmscodec.lines.fields import Style, ansi, in_page, safe, text
from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.values import hresult_text, version_text

_MOST = 80  # characters of a value


def number_of(field: Field, raw: bytes) -> Any:
    """The value of a field of fixed size: a number, or its bytes."""
    if field.kind == "f64":
        return struct.unpack("<d", raw)[0]
    if field.kind == "i16":
        return int.from_bytes(raw, "little", signed=True)
    if field.kind == "ipv4":
        return int.from_bytes(raw, "little")
    if field.kind[:1] == "u" and field.kind[1:].isdigit():
        return int.from_bytes(raw, "little")
    return raw


def _shortened(words: str) -> str:
    """At most so many characters that a line stays one."""
    return words if len(words) <= _MOST else words[: _MOST - 3] + "..."


def _value_text(field: Field, value: Any, style: Style) -> str:
    """A value for people."""
    if field.secret and not style.secrets:
        return f"<{len(value)} bytes hidden>"
    if field.unit == "HRESULT" and isinstance(value, int):
        return hresult_text(value)
    if field.unit == "8 bytes":
        return f"{value} x 8 bytes"
    if field.unit == "4 x 16 bits" and isinstance(value, int):
        return version_text(value)
    if field.kind in ("cstr", "quoted", "ansi") and isinstance(value, bytes):
        if not field.size:  # of WinMX
            value = in_page(value.split(b"\0", 1)[0], style.charset)
            return _shortened(f'"{safe(value)}"')
        return _shortened(f'"{safe(ansi(value, style.charset))}"')
    shown = text(field, value, style)
    if isinstance(value, int) and not isinstance(value, bool) and value > 999 and shown.isdigit():
        shown += f" (0x{value:X})"
    return _shortened(shown)


def part_of(field: Field, offset: int, raw: bytes, value: Any, style: Style, depth: int) -> Part:
    """A field with its value."""
    return Part(
        offset, len(raw), field.name, _value_text(field, value, style), field.note,
        field.rule.text() if field.rule is not None else "", depth=depth,
        secret=field.secret and not style.secrets,
    )  # fmt: skip


def fixed_parts(
    layout: Struct, raw: bytes, start: int, style: Style, depth: int, *, most: int | None = None
) -> list[Part]:
    """Fields of fixed size in wire order, nested ones below their structure.

    `raw` are the bytes of the thing, `start` is where the structure begins; fields that do not lie
    in front of `most` are left out.
    """
    out: list[Part] = []
    at = start
    for field in layout.fields:
        if field.size is None:
            break
        if at + field.size > (len(raw) if most is None else most):
            break
        if field.struct is not None:
            out.append(Part(at, field.size, field.name, section=field.struct.section, depth=depth))
            out += fixed_parts(field.struct, raw, at, style, depth + 1)
        else:
            piece = raw[at : at + field.size]
            out.append(part_of(field, at, piece, number_of(field, piece), style, depth))
        at += field.size
    return out
