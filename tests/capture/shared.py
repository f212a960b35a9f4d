"""Where the public captures lie: MMSCODEC_SHARED, else ../shared beside the repository."""

import json
import os
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(os.environ.get("MMSCODEC_SHARED") or Path(__file__).parents[3] / "shared")
CAPTURES = ROOT / "captures"

needs_captures = pytest.mark.skipif(
    not (CAPTURES / "captures.json").is_file(),
    reason="no public captures: set MMSCODEC_SHARED to the folder that holds captures/",
)


@cache
def oracle():
    """Entries of captures.json, by file name; empty where the folder is absent."""
    path = CAPTURES / "captures.json"
    if not path.is_file():
        return {}
    return {entry["file"]: entry for entry in json.loads(path.read_text())["captures"]}
