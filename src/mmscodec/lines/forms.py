"""The three forms of lines: JSON, CSV, and for people."""

from __future__ import annotations

import json
from collections.abc import Iterator

import numpy as np

from mmscodec.lines import json as fields
from mmscodec.lines import people
from mmscodec.lines.fields import Style, safe
from mmscodec.lines.groups import Group, Words
from mmscodec.lines.rows import NO_TIME, Rows
from mmscodec.tables import lines as op
from mmscodec.tables.lines import Program

#: Columns that every row has, in JSON and CSV.
COLUMNS = (
    "type", "time", "time_ns", "flow", "src", "dst", "direction", "name", "offset", "length",
)  # fmt: skip


class _Machine:
    """What JSON and CSV have in common.

    Parameters
    ----------
    style : Style
    """

    def __init__(self, style: Style) -> None:
        self.style = style

    def lines(self, rows: Rows, ends: dict[int, tuple[str, str]]) -> Iterator[bytes]:
        """Blocks of ASCII bytes that end where a line does; `ends` has src and dst of flows."""
        known = sorted(ends)
        numbers = np.array(known, np.int64)
        texts = [tuple(self.text(end) for end in ends[flow]) for flow in known]
        none = self.text("")
        hosts = [[pair[side] for pair in texts] + [none] for side in (0, 1)]
        programs = []
        for group in rows.groups:
            flow = group.rows["flow"].astype(np.int64)
            place = np.searchsorted(numbers, flow)
            there = np.append(numbers, NO_TIME)[place] == flow
            row = np.where(there, place, len(known))
            programs.append(self.program(group, [op.word(row, side) for side in hosts]))
        return op.written(programs, rows.which, rows.rows)

    def text(self, text: str) -> str:
        """A value that is text."""
        raise NotImplementedError

    def program(self, group: Group, hosts: list[op.Op]) -> Program:
        """What makes the lines of a group."""
        raise NotImplementedError

    def _words(self, words: Words) -> op.Op:
        texts = [self.text(text) for text in words.texts]
        return op.literal(texts[0]) if words.index is None else op.word(words.index, texts)

    def _fields(self, group: Group) -> Program:
        if group.words is not None or group.kind == "data":
            return _numbers(group)
        if group.struct is None or group.source is None:
            return [op.literal("{}")]
        return fields.field_object(group.struct, group.source, self.style)


def _numbers(group: Group) -> Program:
    out: Program = []
    for name, values in group.numbers.items():
        out += [op.literal(("," if out else "{") + f'"{name}":'), op.integer(values)]
    if group.words is not None:
        assert group.words.index is not None
        texts = [json.dumps(text) for text in group.words.texts]
        out += [op.literal(',"text":'), op.word(group.words.index, texts)]
    return [*out, op.literal("}")]


class JsonForm(_Machine):
    """One JSON object on a line for each row. See docs/json.md."""

    head = ""

    def text(self, text: str) -> str:
        """With quotation marks."""
        return json.dumps(text)

    def program(self, group: Group, hosts: list[op.Op]) -> Program:
        """The common columns, fields, names of values."""
        rows = group.rows
        absent = rows["time"] == NO_TIME
        quote = op.literal('"')
        time = op.either(absent, [quote, op.time(rows["time"]), quote], [op.literal("null")])
        out = [
            op.literal(f'{{"type":"{group.kind}","time":'), *time,
            op.literal(',"time_ns":'), op.integer(rows["time"], absent),
            op.literal(',"flow":'), op.integer(rows["flow"]),
            op.literal(',"src":'), hosts[0], op.literal(',"dst":'), hosts[1],
            op.literal(',"direction":'), self._words(group.way),
            op.literal(',"name":'), self._words(group.name),
            op.literal(',"offset":'), op.integer(rows["offset"]),
            op.literal(',"length":'), op.integer(rows["length"]),
            op.literal(',"fields":'), *self._fields(group),
        ]  # fmt: skip
        if group.struct is not None and group.source is not None and self.style.names:
            out += fields.value_names(group.struct, group.source)
        return [*out, op.literal("}\n")]


class CsvForm(_Machine):
    """One row for each; fields as JSON in the last column."""

    head = ",".join((*COLUMNS, "fields")) + "\n"

    def text(self, text: str) -> str:
        """As it is, in quotation marks where it must be."""
        if any(mark in text for mark in '",\r\n'):
            return '"' + text.replace('"', '""') + '"'
        return text

    def program(self, group: Group, hosts: list[op.Op]) -> Program:
        """The common columns, fields as JSON."""
        rows = group.rows
        absent = rows["time"] == NO_TIME
        comma = op.literal(",")
        return [
            op.literal(group.kind + ","), op.time(rows["time"], absent), comma,
            op.integer(rows["time"], absent, null=""), comma,
            op.integer(rows["flow"]), comma, hosts[0], comma, hosts[1], comma,
            self._words(group.way), comma, self._words(group.name), comma,
            op.integer(rows["offset"]), comma, op.integer(rows["length"]), comma,
            *op.cell(self._fields(group)), op.literal("\n"),
        ]  # fmt: skip


class PeopleForm:
    """A line for each row: seconds since the first, flow, direction, name, what is worth knowing.

    Parameters
    ----------
    style : Style
    short : tuple of str
        Beginnings of names that are left out.
    width : int
        Columns of the name.
    """

    def __init__(self, style: Style, short: tuple[str, ...], width: int) -> None:
        self.style, self.short, self.width = style, short, width

    def lines(self, rows: Rows, first: int | None) -> Iterator[bytes]:
        """Blocks of UTF-8 that end where a line does; times count from `first` on."""
        programs = [self.program(group, first) for group in rows.groups]
        return op.written(programs, rows.which, rows.rows)

    def program(self, group: Group, first: int | None) -> Program:
        """What makes the lines of a group."""
        rows = group.rows
        absent = rows["time"] == NO_TIME
        if first is None:
            absent = np.ones(len(rows), bool)
        since = np.where(absent, 0, rows["time"] - np.int64(first or 0))
        way = Words([f" {word or '?':<3} " for word in group.way.texts], group.way.index)
        return [
            op.seconds(since, absent, " " * 12, 12), op.literal(" "),
            op.integer(rows["flow"], rows["flow"] < 0, null=" " * 4, width=4),
            _put(way), _put(Words([self._name(n) for n in group.name.texts], group.name.index)),
            *self._detail(group), op.STRIPPED, op.literal("\n"),
        ]  # fmt: skip

    def _name(self, name: str) -> str:
        name = safe(name)
        for prefix in self.short:
            name = name.removeprefix(prefix)
        return f"{name:<{self.width}}"

    def _detail(self, group: Group) -> Program:
        size = [op.literal(" "), op.integer(group.rows["length"]), op.literal(" bytes")]
        if group.words is not None:
            words = [" " + safe(text) for text in group.words.texts]
            return [_put(Words(words, group.words.index))]
        if group.kind == "data":
            number = group.numbers
            return [
                op.literal(" location_id="), op.integer(number["location_id"]),
                op.literal(" incarnation="), op.integer(number["play_incarnation"]),
                op.literal(" af_flags="), op.integer(number["af_flags"]), *size,
            ]  # fmt: skip
        if group.struct is None:
            return size
        if group.source is None:
            return []
        return people.summary(group.struct, group.source, self.style)


def _put(words: Words) -> op.Op:
    return op.literal(words.texts[0]) if words.index is None else op.word(words.index, words.texts)
