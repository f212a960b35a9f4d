"""What a compiler warns of in the kernels is an error.

Cython's own code leaves parameters and functions unused and turns function pointers into object
pointers, in every module; nothing else is let through. -Wconversion cannot be asked for: Cython
writes no cast where a value is stored in a narrower type.
"""

import os
import subprocess
import sysconfig
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools.compilers.cross import INCLUDE, generated
from tools.compilers.places import say

FLAGS = [
    "-fsyntax-only", "-Wall", "-Wextra", "-Wsign-compare", "-Wpedantic",
    "-Wno-unused-parameter", "-Wno-unused-function",
]  # fmt: skip
BOILERPLATE = "forbids conversion of function pointer to object pointer type"


def found(source: Path, tree: Path) -> list[str]:
    """Lines of warnings and errors of one file."""
    compiler = os.environ.get("CC", "gcc").split()
    include = [f"-I{tree / INCLUDE}", f"-I{sysconfig.get_path('include')}"]
    done = subprocess.run(
        [*compiler, *FLAGS, *include, str(source)], capture_output=True, text=True, check=False
    )
    lines = [line for line in done.stderr.splitlines() if "warning:" in line or "error:" in line]
    if done.returncode and not lines:
        return [done.stderr[-500:]]
    return [line for line in lines if BOILERPLATE not in line]


def check() -> str:
    """A line of figures; raises if there is any warning."""
    tree = generated()
    started = time.monotonic()
    files = sorted((tree / "src/mmscodec/_kernels").rglob("*.c"))
    with ThreadPoolExecutor(2) as pool:
        lines = [
            line for lines in pool.map(lambda file: found(file, tree), files) for line in lines
        ]
    if lines:
        say("\n".join(lines))
        raise OSError(f"{len(lines)} warnings in the kernels")
    return f"warnings: none in {len(files)} kernels; {time.monotonic() - started:.0f} s"
