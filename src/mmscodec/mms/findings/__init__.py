"""`batch.findings`: which rules of the specification good rows break."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

import numpy as np

from mmscodec.blocks import blocks, joined
from mmscodec.mms.columns import MessageColumns
from mmscodec.mms.findings.fields import check_data, check_fields
from mmscodec.mms.findings.headers import check_headers, check_sequence
from mmscodec.mms.findings.relations import check_cross, check_messages
from mmscodec.mms.findings.tables import Tables
from mmscodec.mms.findings.tokens import check_tokens
from mmscodec.mms.findings.variable_fields import check_extents
from mmscodec.schema.fields import Field, show
from mmscodec.schema.findings import (
    FINDING_FIELDS,
    FINDING_TEXTS,
    FindingCode,
    Severity,
)
from mmscodec.schema.values import hresult_text


class Findings(np.ndarray):
    """Rows of `mmscodec.schema.dtypes.FINDINGS`, one for each rule that a row breaks.

    Columns: table (1 packets, 2 messages, 3 data), row (in that table), offset (of the field, in
    its stream), code (a `FindingCode`), field (a key of `FINDING_FIELDS`), severity (1 violation,
    2 deviation that real peers are known for or of a SHOULD rule, 3 uninitialised field), seen and
    expected (wire bits; IEEE bits of floats; lengths of strings). In captures also time, flow and
    direction. The order is that of the bytes.
    """

    words: _Words | None  # shared by all parts of one table: texts of a column are read once

    def __array_finalize__(self, other: Any) -> None:
        self.words = getattr(other, "words", None)

    def __getitem__(self, key: Any) -> Any:
        """Rows as findings, columns as plain arrays."""
        found = super().__getitem__(key)
        if isinstance(found, Findings) and found.dtype.names is None:
            return found.view(np.ndarray)
        return found

    def text(self) -> list[str]:
        """One line for each finding: offset, severity, message, field, seen, expected, section."""
        words = self.words or _Words(None)
        return words.lines(np.atleast_1d(np.asarray(self)))

    def select(self, severity: Severity | int) -> Findings:
        """The findings of one severity."""
        rows = np.asarray(self)
        parts = [rows[here][rows["severity"][here] == severity] for here in blocks(len(rows))]
        found = joined(parts, self.dtype).view(type(self))
        found.words = self.words
        return found


def find(batch: Any) -> Findings:
    """Findings of a batch or a capture, worked out now.

    Parameters
    ----------
    batch : Batch
        Anything with `packets`, `data` and `faults`, and with `pieces` unless there is a column
        `flow`.
    """
    live = "flow" in (batch.packets.dtype.names or ())
    pieces = None if live else batch.pieces
    columns = batch._by_message
    tables = Tables(columns, batch.packets, batch.data, np.asarray(batch.faults), pieces)
    for part in tables.parts():
        check_headers(part)
        check_fields(part)
        check_extents(part)
        check_tokens(part)
        check_data(part)
        check_messages(part)
    check_sequence(tables)
    check_cross(tables)
    found = tables.findings().view(Findings)
    found.words = _Words(columns)
    return found


#: Codes whose `expected` is a value and not just unused.
_COMPARED = frozenset(FindingCode) - {
    FindingCode.UNKNOWN_MID,
    FindingCode.WRONG_DIRECTION,
    FindingCode.MISSING_NUL,
    FindingCode.INNER_NUL,
    FindingCode.VERSION_URL_MISSING,
    FindingCode.START_UNCLEAR,
    FindingCode.TOKEN_PLACE,
    FindingCode.EMPTY_TEXT,
    FindingCode.BAD_GRAMMAR,
}


#: Columns that a finding is put into words from; `row` too where it is about a text.
_SAID = ("severity", "code", "field", "seen", "expected")
_TEXTS = ("utf16", "ansi")


class _Words:
    """Findings in words; texts of a column are read once for all of them."""

    def __init__(self, columns: MessageColumns | None) -> None:
        self._columns = columns
        self._texts: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}

    def lines(self, rows: np.ndarray) -> list[str]:
        """One for each finding; those that differ in their place alone are put into words once."""
        places = [f"0x{offset:x}: " for offset in rows["offset"].tolist()]
        if "flow" in (rows.dtype.names or ()):
            flows = rows["flow"].tolist()
            places = [f"flow {flow} {place}" for flow, place in zip(flows, places)]
        told: dict[tuple[int, ...], str] = {}
        out = []
        found = zip(*(rows[name].tolist() for name in _SAID), rows["row"].tolist())
        for place, (*key, row) in zip(places, found):
            text = FINDING_FIELDS[key[2]][2].kind in _TEXTS
            known = (*key, row if text else -1)
            if known not in told:
                told[known] = self._line(dict(zip((*_SAID, "row"), (*key, row))))
            out.append(place + told[known])
        return out

    def _line(self, row: Mapping[str, int]) -> str:
        # without its place
        code, severity = FindingCode(row["code"]), Severity(row["severity"])
        owner, path, field = FINDING_FIELDS[row["field"]]
        name = owner.name
        if code is FindingCode.UNKNOWN_MID:
            name = f"message 0x{row['seen']:08X}"
        words = f"{severity.name.lower()} {name}.{path}"
        seen, expected = self.values(row, owner.name, path, field, code)
        if seen:
            words += f" = {seen}"
        if expected and code in _COMPARED:
            words += f" (expected {expected})"
        return f"{words}: {FINDING_TEXTS[code]} [{owner.section}]"

    def values(
        self, row: Mapping[str, int], owner: str, path: str, field: Field, code: FindingCode
    ) -> tuple[str, str]:
        """What was seen and what was expected."""
        rule = field.rule
        wanted = ""
        if rule is not None and code <= FindingCode.BAD_GRAMMAR:
            wanted = rule.text().partition(";")[0].split(" ", 1)[1].removeprefix("= ")
        if field.kind in _TEXTS:
            return self.seen_text(row, owner, path), wanted
        if field.kind == "bytes" and not field.variable:
            return f"{row['seen']} bytes that are not 0", wanted
        if field.kind == "bytes":
            return str(row["seen"]), str(row["expected"])
        seen, expected = (_value_text(field, row[name]) for name in ("seen", "expected"))
        return seen, expected if rule is None or rule.equal is not None else wanted or expected

    def seen_text(self, row: Mapping[str, int], owner: str, path: str) -> str:
        """The text in question, shortened; empty where its bytes are not to be had."""
        if self._columns is None:
            return ""
        if (owner, path) not in self._texts:
            found = self._columns.rows(owner), self._columns.column(owner, path)
            self._texts[owner, path] = found
        rows, texts = self._texts[owner, path]
        text = texts[int(np.searchsorted(rows, row["row"]))]
        return repr(text if len(text) <= 60 else text[:57] + "...")


def _value_text(field: Field, wire: int) -> str:
    """A number from its wire bits."""
    if field.kind == "f64":
        return repr(struct.unpack("<d", wire.to_bytes(8, "little"))[0])
    if field.kind == "i16":
        return str(wire - (wire >> 15 << 16))
    if field.unit == "HRESULT":
        return hresult_text(wire)
    return str(wire) if field.unit else show(wire)
