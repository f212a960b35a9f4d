"""Mutants of the kernels: small faults, one at a time, and whether the tests notice.

    ./run mutants run [--tests PATH...] [--most N]   judge the mutants that have no result yet
    ./run mutants sample [--count 40] [--seed TEXT]  some of those that were killed, again
    ./run mutants figures                            what results.tsv says
    ./run mutants list                               all of them, chosen ones marked

A thirtieth to a twelfth of all mutants is chosen, by name, so that a change of a kernel moves no
others; a name comes from function, line and change. All are woven into one build. A first run of
the tests notes what each one reaches; then a forked process per mutant runs the tests that reach
it until one fails. results.tsv has for each its state and the test that killed it:

    killed       a test failed, or took 20 times its time and 5 s of processor time
    died N       the process ended by signal N
    survived     every test that reaches it passed
    undecided    some of the tests that reach it passed; time was over before the others
    not reached  no test that was run reaches it
    refused      it does not compile

Why a survivor is none that a test could kill stands in survivors.tsv, one a line: name, reason.
"""

import argparse
import random
import subprocess
import sys
from collections import Counter

from tools.mutants import build, judge, results


def figures() -> float:
    """Print what is known; the share of compiled mutants that were killed, in per cent."""
    known = results.read()
    explained = results.reasons()
    states = Counter(one.state.split()[0] for one in known.values())
    killed = states["killed"] + states["died"]
    compiled = len(known) - states["refused"]
    open_ones = [one for one in known.values() if one.alive and one.name not in explained]
    equivalent = sum(one.alive and one.name in explained for one in known.values())
    share = 100 * killed / compiled if compiled else 0.0
    print(
        f"{len(known)} mutants, {states['refused']} do not compile; of {compiled} killed {killed}: "
        f"{share:.1f} %; undecided {states['undecided']}, alive and explained {equivalent}, "
        f"alive and not explained {len(open_ones)}"
    )
    return share


def run(paths: list[str], most: int) -> int:
    """Judge those chosen mutants that have no result."""
    chosen = build.chosen(build.mutants())
    known = results.read()
    names = {mutant.name for mutant in chosen}
    known = {name: one for name, one in known.items() if name in names and one.state != "undecided"}
    results.write(known)
    numbers, refused = build.made(chosen)
    for mutant in chosen:
        if mutant.name in refused:
            results.add(mutant, "refused", "")
    left = [one for one in chosen if one.name not in known and one.name not in refused][:most]
    judge.judge(left, numbers, paths or ["tests"])
    figures()
    return 0


def sample(count: int, seed: str) -> int:
    """Run the killers of some mutants again; 1 if one of them lives now."""
    known = results.read()
    chosen = {mutant.name: mutant for mutant in build.mutants()}
    killed = sorted(name for name, one in known.items() if one.test and name in chosen)
    picked = random.Random(seed).sample(killed, min(count, len(killed)))
    numbers, _ = build.made([chosen[name] for name in picked])
    alive = judge.again([chosen[name] for name in picked], numbers, known)
    for name in alive:
        mutant = chosen[name]
        print(f"mutants: {mutant.file}: {mutant.function}: alive, {known[name].test} passes")
        print(f"    {mutant.before}\n    {mutant.after}")
    gone = sum(name not in chosen for name in known)
    print(
        f"mutants: {len(picked)} of {len(killed)} killed ones tried again, {len(alive)} alive; "
        f"{gone} results are about lines that have changed"
    )
    figures()
    return int(bool(alive) or not picked)


def main() -> int:
    """Do what is asked for."""
    parser = argparse.ArgumentParser(
        prog="./run mutants", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("what", choices=["run", "sample", "figures", "list"])
    parser.add_argument("--tests", nargs="*", default=[], help="paths for pytest; all by default")
    parser.add_argument("--most", type=int, default=1 << 30, help="mutants to judge, at most")
    parser.add_argument("--count", type=int, default=40, help="mutants of a sample")
    commit = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=build.ROOT, capture_output=True, text=True, check=False
    )
    parser.add_argument("--seed", default=commit.stdout.strip(), help="by default the commit")
    arguments = parser.parse_args()
    if arguments.what == "list":
        mutants = build.mutants()
        chosen = {mutant.name for mutant in build.chosen(mutants)}
        for one in mutants:
            mark = "*" if one.name in chosen else " "
            print(f"{mark} {one.name} {one.file} {one.function}: {one.before} -> {one.after}")
        return 0
    if arguments.what == "figures":
        figures()
        return 0
    if arguments.what == "run":
        return run(arguments.tests, arguments.most)
    return sample(arguments.count, arguments.seed)


if __name__ == "__main__":
    sys.exit(main())
