"""Arguments, exit status, and what happens when a pipe closes."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from mmscodec import __version__


def parser() -> argparse.ArgumentParser:
    """The command line with all its commands."""
    top = argparse.ArgumentParser(
        prog="mmscodec", description="Microsoft Media Server and WinMX captures as tables."
    )
    top.add_argument("--version", action="version", version=f"mmscodec {__version__}")
    top.add_subparsers(title="commands", dest="command", required=True)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    parser().parse_args(arguments)
    return 0


if __name__ == "__main__":
    sys.exit(main())
