"""Tables of captures and of Parquet files under their names, made when a query names them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import Any

from mmscodec.capture.chosen import Choose, Chosen
from mmscodec.errors import MissingExtraError
from mmscodec.schema.mms import SHORT_NAMES, short_name
from mmscodec.sql.answer import Answer, quoted
from mmscodec.sql.names import Names, names_of
from mmscodec.sql.views import VIEWS


class Database:
    """A connection of DuckDB whose tables are those of a capture, or Parquet files.

    A table is made when a query names it, with the columns that the query reads. Times are UTC.
    Tables of a capture whose rows are of a flow have the number of the frame as `frame`, where a
    query names that.

    Parameters
    ----------
    capture : Capture, optional
        Its tables by name; the index of the whole capture must fit into memory.
    folders : sequence of path
        Folders with NAME.parquet, or NAME/ with more Parquet files below, as `write_parquet` and
        `mmscodec convert` make them. Several that have a table of one name are one table.
    charset : str, optional
        Encoding of 8-bit text of the capture, see `Table.in_charset`.
    choose : callable, optional
        Which rows of a table of the capture there are, one truth value a row; default: all.
    secrets : bool
        Credentials of the capture as they are; without it an asterisk for each byte.
    empty : Capture
        Any capture: the tables that there may be, and what their columns mean.

    Raises
    ------
    MissingExtraError
        duckdb is not installed.

    Attributes
    ----------
    made : list of (str, tuple of str)
        Tables of the capture that queries were given, with their columns.
    """

    def __init__(
        self,
        capture: Any = None,
        folders: Any = (),
        empty: Any = None,
        charset: str | None = None,
        choose: Choose | None = None,
        secrets: bool = False,
    ) -> None:
        try:
            duckdb = import_module("duckdb")
        except ImportError as error:
            raise MissingExtraError("duckdb", "duckdb") from error
        self.errors: type[Exception] = duckdb.Error
        self.connection = duckdb.connect()
        self.connection.execute("set TimeZone = 'UTC'").fetchall()
        self.capture, self._charset, self._secrets = capture, charset, secrets
        self._chosen = None if choose is None else Chosen(capture.table, choose, {})
        self.made: list[tuple[str, tuple[str, ...]]] = []
        self._about = empty if empty is not None else capture
        self._files = _parquet_files([Path(folder) for folder in folders])
        for name, files in self._files.items():
            self._parquet(name, files)

    @property
    def tables(self) -> list[str]:
        """Names of tables; those of Parquet files are those that there are."""
        return list(self._files) if self.capture is None else list(self.capture.tables)

    @cached_property
    def _by_name(self) -> dict[str, str]:
        names = {name.lower(): name for name in self.tables}
        short = ((word, name) for word, name in SHORT_NAMES.items() if name in names.values())
        return {word.lower(): name for word, name in short} | names

    def columns(self, name: str) -> Mapping[str, Mapping[str, str]]:
        """What is known of the columns of a table: type, unit, section, description."""
        found = {} if name not in self._about.tables else self._about.table(name).metadata
        if self.capture is not None:
            self._offer(name, list(found))
        described = self.connection.execute(f"describe {quoted(name)}").fetchall()
        return {column: {"type": kind, **found.get(column, {})} for column, kind, *_ in described}

    def query(self, text: str, limit: int | None = None) -> Answer | None:
        """The answer to the last of some statements, None where there is none.

        `limit` is how many of its rows there are at most.
        Errors are those of DuckDB, here or while rows are taken.
        """
        statements = self.connection.extract_statements(text)
        for statement in statements[:-1]:
            self._prepare(statement.query)
            self.connection.execute(statement.query).fetchall()
        if not statements:
            return None
        query = statements[-1].query.strip().rstrip(";")
        self._prepare(query)
        if not str(statements[-1].type).upper().endswith("SELECT"):
            return Answer(self.connection, query, [], [], limit)
        found = self.connection.sql(query)
        types = list(map(str, found.types))
        return Answer(self.connection, query, list(found.columns), types, limit)

    def _prepare(self, query: str) -> None:
        # offer what the query names, by itself or in views
        names = names_of(query, self.connection)
        used = [view for view in VIEWS if view in names.words and view not in self._by_name]
        for name in self._named(names):
            self._use(name, names, used)
        for view in used:
            inner = names_of(VIEWS[view].query)
            if missing := [name for name in self._wanted_by(view) if name not in self._by_name]:
                raise self.errors(f"{view} needs the table {missing[0]}, which is not there")
            for name in self._named(inner):
                if name.lower() not in names.words:
                    self._use(name, inner, used)
            created = f"create or replace temp view {view} as {VIEWS[view].query}"
            self.connection.execute(created).fetchall()

    def _wanted_by(self, view: str) -> list[str]:
        inner = names_of(VIEWS[view].query).words
        known = {name.lower() for name in self._about.tables}
        return sorted(inner & known - _COLUMN_NAMES)

    def _named(self, names: Names) -> Iterator[str]:
        return (self._by_name[word] for word in sorted(names.words & self._by_name.keys()))

    def _use(self, name: str, names: Names, views: list[str]) -> None:
        if self.capture is None:
            return
        words = names.words.union(*(names_of(VIEWS[view].query).words for view in views))
        known = self.capture.table(name).column_names
        if "frame" in names.words and {"time", "flow"} <= set(known):
            known = ["frame", *known]
        chosen = [column for column in known if names.everything or column.lower() in words]
        self._offer(name, chosen or known[:1])

    def _offer(self, name: str, columns: list[str]) -> None:
        if (name, tuple(columns)) in self.made[-1:]:
            return
        self.made.append((name, tuple(columns)))
        table = self.capture.table(name, secrets=self._secrets, frames="frame" in columns)
        if self._chosen is not None:
            table = self._chosen.narrowed(table)
        if self._charset is not None:
            table = table.in_charset(self._charset)
        self.connection.register(name, table.select(columns))
        self._called_short(name)

    def _called_short(self, name: str) -> None:
        # the same table under the short name of the message
        word = short_name(name)
        if word != name and self._by_name.get(word.lower()) == name:
            query = f"create or replace temp view {quoted(word)} as from {quoted(name)}"
            self.connection.execute(query).fetchall()

    def _parquet(self, name: str, files: list[str]) -> None:
        listed = ", ".join("'" + file.replace("'", "''") + "'" for file in files)
        source = f"read_parquet([{listed}], union_by_name = true, hive_partitioning = true)"
        kinds = {
            column.name: column.type.format
            for column in (self._about.table(name).columns if name in self._about.tables else ())
        }
        described = self.connection.execute(f"describe select * from {source}").fetchall()
        # a duration is a number of nanoseconds in Parquet
        chosen = [
            f"to_microseconds({quoted(column)} // 1000) as {quoted(column)}"
            if kinds.get(column) == "tDn" and kind == "BIGINT"
            else quoted(column)
            for column, kind, *_ in described
        ]
        query = f"select {', '.join(chosen)} from {source}"
        self.connection.execute(f"create view {quoted(name)} as {query}").fetchall()
        self._called_short(name)


#: Tables that have the name of a column in some view.
_COLUMN_NAMES = frozenset({"packets", "gaps", "data", "faults"})


def _parquet_files(folders: list[Path]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for folder in folders:
        for path in sorted(folder.iterdir()):
            if path.name.startswith("."):
                continue
            if path.suffix == ".parquet":
                found.setdefault(path.stem, []).append(str(path))
            elif path.is_dir() and next(path.rglob("*.parquet"), None) is not None:
                found.setdefault(path.name, []).append(str(path / "**" / "*.parquet"))
    return found


def is_parquet_folder(path: str) -> bool:
    """Whether a path is a folder with Parquet files of tables."""
    folder = Path(path)
    return folder.is_dir() and bool(_parquet_files([folder]))
