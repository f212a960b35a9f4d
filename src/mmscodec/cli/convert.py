"""`mmscodec convert`: the tables of a capture as Parquet, Arrow, CSV or JSON lines."""

from __future__ import annotations

import argparse
import os
from typing import Any

from mmscodec.cli import nothing
from mmscodec.cli.damage import Damage, say
from mmscodec.cli.files import opened, selection
from mmscodec.cli.progress import progress


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    selection(parser)
    parser.add_argument(
        "-o", "--output", default=".", metavar="DIR", help="where the files go; made if needed"
    )
    parser.add_argument(
        "--format", choices=("parquet", "arrow", "csv", "jsonl"), default="parquet",
        help="of the files (default: parquet)",
    )  # fmt: skip
    parser.add_argument(
        "--tables", type=_listed, metavar="NAME,...",
        help="only these; all: also findings, sessions, exchanges and transitions, for which the "
        "index of the whole capture must fit into memory (default: all others that have rows)",
    )  # fmt: skip
    parser.add_argument(
        "--partition", metavar="COLUMN",
        help="a folder for each table, with files by the values of a column, by date or by hour",
    )  # fmt: skip
    parser.add_argument("--payload", action="store_true", help="data with the media that it holds")
    parser.add_argument(
        "--show-secrets", action="store_true", help="write credentials instead of hiding them"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace tables that exist")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def _listed(words: str) -> list[str]:
    return [word for word in words.split(",") if word]


def run(options: argparse.Namespace) -> int:
    """Write the tables; 0, 1 if they exist, 2 for names that are none, 3 for damaged input."""
    from mmscodec.convert import Options, convert

    everything = options.tables == ["all"]
    chosen = Options(
        options.format, None if everything else options.tables, everything, options.partition,
        options.payload, options.show_secrets, options.overwrite,
    )  # fmt: skip
    damage, halves = Damage(), nothing.Halves()
    with progress(options.quiet) as bar, opened(options.files, options, bar) as capture:

        def seen(tables: Any) -> None:
            damage.add(tables, capture)
            halves.add(tables.flows)

        try:
            written = convert(capture, options.output, chosen, seen)
        except KeyError as error:
            say(str(error.args[0]))
            return 2
        bar.aside()
        for name, rows in written.items():
            print(f"{os.path.join(options.output, name)}  {rows} row{'' if rows == 1 else 's'}")
        halves.say()
        status = nothing.report(capture, any(written.values()))
    return damage.report() or status
