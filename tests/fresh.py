"""A function in a process of its own, whose memory nobody has used before.

What the process of the tests has freed would take in what a leak needs, and its peak is that of
the largest test before.
"""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

STATUS = Path("/proc/self/status")
linux = pytest.mark.skipif(not STATUS.exists(), reason="this system does not tell a peak apart")


def run(function, *args):
    """What the function gives, or raises; it and its arguments are pickled."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(function, *args).result(timeout=600)


def peak():
    """The most memory that this process has had, in KiB; `ru_maxrss` has that of its parent too."""
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1])
