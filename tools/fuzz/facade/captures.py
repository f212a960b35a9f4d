"""Captures: files of any form, and the same capture in batches."""

import gzip
import lzma
from collections import Counter

import mmscodec
from mmscodec.errors import MmsCodecError
from tests.hostile.walk import walk
from tools.fuzz.facade.choices import Choices

#: Ceilings small enough to be reached.
SMALL = {"max_flows": 8, "max_held": 4096, "max_held_flow": 1024, "max_pending": 8}
MAGICS = (b"\x1f\x8b", b"\xfd7zXZ", b"\x28\xb5\x2f\xfd")


def squeezed(data: bytes, kind: int) -> bytes:
    """The file as it is, or compressed; some of it may be cut off again."""
    if kind & 3 == 1:
        data = gzip.compress(data, 1, mtime=0)
    elif kind & 3 == 2:
        data = lzma.compress(data, preset=0)
    return data[: len(data) - (kind >> 2) % 32] if kind & 3 else data


def open_any(data: bytes) -> None:
    """Whatever stands in a file: it is refused, or all its tables can be asked for."""
    choices = Choices(data)
    options, kind = choices.byte(), choices.byte()
    limits = SMALL if options & 1 else {}
    protocols = None if options & 2 else ("mms", "winmx")
    raw = squeezed(choices.rest, kind)
    try:
        with mmscodec.open(
            raw, protocols=protocols, mapped=not options & 4, ignore_vlan=bool(options & 8),
            threads=1 + (options >> 4 & 1), **limits,
        ) as capture:  # fmt: skip
            walk(capture, deep=bool(options & 32))
    except MmsCodecError:
        return


def rows_of(tables: list) -> dict[str, Counter]:
    """How often each row is there, in the order-free form in which batches may be compared."""
    out: dict[str, Counter] = {}
    for name in ("data", "messages", "packets"):
        out[name] = Counter(
            row
            for table in tables
            for row in getattr(table, name)[["flow", "offset", "length", "time"]].tolist()
        )
    return out


def batches(data: bytes) -> None:
    """A capture in batches of any size, and through a pipe, has the rows of the whole."""
    choices = Choices(data)
    options, count = choices.byte(), 1 + choices.byte()
    limits = SMALL if options & 1 else {}
    try:
        with mmscodec.open(choices.rest, **limits) as capture:
            whole = rows_of([capture])
    except MmsCodecError:
        return
    with mmscodec.open(choices.rest, mapped=not options & 2, **limits) as capture:
        parts = rows_of(list(capture.iter_batches(rows=count)))
    assert parts == whole
