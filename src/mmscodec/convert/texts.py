"""Rows of Arrow tables as JSON lines and CSV: ISO times, nanoseconds, hexadecimal bytes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from math import isfinite
from typing import Any

import numpy as np

from mmscodec.convert.library import pyarrow
from mmscodec.lines.words import distinct
from mmscodec.tables import lines as op
from mmscodec.tables.data import Spans
from mmscodec.tables.lines import Program

_NULL = "null"


def plain_columns(table: Any) -> Any:
    """Dictionary-encoded columns as plain text, the others as they are."""
    pa = pyarrow()
    for at, field in enumerate(table.schema):
        if pa.types.is_dictionary(field.type):
            made = field.with_type(field.type.value_type)
            table = table.set_column(at, made, table.column(at).cast(made.type))
    return table


def json_lines(table: Any) -> Iterator[bytes]:
    """Each row as a JSON object, in ASCII; numbers that JSON has not are null."""
    return _written(table, _object)


def csv_lines(table: Any) -> Iterator[bytes]:
    """Each row as RFC 4180 has it; what is not there is empty, lists are JSON.

    Text that a spreadsheet would take for a formula has an apostrophe in front, and what a terminal
    would act on is \\xNN.
    """
    return _written(table, _cells)


def csv_head(schema: Any) -> bytes:
    """The line of names."""
    return (",".join(schema.names) + "\n").encode()


def _written(table: Any, maker: Callable[[list[str], list[Any]], Program]) -> Iterator[bytes]:
    for batch in table.to_batches():
        program = maker(batch.schema.names, batch.columns)
        rows = np.arange(batch.num_rows)
        yield from op.written([program], np.zeros(len(rows), np.int64), rows)


def _object(names: list[str], columns: list[Any]) -> Program:
    return [*_pairs(names, columns), op.literal("\n")]


def _pairs(names: list[str], columns: list[Any]) -> Program:
    out: Program = []
    for name, column in zip(names, columns):
        out.append(op.literal(("," if out else "{") + json.dumps(name) + ":"))
        out += _json(column)
    return [*out, op.literal("}" if out else "{}")]


def _absent(column: Any) -> np.ndarray | None:
    return column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None


def _numbers(column: Any, kind: str) -> np.ndarray:
    if column.null_count:
        column = column.fill_null(pyarrow().scalar(0).cast(column.type))
    return column.cast(kind).to_numpy(zero_copy_only=False)


def _parts(column: Any, kind: Any) -> Spans:
    # bytes of text or binary
    column = column.cast(kind)
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int32)[column.offset : column.offset + len(column) + 1]
    starts = ends[:-1].astype(np.int64)
    lengths = np.diff(ends).astype(np.int64)
    return Spans([b"" if data is None else data], None, starts, lengths)


def _quoted(one: op.Op) -> Program:
    return [op.literal('"'), one, op.literal('"')]


def _json(column: Any) -> Program:
    made = _value(column)
    absent = _absent(column)
    return made if absent is None else op.either(absent, made, [op.literal(_NULL)])


def _value(column: Any) -> Program:
    # rows that are null have some value
    pa, kind = pyarrow(), column.type
    if pa.types.is_dictionary(kind):
        words = [json.dumps(word) for word in column.dictionary.to_pylist()]
        return [op.word(_numbers(column.indices, "int64"), [*words, _NULL])]
    if pa.types.is_string(kind):
        return _quoted(op.json_utf8(_parts(column, pa.string())))
    if pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
        return _quoted(op.hexadecimal(_parts(column, pa.binary())))
    if pa.types.is_timestamp(kind):
        return _quoted(op.time(_numbers(column, "int64")))
    if pa.types.is_list(kind):
        ends = np.frombuffer(column.offsets.buffers()[1], np.int32)
        ends = ends[column.offsets.offset : column.offsets.offset + len(column) + 1]
        items = op.repeat(ends.astype(np.int64), _json(column.values))
        return [op.literal("["), *items, op.literal("]")]
    if pa.types.is_struct(kind):
        names = [field.name for field in kind]
        return _pairs(names, [column.field(at) for at in range(len(names))])
    return [_scalar(column)]


def _scalar(column: Any) -> op.Op:
    # a number or truth value
    pa, kind = pyarrow(), column.type
    if pa.types.is_boolean(kind):
        return op.word(_numbers(column, "int64"), ["false", "true"])
    if pa.types.is_floating(kind):
        unique, index = distinct(_numbers(column, "float64"))
        return op.word(index, [repr(v) if isfinite(v) else _NULL for v in unique.tolist()])
    return op.integer(_numbers(column, "uint64" if pa.types.is_uint64(kind) else "int64"))


def _cells(names: list[str], columns: list[Any]) -> Program:
    out: Program = []
    for column in columns:
        out += [op.literal(",")] if out else []
        made, absent = _cell(column), _absent(column)
        out += made if absent is None else op.unless(absent, made)
    return [*out, op.literal("\n")]


def _cell(column: Any) -> Program:
    pa, kind = pyarrow(), column.type
    if pa.types.is_string(kind):
        return op.cell([op.cell_utf8(_parts(column, pa.string()))])
    if pa.types.is_dictionary(kind):
        words = _parts(column.dictionary, pa.string())
        cells = b"".join(_lines(op.cell([op.cell_utf8(words)]), len(words.starts))).decode()
        return [op.word(_numbers(column.indices, "int64"), cells.split("\0"))]
    if pa.types.is_timestamp(kind):
        return [op.time(_numbers(column, "int64"))]
    if pa.types.is_list(kind):
        return op.cell(_value(column))
    if pa.types.is_binary(kind) or pa.types.is_binary_view(kind):
        return [op.hexadecimal(_parts(column, pa.binary()))]
    return [_scalar(column)]


def _lines(program: Program, count: int) -> Iterator[bytes]:
    rows = np.arange(count)
    return op.written([[*program, op.literal("\0")]], np.zeros(count, np.int64), rows)
