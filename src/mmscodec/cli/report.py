"""`mmscodec report`: one page of HTML about a capture, which opens from disk."""

from __future__ import annotations

import argparse
import os
import sys

from mmscodec.cli import choice
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import Damage, say
from mmscodec.cli.files import limit, opened, texts
from mmscodec.cli.progress import progress
from mmscodec.cli.sessions import selected, told
from mmscodec.cli.streams import output_to
from mmscodec.lines.fields import Style


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    choice.arguments(parser, sessions=True)
    parser.add_argument(
        "-o", "--output", required=True, metavar="FILE",
        help="the page, which is there when it is whole; - is standard output",
    )  # fmt: skip
    limit(parser, "sessions, the first ones")
    texts(parser)
    parser.add_argument("--overwrite", action="store_true", help="replace a page that exists")
    parser.add_argument("-q", "--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Write the page; 0, 1 if it exists, 2 for no such session, 3 for damaged input."""
    from mmscodec.report import page

    if options.output != "-" and os.path.isfile(options.output) and not options.overwrite:
        say(f"{options.output} exists; --overwrite replaces it")
        return 1
    damage = Damage()
    with (
        progress(options.quiet or options.output == "-") as bar,
        opened(options.files, options, bar, spool=True) as capture,
    ):
        damage.add(capture, capture)
        wanted = Choice(options)
        try:
            chosen = selected(capture, options.session, wanted)[: options.limit]
        except IndexError as error:
            say(str(error))
            return 2
        style = Style(secrets=options.show_secrets, charset=options.charset)
        numbers = [session.index for session in chosen]
        text = page(capture, names=options.files, sessions=numbers, style=style)
        bar.stop()
        with output_to(options.output):
            _put(text)
        everything = wanted.everything and not options.session
        status = told(capture, bool(chosen), everything)
    return damage.report() or status


def _put(text: str) -> None:
    """UTF-8, whatever the encoding of standard output is."""
    raw = getattr(sys.stdout, "buffer", None)
    if raw is None:
        sys.stdout.write(text)
        return
    raw.write(text.encode())
    raw.flush()
