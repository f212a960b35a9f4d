"""Write the packet tables of docs/spec/winmx.md from the schema, each into its section.

python tools/gen_winmx_spec.py           writes them
python tools/gen_winmx_spec.py --check   fails when they differ
"""

from __future__ import annotations

import re
import sys
import types
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "spec" / "winmx.md"
#: What is generated goes from such a mark to the next heading.
MARK = re.compile(r"^(<!-- packets of ([\d.]+) -->\n)(.*?)(?=^#|\Z)", re.MULTILINE | re.DOTALL)

if "mmscodec" not in sys.modules:  # the schema needs nothing compiled; the package itself does
    package = types.ModuleType("mmscodec")
    package.__path__ = [str(ROOT / "src" / "mmscodec")]
    sys.modules["mmscodec"] = package

from mmscodec.schema.winmx import HANDSHAKE, LINKS, PACKETS  # noqa: E402

KINDS = {"ansi": "text to the end", "cstr": "cstr", "array": "records to the end"}


def kind_of(part) -> str:
    """Kind and size of a field."""
    if part.kind == "bytes":
        if part.count:
            return f"bytes ({part.count})"
        return "bytes to the end" if part.size is None else f"{part.size} bytes"
    if part.kind == "array":
        return f"{part.struct.name} to the end"
    return KINDS.get(part.kind, part.kind)


def when(part) -> str:
    """When the field is there."""
    if part.optional:
        return "may be missing"
    if getattr(part, "when", "").startswith("has_"):
        return f"with {part.when.removeprefix('has_')}"
    if getattr(part, "when", ""):
        if part.otherwise:
            return f"{part.when} not 0 or {part.equals}"
        return f"{part.when} = {part.equals}"
    return ""


def notes(part) -> str:
    """Rule, values, unit and note of a field."""
    words = []
    if part.values:
        words.append(", ".join(f"{value} {name}" for value, name in part.values.items()))
    elif part.rule is not None and part.rule.pattern:
        words.append("`WinMX ` and 12 hexadecimal digits")
    elif part.rule is not None and part.rule.one_of:
        words.append(" or ".join(str(value) for value in part.rule.one_of))
    elif part.rule is not None and part.rule.equal is not None:
        words.append(f"0x{part.rule.equal:X}")
    if part.unit:
        words.append(part.unit)
    if part.note:
        words.append(part.note)
    return "; ".join(words)


def table(fields) -> list[str]:
    """Rows of one structure."""
    lines = ["| field | kind | there | notes |", "|---|---|---|---|"]
    return [
        *lines,
        *(f"| {p.name} | {kind_of(p)} | {when(p)} | {notes(p)} |" for p in fields),
        "",
    ]


def packet(item) -> list[str]:
    """One packet: what it is, and its fields."""
    number = f"0x{item.mid:04X} " if item.mid > 0 else ""
    known = table(item.fields) if item.known else ["Only the name is known.", ""]
    return [f"**{number}{item.name}** ({item.title}; {item.section}; {item.roles})", "", *known]


def tables() -> dict[str, list[str]]:
    """Packets, and the records that they are made of, by their section."""
    found: dict[str, list[str]] = {}
    order = {link: n for n, link in enumerate(LINKS)}
    items = sorted((*HANDSHAKE, *PACKETS), key=lambda item: (order[item.link], item.mid))
    for item in items:
        found.setdefault(item.section, []).extend(packet(item))
    for struct in dict.fromkeys(item.items for item in items if item.items is not None):
        found.setdefault(struct.section, []).extend([f"*{struct.name}*", "", *table(struct.fields)])
    return found


def written(text: str) -> str:
    """The page with all tables in it."""
    found = tables()
    places = [mark[2] for mark in MARK.finditer(text)]
    if sorted(places) != sorted(found):
        raise SystemExit(f"{PAGE.name}: marks and sections differ: {set(places) ^ set(found)}")
    new = MARK.sub(lambda m: "\n".join([m[1], *found[m[2]], ""]), text)
    return new.rstrip() + "\n"


def main(argv: list[str]) -> int:
    """Write the page, or with --check compare it."""
    text = PAGE.read_text(encoding="utf-8")
    new = written(text)
    if "--check" in argv:
        if new != text:
            print(f"{PAGE.name} differs: run tools/gen_winmx_spec.py", file=sys.stderr)
        return int(new != text)
    PAGE.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
