"""`batch.findings`: what deviates from the notes in rows that were understood."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from mmscodec import blocks
from mmscodec.schema.dtypes import FINDINGS
from mmscodec.schema.faults import FAULT_FIELDS
from mmscodec.schema.fields import Field, Rule, show
from mmscodec.schema.winmx import FIELD_NUMBERS, types_of
from mmscodec.schema.winmx.dtypes import ITEM_TABLES, absent, layout
from mmscodec.schema.winmx.findings import (
    DEVIATION,
    SECTIONS,
    TEXTS,
    VIOLATION,
    Finding,
    Table,
)

_BYTES = 4 << 20  # of a block of packets


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


class Part(NamedTuple):
    """A block of packets of a batch, with the rows that belong to them."""

    batch: Any
    here: slice
    packets: np.ndarray

    def rows_of(self, table: np.ndarray) -> np.ndarray:
        """Those of a table with a column `packet` that belong to these packets."""
        first, last = self._bounds(table)
        return table[first:last]

    def first_of(self, table: np.ndarray) -> int:
        """The row of the first of them."""
        return self._bounds(table)[0]

    def _bounds(self, table: np.ndarray) -> tuple[int, int]:
        owners = table["packet"]
        first = bisect_left(owners, self.here.start)
        return first, bisect_left(owners, self.here.stop, first)


def parts_of(batch: Any) -> Iterator[Part]:
    """The packets of a batch in blocks, of a few MiB so that what is in them is bounded too."""
    offsets = batch.packets["offset"]
    low = 0
    while low < len(offsets):
        high = min(low + blocks.BLOCK, len(offsets))
        high = max(bisect_left(offsets, offsets[low] + _BYTES, low, high), low + 1)
        here = slice(low, high)
        yield Part(batch, here, batch.packets[here])
        low = high


def find(batch: Any) -> Findings:
    """Findings of a batch."""
    found = []
    for part in parts_of(batch):
        made = [*list_lengths(part), *node_values(part), *packet_fields(part)]
        kept = [rows for rows in made if len(rows)]
        if kept:
            rows = blocks.joined(kept, FINDINGS)
            order = np.argsort(rows["offset"], kind="stable")
            found.append(rows.view(f"V{rows.itemsize}")[order].view(FINDINGS))  # padding as well
    return blocks.joined(found, FINDINGS).view(Findings)


def list_lengths(part: Part) -> Iterator[np.ndarray]:
    """NodeLists of other than eight records (section 4.2)."""
    if part.batch.link not in ("", "secondary"):
        return
    packets = part.packets
    odd = np.flatnonzero((packets["type"] == 0x03A1) & (packets["data_length"] // 12 != 8))
    yield rows_of(
        Table.PACKETS, Finding.RECORD_COUNT, 65, odd + part.here.start, packets["offset"][odd],
        packets["data_length"][odd] // 12, 8,
    )  # fmt: skip


def node_values(part: Part) -> Iterator[np.ndarray]:
    """Unusable records, X above 2, a last byte that is not 0."""
    nodes = part.rows_of(part.batch.nodes)
    first = part.first_of(part.batch.nodes)
    offsets = part.batch.packets["offset"]
    most = 0 if part.batch.link == "cache" else 2
    checks = (
        ("ip", Finding.UNUSABLE_ADDRESS, nodes["ip"] == 0, 1),
        ("tcp_port", Finding.UNUSABLE_PORT, nodes["tcp_port"] == 0, 1),
        ("x", Finding.X_RANGE, nodes["x"] > most, most),
        ("reserved", Finding.RESERVED_NOT_ZERO, nodes["reserved"] != 0, 0),
    )
    for name, code, broken, expected in checks:
        at = np.flatnonzero(broken)
        yield rows_of(
            Table.NODES, code, FIELD_NUMBERS[name], at + first, offsets[nodes["packet"][at]],
            nodes[name][at], expected,
        )  # fmt: skip


def packet_fields(part: Part) -> Iterator[np.ndarray]:
    """Rules of fields, bytes behind the last field, types that no notes know."""
    packets = part.packets
    offsets = part.batch.packets["offset"]
    known = types_of(part.batch.link, part.batch.direction)
    for mid in np.unique(packets["type"]).tolist():
        item = known.get(mid)
        if item is None and -1 not in known:
            row = np.flatnonzero(packets["type"] == mid) + part.here.start
            yield rows_of(Table.PACKETS, Finding.UNKNOWN_TYPE, 64, row, offsets[row], mid, 0)
            continue
        if item is None or not item.known or item.name in ("NodeList", "CacheList"):
            continue
        plan = layout(item)
        yield from field_rules(part, item.name, plan.packet.fields)
        rows = part.rows_of(part.batch[item.name])
        broken = rows[rows["surplus"] > 0]
        yield rows_of(
            Table.PACKETS, Finding.SURPLUS, 65, broken["packet"], offsets[broken["packet"]],
            broken["surplus"], 0,
        )  # fmt: skip
        for name, owner in ITEM_TABLES.items():
            if owner is item and item.items is not None:
                yield from field_rules(part, name, item.items.fields)


def field_rules(part: Part, name: str, fields: tuple[Field, ...]) -> Iterator[np.ndarray]:
    """Rows of one kind against the rules of its fields."""
    rows = part.rows_of(part.batch[name])
    offsets = part.batch.packets["offset"]
    for field in fields:
        rule = field.rule
        if rule is None or len(rows) == 0:
            continue
        code, broken, seen, expected = broken_rule(part.batch, field, rule, rows)
        lacking = absent(field, rows)
        at = np.flatnonzero(broken if lacking is None else broken & ~lacking)
        packet = rows["packet"][at]
        severity = VIOLATION if rule.level == "must" else DEVIATION
        yield rows_of(
            Table.PACKETS, code, FIELD_NUMBERS[field.name], packet, offsets[packet], seen[at],
            expected, severity,
        )  # fmt: skip


def broken_rule(batch: Any, field: Field, rule: Rule, rows: np.ndarray) -> tuple:
    """(code, mask of rows that break it, what was seen, what was expected)."""
    if rule.pattern:
        grammar = re.compile(rule.pattern)
        places, lengths = rows[f"{field.name}_offset"], rows[f"{field.name}_length"]
        texts = batch.strings(places, lengths, "latin-1")
        broken = np.fromiter((grammar.fullmatch(text) is None for text in texts), bool, len(texts))
        return Finding.BAD_GRAMMAR, broken, lengths, 18
    values = rows[field.name]
    if rule.one_of:
        return Finding.NOT_ONE_OF, ~np.isin(values, rule.one_of), values, rule.one_of[-1]
    return Finding.NOT_EQUAL, values != rule.equal, values, rule.equal
