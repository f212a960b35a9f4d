"""A table that is read batch by batch, for what is larger than memory."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any

from mmscodec.tables import _arrow
from mmscodec.tables.data import Data
from mmscodec.tables.table import Table


class TableStream:
    """Rows of a table as they are read, one batch in memory at a time.

    Takers of Arrow streams take it as they take a `Table`, once: what it reads is read once.
    Iterating over it gives the rows as small `Table` objects instead.

    Attributes
    ----------
    name : str
    column_names : list of str
    """

    def __init__(self, empty: Table, tables: Callable[[], Iterator[Table]]) -> None:
        self._empty, self._tables = empty, tables
        self.name = empty.name

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return self._empty.column_names

    def select(self, names: Iterable[str]) -> TableStream:
        """The same rows with these columns only, in this order."""
        chosen = list(names)
        tables = self._tables
        return TableStream(
            self._empty.select(chosen), lambda: (table.select(chosen) for table in tables())
        )

    def __iter__(self) -> Iterator[Table]:
        return self._tables()

    def __arrow_c_schema__(self) -> Any:
        """A capsule with the ArrowSchema, a struct of the columns."""
        return self._empty.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """A capsule with a stream of record batches; what is read is read once."""
        empty = self._empty.requested(requested_schema)
        return _arrow.stream_capsule(empty.schema_node(), self._arrays(requested_schema))

    def _arrays(self, requested_schema: Any) -> Iterator[Data]:
        for table in self._tables():
            yield from table.requested(requested_schema).arrays()

    def __repr__(self) -> str:
        return f"<TableStream {self.name}: {len(self.column_names)} columns>"

    def __reduce__(self):
        raise TypeError("a table cannot be pickled: it refers to a capture")
