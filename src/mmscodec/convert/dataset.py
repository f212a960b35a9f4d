"""One table on disk: a file, or a folder of files by the values of a column. There when whole."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from mmscodec.convert.library import pyarrow
from mmscodec.convert.writers import FORMATS
from mmscodec.errors import LimitError

_ROWS = 1 << 17  # that are written together,
_BYTES = 32 << 20  # or fewer, if they are so large
_OPEN = 64  # files of one table that are written at a time
_LONGEST = 200  # bytes of a value in the name of a folder
_NOWHERE = "__HIVE_DEFAULT_PARTITION__"
#: Columns that say when a row was; the first that a table has counts.
_TIMES = ("time", "first_time", "start")
_PERIODS = {"date": "%Y-%m-%d", "hour": "%Y-%m-%dT%H"}


class Dataset:
    """Rows of one table on their way to disk.

    Parameters
    ----------
    directory : Path
        It exists.
    name : str
        Of the table, and of the file or folder.
    form : str
        A key of `FORMATS`.
    partition : str or None
        A column, or "date" or "hour" (UTC, of the time of a row).
    """

    def __init__(self, directory: Path, name: str, form: str, partition: str | None) -> None:
        ending, self._maker = FORMATS[form]
        self.ending, self.partition = ending, partition
        self.path = directory / (name if partition else f"{name}.{ending}")
        self.part = directory / f".{self.path.name}.part"
        self.rows = 0
        self._waiting: list[Any] = []
        self._size = self._held = 0
        self._files: dict[str, Any] = {}  # open ones, latest use last
        self._numbers: dict[str, int] = {}  # how many files each value has

    def begin(self) -> None:
        """Mend what a conversion left that was killed: half a table goes, a whole one is back."""
        self.discard()
        if not self._old.exists():
            return
        if self.path.exists():
            shutil.rmtree(self._old)
        else:
            self._old.rename(self.path)

    @property
    def _old(self) -> Path:
        return self.path.with_name(f".{self.path.name}.old")

    def write(self, table: Any) -> None:
        """Some rows, a pyarrow table."""
        self.rows += len(table)
        self._waiting.append(table)
        self._held += len(table)
        self._size += table.nbytes
        if self._held >= _ROWS or self._size >= _BYTES:
            self.flush()

    def flush(self) -> None:
        """Write what waits."""
        if not self._waiting:
            return
        table = pyarrow().concat_tables(self._waiting).unify_dictionaries()
        self._waiting, self._held, self._size = [], 0, 0
        for value, rows in self._parted(table):
            self._file(value, rows.schema).write(rows)

    def _parted(self, table: Any) -> list[tuple[str, Any]]:
        # (folder, rows) of each value
        column = self._column(table)
        if column is None:
            return [("", table)]
        compute = pyarrow("compute")
        if self.partition in table.column_names:
            table = table.drop_columns([self.partition])
        out = []
        for value in compute.unique(column).to_pylist():
            rows = compute.is_null(column) if value is None else compute.equal(column, value)
            word = _NOWHERE if value is None else quote(str(value), safe="")
            if len(word) > _LONGEST:
                raise LimitError(f"a value of {self.partition} is too long to name a folder")
            out.append((f"{self.partition}={word}", table.filter(rows)))
        return out

    def _column(self, table: Any) -> Any:
        # what rows are told apart by, None where this table has no such thing
        pa = pyarrow()
        if self.partition is None:
            return None
        if self.partition in _PERIODS:
            found = next((name for name in _TIMES if name in table.column_names), None)
            if found is None:
                return None
            moment = table[found].cast(pa.timestamp("s", "UTC"), safe=False)
            return pyarrow("compute").strftime(moment, _PERIODS[self.partition])
        if self.partition not in table.column_names:
            return None
        column = table[self.partition]
        words = pa.types.is_dictionary(column.type)
        return column.cast(column.type.value_type) if words else column

    def _file(self, value: str, schema: Any) -> Any:
        file = self._files.pop(value, None)
        if file is None:
            if len(self._files) >= _OPEN:
                oldest = next(iter(self._files))
                self._files.pop(oldest).close()
            file = self._maker(self._place(value), schema)
        self._files[value] = file
        return file

    def _place(self, value: str) -> Path:
        if not self.partition:
            return self.part
        number = self._numbers.get(value, 0)
        self._numbers[value] = number + 1
        folder = self.part / value
        folder.mkdir(parents=True, exist_ok=True)
        return folder / f"part-{number}.{self.ending}"

    def complete(self, schema: Any, about: Mapping[str, str] | None = None) -> None:
        """Nothing more comes; a table without rows has a file nevertheless.

        `about` stands in the metadata of each open Parquet file.
        """
        self.flush()
        if not self.rows:
            self._file("", schema)
        for file in self._files.values():
            if about:
                file.tell(about)
        self._close()

    def _close(self) -> None:
        while self._files:
            self._files.popitem()[1].close()

    def publish(self) -> None:
        """The complete file or folder takes its name; what had it before is gone."""
        if self.path.is_dir():
            self.path.rename(self._old)
            self.part.rename(self.path)
            shutil.rmtree(self._old)
        else:
            os.replace(self.part, self.path)

    def discard(self) -> None:
        """Take away what was written."""
        try:
            self._close()
        finally:
            if self.part.is_dir():
                shutil.rmtree(self.part)
            else:
                self.part.unlink(missing_ok=True)
