"""Which lines and branches of the kernels the tests take; fuzz corpora do not count.

    ./run coverage [PYTEST ARGUMENTS]    build, run the tests, report and judge
    ./run coverage --report              report what the last run counted
    ./run coverage --write               report, and write tools/coverage/not_taken.tsv anew

Lines and branches are those of hand-written sources, .pyx, .pxd, .h and .c below _kernels, never of
Cython's own C. Real players and public captures take no part: a machine may not have them. Exit 1
when a test fails, when less is taken than FLOOR says, or when not_taken.tsv is not true. Needs gcc
with gcov, which root has installed on Debian; all else is in .venv.
"""

import subprocess
import sys
from collections import defaultdict

from tools.coverage import build, counts, exceptions

#: Per cent of lines that are no exits for want of memory, and of branches, at least.
FLOOR = (98.0, 92.4)
PLAYERS = "tests/peer/test_players.py"


def test(arguments: list[str]) -> int:
    """Run the tests with counters; their exit status."""
    environment = build.made()
    build.forget()
    environment["MMSCODEC_SHARED"] = str(build.OUT / "no public captures")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    command += [f"--ignore={PLAYERS}", *(arguments or ["-n", "auto"])]
    return subprocess.call(command, cwd=build.ROOT, env=environment)


def report(found: counts.Counts) -> tuple[float, float]:
    """Print a line for each kernel; the two figures that FLOOR is about."""
    per: dict[str, list[int]] = defaultdict(lambda: [0] * 4)
    for (file, _), (count, branches) in found.items():
        numbers = (count != 0, 1, sum(taken != 0 for taken in branches), len(branches))
        per[file] = [a + b for a, b in zip(per[file], numbers, strict=True)]
    print(f"{'kernel':40} {'lines':>12} {'branches':>12}")
    for file, (lines, all_lines, taken, branches) in sorted(per.items()):
        name = file.removeprefix(counts.KERNELS)
        print(f"{name:40} {lines:>6}/{all_lines:<5} {taken:>6}/{branches:<5}")
    lines, all_lines, taken, branches = (sum(column) for column in zip(*per.values(), strict=True))
    memory = sum(
        times
        for entry, (times, reason) in exceptions.listed().items()
        if entry.what == "line" and reason.startswith("memory")
    )
    figures = 100 * lines / (all_lines - memory), 100 * taken / branches
    print(
        f"lines {lines} of {all_lines}, {memory} more only without memory: {figures[0]:.2f} %; "
        f"branches {taken} of {branches}: {figures[1]:.2f} %"
    )
    return figures


def main(arguments: list[str]) -> int:
    """Do what is asked for; 1 if something is wrong."""
    status = 0
    if not {"--report", "--write"} & set(arguments):
        status = test(arguments)
    found = counts.of_package()
    if not found:
        sys.exit("coverage: nothing was counted; run it without --report first")
    if "--write" in arguments:
        exceptions.write(found)
    figures = report(found)
    wrong = exceptions.untrue(found)
    if any(figure < least for figure, least in zip(figures, FLOOR, strict=True)):
        wrong.append(f"less is taken than {FLOOR[0]} % of lines or {FLOOR[1]} % of branches")
    for words in wrong:
        print("coverage:", words)
    if status:
        print("coverage: tests failed")
    return int(bool(status or wrong))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
