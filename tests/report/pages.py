"""Pages of captures, and what is in them."""

import json
import re
from pathlib import Path

import pytest

from mmscodec.cli import main

ROOT = Path(__file__).resolve().parents[1] / "captures"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "captures" / "mms"
CAPTURES = sorted(
    path
    for folder in ("mms", "own", "winmx", "cases")
    for path in (ROOT / folder).iterdir()
    if path.suffix in (".pcap", ".pcapng", ".zst")
    and path.name not in ("text-mode-crlf.pcap", "utf16.pcapng")  # which are none
)
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
