"""Both stages over many files, on the cores of one machine: what the command line does.

Nothing here schedules more than a pool of processes; several machines run it over parts of the
files, with a spool that they share.
"""

from __future__ import annotations

import multiprocessing
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from mmscodec.distributed import joining, tasks
from mmscodec.distributed.inputs import expanded
from mmscodec.distributed.spool import Spool, key_of
from mmscodec.errors import CaptureError

_AHEAD = 4  # tasks of each process that wait


def survey(
    files: Iterable[str], spool: str, *, partitions: int | None = None, workers: int = 1,
    seen: Callable[[dict[str, Any]], Any] = lambda about: None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Look at capture files, so that a scan knows what to look for.

    Parameters
    ----------
    files : iterable of str
        Paths, folders, patterns, addresses of fsspec.
    spool : str
        A folder or an address; it is made.
    partitions : int, optional
        Of a new spool; default: 16.
    workers : int
        Processes.
    seen : callable, optional
        Called with what is known of each file.

    Returns
    -------
    list of dict
        Of each file: name, and `failed` with why nothing was made of it, or faults by name.
    """
    Spool(spool).begin(partitions)
    calls = [(tasks.survey, (spool, name)) for name in expanded(files)]
    return list(_done(calls, workers, seen))


def scan(
    files: Iterable[str], spool: str, *, partitions: int | None = None, workers: int = 1,
    seen: Callable[[dict[str, Any]], Any] = lambda about: None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Write the segments that matter into a spool: of these files, as all that were surveyed want.

    Parameters are those of `survey`, which comes first here. What is there already stays.

    Returns
    -------
    list of dict
        The manifest of each file, or its name and why it `failed`.
    """
    found = Spool(spool)
    count = found.begin(partitions)
    looked = survey(files, spool, partitions=count, workers=workers, seen=seen)
    fingerprint, wanted, _ = found.decide()
    found.keep_wanted(fingerprint, wanted)
    out = [about for about in looked if "failed" in about]
    names = [about["name"] for about in looked if "failed" not in about]
    calls = [(tasks.scan, (spool, name, fingerprint, count)) for name in names]
    return out + list(_done(calls, workers, seen))


def join(
    spool: str, out: str, *, tables: Sequence[str] | None = None, workers: int = 1,
    options: dict[str, Any] | None = None,
    seen: Callable[[dict[str, Any]], Any] = lambda about: None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Decode a spool into Parquet files; partitions that are there stay.

    Parameters
    ----------
    spool, out : str
        Folders or addresses of fsspec.
    tables : sequence of str, optional
        Names as `Capture.table` takes them; default: all that have rows.
    workers : int
        Processes.
    options : dict, optional
        As of `mmscodec.open`.
    seen : callable, optional
        Called with what became of each partition.

    Returns
    -------
    list of dict
        Of each partition: its number, and rows of each table or why it `failed`.

    Raises
    ------
    CaptureError
        There is no spool, or a file was surveyed and not scanned since.
    """
    parts = _parts_of(Spool(spool))
    for number in joining.made(out):
        parts[number]
    chosen = {**(options or {}), "tables": None if tables is None else list(tables)}
    calls = [
        (joining.join, (spool, out, number, parts[number], chosen)) for number in sorted(parts)
    ]
    return list(_done(calls, workers, seen))


def _parts_of(spool: Spool) -> dict[int, list[dict[str, Any]]]:
    """Parts of each partition; all files must have been scanned for the same."""
    if spool.partitions is None:
        raise CaptureError(f"{spool.store.root}: there is no spool")
    fingerprint, _, about = spool.decide()
    parts: dict[int, list[dict[str, Any]]] = defaultdict(list)
    late = []
    for key, known in sorted(about.items()):
        manifest = spool.manifest(key)
        if manifest is None or manifest["fingerprint"] != fingerprint:
            late.append(known["name"])
            continue
        for part in manifest["parts"]:
            parts[part["partition"]].append({**part, "key": key_of(known["name"])})
    if late:
        more = f" and {len(late) - 1} more" if late[1:] else ""
        raise CaptureError(
            f"{late[0]}{more}: not scanned for all that is wanted by now; run scan again"
        )
    return parts


def _done(
    calls: Sequence[tuple[Any, Any]], workers: int, seen: Callable[[dict[str, Any]], Any]
) -> Iterator[dict[str, Any]]:
    """Results of calls in the order of the calls."""
    if workers < 2 or len(calls) < 2:
        for function, given in calls:
            about = function(*given)
            seen(about)
            yield about
        return
    context = multiprocessing.get_context("spawn")
    results: dict[int, dict[str, Any]] = {}
    pool = ProcessPoolExecutor(min(workers, len(calls)), mp_context=context)
    try:
        for number, about in _as_they_end(pool, calls, _AHEAD * workers):
            results[number] = about
            seen(about)
    except BrokenProcessPool:
        raise CaptureError(
            "a worker process was killed, or had no memory; what is complete stays: run it again"
        ) from None
    finally:
        pool.shutdown(cancel_futures=True)
    yield from (results[number] for number in range(len(calls)))


def _as_they_end(
    pool: ProcessPoolExecutor, calls: Sequence[tuple[Any, Any]], ahead: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbers of calls with their results; so many are handed to the pool at a time."""
    running: dict[Any, int] = {}
    waiting = list(enumerate(calls))[::-1]
    while running or waiting:
        while waiting and len(running) < ahead:
            number, (function, given) = waiting.pop()
            running[pool.submit(function, *given)] = number
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running.pop(future), future.result()
