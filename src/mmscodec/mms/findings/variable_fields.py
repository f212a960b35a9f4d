"""Fields of variable length: counts against the message, NULs, places, surplus padding."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from mmscodec.mms.columns import text_of
from mmscodec.mms.findings.tables import Part
from mmscodec.schema import mms
from mmscodec.schema.fields import Field, Struct
from mmscodec.schema.findings import FindingCode, FindingTable, Severity
from mmscodec.schema.values import MMS_PACKET_PAIR_TCP_HIGH_ENTROPY, MMS_USE_PACKET_PAIR

_MESSAGES = FindingTable.MESSAGES


class _Variable(NamedTuple):
    """A field of variable length in every message of a kind.

    Attributes
    ----------
    rows, fixed, size : numpy.ndarray
        Of each message: its row, its fixed fields, its bytes.
    """

    tables: Part
    struct: Struct
    field: Field
    rows: np.ndarray
    fixed: np.ndarray
    size: np.ndarray

    def value(self, name: str) -> np.ndarray:
        """A fixed field of each message."""
        return self.fixed[self.struct[name].python_name]

    def add(
        self, at: np.ndarray, code: FindingCode, name: str, severity: Any, seen: Any, *more: Any
    ) -> None:
        """Findings about the field `name` of the messages `at`; `more` as in `Tables.add`."""
        where = (self.struct, name)
        self.tables.add(_MESSAGES, self.rows[at], code, where, severity, seen, *more)


def check_extents(tables: Part) -> None:
    """Every message: do the counts fit, do strings end, is there more padding than needed."""
    for struct in (*mms.MESSAGES, mms.RESEND):
        rows, fixed = tables.kind(struct)
        if len(rows) == 0:
            continue
        size = tables.messages["length"][rows].astype(np.int64)
        used = _fixed_end(struct, fixed)
        end = np.full(len(rows), struct.fixed_size, np.int64)
        for field in struct.variable:
            end, there = _field_end(_Variable(tables, struct, field, rows, fixed, size), end)
            used = np.where(there, np.maximum(used, end), used)
        if struct is not mms.RESEND:
            least = (used + 7) // 8
            at = np.flatnonzero(size // 8 > least)
            tables.add(_MESSAGES, rows[at], FindingCode.SURPLUS_PADDING, (struct, "chunkLen"),
                       Severity.DEVIATION, size[at] // 8, least[at])  # fmt: skip


def _fixed_end(struct: Struct, fixed: np.ndarray) -> np.ndarray:
    """End of the fixed part of each message, without the optional fields that are missing."""
    end = np.full(len(fixed), struct.fixed_size, np.int64)
    for field in reversed(struct.fixed):
        if field.needs_chunk_len:
            end[fixed["chunk_len"] < field.needs_chunk_len] = field.offset or 0
    return end


def _field_end(part: _Variable, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """End of the field in each message, and where it is there at all."""
    field = part.field
    if field.start:
        start = part.struct.fixed_size + part.value(field.start).astype(np.int64)
    if field.count:
        return _counted_end(part, start)
    if field.kind == "utf16":
        return _text_end(part, start)
    modes = (MMS_USE_PACKET_PAIR, MMS_PACKET_PAIR_TCP_HIGH_ENTROPY)  # filler to the end
    return part.size, np.isin(part.fixed["play_incarnation"], modes)


def _counted_end(part: _Variable, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A field with a count: the count must fit the message."""
    field = part.field
    count = part.value(field.count).astype(np.int64)
    there = count > 0
    room = np.maximum(part.size - start, 0)
    bad = there & (count * field.count_unit > room)
    at = np.flatnonzero(bad)
    part.add(at, FindingCode.COUNT_OVERRUN, field.count, Severity.VIOLATION,
             count[at], room[at] // field.count_unit)  # fmt: skip
    end = np.minimum(start + count * field.count_unit, part.size)
    if field.kind == "utf16":
        _check_nuls(part, np.flatnonzero(there & ~bad), start, end)
    if field.start:
        _check_token(part, count)
    return end, there


def _check_nuls(part: _Variable, at: np.ndarray, start: np.ndarray, end: np.ndarray) -> None:
    """Counted strings that fit: an even number of bytes, one NUL, at the end."""
    size = end - start
    odd = at[size[at] % 2 == 1]
    part.add(odd, FindingCode.ODD_COUNT, part.field.count, Severity.VIOLATION,
             size[odd], size[odd] + 1)  # fmt: skip
    raw = part.tables.raw(part.struct, part.field)
    missing = raw.each([value[-2:] != b"\0\0" for value in map(even, raw.values)])
    inner = raw.each([_has_inner_nul(even(value)) for value in raw.values])
    for found, code, severity in (
        (missing, FindingCode.MISSING_NUL, Severity.VIOLATION),
        (inner, FindingCode.INNER_NUL, Severity.DEVIATION),
    ):
        here = at[found[at].astype(bool)]
        part.add(here, code, part.field.name, severity, size[here], 0, start[here])


def even(value: bytes) -> bytes:
    """Whole UTF-16 units."""
    return value[: len(value) & ~1]


def _has_inner_nul(value: bytes) -> bool:
    """A NUL before the last character."""
    units = np.frombuffer(value, "<u2")
    found = np.flatnonzero(units)
    return bool(len(found)) and not units[: found[-1]].all()


def _text_end(part: _Variable, start: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A string that ends at a NUL or with the message."""
    field = part.field
    raw = part.tables.raw(part.struct, field)
    texts = [text_of(even(value), field.nul) for value in raw.values]
    lengths = raw.each([len(text.encode("utf-16-le", "surrogatepass")) for text in texts])
    bare = lengths + 2 > raw.length  # no room for a NUL, so there is none
    if len(part.struct.variable) > 1 or field.nul == "strings":  # funnel names need no NUL
        at = np.flatnonzero(bare)
        severity = np.full(len(at), Severity.DEVIATION)
        if field.nul == "first":
            severity[part.fixed["cbtoken"][at] > 0] = Severity.VIOLATION
        part.add(at, FindingCode.MISSING_NUL, field.name, severity, lengths[at], 0, start[at])
    end = np.minimum(start + lengths + np.where(bare, 0, 2), part.size)
    return end, np.ones(len(part.rows), bool)


def _check_token(part: _Variable, count: np.ndarray) -> None:
    """token is 0 exactly when there is no tokenData."""
    token = part.value(part.field.start)
    for bad, severity in (
        ((count > 0) & (token == 0), Severity.VIOLATION),
        ((count == 0) & (token != 0), Severity.DEVIATION),
    ):
        at = np.flatnonzero(bad)
        part.add(at, FindingCode.TOKEN_PLACE, part.field.start, severity, token[at])
