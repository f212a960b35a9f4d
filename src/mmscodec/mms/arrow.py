"""Tables of MMS rows: packets, messages, data, and every kind of message with all its fields."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any

import numpy as np

from mmscodec.mms.columns import MessageColumns, struct_of
from mmscodec.schema import mms
from mmscodec.schema.dtypes import (
    DATA,
    FAULTS,
    FINDINGS,
    MESSAGES,
    PACKETS,
    ROWS,
    SEQUENCE,
    STREAM_ENTRY,
)
from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.findings import FINDING_FIELDS, FINDING_TEXTS, FindingTable
from mmscodec.tables import column as make
from mmscodec.tables import data as arrow
from mmscodec.tables.column import Column
from mmscodec.tables.data import Spans, Type, Words
from mmscodec.tables.spec import (
    COMMON,
    Spec,
    about_of,
    address,
    columns,
    field_names,
    merged,
    of_connections,
    row_of,
    structured,
    wire_specs,
    words_of,
)
from mmscodec.tables.table import Table

KINDS = (*mms.BY_NAME, mms.RESEND.name)

SPECS = {
    "packets": {
        **wire_specs(mms.TCP_MESSAGE_HEADER),
        "message_count": Spec(note="messages in it"),
    },
    "messages": {},
    "data": wire_specs(mms.DATA_PACKET),
    "faults": {"length": Spec(dtype="i8", unit="bytes", note="bytes skipped")},
    "findings": {
        "table": Spec(names=words_of(FindingTable), note="the table that `row` is a row of"),
        "row": row_of("the table that `table` says"),
        "code": Spec(names=Words(merged(FINDING_TEXTS), str), note="which rule is broken"),
        "field": Spec(
            names=Words({number: path for number, (_, path, _) in FINDING_FIELDS.items()}),
            note="field that breaks it",
        ),
    },
}
TABLES = {
    "packets": PACKETS, "messages": MESSAGES, "data": DATA, "faults": FAULTS, "findings": FINDINGS,
}  # fmt: skip


class Kind:
    """Rows of one kind of message, each part fetched once, when it is first asked for.

    Parameters
    ----------
    name : str
        Of the message.
    source : callable
        Gives the `MessageColumns`.
    secrets : bool
        Credentials as they are; else an asterisk for each byte.
    """

    def __init__(self, name: str, source: Callable[[], MessageColumns], secrets: bool) -> None:
        self.struct: Struct = struct_of(name)[1]
        self.name, self._source, self.secrets = self.struct.name, source, secrets
        self._extents: dict[str, tuple[np.ndarray, np.ndarray]] = {}

    @cached_property
    def source(self) -> MessageColumns:
        """Where the messages are."""
        return self._source()

    @cached_property
    def numbers(self) -> np.ndarray:
        """Rows of `messages`."""
        return self.source.rows(self.name)

    @cached_property
    def rows(self) -> np.ndarray:
        """Fixed fields."""
        return self.source.array(self.name)

    def columns(self) -> list[Column]:
        """All fields in wire order, behind the row in `messages`."""
        message = COMMON["first_message"]
        out = columns("message", lambda a, b: self.numbers[a:b], message, np.dtype("i8"))
        seen: set[str] = set()
        for path, field, section in leaves(self.struct):
            name = field.python_name
            if name in seen:  # the length of a structure inside of another
                name = "_".join((*path[-2:-1], name))
            seen.add(name)
            out += self._field(name, path, field, section)
        return out

    def _field(self, name: str, path: tuple[str, ...], field: Field, section: str) -> list[Column]:
        about = about_of(field, section)
        if field.kind == "array":
            return [self._list(name, field, about)]
        if field.variable:
            return [self._variable(name, field, about)]
        if name == "file_name":  # a number despite its name, where all others are text
            name = "file_name_number"
        parts = make.inside(lambda: self.rows, path)
        if field.kind == "ansi":
            return [make.text(name, parts, arrow.PAGE, "first", arrow.WESTERN, about=about)]
        if field.kind == "bytes":
            return [make.text(name, parts, arrow.BYTES, about=about)]
        return self._number(name, path, field, about)

    def _number(
        self, name: str, path: tuple[str, ...], field: Field, about: dict[str, str]
    ) -> list[Column]:
        get = make.taken(lambda: self.rows, *path)
        kind = ROWS[self.name]
        for part in path:
            kind = kind[part]
        made = [make.number(name, get, kind, **about)]
        names = field_names(field)
        if names is not None:
            made.append(make.words(f"{name}_name", get, names, **about))
        if field.unit == "IPv4":  # the octet that comes first on the wire is the lowest
            made.append(_swapped(f"{name}_text", get, about))
        if not field.needs_chunk_len:
            return made

        def absent(start: int, stop: int) -> np.ndarray:
            return self.rows["chunk_len"][start:stop] < field.needs_chunk_len

        return [make.optional(column, absent) for column in made]

    def extents(self, field: Field) -> tuple[np.ndarray, np.ndarray]:
        """Where a field of variable length lies in each message: start and length."""
        if field.name not in self._extents:
            self._extents[field.name] = self.source.relative(self.name, field.name, self.numbers)
        return self._extents[field.name]

    def parts(self, field: Field, unit: int = 1) -> Callable[[int, int], Spans]:
        """The bytes of a field of variable length, whole units of them."""

        def parts(start: int, stop: int) -> Spans:
            at, length = (values[start:stop] for values in self.extents(field))
            places = self.source.positions[self.numbers[start:stop]] + at
            return self.source.spans(places, length - length % unit)

        return parts

    def _variable(self, name: str, field: Field, about: dict[str, str]) -> Column:
        how = arrow.UTF16 if field.kind == "utf16" else arrow.BYTES
        if field.secret and not self.secrets:
            how, about = arrow.MASKED, {**about, "masked": "true"}
        absent = None
        if field.optional:

            def absent(start: int, stop: int) -> np.ndarray:
                return self.extents(field)[1][start:stop] == 0

        return make.text(name, self.parts(field), how, field.nul, None, absent, about=about)

    def _list(self, name: str, field: Field, about: dict[str, str]) -> Column:
        dtype = STREAM_ENTRY if field.struct is not None else SEQUENCE
        kind, items = list_items(field, dtype)
        parts = self.parts(field, dtype.itemsize)

        def fetch(start: int, stop: int) -> arrow.Data:
            found = parts(start, stop)
            raw = arrow.strings(found, arrow.BYTES)[2][2]
            return arrow.lists(found.lengths // dtype.itemsize, items(raw.view(dtype)))

        return Column(name, Type("+l", (("item", kind),)), fetch, about)


def list_items(field: Field, dtype: np.dtype) -> tuple[Type, Callable[[np.ndarray], arrow.Data]]:
    """Type of the items of a list, and what makes them of an array."""
    if not dtype.names:
        return arrow.number_type(dtype), arrow.numbers
    names = dtype.names
    kind = Type("+s", tuple((name, arrow.number_type(dtype[name])) for name in names))

    def items(rows: np.ndarray) -> arrow.Data:
        return len(rows), 0, (None,), tuple(arrow.numbers(rows[name]) for name in names), None

    return kind, items


def _swapped(name: str, get: make.Get, about: dict[str, str]) -> Column:
    return address(name, lambda a, b: get(a, b).astype("<u4").view(">u4").astype("u4"), **about)


def leaves(struct: Struct, path: tuple[str, ...] = ()) -> list[tuple[Any, Field, str]]:
    """Fields with their path and section, those of nested structures in their place."""
    out: list[tuple[Any, Field, str]] = []
    for field in struct.fields:
        here = (*path, field.python_name)
        if field.kind == "struct" and field.struct is not None:
            out += leaves(field.struct, here)
        else:
            out.append((here, field, struct.section))
    return out


def batch_table(batch: Any, name: str, payload: bool = False, secrets: bool = False) -> Table:
    """`name` of an `mms.Batch`."""
    if name in TABLES:
        rows = lambda: getattr(batch, name)  # noqa: E731
        made = structured(TABLES[name], rows, SPECS[name])
        if name == "data" and payload:
            made.append(payload_column(lambda a, b: payload_parts(batch, a, b)))
        return Table(name, made, lambda: len(rows()))
    kind = Kind(name, lambda: batch._by_message, secrets)
    return Table(kind.struct.name, kind.columns(), lambda: len(kind.numbers))


def many_table(batch: Any, name: str, secrets: bool = False) -> Table:
    """`name` of an `mms.ManyBatch`: time and number of the connection, then as of a batch."""
    if name in TABLES and name != "findings":
        rows = lambda: np.asarray(getattr(batch, name))  # noqa: E731
        made = structured(TABLES[name], rows, SPECS[name])
        return Table(name, [*of_connections(rows), *made], lambda: len(rows()))
    kind = Kind(name, lambda: batch._columns, secrets)
    made = [*of_connections(lambda: kind.rows), *kind.columns()]
    return Table(kind.struct.name, made, lambda: len(kind.numbers))


def payload_column(parts: Callable[[int, int], Spans]) -> Column:
    """Payload of Data packets, as a copy or as views into what was decoded."""
    about = {"section": mms.DATA_PACKET.section, "description": "bytes behind the header"}
    views = Column("payload", arrow.VIEWS, lambda a, b: arrow.view_array(parts(a, b)), about)
    made = make.text("payload", parts, arrow.BYTES, about=about)
    return Column("payload", arrow.BINARY, made.fetch, about, views)


def payload_parts(batch: Any, start: int, stop: int) -> Spans:
    """Where payloads of an `mms.Batch` lie."""
    rows = batch.data[start:stop]
    length = rows["length"].astype(np.int64) - 8
    return batch._by_message.spans(rows["offset"] + 8, np.maximum(length, 0))
