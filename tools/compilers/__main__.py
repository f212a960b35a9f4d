"""The package with other compilers, Pythons and machines.

    python -m tools.compilers quick    what a compiler can get wrong, with the newest of each
    python -m tools.compilers full     the whole suite: every compiler, Python 3.11 to 3.15
    python -m tools.compilers cross    every extension for other systems, with zig
    python -m tools.compilers foreign  32-bit and big-endian
    python -m tools.compilers warnings no warning of the compiler in the kernels
    python -m tools.compilers readme   commands of README.md and CONTRIBUTING.md, in bare copies
    python -m tools.compilers one COMPILER PYTHON [ROOT] [TESTS...]

What a machine lacks is said by name and is a failure, unless --tolerant is given.
Downloads and roots are kept in ${XDG_CACHE_HOME:-~/.cache}/mmscodec-ci.
"""

import argparse
import signal
import subprocess
import sys
from collections.abc import Callable

from tools.compilers import cross, foreign, places, readme, suite, warnings
from tools.compilers.suite import QUICK, Cell

HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
FAST = [Cell("gcc", "3.14", "amd64"), Cell("clang", "3.15", "amd64"), Cell("zig", HERE)]
FULL = [
    *(Cell("gcc", version) for version in ("3.11", "3.12", "3.13")),
    *(Cell("gcc", version, "amd64") for version in ("3.13", "3.14", "3.15")),
    *(Cell("clang", version, "amd64") for version in ("3.14", "3.15")),
    Cell("zig", HERE),
]


def steps(arguments: argparse.Namespace) -> list[tuple[str, Callable[[], str]]]:
    """Name and function of each thing to do; a function returns a line of figures."""

    def cells(of: list[Cell], tests: list[str]) -> list[tuple[str, Callable[[], str]]]:
        return [(cell.name, lambda cell=cell: suite.check(cell, tests)) for cell in of]

    others = [(target, lambda target=target: cross.build(target)) for target in cross.TARGETS]
    machines = [("i386", foreign.i386), ("s390x", foreign.s390x)]
    first = [("readme", readme.commands), ("contributing", readme.contributing)]
    warned = [("warnings", warnings.check)]
    if arguments.what == "one":
        compiler, python, *rest = arguments.rest
        root = rest.pop(0) if rest and rest[0] in ("amd64", "i386") else ""
        return cells([Cell(compiler, python, root)], rest)
    return {
        "quick": cells(FAST, QUICK),
        "full": [*warned, *cells(FULL, []), *others, *machines, *first],
        "cross": others,
        "foreign": machines,
        "readme": first,
        "warnings": warned,
    }[arguments.what]


def main() -> int:
    """Do all of it, also after a failure; 1 if any failed."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.compilers", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument(
        "what", choices=["quick", "full", "cross", "foreign", "readme", "warnings", "one"]
    )
    parser.add_argument("rest", nargs="*", help="for `one`: COMPILER PYTHON [ROOT] [TESTS...]")
    parser.add_argument("--tolerant", action="store_true", help="what cannot be had fails nothing")
    arguments = parser.parse_args()
    # whoever ends this ends what it started too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("compilers: told to end"))
    lines, failed = [], []
    for name, step in steps(arguments):
        try:
            lines.append(step())
        except places.Unavailable as error:
            lines.append(f"{name}: NOT RUN: {error}")
            failed += [] if arguments.tolerant else [name]
        except (subprocess.SubprocessError, OSError) as error:
            lines.append(f"{name}: FAILED: {error}")
            failed.append(name)
        places.say(lines[-1])
    places.say("\n".join(["compilers:", *lines]))
    places.say(f"compilers: failed: {', '.join(failed)}" if failed else "compilers: all good")
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
