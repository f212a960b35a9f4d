"""Racing several ways of doing one thing: interleaved rounds, minimum of each, one table.

A shared machine is noisy: rounds of the rivals alternate, so that a slow minute hits all of them,
and the minimum is kept, because noise only ever adds.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent
MEGABYTES = int(os.environ.get("MMSCODEC_BENCH_MB", "256"))


@dataclass
class Run:
    """One way of doing the work: how much it handles per call, and its best time so far.

    `roof` is the run that does the same in C, where each line of a table has its own; `before` is
    called before each turn, untimed.
    """

    name: str
    call: Callable[[], object]
    size: int
    rows: int
    best: float = float("inf")
    roof: Run | None = None
    before: Callable[[], object] | None = None

    @property
    def rate(self) -> float:
        """Bytes per second."""
        return self.size / self.best

    @property
    def ns_per_row(self) -> float:
        return self.best / max(self.rows, 1) * 1e9


def race(runs: Sequence[Run], rounds: int = 7) -> None:
    """Time every run `rounds` times, taking turns; the first, untimed turn warms up."""
    for turn in range(rounds + 1):
        for run in runs:
            if run.before is not None:
                run.before()
            started = time.perf_counter()
            result = run.call()
            spent = time.perf_counter() - started
            del result
            if turn:
                run.best = min(run.best, spent)


def table(title: str, runs: Sequence[Run], roofs: Sequence[str]) -> str:
    """Lines for people: rates of each run and its ratio to each of the roofs."""
    by_name = {run.name: run for run in runs}
    columns = {
        "ms": lambda run: f"{run.best * 1e3:.3f}",
        "GB/s": lambda run: f"{run.rate / 1e9:.3f}" if run.size else "",
        "M rows/s": lambda run: f"{run.rows / run.best / 1e6:.2f}" if run.rows else "",
        "ns/row": lambda run: f"{run.ns_per_row:.2f}" if run.rows else "",
    }
    for name in roofs:
        roof = by_name[name].rate
        columns[f"of {name}"] = lambda run, roof=roof: f"{run.rate / roof:.3f}"
    if any(run.roof for run in runs):
        columns["of C"] = lambda run: f"{run.rate / run.roof.rate:.3f}" if run.roof else ""
    lines = [[title, *columns], *([run.name, *(f(run) for f in columns.values())] for run in runs)]
    used = [i for i in range(len(lines[0])) if any(line[i] for line in lines[1:])]
    widths = {i: max(len(line[i]) for line in lines[1:] + lines[:1] * (i > 0)) for i in used}
    head = "  ".join(lines[0][i].rjust(widths[i]) for i in used[1:])
    out = [title, " " * (widths[0] + 4) + head]
    for line in lines[1:]:
        cells = "  ".join(line[i].rjust(widths[i]) for i in used[1:])
        out.append(f"  {line[0].ljust(widths[0])}  {cells}")
    return "\n".join(out)


def memcpy(data: bytes | np.ndarray) -> Run:
    """The roof: the same bytes copied once into memory that is there already."""
    source = np.frombuffer(data, np.uint8)
    target = np.zeros_like(source)
    return Run("memcpy", lambda: np.copyto(target, source), source.nbytes, 0)


def compiled(name: str, flags: Sequence[str] = ("-O3",)) -> ctypes.CDLL:
    """`benchmarks/c/NAME.c` as a loaded library, compiled now unless it did not change."""
    source = HERE / "c" / f"{name}.c"
    mark = hashlib.sha256(source.read_bytes() + repr(flags).encode()).hexdigest()[:16]
    library = Path(tempfile.gettempdir()) / f"mmscodec-{name}-{mark}-{os.getuid()}.so"
    if not library.exists():
        compiler = shutil.which("gcc") or shutil.which("cc") or sys.exit("no C compiler")
        made = library.with_suffix(f".{os.getpid()}")
        subprocess.run(
            [compiler, *flags, "-shared", "-fPIC", "-o", str(made), str(source)], check=True
        )
        made.replace(library)
    return ctypes.CDLL(str(library))


def pointer(array: np.ndarray) -> ctypes.c_void_p:
    """The address of an array's first byte, for a C function."""
    return ctypes.c_void_p(array.ctypes.data)
