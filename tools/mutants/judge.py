"""Runs pytest with the plugin: once to note what tests reach, once to judge mutants."""

import hashlib
import json
import shutil
import subprocess
import sys
from collections import defaultdict

from tools.mutants import build, results
from tools.mutants.weave import Mutant

BUDGET = 20.0  # seconds that the tests of one mutant usually take, together
SLICE = 30  # mutants whose results are written down together
PLAYERS = "tests/peer/test_players.py"
PYTEST = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tools.mutants.plugin"]


def noted(paths: list[str], count: int) -> dict[str, tuple[float, list[int]]]:
    """What each test reaches, and how long it takes."""
    folder = build.OUT / "note"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    more = {"MMSCODEC_REACHED_SIZE": str(count), "MMSCODEC_MUTANTS_NOTE": str(folder)}
    done = subprocess.run(
        [sys.executable, *PYTEST, f"--ignore={PLAYERS}", *paths], cwd=build.ROOT,
        env=build.environment() | more, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):  # a test may fail on this build, but all have to run
        sys.exit(f"mutants: the tests that note what they reach ended with {done.returncode}")
    return {
        test: (seconds, reached)
        for path in sorted(folder.glob("*.json"))
        for test, (seconds, reached) in json.loads(path.read_text()).items()
    }


def answers(plan: dict, paths: list[str]) -> list[tuple[str, str, str]]:
    """Run a plan; name, state and killing test of each mutant."""
    path = build.OUT / "plan.json"
    path.with_suffix(".tsv").unlink(missing_ok=True)
    path.write_text(json.dumps(plan))
    subprocess.run(
        [sys.executable, *PYTEST, *paths], cwd=build.ROOT,
        env=build.environment() | {"MMSCODEC_MUTANTS_PLAN": str(path)}, check=False,
    )  # fmt: skip
    lines = path.with_suffix(".tsv")
    if not lines.exists():
        sys.exit("mutants: no mutant was judged")
    return [tuple(line.split("\t")) for line in lines.read_text().splitlines()]  # type: ignore[misc]


def plan_of(
    mutants: list[Mutant], numbers: dict[str, int], tests: dict[str, list[str]], seconds: dict
) -> dict:
    """What the plugin has to know."""
    return {
        "budget": BUDGET,
        "seconds": seconds,
        "mutants": [
            {
                "name": mutant.name, "number": numbers[mutant.name], "tests": tests[mutant.name],
                "function": f"{mutant.file} {mutant.function}",
            }
            for mutant in mutants
        ],
    }  # fmt: skip


def noted_once(paths: list[str], count: int) -> dict[str, tuple[float, list[int]]]:
    """As `noted`; what a run noted that ended early is taken if build and tests are the same."""
    digest = hashlib.sha256((build.OUT / "stamp.json").read_bytes() + repr(paths).encode())
    for path in sorted((build.ROOT / "tests").rglob("*.py")):
        digest.update(path.read_bytes())
    kept = build.OUT / "noted.json"
    if kept.exists():
        mark, found = json.loads(kept.read_text())
        if mark == digest.hexdigest():
            return found
    found = noted(paths, count)
    kept.write_text(json.dumps([digest.hexdigest(), found]))
    return found


def judge(mutants: list[Mutant], numbers: dict[str, int], paths: list[str]) -> None:
    """Judge mutants by all tests of some paths; what came out is written after every slice."""
    by_number = {numbers[mutant.name]: mutant for mutant in mutants}
    tests: dict[str, list[str]] = defaultdict(list)
    seconds = {}
    for test, (spent, reached) in noted_once(paths, len(numbers)).items():
        seconds[test] = spent
        for number in reached:
            if number in by_number:
                tests[by_number[number].name].append(test)
    by_name = {mutant.name: mutant for mutant in mutants}
    for at in range(0, len(mutants), SLICE):
        part = mutants[at : at + SLICE]
        files = sorted({test.split("::")[0] for one in part for test in tests[one.name]})
        for name, state, test in answers(plan_of(part, numbers, tests, seconds), files or paths):
            results.add(by_name[name], state, test)


def again(
    mutants: list[Mutant], numbers: dict[str, int], known: dict[str, results.Result]
) -> list[str]:
    """The names of those mutants that the tests which killed them let live now."""
    tests = {mutant.name: [known[mutant.name].test] for mutant in mutants}
    seconds = {test: 1.0 for names in tests.values() for test in names}
    paths = sorted({test.split("::")[0] for test in seconds})
    found = answers(plan_of(mutants, numbers, tests, seconds), paths)
    return [name for name, state, _ in found if state in ("survived", "not reached")]
