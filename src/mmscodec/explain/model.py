"""An explanation: one thing of a stream, its fields, what speaks against it."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass
class Part:
    """A field, or the head of a structure whose fields follow with a greater `depth`.

    Attributes
    ----------
    offset, length : int
        Its bytes, from the first byte of the thing on.
    name, value : str
        As the specification spells it; with names of values and units.
    meaning, rule, section : str
        In the words of the schema; "" where there is nothing to say.
    secret : bool
        Its bytes are not to be shown.
    findings : list of str
        Rules that it breaks.
    """

    offset: int
    length: int
    name: str
    value: str = ""
    meaning: str = ""
    rule: str = ""
    section: str = ""
    depth: int = 0
    secret: bool = False
    findings: list[str] = field(default_factory=list)


@dataclass
class Check:
    """One judgement on bytes: what is needed, what is there, whether that is good."""

    name: str
    needed: str
    seen: str
    good: bool


@dataclass
class Explanation:
    """One thing of a stream.

    Attributes
    ----------
    kind : str
        packet, data, datagram, winmx, handshake, fault, gap, or unread (nothing interpreted it).
    title, section : str
        What it is, and where that is specified.
    flow, offset, length : int
        Where it stands: bytes `offset` to `offset + length` of the flow; flow -1 for a place of the
        file.
    who : str
        Ends of the flow, transport, protocol, direction.
    time : int or None
        ns since 1970.
    raw : bytes
        As captured; missing bytes are 0.
    plain : bytes or None
        Deciphered, where it was enciphered; parts are those of these bytes.
    parts : list of Part
    checks : list of Check
        For what is not believed: every judgement in its order.
    reasons : list of str
        Sentences.
    """

    kind: str
    title: str
    flow: int
    offset: int
    length: int
    section: str = ""
    who: str = ""
    time: int | None = None
    raw: bytes = b""
    plain: bytes | None = None
    parts: list[Part] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)

    def as_dict(self) -> dict[str, Any]:
        """Plain Python objects; bytes as hexadecimal digits, those of secret parts as `**`."""
        out = asdict(self)
        shown = self.plain if self.plain is not None else self.raw
        out["raw"] = masked(self.raw, self.parts if self.plain is None else [])
        out["plain"] = None if self.plain is None else masked(shown, self.parts)
        for part in out["parts"]:
            del part["secret"]
        return out


def masked(raw: bytes, parts: list[Part]) -> str:
    """Hexadecimal digits, two stars for each byte of a secret part."""
    digits = [f"{byte:02x}" for byte in raw]
    for part in parts:
        if part.secret:
            size = len(digits[part.offset : part.offset + part.length])
            digits[part.offset : part.offset + part.length] = ["**"] * size
    return "".join(digits)
