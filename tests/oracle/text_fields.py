"""Rows of a capture as text, the slow and plain way: what the compiled lines are compared with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mmscodec.schema.fields import Field, Struct

_LONGEST_LIST = 8
_LONGEST_HEX = 16
NOT_USED = "not used"
_UNITS = {"bytes": "B", "bit/s": "bit/s", "ms": "ms", "s": "s", "packets": "", "percent": "%"}


@dataclass(frozen=True)
class Style:
    """What the user asked for: names of values, whether secrets may be seen, lines uncut.

    `charset` is the code page of text whose encoding the protocol leaves to the peer.
    """

    names: bool = True
    secrets: bool = False
    whole: bool = False
    charset: str | None = None


def safe(text: str) -> str:
    r"""`text` with nothing in it that a terminal would act on.

    >>> safe("a\x1b[2J\u202eb")
    'a\\x1b[2J\\u202eb'
    """
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() else char.encode("unicode_escape", "replace").decode()
        for char in text
    )


@cache
def extents(struct: Struct) -> frozenset[str]:
    """Names of the fields that only say how long another field is."""
    names = {getattr(item, key, "") for item in struct.fields for key in ("count", "start")}
    return frozenset(names - {""})


def _worth_showing(struct: Struct, field: Field, value: Any) -> bool:
    """Whether the field tells a reader something: no framing, lengths, constants, padding."""
    if field.python_name in ("chunk_len", "mid") or field.name in extents(struct):
        return False
    if value is None or (field.variable and len(value) == 0):
        return False
    rule = field.rule
    if rule is not None and (rule.ignored or (rule.equal is not None and rule.equal == value)):
        return False
    return field.values.get(value) != NOT_USED if isinstance(value, int) else True


def number(field: Field, value: float) -> str:
    """A number with its unit; large ones without a unit in hexadecimal."""
    if isinstance(value, float):
        shown = "max" if value > 1e300 else f"{value:g}"
        return shown + (field.unit if shown != "max" else "")
    if field.kind == "ipv4":
        return ".".join(str(value >> shift & 0xFF) for shift in (0, 8, 16, 24))
    if field.unit in _UNITS:
        return f"{value}{_UNITS[field.unit]}"
    return str(value) if value < 65536 else f"0x{value:08X}"


def enumerated(field: Field, value: int) -> str:
    """The name of a value, or the names of its bits, or the number."""
    if not field.flags:
        name = field.values.get(value) or number(field, value)
        return f'"{name}"' if " " in name else name
    names = [name for bit, name in field.values.items() if bit and value & bit == bit]
    rest = value
    for bit in field.values:
        rest &= ~bit
    if rest or not names:
        names.append(f"0x{rest:X}")
    return "|".join(names)


def ansi(value: bytes, charset: str | None = None) -> str:
    """Text of a fixed field in the peer's code page, up to its NUL."""
    value = value.split(b"\0", 1)[0]
    if charset is None:  # Western Windows; bytes that it has no character for are controls
        return "".join(bytes([b]).decode("cp1252", "ignore") or chr(b) for b in value)
    return value.decode(charset, "backslashreplace")


def text(field: Field, value: Any, style: Style) -> str:
    """One value for people, on one line, whatever the peer put into it."""
    if field.secret and not style.secrets:
        return f"<{len(value)} bytes hidden>"
    if isinstance(value, str):
        return value if field.kind == "ipv4" else f'"{safe(value)}"'
    if isinstance(value, bytes):
        if field.kind == "ansi":
            return f'"{safe(ansi(value, style.charset))}"'
        return (
            value.hex() if field.secret or len(value) <= _LONGEST_HEX else f"<{len(value)} bytes>"
        )
    if isinstance(value, bool | int | float):
        if style.names and isinstance(value, int) and field.values:
            return safe(enumerated(field, value))
        return number(field, value)
    if isinstance(value, Mapping):
        inner = field.struct.fields if field.struct is not None else ()
        return "(" + ", ".join(text(item, value[item.python_name], style) for item in inner) + ")"
    items = [text(field, item, style) for item in list(value)[:_LONGEST_LIST]]
    more = ["..."] if len(value) > _LONGEST_LIST else []
    return "[" + ", ".join(items + more) + "]"


def plain(value: Any) -> Any:
    """A value of an array or column as plain Python objects, structures as dictionaries."""
    names = getattr(getattr(value, "dtype", None), "names", None)
    if names and getattr(value, "ndim", 0) == 0:
        return {name: plain(value[name]) for name in names}
    if getattr(value, "ndim", 0):
        return [plain(item) for item in value]
    if isinstance(value, memoryview | bytearray):
        return bytes(value)
    if hasattr(value, "item"):
        value = value.item()
    return list(value) if isinstance(value, tuple) else value


def for_json(field: Field, value: Any, style: Style) -> Any:
    """A value for JSON: numbers as they are, bytes as hexadecimal text, secrets hidden."""
    if field.secret and not style.secrets:
        return None if value is None else f"<{len(value)} bytes hidden>"
    if isinstance(value, bytes):
        if field.kind == "ansi":
            return ansi(value, style.charset)
        return value.hex()
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, float) and not abs(value) < float("inf"):
        return str(value)
    if isinstance(value, list | tuple):
        return [for_json(field, item, style) for item in value]
    if isinstance(value, Mapping):
        return {key: for_json(field, item, style) for key, item in value.items()}
    return value


def flattened(struct: Struct, values: Mapping[str, Any]) -> Iterator[tuple[Struct, Field, Any]]:
    """Fields with their values, those of nested structures in the place of the structure."""
    for field in struct.fields:
        if field.python_name not in values:
            continue
        value = values[field.python_name]
        if field.kind == "struct" and field.struct is not None and isinstance(value, Mapping):
            yield from flattened(field.struct, value)
        else:
            yield struct, field, value


def summary(struct: Struct, values: Mapping[str, Any], style: Style) -> str:
    """`name=value` of every field worth showing, in wire order."""
    return " ".join(
        f"{field.python_name}={text(field, value, style)}"
        for owner, field, value in flattened(struct, values)
        if _worth_showing(owner, field, value)
    )
