"""The blocks of code of README.md and of every page of docs.

A block that is not run has the line ``*Not run by a test: REASON*`` behind it, so that readers see
it too; of a block of commands one line may end in ``# not run: REASON``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
RUN = ("sh", "console", "python", "pycon", "sql")
_FENCE = re.compile(
    r"^( *)```(\S*)\n(.*?)^\1```\n(?:\n*\*Not run by a test: (.+?)\*\n)?", re.S | re.M
)
_REASON = re.compile(r"\s+# not run: (.+)$")
_STATUS = re.compile(r"[#;] status (\d+)$")
_COMMENT = re.compile(r"\s+# .*$")
COMMAND = re.compile(r"^\s*(\$ |mmscodec |\./run |python3? |pip |tshark |git |tcpdump )", re.M)


class Block(NamedTuple):
    """One block: where, in which language, its text, and why it is not run."""

    page: Path
    line: int
    language: str
    text: str
    reason: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT).as_posix()}:{self.line}"


class Command(NamedTuple):
    """A command, what it should print (None: not shown), exit statuses, why it is not run.

    Where nothing is shown the capture stands for the reader's, and damage (3) is no failure.
    """

    words: str
    shown: list[str] | None
    statuses: tuple[int, ...]
    reason: str


def blocks(page: Path) -> list[Block]:
    """The blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(page, text.count("\n", 0, m.start()) + 1, m[2], m[3], m[4] or "")
        for m in _FENCE.finditer(text)
    ]


def command(line: str, shown: list[str] | None) -> Command:
    """A line of a block, without its comment."""
    reason, status = _REASON.search(line), _STATUS.search(line)
    allowed = (int(status[1]),) if status else (0, 3) if shown is None else (0,)
    return Command(_COMMENT.sub("", line).strip(), shown, allowed, reason[1] if reason else "")


def commands(block: Block) -> list[Command]:
    """The commands of a block, with what is shown of their output."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "sh":
        return [command(line, None) for line in lines if line.strip() and line[0] != "#"]
    found: list[tuple[str, list[str]]] = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], []))
        else:
            found[-1][1].append(line)
    return [command(line, shown) for line, shown in found]


def same(shown: list[str], printed: str) -> bool:
    """Whether output is what a page shows; a line ``...`` stands for any lines."""
    parts = [
        r"(?:.*\n)*?" if line.strip() == "..." else re.escape(line.rstrip()) + r" *\n"
        for line in "\n".join(shown).strip("\n").splitlines()
    ]
    return re.fullmatch("".join(parts), printed.rstrip("\n") + "\n" if printed else "") is not None
