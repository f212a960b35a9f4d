"""What runs in the Python processes of executors: over iterators of record batches."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

from mmscodec.convert.library import pyarrow
from mmscodec.distributed import Wanted, decode_sorted, join_partition, scan_file, survey_file
from mmscodec.errors import CaptureError
from mmscodec.spark.library import pyspark
from mmscodec.spark.types import converted


def surveyed(files: Sequence[str], batches: Iterator[Any]) -> Iterator[Any]:
    """Surveys of files by their numbers, with what went wrong in a column behind them."""
    from mmscodec.distributed.schemas import SURVEY

    pa = pyarrow()
    for number in _numbers(batches):
        try:
            found, wrong = survey_file(files[number]), ""
        except (CaptureError, OSError) as error:
            one = [pa.array([0 if kind != pa.string() else files[number]], kind)
                   for kind in SURVEY.types]  # fmt: skip
            found, wrong = pa.record_batch(one, schema=SURVEY), str(error) or repr(error)
        said = pa.array([wrong] * len(found), pa.string())
        yield pa.record_batch([*found.columns, said], names=[*found.schema.names, "wrong"])


def scanned(files: Sequence[str], wanted: Wanted, batches: Iterator[Any]) -> Iterator[Any]:
    """Segments of files by their numbers."""
    for number in _numbers(batches):
        yield from scan_file(files[number], wanted)


def decoded(table: str, options: dict[str, Any], batches: Iterator[Any]) -> Iterator[Any]:
    """Rows of a table from sorted segments of a partition."""
    part = _part()
    for full in _not_empty(batches):
        for batch in decode_sorted(full, table, **options):
            if len(batch):
                yield converted(batch, part)


def joined(
    directory: str, tables: Sequence[str] | None, options: dict[str, Any], batches: Iterator[Any]
) -> Iterator[Any]:
    """All tables of a partition, as files; gives their numbers of rows.

    Attempts of a task that run at the same time write into folders of their own. What they make
    has the same names and rows, so it does not matter whose is there in the end.
    """
    pa = pyarrow()
    part, attempt = _part(), pyspark().TaskContext.get().taskAttemptId()
    for full in _not_empty(batches):
        made = os.path.join(directory, f".partition={part}.{attempt}")
        try:
            rows = join_partition(full, made, tables, **options)
            for name in rows:
                folder = os.path.join(directory, name, f"partition={part}")
                os.makedirs(folder, exist_ok=True)
                ready = os.path.join(folder, "part-0.parquet")
                os.replace(os.path.join(made, f"{name}.parquet"), ready)
        finally:
            shutil.rmtree(made, ignore_errors=True)
        counts = [[part] * len(rows), list(rows), list(rows.values())]
        kinds = (pa.int32(), pa.string(), pa.int64())
        arrays = [pa.array(values, kind) for values, kind in zip(counts, kinds)]
        yield pa.record_batch(arrays, names=["partition", "table", "rows"])


def _numbers(batches: Iterator[Any]) -> Iterator[int]:
    for batch in batches:
        yield from batch.column(0).to_pylist()


def _not_empty(batches: Iterator[Any]) -> Iterator[Iterator[Any]]:
    # the batches once, if there is a row among them
    for first in batches:
        if len(first):
            yield _with(first, batches)


def _with(first: Any, rest: Iterator[Any]) -> Iterator[Any]:
    yield first
    yield from rest


def _part() -> int:
    return pyspark().TaskContext.get().partitionId()
