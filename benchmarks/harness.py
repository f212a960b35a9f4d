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
    """One way of doing the work: how much it handles per call, and its best time so far."""

    name: str
    call: Callable[[], object]
    size: int
    rows: int
    best: float = float("inf")

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
            started = time.perf_counter()
            result = run.call()
            spent = time.perf_counter() - started
            del result
            if turn:
                run.best = min(run.best, spent)


def table(title: str, runs: Sequence[Run], roofs: Sequence[str]) -> str:
    """Lines for people: rates of each run and its ratio to each of the roofs."""
    by_name = {run.name: run for run in runs}
    heads = ["GB/s", "M rows/s", "ns/row", *[f"of {name}" for name in roofs]]
    lines = [title, f"{'':34}" + "".join(f"{head:>14}" for head in heads)]
    for run in runs:
        cells = [f"{run.rate / 1e9:.3f}"]
        has_rows = run.rows > 0
        cells.append(f"{run.rows / run.best / 1e6:.2f}" if has_rows else "")
        cells.append(f"{run.ns_per_row:.2f}" if has_rows else "")
        cells += [f"{run.rate / by_name[name].rate:.2f}" for name in roofs]
        lines.append(f"  {run.name:32}" + "".join(f"{cell:>14}" for cell in cells))
    return "\n".join(lines)


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
