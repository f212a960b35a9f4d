"""Fields of a kind of message as JSON: a contract, see docs/json.md."""

from __future__ import annotations

import json
from math import isfinite
from typing import Any

import numpy as np

from mmscodec.lines.fields import Style, ansi, in_page
from mmscodec.lines.words import distinct, listed
from mmscodec.schema.fields import Field, Struct
from mmscodec.tables import lines as op
from mmscodec.tables.lines import Program

_LATIN_1 = ("latin-1", "iso8859-1")
_TEXTS = ("cstr", "ansi", "quoted")


def field_object(struct: Struct, source: Any, style: Style) -> Program:
    """All fields by their Python names."""
    out: Program = []
    for field in struct.fields:
        out.append(op.literal(("," if out else "{") + json.dumps(field.python_name) + ":"))
        out += _value(field, (field.python_name,), source, style)
    return [*out, op.literal("}" if out else "{}")]


def _value(field: Field, path: tuple[str, ...], source: Any, style: Style) -> Program:
    made = _present(field, path, source, style)
    absent = source.absent(field)
    return made if absent is None else op.either(absent, made, [op.literal("null")])


def _present(field: Field, path: tuple[str, ...], source: Any, style: Style) -> Program:
    if field.kind == "struct" and field.struct is not None:
        return _nested(field.struct, path, source)
    if field.kind == "array":
        return _list(field, source, style)
    if field.secret and not style.secrets:
        count = op.integer(source.parts(field).lengths)
        return [op.literal('"<'), count, op.literal(' bytes hidden>"')]
    if field.size is None:
        return _text(field, source, style)
    if field.kind == "ansi":
        return _ansi(field, path, source, style)
    if field.kind == "bytes":
        return _quoted(op.hexadecimal(source.inside(path)))
    return _number(field, source.numbers(path))


def _number(field: Field, values: np.ndarray) -> Program:
    if field.kind == "ipv4":
        return _quoted(op.ipv4(values))
    if values.dtype.kind != "f":
        return [op.integer(values)]
    unique, index = distinct(values)
    return [op.word(index, [repr(v) if isfinite(v) else f'"{v}"' for v in unique.tolist()])]


def _quoted(one: op.Op) -> Program:
    return [op.literal('"'), one, op.literal('"')]


def _text(field: Field, source: Any, style: Style) -> Program:
    # of variable length
    if field.kind == "utf16":
        return _quoted(op.json_utf16(source.parts(field), field.nul))
    if field.kind not in _TEXTS:
        return _quoted(op.hexadecimal(source.parts(field)))
    if style.charset in (None, *_LATIN_1):
        return _quoted(op.json_page(source.parts(field), "kept"))
    values, index = listed(source.values(field))
    texts = (in_page(value, style.charset) for value in values)
    return [op.word(index, [json.dumps(text) for text in texts])]


def _ansi(field: Field, path: tuple[str, ...], source: Any, style: Style) -> Program:
    if style.charset in _LATIN_1:
        return _quoted(op.json_page(source.inside(path), "first"))
    values, index = listed(source.numbers(path).tolist())
    return [op.word(index, [json.dumps(ansi(value, style.charset)) for value in values])]


def _nested(struct: Struct, path: tuple[str, ...], source: Any) -> Program:
    out: Program = []
    for field in struct.fields:
        out.append(op.literal(("," if out else "{") + json.dumps(field.python_name) + ":"))
        here = (*path, field.python_name)
        if field.kind == "struct" and field.struct is not None:
            out += _nested(field.struct, here, source)
        elif field.kind in ("ansi", "bytes"):
            found = source.inside(here)
            if field.kind == "ansi":  # 8-bit text inside of a structure is bytes, without its NULs
                lengths = np.char.str_len(source.numbers(here)).astype(np.int64)
                found = found._replace(lengths=lengths)
            out += _quoted(op.hexadecimal(found))
        else:
            out.append(op.integer(source.numbers(here)))
    return [*out, op.literal("}")]


def _list(field: Field, source: Any, style: Style) -> Program:
    repeated = getattr(source, "repeated", None)
    if repeated is not None:  # WinMX: a packet without items has the bytes of its list
        inner = field_object(repeated.struct, repeated, style)
        items = [op.literal("["), *op.repeat(repeated.ends, inner), op.literal("]")]
        none = np.diff(repeated.ends) == 0
        return op.either(none, items, _quoted(op.hexadecimal(source.parts(field))))
    if not hasattr(source, "items"):
        return _quoted(op.hexadecimal(source.parts(field)))
    ends, rows = source.items(field)
    inner = [op.integer(rows)] if rows.dtype.names is None else []
    for name in rows.dtype.names or ():
        inner.append(op.literal(("," if inner else "{") + json.dumps(name) + ":"))
        inner.append(op.integer(rows[name]))
    if rows.dtype.names:
        inner.append(op.literal("}"))
    return [op.literal("["), *op.repeat(ends, inner), op.literal("]")]


def value_names(struct: Struct, source: Any) -> Program:
    """`,"names":{...}` with the names of enumerated values, or nothing where none has one."""
    fields = [found for found in _named(struct) if _known(found[1])]
    if not fields:
        return []
    key = np.zeros(len(source.rows), np.int64)
    for path, field in fields:
        known = sorted(_known(field))
        place = np.searchsorted(known, values := source.numbers(path).astype(np.int64))
        found = np.append(np.array(known, np.int64), -1)[place] == values
        absent = source.absent(field)
        place = np.where(found if absent is None else found & ~absent, place + 1, 0)
        key = key * (len(known) + 1) + place
    unique, index = distinct(key)
    return [op.word(index, [_names_of(fields, int(number)) for number in unique])]


def _names_of(fields: list[tuple[tuple[str, ...], Field]], key: int) -> str:
    places = []
    for _, field in reversed(fields):
        key, place = divmod(key, len(_known(field)) + 1)
        places.append(place)
    named = {}
    for (_, field), place in zip(fields, reversed(places)):
        if place:
            known = _known(field)
            named[field.python_name] = known[sorted(known)[place - 1]]
    return ',"names":' + json.dumps(named, separators=(",", ":")) if named else ""


def _known(field: Field) -> dict[int, str]:
    return {number: name for number, name in field.values.items() if isinstance(number, int)}


def _named(struct: Struct, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Field]]:
    out = []
    for field in struct.fields:
        here = (*path, field.python_name)
        if field.kind == "struct" and field.struct is not None:
            out += _named(field.struct, here)
        elif field.values and field.size is not None:
            out.append((here, field))
    return out
