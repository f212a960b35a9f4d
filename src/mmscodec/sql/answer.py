"""The answer to a query, rows as they are taken."""

from __future__ import annotations

import os
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from mmscodec.target import file_target

_ROWS = 4096  # that are taken at a time
_NANOSECONDS = ("TIMESTAMP_NS", "TIMESTAMPTZ_NS", "TIMESTAMP_NS WITH TIME ZONE")


class Answer:
    """Rows of a query, read once.

    Attributes
    ----------
    columns, types : list of str
        Empty for a statement that is no query until `rows` was asked for.
    times : list of bool
        Columns of times whose values are nanoseconds since 1970: Python's own have microseconds.
    """

    def __init__(
        self,
        connection: Any,
        query: str,
        columns: list[str],
        types: list[str],
        limit: int | None = None,
    ) -> None:
        self._connection, self._query = connection, query
        self.columns, self.types, self._limit = columns, types, limit
        self.times = [kind in _NANOSECONDS for kind in types]
        if len(set(columns)) < len(columns):
            self.times = [False] * len(columns)

    def rows(self) -> Iterator[tuple[Any, ...]]:
        """All rows; `columns` is known behind this call."""
        query = self._query
        if any(self.times):
            chosen = ", ".join(
                f"epoch_ns({quoted(name)}) as {quoted(name)}" if time else quoted(name)
                for name, time in zip(self.columns, self.times)
            )
            query = f"select {chosen} from ({query})"
        result = self._connection.execute(query)
        if not self.columns:
            self.columns = [str(item[0]) for item in result.description or ()]
            self.times = [False] * len(self.columns)
        return islice(self._taken(result), self._limit)

    @staticmethod
    def _taken(result: Any) -> Iterator[tuple[Any, ...]]:
        while part := result.fetchmany(_ROWS):
            yield from part

    def write_parquet(self, path: Path) -> None:
        """A file, there when it is whole."""
        path = file_target(path)
        part = path.with_name(f".{path.name}.part")
        name = str(part).replace("'", "''")
        try:
            most = "" if self._limit is None else f" limit {self._limit}"
            rows = f"select * from ({self._query}){most}"
            self._connection.execute(
                f"copy ({rows}) to '{name}' (format parquet, compression zstd)"
            ).fetchall()
            os.replace(part, path)
        finally:
            part.unlink(missing_ok=True)


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'
