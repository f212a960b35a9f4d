"""Links from a section that is cited to the place of the site that has it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

DOCS = Path(__file__).resolve().parents[2] / "docs"
_NUMBERED = re.compile(r"^#+ (([\d.]+?)\.? .+)$", re.MULTILINE)  # ## 5. Words, ### 5.2 Words
_NAMED = re.compile(r"^#+ (.+ \((.+)\))$", re.MULTILINE)  # ### Words (2.2.3)


def anchor(title: str) -> str:
    """The anchor of a heading, as GitHub and MyST make it."""
    plain = re.sub(r"[^\w\- ]", "", title.replace("\\", "").lower())
    return plain.strip().replace(" ", "-")


@cache
def anchors(protocol: str) -> Mapping[str, str]:
    """Sections that the page of a protocol has, and their anchors."""
    text = (DOCS / "spec" / f"{protocol}.md").read_text(encoding="utf-8")
    if protocol == "winmx":
        return {number: anchor(title) for title, number in _NUMBERED.findall(text)}
    return {
        number: anchor(title)
        for title, numbers in _NAMED.findall(text)
        for number in numbers.split(", ")
    }


def cited(protocol: str, section: str, up: str = "..") -> str:
    """A section as a link, from a page that is `up` from the top of the site."""
    return f"[{section}]({up}/spec/{protocol}.md#{anchors(protocol)[section]})" if section else ""
