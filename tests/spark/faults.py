"""Tasks of Spark that die in the middle, once each; they run in the processes of workers."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmscodec.spark import tasks
from tests.collect.service import until

_scanned = tasks.scanned


def _first(folder: str, name: str) -> bool:
    """Whether nobody was here before."""
    try:
        os.close(os.open(Path(folder, name), os.O_CREAT | os.O_EXCL))
    except FileExistsError:
        return False
    return True


def dying(folder: str, name: str, batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches, but the first process that gives one is killed."""
    for batch in batches:
        yield batch
        if _first(folder, name):
            os.kill(os.getpid(), signal.SIGKILL)


def dying_scan(folder: str, files: Any, wanted: Any, batches: Iterator[Any]) -> Iterator[Any]:
    """`tasks.scanned`, which is killed once."""
    yield from dying(folder, "scan", _scanned(files, wanted, batches))


def waiting(folder: str, batches: Iterator[Any]) -> Iterator[Any]:
    """The same batches; behind the first one somebody must make a file `go`."""
    for batch in batches:
        yield batch
        _first(folder, "waits")
        until(Path(folder, "go").exists)
