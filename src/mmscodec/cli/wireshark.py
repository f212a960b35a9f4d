"""`mmscodec wireshark`: the dissector, written from the schema."""

from __future__ import annotations

import argparse
import sys

from mmscodec.cli.streams import output_to
from mmscodec.wireshark import dissector

WITHOUT_FILES = True


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument(
        "-o", "--output", metavar="FILE", help="where the Lua goes (default: standard output)"
    )


def run(options: argparse.Namespace) -> int:
    """Write the dissector; 0."""
    with output_to(options.output):
        sys.stdout.write(dissector())
    return 0
