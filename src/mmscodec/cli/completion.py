"""`mmscodec completion SHELL`: a script that completes commands, options and files."""

from __future__ import annotations

import argparse
import importlib
import sys
from typing import Any

from mmscodec.errors import MissingExtraError

WITHOUT_FILES = True


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    parser.add_argument("shell", choices=("bash", "zsh", "tcsh"), help="whose completion")


def run(options: argparse.Namespace) -> int:
    """Print the script; 0."""
    try:
        shtab: Any = importlib.import_module("shtab")
    except ImportError:
        raise MissingExtraError("shtab", "cli") from None
    from mmscodec.cli.main import parser

    whole = parser()
    for command in _commands(whole).values():
        for action in command._actions:
            if action.metavar in ("FILE", "PATH"):
                action.complete = shtab.FILE  # type: ignore[attr-defined]
            elif action.metavar == "DIR":
                action.complete = shtab.DIRECTORY  # type: ignore[attr-defined]
    sys.stdout.write(shtab.complete(whole, options.shell) + "\n")
    return 0


def _commands(whole: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    for action in whole._actions:
        if isinstance(action, argparse._SubParsersAction):
            return dict(action.choices)
    return {}
