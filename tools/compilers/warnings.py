"""What a compiler warns of in the kernels is an error.

Cython's own code leaves parameters and functions unused, turns function pointers into object
pointers, and has a macro around what `likely` is asked of; nothing else is let through.
"""

import os
import re
import subprocess
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.compilers.cross import INCLUDE, generated
from tools.compilers.places import say

FLAGS = [
    "-fsyntax-only", "-Wall", "-Wextra", "-Wsign-compare", "-Wconversion", "-Wpedantic",
    "-Wno-unused-parameter", "-Wno-unused-function",
]  # fmt: skip
BOILERPLATE = "forbids conversion of function pointer to object pointer type"
LIKELY = re.compile(r"#define (un)?likely\(")
PLACE = re.compile(r"(.+?):(\d+):(?:\d+:)? (?:warning|error): ")
#: A kernel with one comparison of mixed signs and one narrowing: both must be seen.
PLANTED = """
#include <stdint.h>
uint8_t narrow(int64_t value);
int mixed(int a, unsigned b);
uint8_t narrow(int64_t value) { return value; }
int mixed(int a, unsigned b) { return a < b; }
"""


def is_boilerplate(line: str) -> bool:
    """Whether a warning is about what Cython writes into every module."""
    place = PLACE.match(line)
    if BOILERPLATE in line or place is None:
        return BOILERPLATE in line
    text = Path(place[1]).read_text(errors="replace").split("\n")[int(place[2]) - 1]
    return LIKELY.search(text) is not None


def found(source: Path, *include: str) -> list[str]:
    """Lines of warnings and errors of one file."""
    compiler = os.environ.get("CC", "gcc").split()
    done = subprocess.run(
        [*compiler, *FLAGS, *include, str(source)],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    lines = [line for line in done.stderr.splitlines() if "warning:" in line or "error:" in line]
    if done.returncode and not lines:
        return [done.stderr[-500:]]
    return [line for line in lines if not is_boilerplate(line)]


def check() -> str:
    """A line of figures; raises if there is any warning."""
    tree = generated()
    started = time.monotonic()
    planted = tree.parent / "planted.c"
    planted.write_text(PLANTED)
    if len(found(planted)) != 2:
        raise OSError("this compiler does not warn of what was planted; nothing is checked")
    sources = (tree / "src/mmscodec/_kernels").rglob("*.pyx")
    files = sorted(file.with_suffix(".c") for file in sources)
    include = f"-I{tree / INCLUDE}", f"-I{sysconfig.get_path('include')}"
    with ThreadPoolExecutor(2) as pool:
        lines = [line for some in pool.map(lambda file: found(file, *include), files)
                 for line in some]  # fmt: skip
    if lines:
        say("\n".join(lines))
        raise OSError(f"{len(lines)} warnings in the kernels")
    return f"warnings: none in {len(files)} kernels; {time.monotonic() - started:.0f} s"
