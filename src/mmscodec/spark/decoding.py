"""Two passes over the files, a shuffle by groups of flows, and decoding in bounded memory."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterable, Sequence
from functools import partial
from typing import Any, Literal

from mmscodec.convert.library import pyarrow
from mmscodec.distributed import SORT_BY, Wanted, decide, schema
from mmscodec.distributed.inputs import expanded
from mmscodec.spark import tasks
from mmscodec.spark.library import pyspark
from mmscodec.spark.session import local
from mmscodec.spark.types import ddl, plain_ddl

_TASKS = 10_000  # of one pass over the files; more files than that are several a task


def decode(
    spark: Any,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    table: str = "messages",
    *,
    partitions: int | None = None,
    on_error: Literal["warn", "raise"] = "warn",
    payload: bool = False,
    **options: Any,
) -> Any:
    """Decode captures of any size; flows that span files come out whole.

    The files are looked at when this is called; the rest is done when the rows are asked for.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession or None
        None: the active session, or `local()`.
    paths : path, str, or iterable of these
        Files, folders, patterns; as every executor sees them. All together are one capture.
    table : str
        As in `Capture.table`.
    partitions : int, optional
        How many parts flows are divided into; default: four for each core. One client with its
        connections is always in one.
    on_error : {"warn", "raise"}
        What is done with files that are no captures or cannot be read.
    payload : bool
        As in `Capture.table`.
    **options
        As of `mmscodec.distributed.decode_sorted`: whole, secrets, and those of `mmscodec.open`.

    Returns
    -------
    pyspark.sql.DataFrame
        The rows that `mmscodec.open` has for the same files, in another order. Flows, and rows
        that others refer to, are numbered within a partition; `partition` is the first column.
        With the same number of partitions it is the same in all tables.

    Raises
    ------
    MissingExtraError
        pyspark or pyarrow is not installed.
    CaptureError
        There is no capture among the files, or with ``on_error="raise"`` one is none.
    """
    made = ddl(schema(table, payload=payload))
    rows = segments(spark, paths, partitions=partitions, on_error=on_error)
    return rows.mapInArrow(partial(tasks.decoded, table, {**options, "payload": payload}), made)


def write(
    spark: Any,
    paths: str | os.PathLike[str] | Iterable[str | os.PathLike[str]],
    directory: str | os.PathLike[str],
    tables: Sequence[str] | None = None,
    *,
    partitions: int | None = None,
    on_error: Literal["warn", "raise"] = "warn",
    **options: Any,
) -> dict[str, int]:
    """Decode captures into Parquet files, all tables at once: ``NAME/partition=N/part-0.parquet``.

    Parameters
    ----------
    spark, paths, partitions, on_error
        As for `decode`.
    directory : path
        As every executor sees it; it is made, and must not be there.
    tables : sequence of str, optional
        Names as `Capture.table` takes them; default: all that have rows.
    **options
        As of `mmscodec.open`.

    Returns
    -------
    dict
        Rows of each table. Columns have the types and metadata of `mmscodec convert`. The folder
        is complete when this returns; `mmscodec sql` reads it, as it does what `join` writes.

    Raises
    ------
    FileExistsError
        `directory` exists.
    """
    rows = segments(spark, paths, partitions=partitions, on_error=on_error)
    folder = os.path.abspath(directory)
    os.makedirs(folder)
    names = None if tables is None else list(tables)
    task = partial(tasks.joined, folder, names, options)
    counts = rows.mapInArrow(task, "partition int, table string, rows bigint").collect()
    found: dict[str, int] = {}
    for row in sorted(counts):
        found[row["table"]] = found.get(row["table"], 0) + row["rows"]
    return found


def segments(
    spark: Any, paths: Any, *, partitions: int | None = None, on_error: str = "warn"
) -> Any:
    """Segments of all flows that matter, each group in one partition, in order."""
    pyspark()
    session = spark or local()
    named = [paths] if isinstance(paths, str | os.PathLike) else paths
    files = expanded(map(os.fspath, named))
    wanted = _wanted(session, files, on_error)
    readable = list(wanted.files)
    from mmscodec.distributed.schemas import SEGMENTS

    rows = _each(session, readable).mapInArrow(
        partial(tasks.scanned, readable, wanted), plain_ddl(SEGMENTS)
    )
    count = partitions or 4 * session.sparkContext.defaultParallelism
    return rows.repartition(count, "group").sortWithinPartitions(*SORT_BY)


def _each(session: Any, files: Sequence[str]) -> Any:
    # the number of each file, in a task of its own as far as that is sensible
    return session.range(0, len(files), 1, max(1, min(len(files), _TASKS)))


def _wanted(session: Any, files: Sequence[str], on_error: str) -> Wanted:
    from mmscodec.distributed.schemas import SURVEY
    from mmscodec.errors import CaptureError

    compute = pyarrow("compute")
    task = partial(tasks.surveyed, files)
    found = _each(session, files).mapInArrow(task, plain_ddl(SURVEY) + ", wrong string").toArrow()
    bad = found.filter(compute.not_equal(found["wrong"], ""))
    if len(bad):
        text = f"{len(bad)} of {len(files)} files cannot be read: " + "; ".join(
            f"{name}: {why}" if name not in why else why
            for name, why in zip(bad["file"].to_pylist(), bad["wrong"].to_pylist())
        )
        if on_error == "raise":
            raise CaptureError(text)
        warnings.warn(text, RuntimeWarning, stacklevel=4)
    if len(bad) == len(files):
        raise CaptureError("no capture among the files")
    good = found.filter(compute.equal(found["wrong"], "")).drop_columns(["wrong"])
    return decide(good.to_batches())
