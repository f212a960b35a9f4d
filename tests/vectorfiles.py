"""Reads the hand-written vectors in `tests/vectors`; their format stands in its README."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

VECTORS = Path(__file__).resolve().parent / "vectors"
TOKEN = re.compile(r'([ua])"(.+?)"(?=\s|$)|00\*(\d+)|([0-9A-Fa-f]{2})(?=\s|$)|(\S+)')


class Vector(NamedTuple):
    name: str
    data: bytes
    expected: dict[str, Any]

    @property
    def transport(self) -> str:
        return "udp" if self.expected.get("udp") else "tcp"

    @property
    def canonical(self) -> bool:
        return self.expected.get("canonical", True)


def bytes_of(text: str) -> bytes:
    """The bytes of a hex block."""
    out = bytearray()
    for line in text.splitlines():
        for kind, string, zeros, pair, wrong in TOKEN.findall(re.sub(r"(^|\s)#.*", "", line)):
            if wrong:
                raise ValueError(f"{wrong!r} in {line!r}")
            if kind:
                out += string.encode("utf-16-le" if kind == "u" else "ascii")
            else:
                out += bytes(int(zeros)) if zeros else bytes.fromhex(pair)
    return bytes(out)


def plain(value: Any) -> Any:
    """JSON values with "0x..." as numbers and {"hex": ...} as bytes."""
    if isinstance(value, dict):
        if value.keys() == {"hex"}:
            return bytes.fromhex(value["hex"])
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, str) and re.fullmatch(r"0x[0-9A-Fa-f]+", value):
        return int(value, 16)
    return value


def block(text: str, language: str) -> str:
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    if len(found) != 1:
        raise ValueError(f"{len(found)} {language} blocks")
    return found[0]


def load(folder: str) -> list[Vector]:
    """Every vector of a folder, by name."""
    out = []
    for path in sorted((VECTORS / folder).glob("*.md")):
        if path.name == "README.md":
            continue
        text = path.read_text(encoding="utf-8")
        expected = plain(json.loads(block(text, "json")))
        out.append(Vector(path.stem, bytes_of(block(text, "hex")), expected))
    return out
