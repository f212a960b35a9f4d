"""Captures named on the command line, and the options that choose what of them is read."""

from __future__ import annotations

import argparse
import codecs
import math
from typing import Any

import mmscodec
from mmscodec.cli.damage import LINES, say
from mmscodec.cli.progress import Silent


def reading(parser: argparse.ArgumentParser, *, live: bool = False, threads: bool = True) -> None:
    """Options of what is read of captures and how, which every command has.

    `live`: it prints rows as they come; others answer when all is read. `threads`: it can read
    with a second one.
    """
    group = parser.add_argument_group("which frames")
    group.add_argument(
        "-f", "--filter", metavar="EXPRESSION", help="only frames that this libpcap filter matches"
    )
    group.add_argument(
        "-p", "--port", type=port, action="append", metavar="N",
        help="only segments and datagrams from or to this port; may be given again",
    )  # fmt: skip
    group = parser.add_argument_group("how it is read")
    group.add_argument(
        "--follow", action="store_true",
        help="FILE is a file that grows, or a folder whose files rotate: wait for more"
        + ("" if live else "; the answer comes at the end that --idle sets"),
    )  # fmt: skip
    group.add_argument(
        "--idle", type=seconds, metavar="SECONDS",
        help="with --follow: end when nothing came so long",
    )  # fmt: skip
    parser.set_defaults(live=live)
    group.add_argument(
        "--ignore-vlan", action="store_true",
        help="equal addresses in different VLANs are one flow",
    )  # fmt: skip
    if threads:
        group.add_argument(
            "--threads", type=positive, default=1, metavar="N", help="2: read with a second thread"
        )


def texts(parser: argparse.ArgumentParser) -> None:
    """Options of text that peers sent, in rows."""
    parser.add_argument(
        "--show-secrets", action="store_true", help="print credentials instead of hiding them"
    )
    page(parser)


def page(parser: argparse.ArgumentParser) -> None:
    """The encoding of 8-bit text that peers sent, by default one for each protocol."""
    parser.add_argument(
        "--charset", type=_charset, metavar="NAME",
        help="encoding of 8-bit text, like cp932 or gbk (default: Western Windows in MMS, Latin-1 "
        "in WinMX)",
    )  # fmt: skip


def limit(parser: argparse.ArgumentParser, things: str, usual: int | None = None) -> None:
    """How many rows are printed."""
    parser.add_argument(
        "-c", "--limit", "--count", dest="limit", type=positive, default=usual, metavar="N",
        help=f"at most N {things}" + (f" ({usual})" if usual else ""),
    )  # fmt: skip


def positive(word: str) -> int:
    """A number from 1 on."""
    if not word.isascii() or not word.isdigit() or not 1 <= int(word) < 1 << 63:
        raise argparse.ArgumentTypeError(f"a number from 1 on is needed, not {word}")
    return int(word)


def from_zero(word: str) -> int:
    """A number from 0 on, decimal or 0x."""
    try:
        found = int(word, 0) if word.isascii() else -1
    except ValueError:
        found = -1
    if found < 0 or found >= 1 << 63:
        raise argparse.ArgumentTypeError(f"a number from 0 on, or 0x..., is needed, not {word}")
    return found


def seconds(word: str) -> float:
    """A length of time, more than 0."""
    try:
        value = float(word) if word.isascii() else math.nan
    except ValueError:
        value = math.nan
    if not (value > 0 and math.isfinite(value)):
        raise argparse.ArgumentTypeError(f"seconds, more than 0, are needed, not {word}")
    return value


def port(word: str) -> int:
    """A port number."""
    if not word.isascii() or not word.isdigit() or int(word) > 65535:
        raise argparse.ArgumentTypeError(f"a port from 0 to 65535 is needed, not {word}")
    return int(word)


def _charset(word: str) -> str:
    """A name that Python has a text encoding for."""
    try:
        bytes(range(256)).decode(word, "backslashreplace")
        return codecs.lookup(word).name
    except (LookupError, UnicodeError, ValueError):
        raise argparse.ArgumentTypeError(f"no encoding is called {word!r}") from None


def _followed(files: list[str], options: Any) -> Any:
    """The stream of one file or folder that grows."""
    from mmscodec.capture.follow import Follow

    if len(files) != 1 or files[0] == "-":
        say("--follow takes one file or folder")
        raise SystemExit(2)
    if options.idle is None and not options.live:
        say("--follow needs --idle SECONDS here: the answer comes when the capture has ended")
        raise SystemExit(2)
    return Follow(files[0], options.idle)


def opened(
    files: list[str], options: Any = None, bar: Silent | None = None, *, spool: bool = False
) -> Any:
    """All files together as one capture; what is left out of directories is said.

    `options` may have those of `reading`; `bar` shows how far reading is. With
    `spool` what is compressed or comes through a pipe can be looked at again.
    """
    chosen: dict[str, Any] = {
        "filter": getattr(options, "filter", None),
        "ports": getattr(options, "port", None),
        "ignore_vlan": getattr(options, "ignore_vlan", False),
        "threads": getattr(options, "threads", 1),
        "progress": bar.add if bar is not None else None,
        "spool": spool,
    }
    named: Any = files[0] if len(files) == 1 else files
    if getattr(options, "follow", False):
        named = _followed(files, options)
    try:
        capture = mmscodec.open(named, **chosen)
    except (ValueError, RuntimeError) as error:
        if chosen["filter"] is None or "filter" not in str(error):
            raise
        say(str(error))
        raise SystemExit(2) from None
    if bar is not None:
        bar.start(f"reading {files[0]}", capture.size)
    for name, why in capture.skipped[:LINES]:
        say(f"left out {name}: {why}")
    if len(capture.skipped) > LINES:
        say(f"left out {len(capture.skipped) - LINES} more files")
    return capture
