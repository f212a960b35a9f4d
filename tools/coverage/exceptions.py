"""The list of what tests do not take, with reasons, and whether it is true.

not_taken.tsv has a line for each line of a kernel that is not reached, or not all of whose branches
are taken: file, function, what (`line`, or how many of how many branches), how many lines of the
function that is true of, reason, and the text itself instead of a number, which would change with
every edit. A reason begins with its class:

    memory      there was no memory; tests/hostile/test_no_memory.py is about these
    impossible  and why; kept as a guard
    compiler    a branch that the generated C has and the source has not
    chance      taken or not as threads meet; not judged
    open        a test is missing
"""

import re
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from tools.coverage.build import ROOT
from tools.coverage.counts import KERNELS, Counts

LIST = Path(__file__).with_name("not_taken.tsv")
CLASSES = ("memory", "impossible", "compiler", "chance", "open")


FUNCTION = re.compile(r"(?:cdef|static) [^(=]*?\b(\w+)\(|[a-z][^(=;]*\b(\w+)\([^;]*$")


class Entry(NamedTuple):
    """A line of a kernel that is not, or not wholly, taken."""

    file: str
    function: str
    what: str
    text: str


def functions(lines: list[str]) -> list[str]:
    """The function that each line stands in, "" outside."""
    found, current = [], ""
    for line in lines:
        if line[:1].strip() and line[0] not in "}#)/ " and (match := FUNCTION.match(line)):
            current = match[1] or match[2]
        found.append(current)
    return found


def not_taken(counts: Counts) -> Counter[Entry]:
    """What the counts say was not taken."""
    found: Counter[Entry] = Counter()
    texts: dict[str, list[str]] = {}
    owners: dict[str, list[str]] = {}
    for (file, number), (count, branches) in counts.items():
        missed = sum(taken == 0 for taken in branches)
        if count and not missed:
            continue
        if file not in texts:
            texts[file] = (ROOT / "src" / file).read_text().splitlines()
            owners[file] = functions(texts[file])
        what = f"{missed}/{len(branches)}" if count else "line"
        text = " ".join(texts[file][number - 1].split())
        name = owners[file][number - 1]
        found[Entry(file.removeprefix(KERNELS), name, what, text)] += 1
    return found


def listed() -> dict[Entry, tuple[int, str]]:
    """The list: how often, and why."""
    found = {}
    for line in LIST.read_text().splitlines() if LIST.exists() else []:
        file, function, what, times, reason, text = line.split("\t")
        if reason.split(":")[0] not in CLASSES:
            raise ValueError(f"{LIST.name}: no such class of reasons: {reason}")
        found[Entry(file, function, what, text)] = (int(times), reason)
    return found


def write(counts: Counts) -> None:
    """Write the list anew; reasons stay with their lines, new lines are open."""
    known = listed()
    lines = []
    for entry, times in sorted(not_taken(counts).items()):
        reason = known.get(entry, (0, "open"))[1]
        words = [entry.file, entry.function, entry.what, str(times), reason, entry.text]
        lines.append("\t".join(words))
    LIST.write_text("".join(line + "\n" for line in lines))


def untrue(counts: Counts) -> list[str]:
    """Where list and counts disagree, in words."""
    said, found = listed(), not_taken(counts)
    words = []
    for entry in sorted({*said, *found}):
        times, reason = said.get(entry, (0, ""))
        if reason.startswith("chance"):
            continue
        if times != found[entry]:
            where = f"{entry.file}: {entry.function}: {entry.what}: {entry.text}"
            words.append(f"{where}: listed {times} times, not taken {found[entry]} times")
    return words
