"""Tables of which only some rows are wanted: rows that others refer to are counted anew."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from mmscodec.schema.findings import FindingTable
from mmscodec.tables.column import Column, optional
from mmscodec.tables.data import Data
from mmscodec.tables.table import Table

#: Which rows of a table are wanted, one truth value a row.
Choose: TypeAlias = Callable[[Table], np.ndarray]

#: Columns that are rows of another table: which. `packet` is one of MMS in `messages` alone.
REFERENCES = {
    "first_message": "messages", "message": "messages", "request": "messages",
    "response": "messages", "end_message": "messages", "data": "data", "packet": "winmx_packets",
}  # fmt: skip
#: What `row` of findings is a row of, by the number in `table`.
_FOUND_IN = {int(kind): kind.name.lower() for kind in FindingTable} | {
    4: "nodes", 5: "winmx_packets",
}  # fmt: skip
_ROW_NUMBER = "l"


def target(table: str, column: Column) -> str | None:
    """The table that a column holds rows of, None where it holds something else."""
    if column.type.format != _ROW_NUMBER:
        return None
    if (table, column.name) == ("messages", "packet"):
        return "packets"
    return REFERENCES.get(column.name)


class Chosen:
    """The rows of some tables that `choose` wants.

    Parameters
    ----------
    table : callable
        Gives a table by its name.
    choose : callable
    before : mapping of str to int
        Rows of each table that were wanted of earlier batches.
    """

    def __init__(
        self, table: Callable[[str], Table], choose: Choose, before: Mapping[str, int]
    ) -> None:
        self._table, self._choose, self._before = table, choose, dict(before)
        self._kept: dict[str, np.ndarray] = {}

    def kept(self, name: str) -> np.ndarray:
        """Which rows of a table are wanted."""
        if name not in self._kept:
            self._kept[name] = self._choose(self._table(name))
        return self._kept[name]

    def narrowed(self, made: Table) -> Table:
        """The rows of a table that are wanted."""
        columns = [self._renumbered(made, column) for column in made.columns]
        return made.with_columns(columns).where(self._choose(made))

    def _numbers(self, name: str, rows: np.ndarray) -> np.ndarray:
        # what rows of the whole table are among those that are wanted, -1 where they are not
        kept = self.kept(name)
        numbers = np.append(np.where(kept, np.cumsum(kept) - 1 + self._before.get(name, 0), -1), -1)
        inside = (rows >= 0) & (rows < len(kept))
        return numbers[np.where(inside, rows, -1)]

    def _renumbered(self, made: Table, column: Column) -> Column:
        if (made.name, column.name) == ("findings", "row"):
            return self._changed(column, lambda a, b, rows: self._rows_of_findings(made, a, rows))
        name = target(made.name, column)
        if name is None:
            return column
        return self._changed(column, lambda a, b, rows: self._numbers(name, rows))

    def _rows_of_findings(self, made: Table, start: int, rows: np.ndarray) -> np.ndarray:
        tables = made.numbers("table")[start : start + len(rows)]
        out = np.full(len(rows), -1, np.int64)
        for number, name in _FOUND_IN.items():
            mine = tables == number
            if mine.any():
                out[mine] = self._numbers(name, rows[mine])
        return out

    @staticmethod
    def _changed(column: Column, change: Callable[[int, int, np.ndarray], np.ndarray]) -> Column:
        def numbers(start: int, stop: int) -> np.ndarray:
            return change(start, stop, np.asarray(column.fetch(start, stop)[2][1]))

        def fetch(start: int, stop: int) -> Data:
            return stop - start, 0, (None, numbers(start, stop)), (), None

        made = Column(column.name, column.type, fetch, column.about)
        return optional(made, lambda start, stop: numbers(start, stop) < 0)
