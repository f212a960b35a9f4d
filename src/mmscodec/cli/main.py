"""Arguments, exit status, and what happens when a pipe closes.

0 good, 1 failed, 2 wrong usage, 3 output complete for what was readable but the input was
damaged, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Sequence

from mmscodec import __version__
from mmscodec.cli.damage import DAMAGED, say
from mmscodec.errors import CaptureError, MissingExtraError, MmsCodecError

#: Each stands in the module of its name, which is imported when the command is given.
COMMANDS = {
    "decode": "every message and Data packet as a table, JSON lines or CSV",
    "stats": "what a capture holds, counted",
    "sessions": "what happened in each MMS session",
    "extract": "the media of MMS sessions as ASF files",
}
STATUS = """exit status: 0 good, 1 failed, 2 wrong usage, 3 the output is complete for what was
readable but the input was damaged, 130 interrupted"""


def parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """The command line; of its commands all or one with their options."""
    top = argparse.ArgumentParser(
        prog="mmscodec",
        description="Microsoft Media Server and WinMX captures as tables.",
        epilog=STATUS,
    )
    top.add_argument("--version", action="version", version=f"mmscodec {__version__}")
    commands = top.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    for name, words in COMMANDS.items():
        command = commands.add_parser(name, help=words, description=words, epilog=STATUS)
        if wanted not in (None, name):
            continue
        module = importlib.import_module(f"mmscodec.cli.{name}")
        command.add_argument(
            "files",
            nargs="*",
            metavar="FILE",
            help="pcap or pcapng, also compressed; several are one capture; - is standard input",
        )
        command.add_argument(
            "-r", dest="more_files", action="append", default=[], metavar="FILE",
            help="the same, as tcpdump and tshark spell it",
        )  # fmt: skip
        command.add_argument(
            "--strict", action="store_true", help="exit status 1 instead of 3 for damaged input"
        )
        module.arguments(command)
        command.set_defaults(run=module.run)
    return top


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    top = parser(next((word for word in words if word in COMMANDS), ""))
    options = top.parse_args(words)
    options.files += options.more_files
    if not options.files:
        top.error("no FILE given")
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = options.run(options)
    except BrokenPipeError:
        # whoever read our output has enough; nothing more may be written, not even at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130
    except CaptureError as error:
        named = any(file in str(error) for file in options.files)
        say(str(error) if named else f"{' '.join(options.files)}: {error}")
        return 1
    except (MmsCodecError, MissingExtraError) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        return 1
    return 1 if status == DAMAGED and options.strict else status


if __name__ == "__main__":
    sys.exit(main())
