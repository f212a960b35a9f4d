"""Fields of a kind of message for people: `name=value` of what tells them something."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.lines.fields import NOT_USED, UNITS, Style, extents, shown, text, worth_showing
from mmscodec.lines.words import distinct, listed
from mmscodec.schema.fields import Field, Struct
from mmscodec.tables import lines as op
from mmscodec.tables.lines import Program


def summary(struct: Struct, source: Any, style: Style, mark: str = " ") -> Program:
    """Fields in wire order, `mark` in front of each."""
    out: Program = []
    for owner, path, field in _flattened(struct):
        rule = field.rule
        if field.python_name in ("chunk_len", "mid") or field.name in extents(owner):
            continue
        if rule is not None and rule.ignored:
            continue
        hidden, value = _field(owner, path, field, source, style)
        absent = source.absent(field) if len(path) == 1 else None
        if absent is not None:
            hidden = absent if hidden is None else hidden | absent
        made = [op.literal(f"{mark}{field.python_name}="), *value]
        out += made if hidden is None or not hidden.any() else op.unless(hidden, made)
    return out


def _flattened(
    struct: Struct, path: tuple[str, ...] = ()
) -> Iterator[tuple[Struct, tuple[str, ...], Field]]:
    for field in struct.fields:
        here = (*path, field.python_name)
        if field.kind == "struct" and field.struct is not None:
            yield from _flattened(field.struct, here)
        else:
            yield struct, here, field


def _field(
    owner: Struct, path: tuple[str, ...], field: Field, source: Any, style: Style
) -> tuple[np.ndarray | None, Program]:
    # where it is not shown, and its value
    if field.secret and not style.secrets:
        lengths = source.parts(field).lengths
        return lengths == 0, [op.literal("<"), op.integer(lengths), op.literal(" bytes hidden>")]
    if field.kind == "array" and getattr(source, "repeated", None) is not None:
        return _items(field, source, style)
    if field.size is None:
        return _worded(owner, field, source.values(field), style)
    values = source.numbers(path)
    if field.kind in ("ansi", "bytes"):
        return _worded(owner, field, values.tolist(), style)
    if field.kind == "ipv4":
        return None, [op.ipv4(values)]
    hidden = None
    if field.rule is not None and isinstance(field.rule.equal, int | float):
        hidden = values == field.rule.equal
    if values.dtype.kind == "f" or (field.values and (style.names or NOT_USED in _names(field))):
        unique, index = distinct(values)
        words = [text(field, value, style) for value in unique.tolist()]
        unused = np.array([field.values.get(v) == NOT_USED for v in unique.tolist()], bool)[index]
        return unused if hidden is None else hidden | unused, [op.word(index, words)]
    if field.unit in UNITS:
        return hidden, [op.integer(values), op.literal(UNITS[field.unit])]
    return hidden, [op.large(values)]


def _names(field: Field) -> tuple[str, ...]:
    return tuple(field.values.values())


def _worded(owner: Struct, field: Field, values: Any, style: Style) -> tuple[np.ndarray, Program]:
    # each different value is put into words once
    if field.kind == "array":
        unique, index = list(values), np.arange(len(values))
    else:
        unique, index = listed(values)
    made = [shown(field, value, style) for value in unique]
    hidden = np.array([not worth_showing(owner, field, value) for value in made], bool)
    words = ["" if value is None else text(field, value, style) for value in made]
    return hidden[index], [op.word(index, words)]


def _items(field: Field, source: Any, style: Style) -> tuple[np.ndarray, Program]:
    # WinMX: the first items of a packet, in words
    found = source.repeated
    ends = found.ends
    values: list[Any] = source.values(field)
    for row in np.flatnonzero(np.diff(ends)).tolist():
        values[row] = _Items(found, int(ends[row]), int(ends[row + 1]), style)
    hidden = np.array([len(value) == 0 for value in values], bool)
    words = [text(field, value, style) for value in values]
    return hidden, [op.word(np.arange(len(values)), words)]


class _Items:
    """Items of one packet, made into dictionaries when somebody looks at them."""

    def __init__(self, found: Any, start: int, stop: int, style: Style) -> None:
        self.found, self.start, self.stop, self.style = found, start, stop, style

    def __len__(self) -> int:
        return self.stop - self.start

    def __iter__(self) -> Iterator[dict[str, Any]]:
        for row in range(self.start, self.stop):
            yield {
                field.python_name: shown(field, self.found.value(field, row), self.style)
                for field in self.found.struct.fields
            }
