"""`mmscodec explain`: one thing of a stream as bytes beside fields, or why it is none."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from itertools import islice

from mmscodec.cli import choice
from mmscodec.cli.choice import Choice
from mmscodec.cli.damage import Damage, say
from mmscodec.cli.files import from_zero, limit, opened, positive, texts
from mmscodec.cli.output import iso_time, width_of
from mmscodec.cli.width import cut
from mmscodec.errors import MmsCodecError
from mmscodec.explain import Explanation, Part, explain
from mmscodec.explain.model import masked
from mmscodec.lines.fields import Style, safe

_ROW = 8  # bytes in a line beside a field
_LINES = 4  # of the bytes of one field
_REST = 16  # bytes in a line of what has no fields
_RAW_LINES = 16


def arguments(parser: argparse.ArgumentParser) -> None:
    """Options of this command."""
    place = parser.add_argument_group("which place")
    place.add_argument(
        "--at", type=from_zero, metavar="OFFSET",
        help="the byte at this offset: of the flow with --flow, else of the file",
    )  # fmt: skip
    place.add_argument("--frame", type=positive, metavar="N", help="frame N, from 1 on")
    place.add_argument("--flow", type=from_zero, metavar="F", help="flow F, as decode numbers them")
    choice.times(place)
    limit(parser, "things", 20)
    parser.add_argument("--json", action="store_true", help="JSON lines, one object a thing")
    texts(parser)
    parser.add_argument("--whole", action="store_true", help="all bytes, and lines uncut")


def run(options: argparse.Namespace) -> int:
    """Print explanations; 0, 2 where there is no such place."""
    style = Style(secrets=options.show_secrets, charset=options.charset)
    with opened(options.files, options, spool=True) as capture:
        Damage().add(capture, capture)  # what is no capture at all is said so
        try:
            found = explain(
                capture, flow=options.flow, at=options.at, frame=options.frame, style=style
            )
            wanted = Choice(argparse.Namespace(since=options.since, until=options.until))
            wanted.begin_in(capture)
            found = (one for one in found if wanted.holds(one.time))
            some = list(islice(found, options.limit + 1))
        except (ValueError, IndexError) as error:
            if isinstance(error, MmsCodecError):
                raise
            say(str(error))
            return 2
        width = None if options.whole else width_of(sys.stdout)
        for one in some[: options.limit]:
            if options.json:
                print(json.dumps(one.as_dict(), separators=(",", ":")))
                continue
            for line in _lines(one, options.whole):
                line = safe(line)
                print(line if width is None else cut(line, width))
            print()
        if len(some) > options.limit:
            say(f"there is more: the first {options.limit} are shown, see --limit")
    return 0


def _lines(one: Explanation, whole: bool = False) -> Iterator[str]:
    """An explanation as lines."""
    section = f"  [{one.section}]" if one.section else ""
    size = f"{one.length} byte" + ("s" if one.length != 1 else "")
    yield f"{one.title} at 0x{one.offset:x}, {size}{section}"
    when = f"  {iso_time(one.time)}" if one.time is not None else ""
    if one.who or when:
        yield f"  {one.who}{when}".rstrip()
    for reason in one.reasons:
        yield f"  ! {reason}"
    for check in one.checks:
        verdict = "yes" if check.good else "NO "
        yield f"  {verdict} {check.name}: needs {check.needed}, is {check.seen}"
    if not one.parts:
        yield from _rest(one, whole)
        return
    digits = masked(one.raw if one.plain is None else one.plain, one.parts)
    for part in one.parts:
        yield from _field_lines(one, part, digits, whole)


def _rest(one: Explanation, whole: bool) -> Iterator[str]:
    """Bytes without fields, sixteen a line."""
    most = len(one.raw) if whole else _RAW_LINES * _REST
    for at in range(0, min(len(one.raw), most), _REST):
        piece = one.raw[at : at + _REST]
        text = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
        yield f"  {one.offset + at:06x}  {piece.hex(' '):<47}  {text}"
    if len(one.raw) > most:
        yield f"  {'':6}  {len(one.raw) - most} more bytes"


def _field_lines(one: Explanation, part: Part, digits: str, whole: bool) -> Iterator[str]:
    """A field: its bytes, raw in front where they were enciphered, then what they say."""
    indent = "  " * part.depth
    words = f"{indent}{part.name:<{max(22 - len(indent), 1)}} {part.value}".rstrip()
    for text in (part.meaning, part.rule):
        words += f"  ({text})" if text else ""
    words += f"  [{part.section}]" if part.section else ""
    begin, end = part.offset, part.offset + part.length
    heads = not part.value and part.length > _ROW and not part.secret and not part.rule
    places = list(range(begin, end, _ROW)) if not heads else []
    shown = places if whole else places[:_LINES]
    for row, at in enumerate(shown or [begin]):
        stop = min(at + _ROW, end) if places else begin
        plain = " ".join(digits[2 * i : 2 * i + 2] for i in range(at, stop))
        raw = ""
        if one.plain is not None:
            raw = f"{one.raw[at:stop].hex(' '):<23} | "
        behind = f"  {words}" if row == 0 else ""
        yield f"  {one.offset + at:06x}  {raw}{plain:<23}{behind}".rstrip()
    if len(places) > len(shown):
        yield f"  {'':6}  {part.length - len(shown) * _ROW} more bytes"
    for finding in part.findings:
        yield f"  {'':6}  ! {finding}"
