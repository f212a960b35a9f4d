"""Rows that were decoded in parts beside those of `mmscodec.open`."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import mmscodec

#: Columns that say which row of another table is meant, by a number that begins anew in each part.
NUMBERS = {
    "partition", "flow", "peer", "control", "packet", "message", "session", "row", "first_message",
    "request", "response", "data", "client_flow", "server_flow", "data_flow", "resend_flow",
    "end_message",
}  # fmt: skip


def whole(paths: Any) -> dict[str, Any]:
    """All tables of `mmscodec.open` that have rows; faults are those of flows."""
    import pyarrow as pa

    with mmscodec.open(paths) as capture:
        found = {name: pa.table(capture.table(name)) for name in capture.tables}
    found["faults"] = found["faults"].filter(found["faults"]["flow"].is_valid())
    return {name: table for name, table in found.items() if len(table)}


def parts(directory: Path) -> list[dict[str, Any]]:
    """Tables of each partition that `write` left."""
    import pyarrow.parquet as parquet

    found: dict[str, dict[str, Any]] = {}
    for file in sorted(directory.glob("*/partition=*/*.parquet")):
        found.setdefault(file.parts[-2], {})[file.parts[-3]] = parquet.ParquetFile(file).read()
    return list(found.values())


def content(tables: list[Any], but: set[str] = NUMBERS) -> Counter:
    """How often there is which row, without the numbers of others; times as integers."""
    import pyarrow as pa

    rows: Counter = Counter()
    for table in tables:
        kept = [name for name in table.column_names if name not in but]
        columns = []
        for name in kept:
            column = table[name]
            kind = column.type
            if pa.types.is_timestamp(kind) or pa.types.is_duration(kind):
                column = column.cast(pa.int64())
            columns.append(map(str, column.to_pylist()))
        rows.update(zip(*columns))
    return rows


def refer_to_their_own(part: dict[str, Any]) -> bool:
    """Numbers in a part name rows of this part: a message its packet, a packet its flow."""
    flows, packets = part["flows"].to_pylist(), part["packets"].to_pylist()
    for row in part["messages"].to_pylist():
        packet, flow = packets[row["packet"]], flows[row["flow"]]
        if (packet["flow"], packet["time"]) != (row["flow"], row["time"]):
            return False
        if (flow["client"], flow["client_port"]) != (row["client"], row["client_port"]):
            return False
    return True
