"""results.tsv, what is known of each mutant, and survivors.tsv, why some live."""

from pathlib import Path
from typing import NamedTuple

from tools.mutants.weave import Mutant

RESULTS = Path(__file__).with_name("results.tsv")
SURVIVORS = Path(__file__).with_name("survivors.tsv")


class Result(NamedTuple):
    """What became of a mutant; `test` is the one that killed it, "" where there was none."""

    name: str
    state: str
    test: str
    file: str
    function: str
    kind: str
    before: str
    after: str

    @property
    def alive(self) -> bool:
        """Whether no test noticed it."""
        return self.state in ("survived", "not reached")


def read() -> dict[str, Result]:
    """All results, by the names of the mutants."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    return {(one := Result(*line.split("\t"))).name: one for line in lines}


def write(known: dict[str, Result]) -> None:
    """Write all results, ordered by place."""
    ordered = sorted(known.values(), key=lambda one: (one.file, one.function, one.name))
    RESULTS.write_text("".join("\t".join(one) + "\n" for one in ordered))


def add(mutant: Mutant, state: str, test: str) -> None:
    """Put one more result into the file."""
    known = read()
    known[mutant.name] = Result(
        mutant.name, state, test, mutant.file.removeprefix("mmscodec/_kernels/"), mutant.function,
        mutant.kind, mutant.before, mutant.after,
    )  # fmt: skip
    write(known)


def reasons() -> dict[str, str]:
    """Why survivors live, by their names."""
    lines = SURVIVORS.read_text().splitlines() if SURVIVORS.exists() else []
    return dict(line.split("\t", 1) for line in lines)
