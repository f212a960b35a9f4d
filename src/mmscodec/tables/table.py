"""What `table(name)` gives: columns that Arrow, and whoever reads Arrow, take as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from mmscodec.errors import LimitError, near
from mmscodec.tables import _arrow
from mmscodec.tables.column import Column, schema_node
from mmscodec.tables.data import Data, TooLong, Type

#: Rows of one record batch of a stream.
BATCH_ROWS = 1 << 17


class Table:
    """Rows of a capture or batch as Arrow columns, made when somebody takes them.

    ``pyarrow.table(t)``, ``polars.DataFrame(t)``, ``pandas.DataFrame.from_arrow(t)``
    (pandas 3.0), ``duckdb.sql("from t")`` and ``nanoarrow.ArrayStream(t)`` take one, through the
    Arrow PyCapsule methods. Nothing of it needs any of them. Each time it is taken the columns are
    made anew, in record batches of 131,072 rows, so a table itself holds no columns; what was made
    belongs to whoever took it, and stays good when the capture is closed. Threads may share a
    table.

    Attributes
    ----------
    name : str
    column_names : list of str
    """

    def __init__(
        self,
        name: str,
        columns: Sequence[Column],
        length: Callable[[], int],
        rows: tuple[int, int | None] = (0, None),
    ) -> None:
        self.name = name
        self._columns = {column.name: column for column in columns}
        if len(self._columns) != len(columns):
            raise ValueError(f"{name} has two columns of one name")
        self._length = length
        self._rows = rows

    @property
    def column_names(self) -> list[str]:
        """Names of the columns, in order."""
        return list(self._columns)

    @property
    def metadata(self) -> dict[str, dict[str, str]]:
        """What is known of each column: unit, section of the specification, description."""
        return {name: dict(column.about) for name, column in self._columns.items()}

    def select(self, names: Iterable[str]) -> Table:
        """The same rows with these columns only, in this order."""
        chosen = []
        for name in names:
            if name not in self._columns:
                raise KeyError(f"{self.name} has no column {name!r}{near(name, self._columns)}")
            chosen.append(self._columns[name])
        return Table(self.name, chosen, self._length, self._rows)

    def _range(self) -> tuple[int, int]:
        whole = self._length()
        first, last = self._rows
        return min(first, whole), whole if last is None else min(last, whole)

    def __len__(self) -> int:
        first, last = self._range()
        return last - first

    def __getitem__(self, rows: slice) -> Table:
        """Some of the rows: a slice without a step."""
        if not isinstance(rows, slice):
            raise TypeError("a table takes a slice of rows; select() takes names of columns")
        first, last = self._range()
        start, stop, step = rows.indices(last - first)
        if step != 1:
            raise ValueError("rows of a table follow each other: no step")
        return Table(
            self.name, list(self._columns.values()), self._length,
            (first + start, first + max(start, stop)),
        )  # fmt: skip

    @property
    def columns(self) -> list[Column]:
        """How the columns are made."""
        return list(self._columns.values())

    def with_columns(self, columns: Iterable[Column]) -> Table:
        """The same rows with other columns."""
        return Table(self.name, list(columns), self._length, self._rows)

    def numbers(self, name: str) -> np.ndarray:
        """A column of numbers or times; where it is null, what stands for that in the arrays."""
        start, stop = self._range()
        return np.asarray(self._columns[name].fetch(start, stop)[2][1])

    def where(self, kept: np.ndarray) -> Table:
        """The rows for which `kept`, one truth value a row, is true."""
        from mmscodec.tables.take import taken

        first, last = self._range()
        if len(kept) != last - first:
            raise ValueError(f"{self.name} has {last - first} rows and not {len(kept)}")
        rows = np.flatnonzero(kept) + first

        def some(column: Column) -> Column:
            def fetch(start: int, stop: int) -> Data:
                chosen = rows[start:stop]
                low, high = (int(chosen[0]), int(chosen[-1]) + 1) if len(chosen) else (0, 0)
                return taken(column.type, column.fetch(low, high), chosen - low)

            views, page = column.views, column.page
            return Column(
                column.name, column.type, fetch, column.about,
                None if views is None else some(views),
                None if page is None else lambda charset: some(page(charset)),
            )  # fmt: skip

        return Table(self.name, [some(column) for column in self.columns], lambda: len(rows))

    def in_charset(self, charset: str) -> Table:
        r"""The same rows with 8-bit text in an encoding of Python, like "cp932".

        The protocols do not say which one peers use. Without it text of MMS is Western Windows,
        that of WinMX Latin-1. What the encoding has not is ``\xNN``.
        """
        return self.with_columns(
            column if column.page is None else column.page(charset) for column in self.columns
        )

    def schema_node(self) -> tuple[Any, ...]:
        """The tuple that `_arrow` makes an ArrowSchema of."""
        form, name, _, _, _, words = schema_node("", Type("+s"))
        children = tuple(column.schema() for column in self._columns.values())
        return form, name, None, 0, children, words

    def _array(self, start: int, stop: int) -> Data:
        children = tuple(column.fetch(start, stop) for column in self._columns.values())
        return stop - start, 0, (None,), children, None

    def arrays(self) -> Iterator[Data]:
        """The rows in pieces that fit offsets of 32 bits."""
        start, stop = self._range()
        while start < stop:
            end, made = self._fitting(start, min(start + BATCH_ROWS, stop))
            yield made
            start = end

    def _fitting(self, start: int, end: int) -> tuple[int, Data]:
        # halves of what does not fit; one row that does not is an error
        while True:
            try:
                return end, self._array(start, end)
            except TooLong:
                if end - start == 1:
                    raise
            end = start + (end - start) // 2

    def __arrow_c_schema__(self) -> Any:
        """A capsule with the ArrowSchema, a struct of the columns."""
        return _arrow.schema_capsule(self.schema_node())

    def __arrow_c_array__(self, requested_schema: Any = None) -> tuple[Any, Any]:
        """Capsules with schema and array of all rows at once.

        Raises
        ------
        LimitError
            A column has more than 2 GiB; streams cut such tables into pieces.
        """
        table = self.requested(requested_schema)
        first, last = self._range()
        try:
            made = table._array(first, last)
        except TooLong as error:
            raise LimitError(f"{self.name}: {error}; take it as a stream") from error
        return table.__arrow_c_schema__(), _arrow.array_capsule(made)

    def __arrow_c_stream__(self, requested_schema: Any = None) -> Any:
        """A capsule with a stream of record batches."""
        table = self.requested(requested_schema)
        return _arrow.stream_capsule(table.schema_node(), table.arrays())

    def requested(self, schema: Any) -> Table:
        """The table with columns as views where a consumer's schema asks for views.

        Whatever else it asks for it gets as it is, which the protocol allows.
        """
        if schema is None:
            return self
        wanted = _arrow.formats(schema)
        columns = [
            column.viewed() if wanted.get(column.name) == "vz" else column
            for column in self._columns.values()
        ]
        return Table(self.name, columns, self._length, self._rows)

    def __repr__(self) -> str:
        return f"<Table {self.name}: {len(self)} rows, {len(self._columns)} columns>"

    def __reduce__(self):
        raise TypeError(
            "a table cannot be pickled: it refers to a capture; pickle pyarrow.table(t)"
        )
