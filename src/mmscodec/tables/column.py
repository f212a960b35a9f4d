"""Columns: a name, a type, what they mean, and how their rows are made when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmscodec.frozen import Frozen
from mmscodec.tables import data as arrow
from mmscodec.tables.data import Data, Spans, Type, Words

#: Values of rows `start` to `stop` of a column.
Get = Callable[[int, int], Any]


_NOTHING: Mapping[str, str] = {}


class Column(Frozen):
    """One column of a table.

    Attributes
    ----------
    name : str
    type : Type
    fetch : callable
        Rows `start` to `stop` in Arrow's layout.
    about : mapping
        Metadata: unit, section, description, whatever is known.
    views : Column or None
        The same as views into the capture, for consumers that ask for them.
    page : callable or None
        Of 8-bit text: the same by an encoding that is named.
    """

    name: str
    type: Type
    fetch: Callable[[int, int], Data]
    about: Mapping[str, str] = _NOTHING
    views: Column | None = None
    page: Callable[[str], Column] | None = None

    def viewed(self) -> Column:
        """As views, where there is such a form."""
        return self if self.views is None else self.views

    def schema(self) -> tuple[Any, ...]:
        """The tuple that `_arrow` makes an ArrowSchema of."""
        return schema_node(self.name, self.type, self.about)


NULLABLE = 2
#: A name has one type in all tables: of numbers whose widths on the wire differ it is the widest.
WIDTHS = {
    "length": "i8", "offset": "i8", "play_incarnation": "u4", "type": "u2", "line_type": "u2",
    "files": "u4", "zero": "u4", "rate": "f8",
}  # fmt: skip
#: And what is text or bytes where others are numbers says so.
_OTHERS = {
    ("message", "u"): "message_text", ("data", "z"): "data_bytes", ("reason", "z"): "reason_bytes",
    ("files", "z"): "files_bytes", ("unused1", "z"): "unused1_bytes",
}  # fmt: skip


def schema_node(name: str, kind: Type, about: Mapping[str, str] | None = None) -> tuple[Any, ...]:
    """Format, name, metadata, flags, children and dictionary of a type."""
    children = tuple(schema_node(child, inner) for child, inner in kind.children)
    words = None if kind.dictionary is None else schema_node("", kind.dictionary)
    return kind.format.encode(), name.encode(), packed(about or {}), NULLABLE, children, words


def packed(about: Mapping[str, str]) -> bytes | None:
    """Metadata as Arrow has it: counts of 32 bits in the machine's byte order."""
    if not about:
        return None

    def counted(text: str) -> bytes:
        raw = text.encode()
        return np.int32(len(raw)).tobytes() + raw

    pairs = (counted(key) + counted(value) for key, value in about.items())
    return np.int32(len(about)).tobytes() + b"".join(pairs) + b"\0"


def missing(values: np.ndarray, null: Any) -> np.ndarray | None:
    """Where a value says that there is none."""
    return None if null is None else values == null


def number(name: str, get: Get, dtype: Any, null: Any = None, **about: str) -> Column:
    """Numbers of `dtype`; `null` is the value that says that there is none."""
    kind = np.dtype(WIDTHS.get(name, dtype)).newbyteorder("=")

    def fetch(start: int, stop: int) -> Data:
        values = get(start, stop)
        absent = missing(values, null)
        if absent is not None and kind.kind == "u":
            values = np.where(absent, 0, values)
        return arrow.numbers(values.astype(kind), absent)

    return Column(name, arrow.number_type(kind), fetch, about)


def optional(column: Column, absent: Callable[[int, int], np.ndarray]) -> Column:
    """The same column, null where `absent` says so."""

    def fetch(start: int, stop: int) -> Data:
        length, _, (_, *buffers), children, words = column.fetch(start, stop)
        nulls, bits = arrow.validity(absent(start, stop))
        return length, nulls, (bits, *buffers), children, words

    page = column.page
    again = None if page is None else lambda charset: optional(page(charset), absent)
    return Column(column.name, column.type, fetch, column.about, None, again)


def time(name: str, get: Get, null: Any = None, **about: str) -> Column:
    """Nanoseconds since 1970, UTC."""
    made = number(name, get, "i8", null)
    return Column(name, arrow.TIME, made.fetch, about)


def duration(name: str, get: Get, null: Any = None, **about: str) -> Column:
    """Nanoseconds."""
    made = number(name, get, "i8", null)
    return Column(name, arrow.DURATION, made.fetch, about)


def flag(name: str, get: Get, null: Any = None, **about: str) -> Column:
    """True or false."""

    def fetch(start: int, stop: int) -> Data:
        values = get(start, stop)
        return arrow.flags(values, missing(values, null))

    return Column(name, arrow.FLAG, fetch, about)


def words(name: str, get: Get, known: Words, null: Any = None, **about: str) -> Column:
    """Names of numbers, dictionary-encoded."""

    def fetch(start: int, stop: int) -> Data:
        values = get(start, stop)
        return known.data(values, missing(values, null))

    return Column(name, arrow.NAMES, fetch, about)


def text(
    name: str,
    parts: Callable[[int, int], Spans],
    how: int,
    nul: str = "",
    page: Any = None,
    absent: Callable[[int, int], np.ndarray] | None = None,
    about: Mapping[str, str] | None = None,
    kind: Type | None = None,
) -> Column:
    """Text, or with `how` BYTES or MASKED binary, of parts of buffers; `kind` says otherwise."""

    def fetch(start: int, stop: int) -> Data:
        nulls = None if absent is None else absent(start, stop)
        return arrow.strings(parts(start, stop), how, nul, page, nulls)

    kind = kind or (arrow.BINARY if how in (arrow.BYTES, arrow.MASKED) else arrow.TEXT)
    name = _OTHERS.get((name, kind.format), name)

    def by(charset: str) -> Column:
        from mmscodec.tables.take import decoded

        def again(start: int, stop: int) -> Data:
            nulls = None if absent is None else absent(start, stop)
            return decoded(parts(start, stop), nul, charset, nulls)

        return Column(name, kind, again, about or {})

    return Column(name, kind, fetch, about or {}, None, by if how == arrow.PAGE else None)


def strings(name: str, get: Callable[[int, int], Any], **about: str) -> Column:
    """Text that is there as Python strings; "" is null."""
    return Column(name, arrow.TEXT, lambda a, b: arrow.utf8(t or None for t in get(a, b)), about)


def inside(rows: Callable[[], np.ndarray], path: tuple[str, ...]) -> Callable[[int, int], Spans]:
    """Parts that are a field of fixed size in the rows of a structured array."""

    def parts(start: int, stop: int) -> Spans:
        held = rows()
        kind, at = held.dtype, 0
        for name in path:
            kind, more = kind.fields[name][:2]  # type: ignore[index]
            at += more
        starts = np.arange(start, stop, dtype=np.int64) * held.dtype.itemsize + at
        lengths = np.full(stop - start, kind.itemsize, np.int64)
        return Spans([held.view(np.ndarray)], None, starts, lengths)

    return parts


def taken(rows: Callable[[], np.ndarray], *path: str) -> Get:
    """Values of a column, or of one in a nested structure, of the rows of a structured array."""

    def get(start: int, stop: int) -> np.ndarray:
        values = rows()[start:stop]
        for name in path:
            values = values[name]
        return np.asarray(values)

    return get
