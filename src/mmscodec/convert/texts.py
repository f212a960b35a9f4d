"""Columns as text formats have them: ISO times, nanoseconds, hexadecimal bytes, JSON lists."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from mmscodec.convert.library import pyarrow


def plain_columns(table: Any) -> Any:
    """Dictionary-encoded columns as plain text, the others as they are."""
    pa = pyarrow()
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            made = field.with_type(field.type.value_type)
            table = table.set_column(at, made, table.column(at).cast(made.type))
    return table


def text_columns(table: Any, lists: bool) -> Any:
    """Times as ISO 8601 (UTC, ns), durations as ns, bytes as hexadecimal text.

    With `lists` these stay; otherwise they become JSON.
    """
    pa = pyarrow()
    table = plain_columns(table)
    for at, field in enumerate(table.schema):
        column, kind = table.column(at), field.type
        if pa.types.is_timestamp(kind):
            column = pyarrow("compute").replace_substring(column.cast(pa.string()), " ", "T")
        elif pa.types.is_duration(kind):
            column = column.cast(pa.int64())
        elif pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
            column = _made(column, bytes.hex)
        elif pa.types.is_list(kind) and not lists:
            column = _made(column, json.dumps)
        table = table.set_column(at, field.name, column)
    return table


def _made(column: Any, words: Any) -> Any:
    pa = pyarrow()
    texts = [None if value is None else words(value) for value in column.to_pylist()]
    return pa.array(texts, pa.string())


def json_lines(table: Any) -> Iterator[str]:
    """Each row as a JSON object; numbers that JSON has not are null."""
    table = text_columns(table, lists=True)
    names = table.column_names
    columns = [column.to_pylist() for column in table.columns]
    for at, field in enumerate(table.schema):
        if pyarrow().types.is_floating(field.type):
            columns[at] = [_finite(value) for value in columns[at]]
    for row in zip(*columns):
        yield json.dumps(dict(zip(names, row)), ensure_ascii=False, separators=(",", ":")) + "\n"


def _finite(value: float | None) -> float | None:
    return value if value is not None and abs(value) < float("inf") else None
