"""`batch.findings`: what deviates from the notes in rows that were understood."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from mmscodec.schema.dtypes import FINDINGS
from mmscodec.schema.faults import FAULT_FIELDS
from mmscodec.schema.fields import Field, Rule, show
from mmscodec.schema.winmx import FIELD_NUMBERS, types_of
from mmscodec.schema.winmx.dtypes import ITEM_TABLES, Layout, absent, layout
from mmscodec.schema.winmx.findings import (
    DEVIATION,
    SECTIONS,
    TEXTS,
    VIOLATION,
    Finding,
    Table,
)


class Findings(np.ndarray):
    """Rows of `mmscodec.schema.dtypes.FINDINGS`, as MMS has them.

    Columns: table (1 packets, 4 nodes), row (in that table), offset (of the packet in its stream),
    code (a `Finding`), field (a key of `FAULT_FIELDS`), severity (1 violation, 2 deviation), seen
    and expected. The order is that of the packets.
    """

    def text(self) -> list[str]:
        """One line for each finding: offset, severity, field, what, seen, expected, section."""
        return [line(row) for row in np.atleast_1d(np.asarray(self))]


def line(row: Any) -> str:
    """One finding for people."""
    code = int(row["code"])
    severity = "violation" if row["severity"] == VIOLATION else "deviation"
    words = [f"0x{int(row['offset']):x}: {severity}:", TEXTS.get(code, f"finding {code}")]
    if name := FAULT_FIELDS.get(int(row["field"])):
        words.append(f"in {name}")
    words.append(f"(seen {show(int(row['seen']))}, expected {show(int(row['expected']))})")
    if code in SECTIONS:
        words.append(f"[{SECTIONS[code]}]")
    return " ".join(words)


def rows_of(
    table: int, code: int, field: int, row: np.ndarray, offset: np.ndarray, seen: Any,
    expected: Any, severity: int = DEVIATION,
) -> np.ndarray:  # fmt: skip
    """Rows of the findings table from columns."""
    out = np.zeros(len(row), FINDINGS)
    out["table"] = table
    out["severity"] = severity
    out["code"] = code
    out["field"] = field
    out["row"] = row
    out["offset"] = offset
    out["seen"] = seen
    out["expected"] = expected
    return out


def find(batch: Any) -> Findings:
    """Findings of a batch, all rows at once."""
    found = [*list_lengths(batch), *node_values(batch), *packet_fields(batch)]
    kept = [rows for rows in found if len(rows)]
    if not kept:
        return np.empty(0, FINDINGS).view(Findings)
    rows = np.concatenate(kept)
    return rows[np.argsort(rows["offset"], kind="stable")].view(Findings)


def list_lengths(batch: Any) -> Iterator[np.ndarray]:
    """NodeLists of other than eight records (section 4.2)."""
    if batch.link not in ("", "secondary"):
        return
    packets = batch.packets
    odd = np.flatnonzero((packets["type"] == 0x03A1) & (packets["data_length"] // 12 != 8))
    yield rows_of(
        Table.PACKETS, Finding.RECORD_COUNT, 65, odd, packets["offset"][odd],
        packets["data_length"][odd] // 12, 8,
    )  # fmt: skip


def node_values(batch: Any) -> Iterator[np.ndarray]:
    """Unusable records, X above 2, a last byte that is not 0."""
    nodes = batch.nodes
    if len(nodes) == 0:
        return
    offsets = batch.packets["offset"]
    most = 0 if batch.link == "cache" else 2
    checks = (
        ("ip", Finding.UNUSABLE_ADDRESS, nodes["ip"] == 0, 1),
        ("tcp_port", Finding.UNUSABLE_PORT, nodes["tcp_port"] == 0, 1),
        ("x", Finding.X_RANGE, nodes["x"] > most, most),
        ("reserved", Finding.RESERVED_NOT_ZERO, nodes["reserved"] != 0, 0),
    )
    for name, code, broken, expected in checks:
        row = np.flatnonzero(broken)
        yield rows_of(
            Table.NODES, code, FIELD_NUMBERS[name], row, offsets[nodes["packet"][row]],
            nodes[name][row], expected,
        )  # fmt: skip


def packet_fields(batch: Any) -> Iterator[np.ndarray]:
    """Rules of fields, bytes behind the last field, types that no notes know."""
    packets = batch.packets
    offsets = packets["offset"]
    known = types_of(batch.link, batch.direction)
    for mid in np.unique(packets["type"]).tolist():
        item = known.get(mid)
        if item is None and -1 not in known:
            row = np.flatnonzero(packets["type"] == mid)
            yield rows_of(Table.PACKETS, Finding.UNKNOWN_TYPE, 64, row, offsets[row], mid, 0)
            continue
        if item is None or not item.known or item.name in ("NodeList", "CacheList"):
            continue
        plan = layout(item)
        yield from field_rules(batch, item.name, plan, plan.packet.fields)
        rows = batch[item.name]
        broken = rows[rows["surplus"] > 0]
        yield rows_of(
            Table.PACKETS, Finding.SURPLUS, 65, broken["packet"], offsets[broken["packet"]],
            broken["surplus"], 0,
        )  # fmt: skip
        for name, owner in ITEM_TABLES.items():
            if owner is item and item.items is not None:
                yield from field_rules(batch, name, layout(item, True), item.items.fields)


def field_rules(
    batch: Any, name: str, plan: Layout, parts: tuple[Field, ...]
) -> Iterator[np.ndarray]:
    """Rows of one kind against the rules of its fields."""
    rows = batch[name]
    offsets = batch.packets["offset"]
    for part in parts:
        rule = part.rule
        if rule is None or len(rows) == 0:
            continue
        code, broken, seen, expected = broken_rule(batch, name, part, rule, rows)
        lacking = absent(part, rows)
        at = np.flatnonzero(broken if lacking is None else broken & ~lacking)
        packet = rows["packet"][at]
        severity = VIOLATION if rule.level == "must" else DEVIATION
        yield rows_of(
            Table.PACKETS, code, FIELD_NUMBERS[part.name], packet, offsets[packet], seen[at],
            expected, severity,
        )  # fmt: skip


def broken_rule(batch: Any, name: str, part: Field, rule: Rule, rows: np.ndarray) -> tuple:
    """(code, mask of rows that break it, what was seen, what was expected)."""
    if rule.pattern:
        grammar = re.compile(rule.pattern)
        texts = batch.column(name, part.name)
        broken = np.fromiter((grammar.fullmatch(text) is None for text in texts), bool, len(texts))
        return Finding.BAD_GRAMMAR, broken, rows[f"{part.name}_length"], 18
    values = rows[part.name]
    if rule.one_of:
        return Finding.NOT_ONE_OF, ~np.isin(values, rule.one_of), values, rule.one_of[-1]
    return Finding.NOT_EQUAL, values != rule.equal, values, rule.equal
