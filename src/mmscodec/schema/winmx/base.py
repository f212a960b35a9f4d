"""What WinMX layouts need beyond the common vocabulary.

A packet is a sequence: strings come before and between numbers, and the last fields may be
missing. So a field says when it is there, and has no fixed place.
"""

from __future__ import annotations

from collections.abc import Callable

from mmscodec.schema.fields import KIND_SIZES, Field, Message, Rule, Struct
from mmscodec.schema.vocabulary import C2S, S2C

#: Bytes of a frame before the first field of its layout, by link. On primary links, in datagrams
#: and in handshakes the header belongs to the layout.
HEADS = {
    "secondary": 4,
    "chat": 4,
    "primary": 0,
    "udp": 0,
    "legacy": 4,
    "cache": 17,
    "handshake": 0,
    "transfer": 0,
}

#: Links in the order of their numbers.
LINKS = tuple(HEADS)


class Part(Field):
    """A field of a sequential layout.

    Kinds of variable length: `cstr` (up to a 00 byte), `ansi` (to the end, less one 00 byte there),
    `quoted` (up to a quotation mark; with `equals` 1 a space before it is no part of the text),
    `bytes` (to the end, or as many as the u8 field `count` says), `array` (`struct` over and over
    to the end).

    Attributes
    ----------
    when : str
        Name of a u8 field; this one is there only where that one equals `equals`.
    equals : int
        See `when`.
    otherwise : bool
        There where the field `when` is neither 0 nor `equals`.
    """

    when: str = ""
    equals: int = 0
    otherwise: bool = False


class Packet(Message):
    """A WinMX packet; `mid` is its type, `name` the name of its table.

    Attributes
    ----------
    title : str
        The name that the notes use.
    link : str
        A key of `HEADS`.
    known : bool
        False where only the name is known: such packets have no fields.
    roles : str
        Who sends it to whom, in the words of the network.
    one_way : bool
        The other side sends another packet under the same type.
    """

    title: str = ""
    link: str = "secondary"
    known: bool = True
    roles: str = ""
    one_way: bool = False

    @property
    def head(self) -> int:
        return HEADS[self.link]

    @property
    def items(self) -> Struct | None:
        """The structure that repeats to the end of the packet, if there is one."""
        last = self.fields[-1] if self.fields else None
        return last.struct if last is not None and last.kind == "array" else None


def _maker(kind: str) -> Callable[..., Part]:
    def make(name: str, size: int | None = None, **options: object) -> Part:
        size = KIND_SIZES.get(kind, size)
        return Part(name, kind, size, python_name=name, **options)  # type: ignore[arg-type]

    make.__name__ = kind
    make.__doc__ = f"A part of kind {kind}; options as the attributes of `Part`."
    return make


u8, u16, u32, ipv4, cstr, text, raw, array, quoted = (
    _maker(kind)
    for kind in ("u8", "u16", "u32", "ipv4", "cstr", "ansi", "bytes", "array", "quoted")
)


#: Who of two roles opens the connection is its client.
_DIRECTIONS = {
    "client to server": C2S, "secondary to primary": C2S,
    "server to client": S2C, "primary to secondary": S2C, "cache to client": S2C,
}  # fmt: skip


def packet(
    mid: int, name: str, title: str, section: str, roles: str, *parts: Part,
    link: str = "secondary", known: bool = True, note: str = "",
) -> Packet:  # fmt: skip
    """A packet with its parts in wire order; `min_size` counts what must be there."""
    least = 0
    for part in parts:
        if part.optional or part.when:
            continue
        least += part.size or (1 if part.kind == "cstr" else 0)
    return Packet(
        name, section, parts, 0, note,
        mid=mid, direction=_DIRECTIONS.get(roles, ""), min_size=least, title=title, link=link,
        known=known, roles=roles,
    )  # fmt: skip


def unknown(
    mid: int, name: str, title: str, section: str, roles: str, link: str = "secondary"
) -> Packet:
    """A packet of which only the name is known."""
    return packet(mid, name, title, section, roles, link=link, known=False)


def should_be(equal: int) -> Rule:
    """The value that peers are known to send; another is a deviation."""
    return Rule("should", equal)


def one_of(*values: int) -> Rule:
    """The values that peers are known to send."""
    return Rule("should", one_of=values)


#: Line types, section 2.4.
LINE_TYPES = {
    0: "unknown", 1: "14.4K", 2: "28.8K", 3: "33.6K", 4: "56K", 5: "64K ISDN", 6: "128K ISDN",
    7: "cable", 8: "DSL", 9: "T1", 10: "T3+",
}  # fmt: skip

#: Chat ranks, section 9.
RANKS = {0: "user", 1: "operator", 2: "intermediate"}


def handle(name: str = "user_handle") -> Part:
    """`WinMX `, eight hexadecimal digits of the primary's address, four of its UDP port."""
    return cstr(
        name,
        rule=Rule("should", pattern="(?i)winmx [0-9a-f]{12}"),
        note="address as a little-endian u32, then UDP port, in hexadecimal",
    )


def line_type(make: Callable[..., Part] = u16, name: str = "line_type") -> Part:
    """A line type, u16 or u8."""
    return make(name, values=LINE_TYPES, rule=one_of(*LINE_TYPES))


def rank(**options: object) -> Part:
    """A chat rank."""
    return u8("rank", values=RANKS, rule=one_of(*RANKS), **options)


def node_fields(padding: bool = False) -> tuple[Part, ...]:
    """The 12-byte node record of section 4.1."""
    tail = (
        (u8("x", rule=should_be(0), note="padding"), u8("reserved", rule=should_be(0)))
        if padding
        else (
            u8("x", rule=one_of(0, 1, 2), note="meaning unknown"),
            u8("reserved", rule=should_be(0), note="always 0"),
        )
    )
    return (
        ipv4("ip", note="octets in network order"),
        u16("udp_port"),
        u16("tcp_port"),
        u8("free_primary_slots"),
        u8("free_secondary_slots"),
        *tail,
    )
