"""Rules of single fields: MUST and SHOULD values, enumerations, ranges, grammars."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np

from mmscodec import blocks
from mmscodec.mms.columns import text_of
from mmscodec.mms.findings.tables import Part, bits
from mmscodec.schema import mms
from mmscodec.schema.dtypes import STREAM_ENTRY, field_dtype
from mmscodec.schema.fields import Field, Rule, Struct
from mmscodec.schema.findings import FindingCode, FindingTable, Severity
from mmscodec.schema.values import LOCATION_IDS

_MESSAGES = FindingTable.MESSAGES


def check_fields(tables: Part) -> None:
    """Every rule of every fixed and string field of every message."""
    for struct in (*mms.MESSAGES, mms.RESEND):
        rows, fixed = tables.kind(struct)
        if len(rows) == 0:
            continue
        if struct.name == "LinkMacToViewerReportOpenFile":
            good = fixed["hr"] < 0x80000000  # on error only hr is meaningful
            rows, fixed = rows[good], fixed[good]
        check_struct(tables, _MESSAGES, struct, struct, rows, fixed, "", 0)
        for field in struct.variable:
            if field.kind == "utf16" and field.rule is not None:
                _check_texts(tables, struct, field, rows)
        if struct.name == "LinkViewerToMacStreamSwitch":
            _check_entries(tables, struct, rows)


def check_struct(
    tables: Part,
    table: FindingTable,
    owner: Struct,
    struct: Struct,
    rows: np.ndarray,
    fixed: np.ndarray,
    prefix: str,
    base: int,
) -> None:
    """Rules of the fixed fields of a structure that lies `base` bytes into `owner`."""
    for field in struct.fixed:
        values = fixed[field.python_name]
        path, place = prefix + field.name, base + (field.offset or 0)
        if field.kind == "struct" and field.struct is not None:
            check_struct(tables, table, owner, field.struct, rows, values, path + ".", place)
            continue
        if field.kind == "ansi":
            _check_ansi(tables, owner, path, field, rows, values, place)
        elif field.rule is not None and field.name != "MID":
            bad = broken(field.rule, field, values)
            if field.needs_chunk_len:
                bad &= fixed["chunk_len"] >= field.needs_chunk_len
            at = np.flatnonzero(bad)
            tables.add(
                table, rows[at], _code_of(field.rule), (owner, path),
                severities(field.rule, values[at]), _seen_bits(field, values[at]),
                _expected_bits(field), place,
            )  # fmt: skip


def broken(rule: Rule, field: Field, values: np.ndarray) -> np.ndarray:
    """Mask of the values that break a rule."""
    if field.kind == "bytes":
        return _nonzero_bytes(values) != 0
    if rule.equal is not None:
        return values != rule.equal
    if rule.one_of:
        return ~np.isin(values, np.array(rule.one_of, values.dtype))
    low, high = rule.low, rule.high
    bad = ~((values >= low) & (values <= high))  # a NaN is out of every range
    return bad | (values == 0) if rule.not_zero else bad


def _nonzero_bytes(values: np.ndarray) -> np.ndarray:
    """How many bytes of each raw field are not zero."""
    flat = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.dtype.itemsize)
    return np.count_nonzero(flat, axis=1)


def _code_of(rule: Rule) -> FindingCode:
    """The code that says which kind of rule it is."""
    if rule.equal is not None:
        return FindingCode.NOT_EQUAL
    if rule.pattern:
        return FindingCode.BAD_GRAMMAR
    return FindingCode.NOT_ONE_OF if rule.one_of else FindingCode.OUT_OF_RANGE


def severities(rule: Rule, values: np.ndarray) -> np.ndarray:
    """Severity of each broken value."""
    if rule.ignored:
        return np.full(len(values), Severity.UNINITIALISED)
    if rule.loose or rule.level == "should":
        return np.full(len(values), Severity.DEVIATION)
    out = np.full(len(values), Severity.VIOLATION)
    if rule.known:
        out[np.isin(values, np.array(rule.known, values.dtype))] = Severity.DEVIATION
    return out


def _seen_bits(field: Field, values: np.ndarray) -> np.ndarray:
    """Wire bits of numbers; of raw bytes the number of those that are not zero."""
    return _nonzero_bytes(values) if field.kind == "bytes" else bits(values)


def _expected_bits(field: Field) -> int:
    """Wire bits of the value a rule asks for: the one, the first, or the lowest."""
    rule = field.rule
    if rule is None or field.kind in ("bytes", "ansi", "utf16"):
        return 0
    value = rule.equal if rule.equal is not None else rule.one_of[0] if rule.one_of else rule.low
    return int(bits(np.array([value], field_dtype(field)))[0])


def _check_ansi(
    tables: Part,
    owner: Struct,
    path: str,
    field: Field,
    rows: np.ndarray,
    values: np.ndarray,
    place: int,
) -> None:
    """Text in a field of fixed size: NUL-terminated, not empty, and its rule."""
    flat = np.ascontiguousarray(values).view(np.uint8).reshape(len(values), values.dtype.itemsize)
    at = np.flatnonzero((flat != 0).all(axis=1))
    tables.add(_MESSAGES, rows[at], FindingCode.MISSING_NUL, (owner, path), Severity.VIOLATION,
               place=place)  # fmt: skip
    rule = field.rule
    if rule is None:
        at = np.flatnonzero(flat[:, 0] == 0)
        tables.add(_MESSAGES, rows[at], FindingCode.EMPTY_TEXT, (owner, path), Severity.DEVIATION,
                   place=place)  # fmt: skip
        return
    allowed = [str(text).encode() for text in (rule.one_of or (rule.equal,))]
    at = np.flatnonzero(~np.isin(values, np.array(allowed)))
    at = at[[text.split(b"\0", 1)[0] not in allowed for text in values[at].tolist()]]
    severity = Severity.DEVIATION if rule.loose else Severity.VIOLATION
    tables.add(_MESSAGES, rows[at], _code_of(rule), (owner, path), severity, place=place)


def _check_texts(tables: Part, struct: Struct, field: Field, rows: np.ndarray) -> None:
    """Rules of UTF-16 strings; each different text is looked at once."""
    rule = field.rule
    if rule is None:
        return
    raw = tables.raw(struct, field)
    found = raw.each(
        [
            0
            if field.optional and not value
            else _text_severity(rule, text_of(value[: len(value) & ~1], field.nul))
            for value in raw.values
        ]
    )
    at = np.flatnonzero(found)
    tables.add(_MESSAGES, rows[at], _code_of(rule), (struct, field.name), found[at],
               raw.length[at], 0, raw.start[at])  # fmt: skip


def _text_severity(rule: Rule, text: str) -> int:
    """0 for a text that keeps to the rule."""
    if rule.pattern:
        good = re.fullmatch(rule.pattern, text) is not None
    else:
        good = text in rule.one_of if rule.one_of else text == rule.equal
    if good:
        return 0
    known = rule.loose or rule.level == "should" or text in rule.known
    return Severity.DEVIATION if known else Severity.VIOLATION


def _check_entries(tables: Part, struct: Struct, rows: np.ndarray) -> None:
    """Entries of StreamSwitch, those of some messages in one array."""
    entry = mms.STREAM_SWITCH_ENTRY
    raw = tables.raw(struct, struct["aStreamEntries"])
    counts = (raw.length // entry.fixed_size).astype(np.intp)  # what repeat takes on 32 bits
    whole = [value[: len(value) // entry.fixed_size * entry.fixed_size] for value in raw.values]
    group = np.cumsum(counts) // blocks.BLOCK  # messages of so many entries, or one that has more
    cuts = [0, *(np.flatnonzero(np.diff(group)) + 1).tolist(), len(rows)]
    for low, high in pairwise(cuts):
        some = b"".join([whole[i] for i in raw.which[low:high].tolist()])
        _check_some_entries(tables, struct, rows[low:high], counts[low:high], some)


def _check_some_entries(
    tables: Part, struct: Struct, rows: np.ndarray, counts: np.ndarray, joined: bytes
) -> None:
    """Entries of messages `rows`, `counts` in each."""
    entry = mms.STREAM_SWITCH_ENTRY
    entries = np.frombuffer(joined, STREAM_ENTRY)
    owner = np.repeat(np.arange(len(rows)), counts)
    nth = np.arange(len(entries)) - np.repeat(np.cumsum(counts) - counts, counts)
    for field in entry.fixed:
        if field.rule is None:
            continue
        values = entries[field.python_name]
        at = np.flatnonzero(broken(field.rule, field, values))
        tables.add(
            _MESSAGES, rows[owner[at]], _code_of(field.rule), (entry, field.name),
            severities(field.rule, values[at]), bits(values[at]), _expected_bits(field),
            struct.fixed_size + entry.fixed_size * nth[at] + (field.offset or 0),
        )  # fmt: skip


def check_data(tables: Part) -> None:
    """Data packets: AFFlags of header fragments, packet-pair sizes."""
    data, struct, table = tables.data, mms.DATA_PACKET, FindingTable.DATA
    # 0x04 and 0x0C by the specification; 0x00 and 0x08 by other sources
    flags = data["af_flags"]
    at = np.flatnonzero((data["kind"] == 1) & ~np.isin(flags, [0x04, 0x0C]))
    severity = np.where(np.isin(flags[at], [0, 8]), Severity.DEVIATION, Severity.VIOLATION)
    tables.add(table, at, FindingCode.HEADER_FLAGS, (struct, "AFFlags"), severity, flags[at], 0x0C)
    pair = (data["kind"] == 2) & np.isin(data["location_id"], list(LOCATION_IDS))
    at = np.flatnonzero(pair & (data["length"] != 1472))
    tables.add(table, at, FindingCode.PAIR_SIZE, (struct, "PacketSize"), Severity.DEVIATION,
               data["length"][at], 1472)  # fmt: skip
