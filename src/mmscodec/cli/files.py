"""Captures named on the command line."""

from __future__ import annotations

import argparse
from typing import Any

import mmscodec
from mmscodec.cli.damage import LINES, say


def selection(parser: argparse.ArgumentParser) -> None:
    """Options that choose frames."""
    parser.add_argument(
        "-f", "--filter", metavar="EXPRESSION", help="only frames that this libpcap filter matches"
    )
    parser.add_argument(
        "-p", "--port", type=port, action="append", metavar="N",
        help="only segments and datagrams from or to this port; may be given again",
    )  # fmt: skip


def port(word: str) -> int:
    """A port number."""
    number = int(word)
    if not 0 <= number <= 65535:
        raise ValueError
    return number


def opened(files: list[str], options: Any = None) -> Any:
    """All files together as one capture; what is left out of directories is said.

    `options` may have those of `selection`.
    """
    expression = getattr(options, "filter", None)
    ports = getattr(options, "port", None)
    named: Any = files[0] if len(files) == 1 else files
    try:
        if expression is None and ports is None:
            capture = mmscodec.open(named)
        else:
            capture = mmscodec.open(named, filter=expression, ports=ports)
    except (ValueError, RuntimeError) as error:
        if expression is None or "filter" not in str(error):
            raise
        say(str(error))
        raise SystemExit(2) from None
    for name, why in capture.skipped[:LINES]:
        say(f"left out {name}: {why}")
    if len(capture.skipped) > LINES:
        say(f"left out {len(capture.skipped) - LINES} more files")
    return capture
