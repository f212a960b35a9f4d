"""What a decoder hands to the writer: tables of some rows, and how far the input was read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmscodec.capture.follow import FilePart
from mmscodec.convert.library import as_table


@dataclass(frozen=True)
class Piece:
    """Some rows.

    Attributes
    ----------
    tables : dict
        A pyarrow table by name.
    first : dict
        Number of the first row of each, in the run.
    upto : dict
        Rows of all tables up to here.
    position, record : int
        As `State` has them.
    time : int
        Capture time of the newest row, 0 if none has one.
    size : int
        Bytes in memory.
    files : list of FilePart
        As `State` has them.
    """

    tables: dict[str, Any]
    first: dict[str, int]
    upto: dict[str, int]
    position: int
    record: int
    time: int
    size: int
    files: list[FilePart]

    @property
    def rows(self) -> int:
        """Of all tables."""
        return sum(map(len, self.tables.values()))


class Maker:
    """Makes pieces of tables, and numbers their rows.

    Parameters
    ----------
    charset : str
        Of 8-bit text, "" for those of the protocols.
    written : mapping
        Rows of each table that are written already, of what is read again,
    cut : int
        and the position up to which they are. A batch ends there, and its rows are left out. What
        comes at the end of the input, at the same place, may be written or not, and is told by its
        number.
    """

    def __init__(self, charset: str, written: Mapping[str, int], cut: int) -> None:
        self.charset, self.written, self.cut = charset, Counter(written), cut
        self.counts: Counter[str] = Counter()
        self._reached = self._behind = cut == 0

    def piece(
        self,
        tables: Mapping[str, Any],
        position: int = 0,
        record: int = 0,
        files: Sequence[FilePart] = (),
    ) -> Piece:
        """The rows that are not written yet."""
        out, first, newest, size = {}, {}, 0, 0
        again = not self._reached
        self._reached = position >= self.cut
        if position > self.cut and not self._behind:
            again, self._behind = False, True
            self.counts = Counter(self.written)
        for name, table in tables.items():
            start = self.counts[name]
            self.counts[name] += len(table)
            written = min(max(self.written[name] - start, 0), len(table))
            if again or written == len(table):
                continue
            if "time" in table.column_names:
                newest = max(newest, int(table.numbers("time").max()))
            made = as_table(table.in_charset(self.charset) if self.charset else table)
            out[name], first[name] = made.slice(written), start + written
            size += made.nbytes
        upto = dict(self.counts | self.written if self._reached else self.counts)
        return Piece(out, first, upto, position, record, newest, size, list(files))

    def made(self, tables: dict[str, Any]) -> Piece:
        """The same of tables of pyarrow, of which none is written yet."""
        first = {name: self.counts[name] for name in tables}
        for name, table in tables.items():
            self.counts[name] += len(table)
        size = sum(table.nbytes for table in tables.values())
        return Piece(tables, first, dict(self.counts), 0, 0, 0, size, [])
