"""The vocabulary in which the wire formats are written down.

A structure is a sequence of fields in wire order. The fixed part comes first; a field of
variable length starts where the one before it ends and says where its length comes from. The
offsets of the fixed part follow from the order, so they are stated nowhere else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from mmscodec.errors import near
from mmscodec.frozen import Frozen, replace

#: Encoding of 8-bit text, whose code page the protocols leave to the peer; see `ansi_decode`.
ANSI = "cp1252"


def ansi_decode(data: bytes) -> str:
    """Text of the code page of Western Windows, as `MultiByteToWideChar` has it.

    Every byte has a character of its own: the five without one in the page (81 8D 8F 90 9D) are
    the controls of their number.
    """
    return data.decode("latin-1").translate(_ANSI_CHARACTERS)


def ansi_encode(text: str) -> bytes:
    """The inverse of `ansi_decode`; UnicodeEncodeError for a character that the page has not."""
    for place, character in enumerate(text):
        if ord(character) in _ANSI_CHARACTERS:  # a control whose byte is another character
            raise UnicodeEncodeError(ANSI, text, place, place + 1, "no such character")
    return text.translate(_ANSI_BYTES).encode("latin-1")


_ANSI_CHARACTERS = {
    byte: found for byte in range(0x80, 0xA0) if (found := bytes([byte]).decode(ANSI, "ignore"))
}
_ANSI_BYTES = {ord(character): byte for byte, character in _ANSI_CHARACTERS.items()}

#: Bytes of every kind of field that has one size only.
KIND_SIZES: Mapping[str, int] = {
    "u8": 1,
    "u16": 2,
    "u32": 4,
    "u64": 8,
    "i16": 2,
    "f64": 8,
    "ipv4": 4,
}


def snake_case(name: str) -> str:
    """Python name of a field that the specification spells `name`.

    >>> snake_case("playIncarnation"), snake_case("szChannelURL"), snake_case("AFFlags")
    ('play_incarnation', 'sz_channel_url', 'af_flags')
    """
    name = name.replace("AFFlags", "AfFlags").replace("IPAddress", "IpAddress")
    return _WORD_BOUNDARY.sub("_", name).lower()


_WORD_BOUNDARY = re.compile("[^0-9A-Za-z]+|(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


class Rule(Frozen):
    """What the specification says of a field's value.

    Exactly one of `equal`, `one_of`, (`low`, `high`) and `pattern` is given. `level` is `must` or
    `should`. `pattern` is a regular expression for the whole text without its NUL. `known` lists
    other values that real peers are known to send, `loose` says that they send anything there;
    `ignored` marks a field that receivers ignore and Windows software leaves uninitialised.
    """

    level: str = "must"
    equal: int | float | str | bytes | None = None
    one_of: tuple[int | str, ...] = ()
    low: float | None = None
    high: float | None = None
    pattern: str = ""
    not_zero: bool = False
    known: tuple[int | float | str, ...] = ()
    loose: bool = False
    ignored: bool = False

    def text(self) -> str:
        """The rule in words, as it stands in the generated field tables."""
        if self.equal is not None:
            what = f"= {show(self.equal)}"
        elif self.one_of:
            what = "one of " + ", ".join(show(value) for value in self.one_of)
        elif self.pattern:
            what = "of the grammar in its section"
        else:
            what = f"{show(self.low)} to {show(self.high)}" + (", not 0" if self.not_zero else "")
        if self.known:
            what += "; seen: " + ", ".join(show(value) for value in self.known)
        if self.loose:
            what += "; real peers send anything"
        if self.ignored:
            what += "; ignored by receivers, often uninitialised"
        return f"{self.level.upper()} {what}"


def show(value: object) -> str:
    """A value as the specification writes it: large integers in hexadecimal."""
    if isinstance(value, int):
        return f"0x{value:08X}" if value > 999 else str(value)
    if isinstance(value, bytes):
        return value.hex(" ") if value.strip(b"\0") else f"{len(value)} zero bytes"
    return repr(value) if isinstance(value, str) else f"{value:g}"


_NO_NAMES: Mapping[int, str] = {}


class Field(Frozen):
    """One field: its specification name, kind, place, rule, names of values and extent.

    Attributes
    ----------
    name : str
        The specification's own spelling; `python_name` is its snake_case form.
    kind : str
        A key of `KIND_SIZES`, `ansi`, `bytes`, `utf16` (little-endian), `cstr`, `array`, `struct`.
    size : int or None
        Bytes; None for a field of variable length.
    offset : int or None
        Bytes from the start of the structure; None after a field of variable length.
    count : str
        Variable fields: spec name of the field that gives the length, or "" = to the end.
    count_unit : int
        Bytes for each unit of `count`.
    start : str
        Variable fields: spec name of the field that gives the offset from the end of the fixed
        part, or "" = where the field before ends.
    nul : str
        How a string ends inside its extent: "" = no NUL is part of it; "counted" = one NUL, which
        the count includes; "first" = at the first NUL, if there is one; "strings" = one to three
        strings, each with its NUL, and whatever follows the last NUL is padding.
    optional : bool
        Variable fields: may be missing altogether.
    default : object
        What an encoder writes when no value was given and no rule names one.
    needs_chunk_len : int
        Optional fields: the smallest chunkLen with which the field is present; 0 = always there.
    secret : bool
        The field may hold credentials and is masked in text.
    """

    name: str
    kind: str
    size: int | None = None
    offset: int | None = None
    rule: Rule | None = None
    values: Mapping[int, str] = _NO_NAMES
    flags: bool = False
    unit: str = ""
    note: str = ""
    count: str = ""
    count_unit: int = 1
    start: str = ""
    nul: str = ""
    optional: bool = False
    default: object = None
    struct: Struct | None = None
    needs_chunk_len: int = 0
    secret: bool = False
    python_name: str = ""

    @property
    def variable(self) -> bool:
        return self.size is None


class Struct(Frozen):
    """A packed structure: name, section of the specification, fields in wire order."""

    name: str
    section: str
    fields: tuple[Field, ...]
    fixed_size: int = 0
    note: str = ""

    def __getitem__(self, name: str) -> Field:
        for item in self.fields:
            if name in (item.name, item.python_name):
                return item
        hint = near(name, [item.python_name for item in self.fields])
        raise KeyError(f"{self.name} has no field {name!r}{hint}")

    @property
    def fixed(self) -> tuple[Field, ...]:
        return tuple(item for item in self.fields if not item.variable)

    @property
    def variable(self) -> tuple[Field, ...]:
        return tuple(item for item in self.fields if item.variable)


class Message(Struct):
    """An MMS message (`mid` = MID) or a WinMX packet (`mid` = packet type).

    `direction` is "C>S", "S>C", or "" where both sides send it or nobody is the client.
    `min_size` is the size of the fixed part without optional fields: what a receiver needs
    before it may touch any field.
    """

    mid: int = 0
    direction: str = ""
    min_size: int = 0


def placed(fields: tuple[Field, ...]) -> tuple[tuple[Field, ...], int]:
    """Fields with offsets and Python names filled in, and the size of the fixed part."""
    offset: int | None = 0
    fixed_size = 0
    out = []
    for item in fields:
        size = item.size
        if size is None and item.kind in KIND_SIZES:
            size = KIND_SIZES[item.kind]
        if size is None and item.struct is not None and item.kind == "struct":
            size = item.struct.fixed_size
        name = item.python_name or snake_case(item.name)
        out.append(replace(item, size=size, offset=offset, python_name=name))
        if offset is not None and size is not None:
            offset += size
            fixed_size = offset
        else:
            offset = None
    return tuple(out), fixed_size


def structure(name: str, section: str, *fields: Field, note: str = "") -> Struct:
    """A `Struct` with its offsets worked out."""
    done, fixed_size = placed(fields)
    return Struct(name, section, done, fixed_size, note)


def _maker(kind: str):
    def make(name: str, **options: object) -> Field:
        return Field(name, kind, **options)  # type: ignore[arg-type]

    make.__name__ = kind
    make.__doc__ = f"A field of kind {kind}; options as the attributes of `Field`."
    return make


u8, u16, u32, u64, i16, f64, ipv4 = (_maker(kind) for kind in KIND_SIZES)
ansi, raw, utf16, cstr, array, nested = (
    _maker(kind) for kind in ("ansi", "bytes", "utf16", "cstr", "array", "struct")
)


def must(equal=None, **options) -> Rule:
    """A MUST rule; a broken one is a violation unless the value is a known one."""
    return Rule("must", equal, **options)


def should(equal=None, **options) -> Rule:
    """A SHOULD rule; a broken one is a deviation, or an uninitialised field."""
    return Rule("should", equal, **options)


def message(
    name: str, mid: int, section: str, direction: str, *fields: Field, note: str = ""
) -> Message:
    """An MMS message: chunkLen and MID, then `fields`, with offsets and sizes worked out."""
    head = (
        Field("chunkLen", "u32", unit="8 bytes", note="size of this message, padding included"),
        Field("MID", "u32", rule=must(mid), note="message identifier"),
    )
    done, fixed_size = placed(head + fields)
    optional = sum(item.size or 0 for item in done if item.needs_chunk_len)
    return Message(
        name, section, done, fixed_size, note,
        mid=mid, direction=direction, min_size=fixed_size - optional,
    )  # fmt: skip
