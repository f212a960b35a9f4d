"""`mmscodec join`: a spool decoded into Parquet files."""

from __future__ import annotations

import argparse
from collections import Counter
from typing import Any

from mmscodec.cli.damage import LINES, say
from mmscodec.cli.progress import progress
from mmscodec.cli.scan import workers
from mmscodec.errors import MmsCodecError

WITHOUT_FILES = True


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("spool", metavar="SPOOL", help="what scan wrote: a folder or an address")
    parser.add_argument(
        "-o", "--output", required=True, metavar="DIR",
        help="where the tables go: a folder or an address, made if needed",
    )  # fmt: skip
    parser.add_argument(
        "--tables", type=_listed, metavar="NAME,...", help="only these (default: all with rows)"
    )
    parser.add_argument(
        "--ignore-vlan", action="store_true", help="equal addresses in different VLANs are one flow"
    )
    workers(parser)


def _listed(words: str) -> list[str]:
    return [word for word in words.split(",") if word]


def run(options: argparse.Namespace) -> int:
    """Join; 0, 1 if a partition could not be decoded, 2 for names that are none."""
    from mmscodec.distributed import join

    options.files = [options.spool]  # which errors name
    with progress(options.quiet) as bar:
        bar.start(f"joining {options.spool}")

        def seen(about: dict[str, Any]) -> None:
            bar.add(about.get("bytes", 0))

        try:
            found = join(
                options.spool, options.output, tables=options.tables, workers=options.workers,
                options={"ignore_vlan": options.ignore_vlan}, seen=seen,
            )  # fmt: skip
        except MmsCodecError:
            raise
        except (KeyError, ValueError) as error:
            say(str(error.args[0]))
            return 2
    rows: Counter[str] = Counter()
    for about in found:
        rows.update(about.get("rows", {}))
    for name, count in rows.items():
        print(f"{options.output.rstrip('/')}/{name}  {count} row{'' if count == 1 else 's'}")
    failed = [about for about in found if "failed" in about]
    for about in failed[:LINES]:
        say(f"partition {about['partition']}: {about['failed']}")
    return 1 if failed else 0
