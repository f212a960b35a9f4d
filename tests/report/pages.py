"""Pages of captures, and what is in them."""

import json
import re
from pathlib import Path

import pytest

from mmscodec.cli import main

ROOT = Path(__file__).resolve().parents[1] / "captures"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "captures"
CAPTURES = sorted(
    path
    for folder in ("mms", "own", "winmx", "cases")
    for path in (ROOT / folder).iterdir()
    if path.suffix in (".pcap", ".pcapng", ".zst")
    and path.name not in ("text-mode-crlf.pcap", "utf16.pcapng")  # which are none
)


def _same(path: Path, other: Path) -> bool:
    return other.exists() and other.read_bytes() == path.read_bytes()


#: Each has a page of its own in the browser; what is shared where it is not the same as here.
OWN_PAGES = [
    *[path for path in CAPTURES if path.parent.name in ("mms", "winmx")],
    *sorted((ROOT / "winmx" / "cases").glob("*.pcap*")),
    *[
        path
        for folder in (SHARED / "mms", SHARED / "winmx")
        for path in sorted(folder.glob("*.pcap*"))
        if not _same(path, ROOT / folder.name / path.name)
    ],
]
PARTS = re.compile(r'<script type="application/json" id="(\w+)">([^<]*)</script>')


def made(capture, folder, *options) -> Path:
    """The page of a capture, with the name of its file."""
    pytest.importorskip("jinja2", reason="jinja2 is not installed: reports need it")
    pytest.importorskip("plotly", reason="plotly is not installed: reports need it")
    path = Path(folder) / (Path(capture).name + ".html")
    words = ["report", str(capture), "-o", str(path), "--overwrite", *map(str, options)]
    assert main(words) in (0, 3)
    return path


def parts(path) -> dict:
    """The data of a page: `data`, and the sessions by their numbers."""
    return {name: json.loads(text) for name, text in PARTS.findall(path.read_text("utf-8"))}
