"""`mmscodec convert`: the tables of a capture as Parquet, Arrow, CSV or JSON lines."""

from __future__ import annotations

import argparse
import os
from typing import Any

from mmscodec.cli import choice, nothing, written
from mmscodec.cli.choice import Choice
from mmscodec.cli.chosen import choose
from mmscodec.cli.damage import Damage, say
from mmscodec.cli.files import opened, page
from mmscodec.cli.progress import progress
from mmscodec.cli.written import Written


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "-o", "--output", default=".", metavar="DIR", help="where the files go; made if needed"
    )
    parser.add_argument(
        "--format", choices=("parquet", "arrow", "csv", "jsonl"), default="parquet",
        help="of the files (default: parquet)",
    )  # fmt: skip
    parser.add_argument(
        "--tables", type=_listed, metavar="NAME,...",
        help="only these of the tables that `mmscodec sql --list` names, like messages,OpenFile; "
        "all: also findings, sessions, exchanges and transitions, for which the index of the whole "
        "capture must fit into memory (default: all others that have rows)",
    )  # fmt: skip
    parser.add_argument(
        "--partition", metavar="COLUMN",
        help="a folder for each table, with files by the values of a column, by date or by hour",
    )  # fmt: skip
    parser.add_argument("--payload", action="store_true", help="data with the media that it holds")
    parser.add_argument(
        "--show-secrets", action="store_true", help="write credentials instead of hiding them"
    )
    page(parser)
    choice.arguments(parser)
    written.arguments(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace tables that exist")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def _listed(words: str) -> list[str]:
    return [word for word in words.split(",") if word]


def run(options: argparse.Namespace) -> int:
    """Write the tables; 0, 1 if they exist, 2 for names that are none, 3 for damaged input."""
    from mmscodec.convert import Options, convert

    everything = options.tables == ["all"]
    wanted, damage, halves = Choice(options), Damage(), nothing.Halves()
    with progress(options.quiet) as bar, opened(options.files, options, bar) as capture:
        chosen = Options(
            options.format, None if everything else options.tables, everything, options.partition,
            options.payload, options.show_secrets, options.overwrite, options.charset,
            choose(capture, wanted),
        )  # fmt: skip

        def seen(tables: Any) -> None:
            wanted.begin_in(tables)
            damage.add(tables, capture)
            halves.add(tables.flows)

        try:
            made = convert(capture, options.output, chosen, seen)
        except KeyError as error:
            say(str(error.args[0]))
            return 2
        bar.aside()
        report = Written(options)
        for name, rows in made.items():
            path = os.path.join(options.output, name)
            words = f"{path}  {rows} row{'' if rows == 1 else 's'}"
            report.tell([words], path=path, table=name, rows=rows)
        halves.say()
        status = nothing.report(capture, any(made.values()), chosen=not wanted.everything)
    return damage.report() or status
