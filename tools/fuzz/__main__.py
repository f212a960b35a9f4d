"""Fuzzing of the kernels, and of the public functions.

    ./run fuzz run [TARGET...] [--seconds 60]   new inputs, from the corpus on
    ./run fuzz replay [TARGET...]               the corpus that stands in tests/corpus
    ./run fuzz keep [TARGET...]                 minimise what was found into tests/corpus
    ./run fuzz list                             names of the targets
    ./run fuzz total                            executions so far, from tools/fuzz/executions.csv

Kernels: libFuzzer on the compiled C, with the sanitizers of clang. With --facade the targets are
public functions, fuzzed by atheris, which is installed below build/fuzz. What breaks a promise is
left in build/fuzz/found/TARGET, and printed. With --record a run adds its executions to
tools/fuzz/executions.csv.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from functools import partial

from tools.fuzz import build, facades, kernels, ledger, work

WORK = ("run", "replay", "keep", "list", "total")


def arguments() -> argparse.Namespace:
    """What is asked for."""
    parser = argparse.ArgumentParser(
        prog="./run fuzz", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("words", nargs="*", metavar="WORD", help=f"{', '.join(WORK)}; targets")
    parser.add_argument("--seconds", type=int, default=60, help="of each target")
    parser.add_argument(
        "--length", type=int, default=work.LENGTH,
        help="of an input, at most; the time of one is in proportion to it",
    )  # fmt: skip
    parser.add_argument(
        "--record", action="store_true", help=f"add the executions to {ledger.FILE.name}"
    )
    parser.add_argument("--facade", action="store_true", help="targets are public functions")
    parser.add_argument(
        "--kind", choices=build.KINDS, default="address",
        help="sanitizers of the build; soak: as address, without following comparisons",
    )  # fmt: skip
    given = parser.parse_intermixed_args()
    given.what = given.words.pop(0) if given.words and given.words[0] in WORK else "run"
    if unknown := set(given.words) - set(targets(given)):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    return given


def targets(given: argparse.Namespace) -> list[str]:
    """Names of the targets that there are."""
    if not given.facade:
        return list(build.targets())
    from tools.fuzz import facade

    return list(facade.TARGETS)


def works(given: argparse.Namespace) -> Iterator[Callable[[], str]]:
    """One piece of work for each target; it gives a line, or ends with what failed."""
    names = given.words or targets(given)
    options = [f"-max_total_time={given.seconds}", f"-max_len={given.length}"]
    if given.facade:
        environment = {} if given.what == "replay" else facades.made()
        for name in names:
            yield {
                "run": lambda name=name: counted(
                    given, *facades.run(name, options, environment)
                ),
                "replay": partial(facades.replay, name),
                "keep": partial(facades.keep, name, environment),
            }[given.what]  # fmt: skip
        return
    known, kind = build.targets(), build.KINDS[given.kind]
    environment = build.made(kind)
    for name in names:
        place = (kind, name, known[name])
        yield {
            "run": lambda place=place: counted(
                given, *kernels.run(*place, options, environment)
            ),
            "replay": partial(kernels.replay, *place, environment),
            "keep": partial(kernels.keep, *place, environment),
        }[given.what]  # fmt: skip


def counted(given: argparse.Namespace, run: ledger.Run, line: str, broken: str | None) -> str:
    """The line of a run, which is written down if that was asked for."""
    if given.record and run.executions:
        ledger.add(run)
    if broken is not None:
        raise SystemExit(f"{line}\n{broken}")
    return line


def main() -> int:
    """Do what is asked for; 1 if a target failed."""
    given = arguments()
    if given.what == "list":
        print("\n".join(targets(given)))
        return 0
    if given.what == "total":
        print("\n".join(ledger.lines(ledger.runs())))
        return 0
    failed = False
    for piece in works(given):
        try:
            print(piece(), flush=True)
        except SystemExit as error:
            print(error, flush=True)
            failed = True
    return failed


if __name__ == "__main__":
    sys.exit(main())
