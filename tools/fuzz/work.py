"""What a run works on: limits, the working corpus of a target, and what was found."""

import base64
import shutil
import zipfile
from collections.abc import Iterable
from pathlib import Path

from tools.fuzz import build

KEPT = build.ROOT / "tests" / "corpus"
LIMITS = ["-timeout=5", "-rss_limit_mb=2048"]
LENGTH = 4096  # bytes of an input, at most
SHOWN = 3000  # bytes of a finding that are printed


def corpus(name: str, seeds: Iterable[bytes], *, fresh: bool = False) -> Path:
    """The working corpus: that of the repository and the seeds, and what runs added.

    `fresh`: that of the repository alone.
    """
    folder = build.OUT / "corpus" / name
    if fresh:
        shutil.rmtree(folder, ignore_errors=True)
    if not folder.exists():
        folder.mkdir(parents=True)
        kept = KEPT / f"{name}.zip"
        if kept.exists():
            with zipfile.ZipFile(kept) as archive:
                archive.extractall(folder)
        for number, data in enumerate([] if fresh else seeds):
            (folder / f"seed-{number}").write_bytes(data[:LENGTH])
    return folder


def keep(name: str, folder: Path) -> int:
    """Put the inputs of a folder into the repository's corpus; how many there are."""
    KEPT.mkdir(exist_ok=True)
    files = sorted(folder.iterdir())
    with zipfile.ZipFile(KEPT / f"{name}.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for path in files:
            # the same inputs make the same file
            archive.writestr(zipfile.ZipInfo(path.name), path.read_bytes(), zipfile.ZIP_DEFLATED)
    return len(files)


def found(name: str) -> Path:
    """Where inputs of a target are left that broke a promise."""
    folder = build.OUT / "found" / name
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def shown(paths: Iterable[Path]) -> str:
    """The inputs as text, so that a log of the gate is enough to have them again."""
    out = []
    for path in sorted(paths):
        data = path.read_bytes()
        text = base64.b64encode(data[:SHOWN]).decode()
        whole = "" if len(data) <= SHOWN else f", the first {SHOWN} of them"
        out.append(f"{path}\n{len(data)} bytes{whole} in base64: {text}")
    return "\n".join(out)
