"""One part: the rows of a stretch of the input, a Parquet file for each table that has some.

A file has another name until it is complete. Three steps make a part safe: its files are complete
and on the disk; the state says so, and names them; they take their names. Whoever dies in between
is continued by `recover`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mmscodec.collect.state import State, save, settle
from mmscodec.convert.dataset import Dataset

_HELD = 32 << 20  # bytes of rows of all tables that wait to be written together


class Part:
    """Files in hand.

    Parameters
    ----------
    folder : Path
        Tables are folders below, runs below these.
    run, number : int
    room : int
        Files are to be no larger, so no more rows wait to be written together.
    """

    def __init__(self, folder: Path, run: int, number: int, room: int) -> None:
        self.folder, self.run, self.number = folder, run, number
        self._most = min(_HELD, room)
        self.tables: dict[str, Dataset] = {}
        self.safe = False  # the state names its files: they stay, whatever happens
        self._rows: dict[str, list[list[int]]] = {}  # [first, count] of each stretch
        self._held: dict[str, int] = {}

    @property
    def rows(self) -> dict[str, int]:
        """Rows of each table."""
        return {name: table.rows for name, table in self.tables.items()}

    @property
    def largest(self) -> int:
        """Bytes on the disk of the largest file."""
        sizes = (table.part.stat().st_size for table in self.tables.values()
                 if table.part.exists())  # fmt: skip
        return max(sizes, default=0)

    def write(self, tables: dict[str, Any], first: dict[str, int]) -> None:
        """Some rows; `first` has the number of the first row of each table in this run."""
        for name, table in tables.items():
            made = self.tables.get(name) or self._begin(name)
            made.write(table)
            self._note(name, first[name], len(table))
            self._held[name] = self._held.get(name, 0) + table.nbytes
        while sum(self._held.values()) > self._most:
            largest = max(self._held, key=lambda name: self._held[name])
            self.tables[largest].flush()
            self._held[largest] = 0

    def _begin(self, name: str) -> Dataset:
        folder = self.folder / name / f"run={self.run}"
        folder.mkdir(parents=True, exist_ok=True)
        made = Dataset(folder, f"part-{self.number:06}", "parquet", None)
        self.tables[name] = made
        return made

    def _note(self, name: str, first: int, count: int) -> None:
        found = self._rows.setdefault(name, [])
        if found and sum(found[-1]) == first:
            found[-1][1] += count
        else:
            found.append([first, count])

    def finish(self, state: State, source: str) -> list[Path]:
        """The files are complete, `state` is saved with them, and they have their names."""
        for name, table in self.tables.items():
            about = {
                "mmscodec.table": name, "mmscodec.run": str(self.run),
                "mmscodec.part": str(self.number), "mmscodec.input": source,
                "mmscodec.rows": json.dumps(self._rows[name]),
            }  # fmt: skip
            table.complete(None, about)
            with table.part.open("rb+") as file:
                os.fsync(file.fileno())
        for table in self.tables.values():
            settle(table.path.parent)
        # with those of earlier parts that could not be named
        state.pending = [pair for pair in state.pending if (self.folder / pair[0]).exists()]
        state.pending += [
            (str(t.part.relative_to(self.folder)), str(t.path.relative_to(self.folder)))
            for t in self.tables.values()
        ]
        save(self.folder, state)
        self.safe = True
        recover(self.folder, state)
        return [table.path for table in self.tables.values()]

    def discard(self) -> None:
        """Take away what is not complete."""
        for table in self.tables.values():
            try:
                table.discard()
            except OSError:
                table.part.unlink(missing_ok=True)
        for table in self.tables.values():
            _without_empty(table.path.parent, self.folder)


def recover(folder: Path, state: State) -> None:
    """Complete files of the last part take their names."""
    for part, path in state.pending:
        if (folder / part).exists():
            os.replace(folder / part, folder / path)
    for place in {(folder / path).parent for _, path in state.pending}:
        if place.exists():
            settle(place)


def sweep(folder: Path) -> int:
    """Take away files that were not complete when a collector was killed; how many."""
    found = [*folder.glob("*/run=*/.part-*.parquet.part")]
    for path in found:
        path.unlink(missing_ok=True)
        _without_empty(path.parent, folder)
    return len(found)


def _without_empty(place: Path, folder: Path) -> None:
    for path in _up_to(place, folder):
        try:
            path.rmdir()
        except OSError:
            return  # something is in it


def _up_to(place: Path, folder: Path) -> Iterator[Path]:
    while place != folder:
        yield place
        place = place.parent
