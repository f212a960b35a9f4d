"""Builds the documentation site into build/site and follows its links: `./run docs`.

Warnings are errors. Links to elsewhere are listed, not fetched.
"""

from __future__ import annotations

import shutil
import sys
import time
from pathlib import Path

from sphinx.cmd.build import main as sphinx

from tools.docs.links import check
from tools.docs.stage import ROOT, stage

SOURCES, SITE = ROOT / "build" / "docs", ROOT / "build" / "site"


def main() -> int:
    """0 if everything was built and every link leads somewhere."""
    started = time.monotonic()
    made = stage(SOURCES)
    shutil.rmtree(SITE, ignore_errors=True)
    words = ["-q", "-W", "--keep-going", "-n", "-E", "-b", "html", "-j", "2"]
    here = str(Path(__file__).parent)
    words += ["-c", here, "-d", str(ROOT / "build" / "doctrees"), str(SOURCES), str(SITE)]
    status = sphinx(words)
    if status:
        return status
    broken, outside, count = check(SITE)
    print(*broken, sep="\n", end="\n" if broken else "")
    print("not fetched:", *sorted(outside), sep="\n  ")
    seconds = time.monotonic() - started
    print(f"{len(made)} pages, {count} links inside, {len(broken)} broken, {seconds:.0f} s")
    return int(bool(broken))


if __name__ == "__main__":
    sys.exit(main())
