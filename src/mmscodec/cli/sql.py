"""`mmscodec sql`: questions to captures and folders of Parquet files."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

import mmscodec
from mmscodec.cli import choice
from mmscodec.cli.choice import Choice
from mmscodec.cli.chosen import choose
from mmscodec.cli.damage import Damage, say
from mmscodec.cli.files import limit, opened, page
from mmscodec.cli.output import columns
from mmscodec.cli.progress import Silent, progress
from mmscodec.cli.result import FORMS
from mmscodec.errors import near
from mmscodec.sql import Database
from mmscodec.sql.database import is_parquet_folder
from mmscodec.sql.views import VIEWS

_VERBS = (
    "select", "with", "from", "describe", "summarize", "show", "explain", "values", "pivot",
    "unpivot", "table", "create", "set", "copy", "pragma",
)  # fmt: skip
_NO_BAR = Silent()
#: What DuckDB makes of Ctrl-C while it asks a table for its schema or its rows.
_INTERRUPTED = re.compile(r"failed: KeyboardInterrupt:?\s*$")
_EMPTY = bytes.fromhex("d4c3b2a1020004000000000000000000ffff000001000000")  # a capture of nothing


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    form = parser.add_mutually_exclusive_group()
    form.add_argument("--csv", dest="form", action="store_const", const="csv", help="rows as CSV")
    form.add_argument(
        "--json", dest="form", action="store_const", const="json", help="an object a line"
    )
    form.add_argument(
        "--parquet", metavar="FILE", help="write the rows into a Parquet file instead"
    )
    choice.arguments(parser)
    parser.add_argument(
        "--show-secrets", action="store_true", help="print credentials instead of hiding them"
    )
    page(parser)
    limit(parser, "rows of the answer")
    parser.add_argument(
        "--list", action="store_true", dest="listed",
        help="tables, their columns with units, views; without FILE those that there may be",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def _is_query(word: str, files: list[str]) -> bool:
    """Whether the first argument is a question and no file; `files` are those behind it.

    >>> _is_query("select 1", []), _is_query("from.pcap", []), _is_query("my trace.pcap", [])
    (True, False, False)
    """
    if not word.strip("; \n\t"):
        return True
    first = word.lstrip("( \n\t").split(None, 1)
    if len(first) < 2 or os.path.exists(word):
        return False
    return first[0].lower() in _VERBS or bool(files)


def run(options: argparse.Namespace) -> int:
    """Answer; 0, 1 for a query that fails, 2 for one that is none, 3 for damaged input."""
    files = list(options.files)
    query = files.pop(0) if files and _is_query(files[0], files[1:]) else None
    with mmscodec.open(_EMPTY) as empty:
        if options.listed and not files:
            return _answer(Database(empty, empty=empty), query, options)
        if not files:
            say("no FILE given")
            return 2
        return _asked(files, query, options, empty)


def _asked(files: list[str], query: str | None, options: Any, empty: Any) -> int:
    folders = [path for path in files if is_parquet_folder(path)]
    captures = [path for path in files if path not in folders]
    if folders and captures:
        say(f"{folders[0]} holds Parquet files and {captures[0]} does not: ask them apart")
        return 2
    with progress(options.quiet) as bar:
        if folders:
            if given := _of_captures(options):
                say(f"{given} is for captures; of Parquet files a query says which rows")
                return 2
            return _answer(Database(folders=folders, empty=empty), query, options, bar)
        with opened(captures, options, bar) as capture:
            wanted = Choice(options)
            if not wanted.everything:
                wanted.begin_in(capture)
            rows = choose(capture, wanted)
            damage = Damage()
            if options.parquet:  # no file of rows where there is no capture
                damage.add(capture, capture)
                damage.check()
            database = Database(
                capture, empty=empty, charset=options.charset, choose=rows,
                secrets=options.show_secrets,
            )  # fmt: skip
            status = _answer(database, query, options, bar)
            bar.aside()
            if not database.made or status or options.listed:
                return status
            if not options.parquet:
                damage.add(capture, capture)
            return damage.report()


def _of_captures(options: Any) -> str:
    """An option that was given and means nothing for Parquet files."""
    named = {
        "--flow": options.flow, "--from": options.since, "--to": options.until,
        "--filter": options.filter, "--port": options.port, "--follow": options.follow,
        "--charset": options.charset, "--ignore-vlan": options.ignore_vlan,
        "--show-secrets": options.show_secrets,
    }  # fmt: skip
    return next((name for name, value in named.items() if value), "")


def _answer(database: Database, query: str | None, options: Any, bar: Silent = _NO_BAR) -> int:
    if options.listed:
        print("\n".join(_listing(database)))
        return 0
    if query is not None:
        return ask(database, query, options, bar)
    if sys.stdin.isatty():
        from mmscodec.cli.prompt import converse

        bar.aside()
        return converse(database, lambda text: ask(database, text, options, bar))
    return ask(database, sys.stdin.read(), options, bar)


def ask(database: Database, text: str, options: Any, bar: Silent = _NO_BAR) -> int:
    """Print the answer to a query, or one line about what is wrong with it."""
    try:
        found = database.query(text, options.limit)
        bar.aside()
        if found is None:
            say("the query is empty")
            return 2
        if options.parquet:
            found.write_parquet(Path(options.parquet))
        else:
            FORMS[options.form or "table"](found, sys.stdout)
    except database.errors as error:
        bar.aside()
        if _INTERRUPTED.search(str(error)):
            raise KeyboardInterrupt from None
        say(_mistake(str(error), database))
        return 2 if type(error).__name__ in _WRONG else 1
    return 0


def _mistake(error: str, database: Database) -> str:
    """What DuckDB says in one line, with names of tables that there are."""
    if missing := re.search(r"Table with name (\S+) does not exist", error):
        known = [*database.tables, *VIEWS]
        return f"there is no table {missing[1]}{near(missing[1], known)}"
    lines = [line.strip() for line in error.splitlines()]
    text = " ".join(line for line in lines if line and not line.startswith(("LINE", "^")))
    if "No function matches" in text:
        text = text.partition(" Candidate functions:")[0]
        if "TIMESTAMPTZ_NS" in text:
            text += " Times have nanoseconds: use epoch_ns(time) or time::timestamptz"
    return text


_WRONG = ("ParserException", "BinderException", "CatalogException", "SyntaxException")


def _listing(database: Database) -> list[str]:
    out = []
    for name in database.tables:
        rows = [
            (column, about["type"], about.get("unit", ""), about.get("description", ""))
            for column, about in database.columns(name).items()
        ]
        out += [
            name,
            *("  " + line for line in columns(rows, ("column", "type", "unit", "is"))),
            "",
        ]
    out += ["views", *("  " + line for line in columns(
        [(name, view.note) for name, view in VIEWS.items()], ("view", "answers")))]  # fmt: skip
    return out
