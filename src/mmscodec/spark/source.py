"""`spark.read.format("mmscodec")`: the Python data source."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any

from mmscodec.distributed.inputs import expanded
from mmscodec.spark.library import pyspark
from mmscodec.spark.types import converted, ddl

_BOOLEANS = {"true": True, "false": False}
_ROWS = 1 << 16


def register(spark: Any) -> None:
    """Make `spark.read.format("mmscodec")` known to a session.

    It takes the path of `load`, and these options:

    table
        As in `Capture.table`; default ``messages``.
    files
        ``together`` (default): the files are one capture, read by one task, with exactly the rows
        of `mmscodec.open`. ``apart``: each file is a capture of its own and a task of its own;
        what spans files is cut. `mmscodec.spark.decode` is both right and parallel.
    payload, secrets
        ``true`` or ``false``, as in `Capture.table`.

    Parameters
    ----------
    spark : pyspark.sql.SparkSession

    Raises
    ------
    MissingExtraError
        pyspark is not installed.
    """
    spark.dataSource.register(_data_source())


@cache
def _data_source() -> type:
    """The class that Spark takes; made when pyspark is there."""
    module = pyspark("sql.datasource")
    InputPartition: Any = module.InputPartition
    DataSourceReader: Any = module.DataSourceReader
    DataSource: Any = module.DataSource

    class Partition(InputPartition):
        def __init__(self, part: int, files: Sequence[str]) -> None:
            super().__init__(part)
            self.part, self.files = part, files

    class Reader(DataSourceReader):
        def __init__(self, options: dict[str, str]) -> None:
            self.options = options

        def partitions(self) -> Sequence[Any]:
            files = expanded(_paths(self.options))
            if _word(self.options, "files", "together", ("together", "apart")) == "together":
                return [Partition(0, files)]
            return [Partition(part, [name]) for part, name in enumerate(files)]

        def read(self, partition: Any) -> Iterator[Any]:
            return _rows(partition.files, partition.part, self.options)

    class Source(DataSource):
        @classmethod
        def name(cls) -> str:
            return "mmscodec"

        def schema(self) -> str:
            from mmscodec.distributed import schema

            taken = dict(self.options)
            return ddl(schema(_table(taken), payload=_flag(taken, "payload")))

        def reader(self, schema: Any) -> Any:
            return Reader(dict(self.options))

    return Source


def _rows(files: Sequence[str], part: int, options: dict[str, str]) -> Iterator[Any]:
    """Record batches of a table of one capture."""
    import mmscodec
    from mmscodec.convert.library import pyarrow

    shown = {name: _flag(options, name) for name in ("payload", "secrets")}
    with mmscodec.open(files) as capture:
        table = capture.table(_table(options), **shown)
        for first in range(0, len(table), _ROWS):
            for batch in pyarrow().RecordBatchReader.from_stream(table[first : first + _ROWS]):
                yield converted(batch, part)


def _paths(options: dict[str, str]) -> list[str]:
    if "path" not in options and "paths" not in options:
        raise ValueError("there is no path: name one in load")
    return [options["path"]] if "path" in options else json.loads(options["paths"])


def _table(options: dict[str, str]) -> str:
    return options.get("table", "messages")


def _flag(options: dict[str, str], name: str) -> bool:
    return _BOOLEANS[_word(options, name, "false", tuple(_BOOLEANS))]


def _word(options: dict[str, str], name: str, default: str, known: tuple[str, ...]) -> str:
    word = options.get(name, default).lower()
    if word not in known:
        raise ValueError(f"option {name} is {' or '.join(known)}, not {word!r}")
    return word
