"""Rows as lines of text: operations of `_kernels/text/lines.pxd` by name.

An operation is a tuple (code, arg, ints, mask, data, null, ends, spans, page). A program is a list
of them; it makes one line of each row.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeAlias

import numpy as np

from mmscodec.tables import _arrow
from mmscodec.tables.data import NULS, Spans

Op: TypeAlias = tuple[Any, ...]
Program: TypeAlias = list[Op]

(
    _LITERAL, _INTEGER, _UNSIGNED, _NUMBER, _WORD, _JSON_UTF16, _JSON_PAGE, _JSON_UTF8, _HEX, _SKIP,
    _JUMP, _REPEAT, _TIME, _IPV4, _SECONDS, _OPEN, _CLOSE, _STRIP, _CELL_UTF8,
) = range(19)  # fmt: skip


def _op(
    code: int, arg: int = 0, ints: Any = None, mask: Any = None, data: bytes | None = None,
    null: str | None = None, ends: Any = None, spans: Spans | None = None,
) -> Op:  # fmt: skip
    masked = None if mask is None else np.ascontiguousarray(mask, np.uint8)
    word = None if null is None else null.encode()
    return code, arg, ints, masked, data, word, ends, spans, None


def literal(text: str) -> Op:
    """The same text in every line."""
    return _op(_LITERAL, data=text.encode())


def integer(values: Any, mask: Any = None, null: str = "null", width: int = 0) -> Op:
    """A number, `null` where the mask says so; right-aligned in `width` columns."""
    code = _UNSIGNED if values.dtype.kind == "u" and values.dtype.itemsize == 8 else _INTEGER
    return _op(code, width, values, mask, null=null)


def large(values: Any) -> Op:
    """A number for people: from 65536 on in hexadecimal."""
    return _op(_NUMBER, int(values.dtype == np.uint64), values)


def word(index: Any, words: Iterable[str], mask: Any = None, null: str = "null") -> Op:
    """One of some texts, by number."""
    parts = [text.encode() for text in words]
    ends = np.cumsum([0, *map(len, parts)], dtype=np.int64)
    return _op(_WORD, 0, index, mask, b"".join(parts), null, ends)


def json_utf16(parts: Spans, nul: str) -> Op:
    """Text of UTF-16 parts, without quotation marks."""
    return _op(_JSON_UTF16, NULS[nul], spans=parts)


def json_page(parts: Spans, nul: str, page: Any = None) -> Op:
    """Text of 8-bit parts, without quotation marks; characters of a page, or Latin-1."""
    return (*_op(_JSON_PAGE, NULS[nul], spans=parts)[:8], page)


def json_utf8(parts: Spans) -> Op:
    """Text of parts that are valid UTF-8, without quotation marks."""
    return _op(_JSON_UTF8, spans=parts)


def cell_utf8(parts: Spans) -> Op:
    """The same for a cell of CSV: no formula, no order to a terminal."""
    return _op(_CELL_UTF8, spans=parts)


def hexadecimal(parts: Spans) -> Op:
    """Parts as hexadecimal digits."""
    return _op(_HEX, spans=parts)


def unless(mask: Any, program: Program) -> Program:
    """A program for the rows that the mask leaves."""
    return [_op(_SKIP, len(program), mask=np.asarray(mask)), *program]


def either(mask: Any, there: Program, otherwise: Program) -> Program:
    """`otherwise` where the mask says so, else `there`."""
    return [*unless(mask, [*there, _op(_JUMP, len(otherwise))]), *otherwise]


def repeat(ends: Any, program: Program, between: str = ",") -> Program:
    """A program for each item of a row: items ends[row] to ends[row + 1]."""
    return [_op(_REPEAT, len(program), ends, data=between.encode()), *program]


def time(values: Any, mask: Any = None, null: str = "") -> Op:
    """Nanoseconds since 1970 as ISO 8601, UTC."""
    return _op(_TIME, 0, values, mask, null=null)


def ipv4(values: Any) -> Op:
    """An IPv4 address, its first octet the most significant of the number."""
    return _op(_IPV4, 0, values)


def seconds(values: Any, mask: Any, null: str, width: int) -> Op:
    """Nanoseconds as seconds with six decimals."""
    return _op(_SECONDS, width, values, mask, null=null)


def cell(program: Program) -> Program:
    """A cell of CSV, quoted where it must be."""
    return [_op(_OPEN), *program, _op(_CLOSE)]


STRIPPED = _op(_STRIP)


def written(programs: Sequence[Program], which: Any, rows: Any) -> Iterator[bytes]:
    """Lines, each a row of a program, in blocks of bytes that end where a line does."""
    return iter(_arrow.Lines(list(programs), which, rows))
