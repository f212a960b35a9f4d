"""How many executions there were: tools/fuzz/executions.csv, a line for each run of a target.

`kind` is kernel (libFuzzer on the compiled kernels), facade (atheris on the public functions) or
outside (runs by others, with harnesses of their own). The first lines are sums of what was run
before this file was kept; by target they are not known.
"""

import csv
import datetime
import subprocess
from collections import Counter
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
FILE = Path(__file__).with_name("executions.csv")
KINDS = ("kernel", "facade", "outside")


class Run(NamedTuple):
    """Executions of one target on one day and commit; findings are inputs that broke a promise."""

    date: str
    commit: str
    kind: str
    target: str
    executions: int
    findings: int


def runs(path: Path = FILE) -> list[Run]:
    """All lines of the file."""
    with open(path, encoding="utf-8", newline="") as file:
        return [
            Run(row["date"], row["commit"], row["kind"], row["target"],
                int(row["executions"]), int(row["findings"]))
            for row in csv.DictReader(file)
        ]  # fmt: skip


def commit() -> str:
    """The commit that is checked out, with a plus sign if files of the package were changed."""
    words = ["git", "rev-parse", "--short=9", "HEAD"]
    done = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, check=False)
    words = ["git", "diff", "--quiet", "HEAD", "--", "src"]
    changed = subprocess.run(words, cwd=ROOT, capture_output=True, check=False).returncode == 1
    return (done.stdout.strip() or "unknown") + "+" * changed


def now(kind: str, target: str, executions: int, findings: int) -> Run:
    """A run that ended just now."""
    today = f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d}"
    return Run(today, commit(), kind, target, executions, findings)


def add(run: Run, path: Path = FILE) -> None:
    """Count a run; those of one day, commit and target share a line."""
    found = runs(path)
    for at, old in enumerate(found):
        if old[:4] == run[:4]:
            found[at] = old._replace(
                executions=old.executions + run.executions, findings=old.findings + run.findings
            )
            break
    else:
        found.append(run)
    with open(path, "w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(Run._fields)
        writer.writerows(found)


def totals(found: list[Run]) -> dict[str, Counter[str]]:
    """Executions by kind and target."""
    out: dict[str, Counter[str]] = {kind: Counter() for kind in KINDS}
    for run in found:
        out[run.kind][run.target] += run.executions
    return out


def lines(found: list[Run]) -> list[str]:
    """The totals for people."""
    out = []
    for kind, targets in totals(found).items():
        findings = sum(run.findings for run in found if run.kind == kind)
        out.append(f"{kind}: {sum(targets.values()):,} executions, {findings} findings")
        out += [f"    {target}: {count:,}" for target, count in sorted(targets.items())]
    return out
