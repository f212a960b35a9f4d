"""Pieces of Markdown."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

_FENCE = re.compile(r"^( *)(```+)")
_LINK = re.compile(r"(?<!!)\[([^\]\n]+)\]\(([^)\s]+)\)")


def cell(value: object) -> str:
    """Text that may stand in a cell of a table: no bar, no line feed, nothing that marks up."""
    text = " ".join(str(value).split())
    return re.sub(r"([|<>*_\[\]])", r"\\\1", text)


def code(value: object) -> str:
    """Text as it is, in the typewriter's letters; nothing where there is none."""
    text = " ".join(str(value).split()).replace("|", "\\|")
    if not text:
        return ""
    return f"`` {text} ``" if "`" in text else f"`{text}`"


def table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are Markdown already."""
    lines = [heads, ["---"] * len(heads), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def fenced(text: str, language: str = "text") -> str:
    """A block of code."""
    return f"```{language}\n{text.rstrip()}\n```\n"


def toctree(pages: Iterable[str], caption: str = "", depth: int = 1, *, hidden: bool = True) -> str:
    """Sphinx's list of pages that stand below this one."""
    options = [f":maxdepth: {depth}"]
    options += [f":caption: {caption}"] * bool(caption) + [":hidden:"] * hidden
    return "```{toctree}\n" + "\n".join([*options, "", *pages]) + "\n```\n"


def pieces(text: str) -> Iterator[tuple[bool, str]]:
    """The lines of a page, and whether each is prose: outside of blocks of code."""
    fence = ""
    for line in text.splitlines(keepends=True):
        found = _FENCE.match(line)
        inside = bool(fence)
        if found and not fence:
            fence = found[2]
        elif found and line.strip() == fence:
            fence = ""
        yield not inside and not found, line


def links(text: str) -> list[str]:
    """Targets of the links of a page."""
    return [m[2] for prose, line in pieces(text) if prose for m in _LINK.finditer(line)]


def relinked(text: str, change) -> str:
    """The page with each link as `change(words, target)` has it."""
    return "".join(
        _LINK.sub(lambda m: change(m[1], m[2]), line) if prose else line
        for prose, line in pieces(text)
    )
