"""Writes tools/test.lock and tools/floor.lock: what CI installs for the tests, with hashes.

    python tools/lock.py        needs uv

`floor` is the oldest NumPy, Cython and setuptools that are promised, on CPython 3.11 for Linux.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FLOOR = "numpy==2.0.*\ncython==3.2.*\nsetuptools==77.*\n"
COMMON = ["uv", "pip", "compile", "pyproject.toml", "--group", "test", "--python-version", "3.11",
          "--generate-hashes", "--no-annotate", "--no-header", "-q"]  # fmt: skip


def main() -> int:
    """Compile both; 1 if one cannot be."""
    with tempfile.TemporaryDirectory() as folder:
        floor = Path(folder, "floor.txt")
        floor.write_text(FLOOR)
        ways = {
            "test": ["--universal"],
            "floor": ["--python-platform", "x86_64-unknown-linux-gnu", "--constraint", str(floor)],
        }
        return any(
            subprocess.call([*COMMON, *words, "-o", f"tools/{name}.lock"], cwd=ROOT)
            for name, words in ways.items()
        )


if __name__ == "__main__":
    sys.exit(main())
