"""Values of fields as people read them. All of it follows the schema."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from itertools import islice
from typing import Any

from mmscodec.frozen import Frozen
from mmscodec.schema.fields import Field, Struct, ansi_decode

_LONGEST_LIST = 8
_LONGEST_HEX = 16
NOT_USED = "not used"
UNITS = {"bytes": "B", "bit/s": "bit/s", "ms": "ms", "s": "s", "packets": "", "percent": "%"}


class Style(Frozen):
    """What the user asked for: names of values, whether secrets may be seen, lines uncut.

    `charset` is the code page of text whose encoding the protocol leaves to the peer; None, as in
    tables: Western Windows in MMS, Latin-1 in WinMX, neither of which loses a byte.
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


def worth_showing(struct: Struct, field: Field, value: Any) -> bool:
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
    if field.unit in UNITS:
        return f"{value}{UNITS[field.unit]}"
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


def in_page(value: bytes, charset: str | None) -> str:
    """Text of an 8-bit encoding, Latin-1 without one; what is no text in it is shown as \\xNN."""
    return value.decode(charset or "latin-1", "backslashreplace")


def ansi(value: bytes, charset: str | None = None) -> str:
    """Text of a fixed field, which MMS alone has, in the peer's code page, up to its NUL."""
    found = value.split(b"\0", 1)[0]
    return ansi_decode(found) if charset is None else in_page(found, charset)


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
    items = [text(field, item, style) for item in islice(value, _LONGEST_LIST)]
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


def shown(field: Field, value: Any, style: Style) -> Any:
    """A value as plain Python; addresses and strings of unknown encoding as text."""
    value = plain(value)
    if isinstance(value, bytes) and field.size is None and field.kind in ("cstr", "ansi", "quoted"):
        return in_page(value, style.charset)
    if field.kind == "ipv4" and isinstance(value, int):
        return ".".join(map(str, value.to_bytes(4, "big")))
    return value
