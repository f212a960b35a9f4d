"""`mmscodec scan`: what matters of many capture files into a spool."""

from __future__ import annotations

import argparse
import os
from typing import Any

from mmscodec.cli.damage import DAMAGED, LINES, say
from mmscodec.cli.files import positive
from mmscodec.cli.progress import progress
from mmscodec.errors import MmsCodecError

WITHOUT_FILES = True  # in the sense of other commands: each of them is one of many


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "files", nargs="+", metavar="FILE",
        help="pcap or pcapng, also compressed; a folder or pattern of such; an address for fsspec",
    )  # fmt: skip
    parser.add_argument(
        "-o", "--output", required=True, metavar="SPOOL",
        help="the spool: a folder or an address; made if needed, and completed if it is there",
    )  # fmt: skip
    parser.add_argument(
        "--survey", action="store_true",
        help="only look what there is: the first step where several machines share a spool",
    )  # fmt: skip
    parser.add_argument(
        "--partitions", type=positive, metavar="N", help="of a new spool (16)"
    )  # fmt: skip
    workers(parser)


def workers(parser: argparse.ArgumentParser) -> None:
    """Options that scan and join share."""
    parser.add_argument(
        "--workers", type=positive, default=os.cpu_count() or 1, metavar="N",
        help="processes (default: one for each core)",
    )  # fmt: skip
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Scan; 0, 2 for a spool of another kind, 3 if a file was damaged or could not be read."""
    from mmscodec.distributed import scan, survey

    files: list[str] = options.files
    with progress(options.quiet) as bar:
        bar.start("looking at files" if options.survey else f"scanning into {options.output}")

        def seen(about: dict[str, Any]) -> None:
            sizes = about.get("identity") or ("0",)
            bar.add(int(sizes[0]))

        step = survey if options.survey else scan
        try:
            found = step(files, options.output, partitions=options.partitions,
                         workers=options.workers, seen=seen)  # fmt: skip
        except MmsCodecError:
            raise
        except ValueError as error:
            say(str(error))
            return 2
    return _told(found)


def _told(found: list[dict[str, Any]]) -> int:
    """Say what was made of the files."""
    failed = [about for about in found if "failed" in about]
    damaged = [about for about in found if about.get("faults")]
    done = len(found) - len(failed)
    rows = sum(part["rows"] for about in found for part in about.get("parts", ()))
    size = sum(part["bytes"] for about in found for part in about.get("parts", ()))
    print(f"{done} file{'' if done == 1 else 's'}, {rows} segments, {size / 1e6:.1f} MB")
    for about in failed[:LINES]:
        say(f"left out {about['name']}: {about['failed']}")
    for about in damaged[:LINES]:
        words = ", ".join(f"{count} {name}" for name, count in about["faults"].items())
        say(f"damaged {about['name']}: {words}")
    for rest in (failed, damaged):
        if len(rest) > LINES:
            say(f"and {len(rest) - LINES} more")
    return DAMAGED if failed or damaged else 0
