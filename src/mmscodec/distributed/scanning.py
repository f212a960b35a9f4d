"""Stage one: the records of one file that matter, as Arrow record batches."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from mmscodec.capture import open_sources
from mmscodec.capture._merge import Merge
from mmscodec.capture._select import Ends
from mmscodec.convert.library import pyarrow
from mmscodec.distributed.pairs import addresses, pairs
from mmscodec.distributed.surveying import Wanted, decide, survey_file

_RECORDS = 1 << 16  # walked at a time
_BYTES = 32 << 20  # of frames in one record batch


def scan_file(path: Any, wanted: Wanted | None = None, *, name: str | None = None) -> Iterator[Any]:
    """Records of the flows that matter, whole frames with their times.

    Parameters
    ----------
    path : path, str or file object
        As for `mmscodec.open`, of one file.
    wanted : Wanted, optional
        As `decide` gives it for all files; default: what this file alone shows.
    name : str, optional
        What the file is called there; default: its path.

    Yields
    ------
    pyarrow.RecordBatch
        Of `SEGMENTS`, at most some 32 MB of frames each, in the order of `SORT_BY`.
    """
    called = str(path) if name is None else name
    if wanted is None:
        wanted = decide([survey_file(path, called)])
    number = wanted.files.get(called, 0)
    with open_sources(path) as sources:
        merge: Any = Merge(sources, keep=True)
        ends = Ends(merge)
        while not ends.ended:
            rows, records, orders, seen, _ = ends.take(_RECORDS)
            chosen, groups = _wanted(seen, wanted)
            if not len(chosen):
                continue
            links = _links(rows[chosen], merge.kept[0].interfaces)
            columns = (groups, orders[chosen], number, records[chosen], rows[chosen], links)
            yield from _batches(sources, columns)


def _wanted(seen: np.ndarray, wanted: Wanted) -> tuple[np.ndarray, np.ndarray]:
    """Rows that are wanted, and their groups."""
    if not len(wanted.pairs) or not len(seen):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    numbers = pairs(addresses(seen["src"]), addresses(seen["dst"]))
    at = np.minimum(np.searchsorted(wanted.pairs, numbers), len(wanted.pairs) - 1)
    good = wanted.pairs[at] == numbers
    chosen, first = np.unique(seen["row"][good], return_index=True)
    return chosen.astype(np.int64), wanted.groups[at[good][first]]


def _links(rows: np.ndarray, interfaces: list[dict[str, int]]) -> np.ndarray:
    """Link types, with what is known of FCS bytes above them."""
    flags = np.array([item["link_flags"] for item in interfaces] or [0], np.int64)
    return rows["linktype"].astype(np.int64) | flags[np.minimum(rows["interface"], len(flags) - 1)]


def _batches(sources: Any, columns: Any) -> Iterator[Any]:
    from mmscodec.distributed.schemas import SEGMENTS

    pa = pyarrow()
    groups, orders, number, records, rows, links = columns
    sizes = np.cumsum(rows["caplen"], dtype=np.int64) // _BYTES
    for first, last in _stretches(sizes):
        part = rows[first:last]
        frames = sources.gather(part["position"], part["caplen"])
        offsets = np.zeros(len(part) + 1, np.int32)
        np.cumsum(part["caplen"], out=offsets[1:])
        count = last - first
        frame = pa.Array.from_buffers(
            pa.binary(), count, [None, pa.py_buffer(offsets), pa.py_buffer(frames)]
        )
        plain = (
            groups[first:last], orders[first:last], np.full(count, number, np.int32),
            records[first:last], part["time"].astype(np.int64), links[first:last],
            part["wire_len"].astype(np.int64),
        )  # fmt: skip
        yield pa.record_batch([*map(pa.array, plain), frame], schema=SEGMENTS)


def _stretches(numbers: np.ndarray) -> Iterator[tuple[int, int]]:
    """First and last row behind it of equal numbers that follow each other."""
    cuts = [0, *(np.flatnonzero(np.diff(numbers)) + 1).tolist(), len(numbers)]
    return pairwise(cuts)
