"""`mmscodec extract`: the media of MMS sessions as ASF files."""

from __future__ import annotations

import argparse
import os
import re
import sys
from pathlib import Path
from typing import Any

from mmscodec.cli import choice, written
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import DAMAGED, Damage, say
from mmscodec.cli.files import limit, opened
from mmscodec.cli.media_names import safe_name
from mmscodec.cli.output import width_of
from mmscodec.cli.progress import progress
from mmscodec.cli.session_words import amount, counted
from mmscodec.cli.sessions import selected, told
from mmscodec.cli.width import wrapped
from mmscodec.cli.written import Written
from mmscodec.errors import MmsCodecError
from mmscodec.lines.fields import safe
from mmscodec.sessions.metadata import NOTHING_CAME


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    choice.arguments(parser, sessions=True)
    parser.add_argument(
        "-o", "--output", default=".", metavar="DIR", help="where the files go; made if needed"
    )
    limit(parser, "sessions, the first ones")
    parser.add_argument(
        "--missing", choices=("leave", "fill"), default="leave",
        help="leave missing packets out, or put empty ones in their places (default: leave)",
    )  # fmt: skip
    parser.add_argument(
        "--segments", choices=("merge", "split"), default="merge",
        help="one file for a playlist entry, or one for each seek (default: merge)",
    )  # fmt: skip
    parser.add_argument(
        "--header", metavar="FILE", help="use the ASF header of this file instead of captured ones"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace files that exist; otherwise they stay"
    )
    written.arguments(parser)
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def file_name(session: Any) -> str:
    """`0003-clip.wmv`: the number of the session and a name that is safe on any disk.

    Nothing of the peer's text can lead out of the directory.
    """
    return f"{session.index:04d}-{safe_name(session.file_name)}"


def _existing(directory: str, session: Any) -> Path | None:
    """A file that the session's would replace: its first one, or one with a number behind it."""
    first = Path(directory) / file_name(session)
    others = re.compile(re.escape(first.stem) + r"-\d+" + re.escape(first.suffix))
    if first.exists():
        return first
    names = os.listdir(directory)
    return next((Path(directory) / name for name in sorted(names) if others.fullmatch(name)), None)


def words(made: Any) -> str:
    """One line about a file."""
    if made.path is None:
        return f"nothing written: {made.problems[0]}"
    parts = [f"{made.path}  {amount(made.size)}, {counted(made.packets, 'packet')}"]
    if made.complete:
        parts.append("complete")
    behind = ", filled" if made.filled else ""
    if lost := made.missing_packets - made.skipped:
        parts.append(f"{lost} missing{behind}")
    if made.skipped:
        parts.append(f"{made.skipped} not played{behind}")
    if made.behind:
        parts.append(f"ends {counted(made.behind, 'packet')} before the file does")
    for name, text in (
        ("duplicates", "duplicates left out"), ("conflicts", "that contradict others, left out"),
        ("too_long", "too long, left out"),
        ("empty", "empty, left out"), ("unmended", "with a padding length that could not be set"),
        ("torn", "with bytes missing"),
    ):  # fmt: skip
        if getattr(made, name):
            parts.append(f"{getattr(made, name)} {text}")
    if made.header is not None and made.header.duration:
        parts.append(f"of {made.header.duration:.4g} s")
    if made.header is not None and made.header.streams:
        parts.append("; ".join(str(stream) for stream in made.header.streams))
    return ", ".join(parts)


def media_bytes(session: Any) -> int:
    """About how many bytes its files will have."""
    return int(session.row["media_bytes"])


def extract(capture: Any, session: Any, options: argparse.Namespace, bar: Any) -> list[Any]:
    """Write the files of one session."""
    header = Path(options.header).read_bytes()[: 64 << 20] if options.header else None
    name = file_name(session)
    bar.start(name, media_bytes(session))
    return capture.write_asf(
        session.index, Path(options.output) / name, missing=options.missing,
        segments=options.segments, header=header, progress=bar.add,
    )  # fmt: skip


def run(options: argparse.Namespace) -> int:
    """Write the files; 0, 1 if there were none or some exist, 3 if the input was damaged."""
    damage = Damage()
    status, found, kept, report = 0, 0, 0, Written(options)
    with progress(options.quiet) as bar, opened(options.files, options, bar) as capture:
        damage.add(capture, capture)
        try:
            chosen = selected(capture, options.session, Choice(options))[: options.limit]
        except IndexError as error:
            say(str(error))
            return 2
        Path(options.output).mkdir(parents=True, exist_ok=True)
        for session in chosen:
            if not options.overwrite and (there := _existing(options.output, session)):
                bar.aside()
                say(f"session {session.index}: {safe(str(there))} exists; --overwrite replaces it")
                kept += 1
                continue
            try:
                files = extract(capture, session, options, bar)
            except MmsCodecError as error:
                bar.aside()
                say(str(error))
                status = DAMAGED
                continue
            bar.aside()
            for made in files:
                found += _has_media(made)
                status = DAMAGED if not good(made) or lossy(session) else status
                tell(session, made, report)
            if session.row["end_reason"] == NOTHING_CAME:
                say(f"session {session.index}: {session.end_text}")
                status = DAMAGED
        told(capture, bool(chosen), Choice(options).everything and not options.session)
    if damage.report():
        status = DAMAGED
    if kept:
        return 1
    if not found:
        say("no media in this capture" if not status else "no media could be written")
        return 1
    return status


def _has_media(made: Any) -> bool:
    """Whether a file was written that has a packet of the session in it."""
    return made.path is not None and made.packets > made.filled


def good(made: Any) -> bool:
    """Whether a file holds all that came for it, and nothing contradicts it."""
    return _has_media(made) and not (made.torn or made.conflicts or made.too_long)


def lossy(session: Any) -> bool:
    """Whether bytes of the session are missing from the capture, packets on the way, or unread."""
    return bool(session.row["gaps"] or session.row["lost"] or session.row["unread"])


def tell(session: Any, made: Any, report: Written) -> None:
    """Report one file."""
    width = width_of(sys.stdout)
    lines = wrapped(safe(words(made)), width, indent=2)
    for problem in made.problems if made.path is not None else ():
        lines += wrapped(safe(problem), width, "  ", 4)
    report.tell(lines, session=session.index, **made.as_dict())
