"""The segments of a partition, out of the files of many captures, in one order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from mmscodec.convert.library import pyarrow
from mmscodec.distributed.decoding import SORT_BY
from mmscodec.distributed.store import Hashed, Store
from mmscodec.errors import CaptureError

_Key = tuple[int, int, int]


def read_part(store: Store, name: str, checksum: str) -> Iterator[Any]:
    """Record batches of a file; CaptureError if it is not the one that was written."""
    pa, ipc = pyarrow(), pyarrow("ipc")
    try:
        with store.open(name) as inner:
            file = Hashed(inner)
            with ipc.open_stream(pa.PythonFile(file, mode="r")) as reader:
                yield from reader
            while file.read(1 << 20):
                pass
    except (pa.ArrowException, OSError, EOFError) as error:
        raise CaptureError(f"{store.place(name)}: {error}") from error
    if file.checksum != checksum:
        raise CaptureError(f"{store.place(name)}: its bytes are not those that were written")


class _Input:
    """One file on its way: the rows in hand, and whether there are more."""

    def __init__(self, batches: Iterator[Any]) -> None:
        self.batches = batches
        self.rows: Any = None
        self.more = True
        self.refill()

    def refill(self) -> None:
        """Have some rows in hand, if there are any more."""
        while self.more and not self.rows:
            batch = next(self.batches, None)
            self.more = batch is not None
            self.rows = batch if batch is not None and len(batch) else None

    @property
    def last(self) -> _Key:
        """What the last row in hand is sorted by."""
        return _key(self.rows, len(self.rows) - 1)

    def upto(self, bound: _Key) -> Any:
        """Rows in hand up to a bound; they are not in hand any more."""
        columns = [self.rows.column(name).to_numpy() for name in SORT_BY]
        within = np.zeros(len(self.rows), bool)
        equal = np.ones(len(self.rows), bool)
        for column, value in zip(columns, bound):
            within |= equal & (column < value)
            equal &= column == value
        count = int(np.count_nonzero(within | equal))
        found, self.rows = self.rows.slice(0, count), self.rows.slice(count)
        self.refill()
        return found


def _key(rows: Any, at: int) -> _Key:
    order, file, record = (rows.column(name)[at].as_py() for name in SORT_BY)
    return order, file, record


def merged(parts: Iterable[tuple[_Key, Iterator[Any]]]) -> Iterator[Any]:
    """Record batches of sorted inputs in one order, a batch of each input in hand at most.

    Parameters
    ----------
    parts : iterable of (key, iterator)
        What the first row of each is sorted by, and its record batches, which are opened when it
        is their turn.
    """
    pa = pyarrow()
    waiting = sorted(parts, key=lambda part: part[0], reverse=True)
    inputs: list[_Input] = []
    while waiting or inputs:
        if not inputs:
            inputs.append(_Input(waiting.pop()[1]))
        inputs = [one for one in inputs if one.rows]
        bound = min((one.last for one in inputs), default=None)
        if waiting and (bound is None or waiting[-1][0] <= bound):
            inputs.append(_Input(waiting.pop()[1]))
            continue
        if bound is None:
            continue
        found = [rows for one in inputs if len(rows := one.upto(bound))]
        if len(found) == 1:
            yield found[0]
            continue
        table = pa.Table.from_batches(found)
        yield from table.sort_by([(name, "ascending") for name in SORT_BY]).to_batches()
