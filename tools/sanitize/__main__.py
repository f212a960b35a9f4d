"""The tests and the kernels under the sanitizers of gcc and clang, and under valgrind.

    ./run sanitize                       all of it
    ./run sanitize suite [ARGS]          the test suite, address and undefined behaviour, leaks
    ./run sanitize integer | memory      the kernels over the corpora of tests/corpus
    ./run sanitize valgrind              vectors and seeds
    ./run sanitize thread [OBJECT...]    threads that share an object, thread sanitizer
    ./run sanitize parallel [ARGS]       chosen tests in four threads at once, three times

Works below build/sanitize and build/fuzz; on Debian root has installed what is missing. Further
words go to pytest.
"""

import argparse
import sys

from tools.sanitize import kernels, suite, threads, valgrind

PARTS = ("suite", "integer", "memory", "valgrind", "thread", "parallel")


def main() -> int:
    """Do what is asked for; 1 if there is anything to tell."""
    parser = argparse.ArgumentParser(
        prog="./run sanitize", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("part", nargs="?", choices=PARTS, help="default: all of them")
    parser.add_argument("--compiler", choices=["gcc", "clang"], help="of suite; default: both")
    parser.add_argument("--deep", action="store_true", help="unwind through the interpreter")
    given, rest = parser.parse_known_args()
    compilers = [given.compiler] if given.compiler else ["gcc", "clang"]
    good = True
    for part in [given.part] if given.part else PARTS:
        if part == "suite":
            for compiler in compilers:
                good &= suite.run(compiler, rest, given.deep)
        elif part in ("integer", "memory"):
            good &= kernels.run(part)
        elif part == "valgrind":
            good &= valgrind.run()
        else:
            good &= {"thread": threads.run, "parallel": threads.parallel}[part](rest)
    return not good


if __name__ == "__main__":
    sys.exit(main())
