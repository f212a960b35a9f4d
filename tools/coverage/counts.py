"""Reads gcov's counts of the generated C, and gives them to the lines that people wrote.

Cython puts a comment with file and line in front of the C that it makes of a line. C behind such a
comment, inside of a function that stands for one of a kernel, belongs to that line; all other C is
Cython's own. Headers and C files of the kernels are counted by gcov itself. A function that is
inline has a copy in every module that uses it: what one copy takes is taken.
"""

import json
import re
import subprocess
from collections import defaultdict
from pathlib import Path

from tools.coverage.build import OUT, ROOT

KERNELS = "mmscodec/_kernels/"
MARK = re.compile(r'^\s*/\* "(mmscodec/[^"]+)":(\d+)$')
END = re.compile(r"^}|/\* function exit code \*/")
FUNCTION = "__pyx_f_8mmscodec_8_kernels_"

Place = tuple[str, int]  # file below src, line
#: How often a line was reached, and how often each of its branches was taken.
Counts = dict[Place, tuple[int, list[int]]]


def owners(path: Path) -> dict[int, Place]:
    """Which line of a kernel each line of a generated C file was made of."""
    found: dict[int, Place] = {}
    current = None
    for number, line in enumerate(path.read_text().splitlines(), 1):
        if match := MARK.match(line):
            current = (match[1], int(match[2]))
        elif END.search(line):
            current = None
        elif current and current[0].startswith(KERNELS):
            found[number] = current
    return found


def gcov(notes: Path) -> list[dict]:
    """What gcov says about the files of one object file."""
    command = ["gcov", "--json-format", "--stdout", "--branch-counts", "--branch-probabilities"]
    done = subprocess.run(
        [*command, notes.name], cwd=notes.parent, capture_output=True, text=True, check=True
    )
    return [file for line in done.stdout.splitlines() for file in json.loads(line)["files"]]


def place_of(file: Path, line: dict, owner: dict[int, Place]) -> Place | None:
    """The line of a kernel that a line of gcov's report counts for, if any."""
    if file.suffix == ".h" or file.name == "blocks.c":
        return (str(file.relative_to(ROOT / "src")), line["line_number"])
    if line.get("function_name", "").startswith(FUNCTION):
        return owner.get(line["line_number"])
    return None


def of_module(notes: Path) -> Counts:
    """The counts of one module."""
    lines: dict[Place, int] = defaultdict(int)
    branches: dict[Place, list[int]] = defaultdict(list)
    for report in gcov(notes):
        file = Path(report["file"])
        if not file.is_relative_to(ROOT / "src"):
            continue
        generated = file.suffix == ".c" and file.name != "blocks.c"
        owner = owners(file) if generated else {}
        for line in report["lines"]:
            if (place := place_of(file, line, owner)) and KERNELS in place[0]:
                lines[place] = max(lines[place], line["count"])
                branches[place] += [branch["count"] for branch in line["branches"]]
    return {place: (count, branches[place]) for place, count in lines.items()}


def of_package() -> Counts:
    """The counts of all modules together."""
    total: Counts = {}
    for notes in sorted((OUT / "temp").rglob("*.gcno")):
        for place, (count, branches) in of_module(notes).items():
            before, taken = total.get(place, (0, [0] * len(branches)))
            if len(taken) != len(branches):
                raise ValueError(f"{place}: {len(taken)} branches in one module, {len(branches)}")
            together = [a + b for a, b in zip(taken, branches, strict=True)]
            total[place] = (before + count, together)
    return total
