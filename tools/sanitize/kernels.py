"""The kernels alone under clang's sanitizers that the interpreter does not bear: integer, memory.

Each fuzz target gets every input of its corpus once; nothing is Python between an input and a
kernel. `integer`: unsigned arithmetic that wraps, too, but for the functions of integer.txt.
`memory`: bytes that were never written and decide something, or leave a kernel as a row.
"""

import re
import time
from fnmatch import fnmatchcase
from pathlib import Path

from tools.fuzz import build, kernels

MEANT = Path(__file__).with_name("integer.txt")

ERROR = re.compile(r"^(\S+?):(\d+):\d+: runtime error: (.*)$", re.MULTILINE)
FRAME = re.compile(r"^    #0 \S+ in (\S+)", re.MULTILINE)


def places(said: str) -> set[str]:
    """What a run complained about: the function and the words."""
    out = set()
    for match in ERROR.finditer(said):
        frame = FRAME.search(said, match.end())
        words = re.sub(r"-?\d[\dxa-fA-F]*", "N", match[3])
        out.add(f"{frame[1] if frame else match[1] + ':' + match[2]}: {words}")
    return out


def meant() -> list[tuple[str, str]]:
    """What may wrap: the sanitizer's words, and a pattern for the name of the function."""
    out, words = [], ""
    for line in MEANT.read_text().splitlines():
        if line.startswith("["):
            words = line.strip("[]")
        elif line and not line.startswith("#"):
            out.append((words, line))
    return out


def unmeant(found: set[str]) -> set[str]:
    """Places that the list does not have."""
    return {
        place
        for place in found
        if not any(
            fnmatchcase(place.partition(": ")[0], pattern)
            and place.partition(": ")[2].startswith(words)
            for words, pattern in meant()
        )
    }


def run(name: str) -> bool:
    """Replay the corpora on one kind of build; whether there is nothing to tell."""
    started, kind, found, count = time.monotonic(), build.KINDS[name], set(), 0
    environment = build.made(kind) | {"UBSAN_OPTIONS": "print_stacktrace=1"}
    for target, module in build.targets().items():
        try:
            files, said = kernels.replayed(kind, target, module, environment)
        except SystemExit as error:
            print(error)
            found.add(f"{target} ended")
            continue
        count += files
        found |= places(said)
    found = unmeant(found)
    for line in sorted(found):
        print(f"sanitize {name}: {line}")
    spent = f"{time.monotonic() - started:.0f} s"
    print(f"sanitize {name}: {count} inputs, {len(found)} findings, {spent}", flush=True)
    return not found
