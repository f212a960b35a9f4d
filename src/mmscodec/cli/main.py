"""Arguments, exit status, and what happens when a pipe closes.

0 good, 1 failed, 2 wrong usage, 3 output complete for what was readable but the input was
damaged, 130 interrupted.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import os
import sys
from collections.abc import Sequence
from typing import Any

from mmscodec import __version__
from mmscodec.cli.damage import DAMAGED, say
from mmscodec.cli.files import reading
from mmscodec.cli.streams import abandon, output_to, prepare, settle
from mmscodec.errors import CaptureError, MissingExtraError, MmsCodecError

#: Each stands in the module of its name, which is imported when the command is given.
COMMANDS = {
    "decode": "every message and Data packet as a table, JSON lines or CSV",
    "stats": "what a capture holds, counted",
    "sessions": "what happened in each MMS session",
    "report": "a page of HTML that shows all of it and opens from disk (extra: report)",
    "sql": "questions in SQL to captures or Parquet files (extra: duckdb)",
    "convert": "the tables of a capture as Parquet, Arrow, CSV or JSON lines (extra: arrow)",
    "collect": "a live capture or raw streams into rolling Parquet files, as a service (extra: "
    "collect)",
    "scan": "what matters of many capture files into a spool, for join (extra: arrow)",
    "join": "a spool decoded into Parquet files, with all tables (extra: arrow)",
    "extract": "the media of MMS sessions as ASF files",
    "export": "chosen flows as a capture file, or as the bytes of their streams",
    "explain": "the fields of one packet beside its bytes, or why bytes are not believed",
    "wireshark": "a dissector for Wireshark and tshark, as Lua",
    "completion": "a script that completes this command line in a shell (extra: cli)",
}
STATUS = """exit status: 0 good, 1 failed, 2 wrong usage, 3 the output is complete for what was
readable but the input was damaged, 130 interrupted"""
EXAMPLES = {
    "decode": """
  mmscodec decode trace.pcap                       a table; lines are cut to the terminal
  mmscodec decode -q --limit 100 trace.pcapng.zst
  mmscodec decode --flow 3 --from 2.5 --to 10 trace.pcap
  mmscodec decode --json -w rows.jsonl trace*.pcap  rotated files are one capture
  tcpdump -i eth0 -w - port 1755 | mmscodec decode -
  mmscodec decode --follow captures/               files that tcpdump -C or -G rotates""",
    "stats": """
  mmscodec stats trace.pcap
  mmscodec stats --json captures/                  every capture in a directory
  mmscodec stats --from 2026-11-21T00:06:00Z trace.pcap
  mmscodec stats --follow --idle 60 captures/      when nothing came for a minute""",
    "sessions": """
  mmscodec sessions trace.pcap                     one block for each session
  mmscodec sessions --table captures/
  mmscodec sessions -s 3 --exchanges --rates 1 trace.pcap
  mmscodec sessions --csv --port 1755 --limit 10 trace.pcap""",
    "report": """
  mmscodec report trace.pcap -o report.html        then open it in a browser; no network is needed
  mmscodec report captures/ -o report.html --overwrite
  mmscodec report -s 3 -s 7 trace.pcap -o two.html
  mmscodec report --charset cp932 trace.pcap -o report.html --overwrite""",
    "sql": """
  mmscodec sql "select client, server, sum(length) from data group by all" trace.pcap
  mmscodec sql "from start_up_times" captures/
  mmscodec sql --list trace.pcap                   tables, columns, units, views
  mmscodec sql --json "from top_talkers limit 5" tables/     Parquet files of convert
  mmscodec sql --csv --from 0 --to 5 "from messages" trace.pcap
  mmscodec sql trace.pcap                          a prompt with history""",
    "convert": """
  mmscodec convert -o tables trace.pcap            a Parquet file for each table that has rows
  mmscodec convert -o lines --format jsonl --tables messages,sessions trace.pcap
  mmscodec convert -o some --flow 3 --from 2.5 --to 10 trace.pcap
  mmscodec convert -o dates --partition date captures/*.pcap""",
    "collect": """
  tcpdump -i eth0 -U -w - | mmscodec collect - -q -o out/
  mmscodec collect -q -o whole/ trace.pcap         to the end of the file
  mmscodec collect -q -o rows/ --follow --idle 60 captures/   files that tcpdump -C or -G rotates
  mmscodec collect -q -o few/ --tables messages,faults trace.pcap""",
    "scan": """
  mmscodec scan -o spool/ captures/
  mmscodec scan -q --workers 1 -o other/ trace*.pcap
  mmscodec scan --survey -o shared/ captures/      on each of several machines, first
  mmscodec scan -o shared/ captures/               on each of them, when all have done that""",
    "join": """
  mmscodec join spool/ -o joined/
  mmscodec join spool/ -o some/ --tables messages,sessions --workers 1""",
    "extract": """
  mmscodec extract -o media trace.pcap
  mmscodec extract -s 3 --missing fill --overwrite -o media trace.pcap
  mmscodec extract --csv --from 2.5 -o later trace.pcap""",
    "export": """
  mmscodec export --flow 3 -o flow3.pcap trace.pcapng.zst   with its peer and its datagrams
  mmscodec export -s 0 -o - trace.pcap | tshark -r -
  mmscodec export --format raw -o streams captures/""",
    "explain": """
  mmscodec explain --frame 13 trace.pcap
  mmscodec explain --flow 1 --at 0x150 trace.pcap  the offset that decode shows
  mmscodec explain --flow 1 --limit 5 trace.pcap
  mmscodec explain --flow 1 --from 0.5 --to 2 trace.pcap
  mmscodec explain --at 1162 --json trace.pcap     a byte of the file""",
    "wireshark": """
  mmscodec wireshark -o ~/.local/lib/wireshark/plugins/mmscodec.lua
  mmscodec wireshark -o mms.lua; tshark -X lua_script:mms.lua -r trace.pcap -Y mmsc""",
    "completion": """
  mmscodec completion bash > ~/.local/share/bash-completion/completions/mmscodec
  mmscodec completion zsh > ~/.zfunc/_mmscodec""",
}


def parser(wanted: str | None = None) -> argparse.ArgumentParser:
    """The command line: all its commands with their options, or one of them."""
    top = argparse.ArgumentParser(
        prog="mmscodec",
        description="Microsoft Media Server and WinMX captures as tables.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  mmscodec decode trace.pcap\n\n"
        "mmscodec COMMAND --help says more, with examples\n\n" + STATUS,
    )
    top.add_argument("--version", action="version", version=f"mmscodec {__version__}")
    commands = top.add_subparsers(
        title="commands", dest="command", required=True, metavar="COMMAND"
    )
    for name, words in COMMANDS.items():
        if wanted in COMMANDS and name != wanted:
            continue
        command = commands.add_parser(
            name, help=words, description=words,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            epilog=f"examples:{EXAMPLES[name]}\n\n{STATUS}",
        )  # fmt: skip
        if wanted in (None, name):
            _options_of(command, name)
    return top


def _options_of(command: argparse.ArgumentParser, name: str) -> None:
    """Options of one command: those that all have, and its own."""
    module = importlib.import_module(f"mmscodec.cli.{name}")
    command.set_defaults(run=module.run)
    if getattr(module, "WITHOUT_FILES", False):
        command.set_defaults(files=[], more_files=[], listed=True, write=None, strict=False)
        module.arguments(command)
        return
    command.add_argument(
        "files",
        nargs="*",
        metavar="FILE",
        help="pcap or pcapng, also compressed, or a folder of such; several are one capture; "
        "- is standard input",
    )
    command.add_argument(
        "-r", "--read", dest="more_files", action="append", default=[], metavar="FILE",
        help="the same, as tcpdump and tshark spell it",
    )  # fmt: skip
    command.add_argument(
        "-w", "--write", metavar="FILE",
        help="what would be printed goes into this file, which is there when it is whole",
    )  # fmt: skip
    command.add_argument(
        "--strict", action="store_true", help="exit status 1 instead of 3 for damaged input"
    )
    module.arguments(command)
    reading(command, live=getattr(module, "LIVE", False), threads=getattr(module, "THREADS", True))


def _given(arguments: Sequence[str] | None) -> tuple[argparse.ArgumentParser, Any]:
    """The command line and what was given; with None that of this process, which just began."""
    words = sys.argv[1:] if arguments is None else arguments
    begins = arguments is None and "numpy" not in sys.modules
    if begins:  # a third of the time of a start
        os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # nothing here multiplies matrices
        gc.disable()
    top = parser(next((word for word in words if word in COMMANDS), ""))
    for word in words:
        if word[:2] == "--" and word.endswith("=--"):  # which argparse takes for a list
            top.error(f"argument {word[:-3]}: a value is needed, not --")
    options, more = top.parse_known_args(words)
    # files behind an option that follows other files
    reads = "follow" in options
    if unknown := [word for word in more if not reads or (word[:1] == "-" and word != "-")]:
        top.error(f"unrecognized arguments: {' '.join(unknown)}")
    options.files += more
    if begins:
        gc.freeze()  # modules stay
        gc.enable()
    return top, options


def _prints(options: Any) -> bool:
    """Whether what a command gives goes to standard output, and not into files of its own."""
    return (
        getattr(options, "output", None) in (None, "-")
        and getattr(options, "parquet", None) is None
    )


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit status."""
    try:
        return _run(arguments)
    except KeyboardInterrupt:  # also one that came while an error was said
        settle()
        return 130


def _run(arguments: Sequence[str] | None) -> int:
    try:
        printable = prepare()
        top, options = _given(arguments)
        options.files += options.more_files
        if not options.files and not getattr(options, "listed", False):
            top.error("no FILE given")
        if not printable and options.write is None and _prints(options):
            say("standard output is closed")
            return 1
        with output_to(options.write):
            status = options.run(options)
            sys.stdout.flush()
    except BrokenPipeError:
        # whoever read our output has enough
        abandon()
        return 0
    except CaptureError as error:
        named = any(file in str(error) for file in options.files)
        say(str(error) if named else f"{' '.join(options.files)}: {error}")
        return 1
    except (MmsCodecError, MissingExtraError) as error:
        say(str(error))
        return 1
    except OSError as error:
        say(f"{error.filename}: {error.strerror}" if error.filename else str(error))
        settle()
        return 1
    return 1 if status == DAMAGED and options.strict else status


if __name__ == "__main__":
    sys.exit(main())
