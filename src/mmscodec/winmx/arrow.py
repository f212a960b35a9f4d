"""Tables of WinMX rows: packets, nodes, faults, findings, and every kind of packet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mmscodec.schema.dtypes import FINDINGS
from mmscodec.schema.findings import FINDING_TEXTS
from mmscodec.schema.winmx import BY_NAME, FIELD_NUMBERS, types_of
from mmscodec.schema.winmx.base import Field
from mmscodec.schema.winmx.dtypes import (
    FAULT_ROWS,
    ITEM_TABLES,
    NODES,
    PACKET_ROWS,
    Layout,
    absent,
    layout,
)
from mmscodec.schema.winmx.findings import TEXTS
from mmscodec.schema.winmx.findings import Table as FindingTable
from mmscodec.tables import column as make
from mmscodec.tables import data as arrow
from mmscodec.tables.column import Column
from mmscodec.tables.data import Spans, Words
from mmscodec.tables.spec import (
    Spec,
    columns,
    merged,
    of_connections,
    row_of,
    structured,
    words_of,
)
from mmscodec.tables.table import Table

KINDS = (*BY_NAME, *ITEM_TABLES)
PACKET = row_of("the WinMX packets")
NAMES = Words({number: name for name, number in FIELD_NUMBERS.items()})

SPECS: dict[str, dict[str, Spec]] = {
    "packets": {
        "type": Spec(note="packet type"),
        "data_length": Spec(unit="bytes", note="bytes behind the header, 16 bits as on the wire"),
    },
    "nodes": {
        "packet": PACKET,
        "record": Spec(note="place in the packet", section="4.1"),
        "current": Spec(note="record 0 of a NodeList", section="4.2"),
        "ip": Spec("address", dtype="u4", unit="IPv4", section="4.1"),
        **{name: Spec(section="4.1") for name in (
            "udp_port", "tcp_port", "free_primary_slots", "free_secondary_slots", "x", "reserved"
        )},
    },
    "faults": {
        "length": Spec(dtype="i8", unit="bytes", note="bytes not understood"),
        "packet": PACKET,
    },
    "findings": {
        "table": Spec(names=words_of(FindingTable), note="the table that `row` is a row of"),
        "row": row_of("the table that `table` says"),
        "code": Spec(names=Words(merged(FINDING_TEXTS, TEXTS), str), note="which rule is broken"),
        "field": Spec(names=NAMES, note="field that breaks it"),
    },
}  # fmt: skip
TABLES = {"packets": PACKET_ROWS, "nodes": NODES, "faults": FAULT_ROWS, "findings": FINDINGS}


def kind_layout(name: str) -> Layout:
    """The layout of the rows of a kind of packet or item."""
    if name in ITEM_TABLES:
        return layout(ITEM_TABLES[name], True)
    return layout(BY_NAME[name])


def kind_columns(
    plan: Layout,
    rows: Callable[[], np.ndarray],
    sources: Callable[[int, int, str], Spans],
    secrets: bool,
) -> list[Column]:
    """All fields of a kind of packet or item, behind its row in the packets.

    `sources` gives, for rows and a field, where the bytes of a field of variable length lie.
    Without `secrets` credentials are an asterisk for each byte.
    """
    struct = plan.packet.items if plan.item else plan.packet
    assert struct is not None
    out = columns("packet", make.taken(rows, "packet"), PACKET, np.dtype("i8"))
    if plan.item:
        out += columns("item", make.taken(rows, "item"), Spec(note="place in the packet"),
                       np.dtype("u4"))  # fmt: skip
    for field in struct.fields:
        about = {"unit": field.unit, "section": struct.section, "description": field.note}
        about = {key: value for key, value in about.items() if value}
        made = _field(field, plan, rows, sources, about, secrets)
        if absent(field, np.zeros(0, plan.dtype)) is not None:
            made = [make.optional(one, _absent(rows, field)) for one in made]
        out += made
    if not plan.item:
        spec = Spec(unit="bytes", note="bytes behind the last field")
        out += columns("surplus", make.taken(rows, "surplus"), spec, np.dtype("u4"))
    return out


def _absent(rows: Callable[[], np.ndarray], field: Field) -> Callable[[int, int], Any]:
    return lambda start, stop: absent(field, rows()[start:stop])


def _field(
    field: Field,
    plan: Layout,
    rows: Callable[[], np.ndarray],
    sources: Callable[[int, int, str], Spans],
    about: Mapping[str, str],
    secrets: bool,
) -> list[Column]:
    if field.size is None:
        how = arrow.BYTES if field.kind in ("bytes", "array") else arrow.PAGE
        page = None if how == arrow.BYTES else arrow.LATIN1
        parts = lambda start, stop: sources(start, stop, field.name)  # noqa: E731
        shown = arrow.BINARY if how == arrow.BYTES else arrow.TEXT
        if field.secret and not secrets:
            how, about = arrow.MASKED, {**about, "masked": "true"}
        return [make.text(field.name, parts, how, "kept", page, about=about, kind=shown)]
    kind = plan.dtype[field.name]
    if kind.kind == "V":
        return [make.text(field.name, make.inside(rows, (field.name,)), arrow.BYTES, about=about)]
    names = Words(dict(field.values)) if field.values else None
    spec = Spec(
        "address" if field.kind == "ipv4" else "", names=names, unit=about.get("unit", ""),
        section=about.get("section", ""), note=about.get("description", ""),
    )  # fmt: skip
    return columns(field.name, make.taken(rows, field.name), spec, kind)


def clipped(start: np.ndarray, length: np.ndarray, size: int) -> np.ndarray:
    """Lengths of parts, 0 where one is not wholly there."""
    return np.where((start >= 0) & (start <= size - length), length, 0)


def source_of(batch: Any, rows: np.ndarray, name: str) -> tuple[Any, np.ndarray, np.ndarray]:
    """The bytes of a batch, and start and length of a field of variable length in them."""
    buffer = batch.pieces[0][1] if batch.pieces else b""
    start = rows[f"{name}_offset"] - batch.start
    length = rows[f"{name}_length"].astype(np.int64)
    return buffer, start, clipped(start, length, memoryview(buffer).nbytes)


def type_names(batch: Any) -> Words:
    """Names of packet types, as the link and side of a batch have them."""
    known = types_of(batch.link, batch.direction)
    return Words({mid: item.name for mid, item in known.items()}, lambda mid: f"0x{mid:04X}")


def batch_table(batch: Any, name: str, secrets: bool = False) -> Table:
    """`name` of a `winmx.Batch`."""
    return Table(name, batch_columns(batch, name, secrets), lambda: len(rows_of(batch, name)))


def rows_of(batch: Any, name: str) -> np.ndarray:
    """The rows of a table or kind of packet."""
    return getattr(batch, name) if name in TABLES else batch[name]


def batch_columns(batch: Any, name: str, secrets: bool) -> list[Column]:
    """Columns of `name` of a `winmx.Batch`, or of a table of a `winmx.ManyBatch`."""
    if name in TABLES:
        rows = lambda: getattr(batch, name)  # noqa: E731
        made = structured(TABLES[name], rows, SPECS[name])
        if name == "packets":
            made.append(make.words("type_name", make.taken(rows, "type"), type_names(batch)))
        return made
    if name not in KINDS:
        batch.layout_of(name)  # KeyError with what it could have been

    def sources(start: int, stop: int, field: str) -> Spans:
        buffer, at, length = source_of(batch, batch[name][start:stop], field)
        return Spans([buffer], None, at, length)

    return kind_columns(kind_layout(name), lambda: batch[name], sources, secrets)


def many_table(batch: Any, name: str, secrets: bool = False) -> Table:
    """`name` of a `winmx.ManyBatch`: time and number of the connection, then as of a batch."""
    if name == "findings":
        raise KeyError("findings are those of a winmx.Batch, one connection")
    rows = lambda: np.asarray(rows_of(batch, name))  # noqa: E731
    whose = batch if name in TABLES else batch._inner
    made = [*of_connections(rows), *batch_columns(whose, name, secrets)]
    return Table(name, made, lambda: len(rows()))
