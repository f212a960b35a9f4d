"""Follows every link of a built site, without a network."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    """What a page links to, and the anchors that it has."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.targets: list[str] = []
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        """Collect `href`, `src`, `id` and `name`."""
        for key, value in attributes:
            if value is None:
                continue
            if key == "id" or (key == "name" and tag == "a"):
                self.anchors.add(value)
            elif key in ("href", "src"):
                self.targets.append(value)


def check(site: Path) -> tuple[list[str], set[str], int]:
    """Links that lead nowhere, links to elsewhere, and how many were followed."""
    pages = {path: Page(path.read_text("utf-8")) for path in sorted(site.rglob("*.html"))}
    broken, outside, count = [], set(), 0
    for path, page in pages.items():
        for target in page.targets:
            parts = urlsplit(target)
            if parts.scheme == "data":
                continue
            if parts.scheme or parts.netloc:
                outside.add(target)
                continue
            count += 1
            file = path if not parts.path else (path.parent / unquote(parts.path)).resolve()
            anchor = unquote(parts.fragment)
            where = path.relative_to(site)
            if not file.is_file():
                broken.append(f"{where}: no such file: {target}")
            elif anchor and file in pages and anchor not in pages[file].anchors:
                broken.append(f"{where}: no such anchor: {target}")
    return broken, outside, count
