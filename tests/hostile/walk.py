"""Everything a user can ask of a capture, asked; and what must hold whatever the bytes were."""

from __future__ import annotations

import numpy as np

from mmscodec.errors import LimitError
from mmscodec.schema import mms
from mmscodec.schema.faults import FaultCode

KNOWN_CODES = {int(code) for code in FaultCode}
MISSING_MAX = 8 << 20


def walk(capture, *, deep: bool = True) -> dict[str, int]:
    """Touch all tables, columns, payloads and streams; numbers of rows by table."""
    flows = capture.flows
    rows = {
        name: getattr(capture, name) for name in ("packets", "messages", "data", "gaps", "faults")
    }
    lengths = capture._raw_flows["length"].astype(np.int64)
    for name, table in rows.items():
        assert table.flags.c_contiguous
        in_a_flow = table["flow"] >= 0 if name == "faults" else np.ones(len(table), bool)
        assert (table["flow"] < len(flows)).all()
        assert (table["flow"][in_a_flow] >= 0).all()
        assert (table["offset"] >= 0).all()
        if name not in ("faults",):
            ends = table["offset"].astype(np.int64) + table["length"]
            assert (ends <= lengths[table["flow"]]).all(), name
    assert set(rows["faults"]["code"].tolist()) <= KNOWN_CODES
    assert (rows["faults"]["length"] >= 0).all()
    assert (rows["messages"]["packet"] >= -1).all()
    assert (rows["messages"]["packet"] < len(rows["packets"])).all()
    peers = flows["peer"][flows["peer"] >= 0]
    assert (peers < len(flows)).all()
    if deep:
        columns(capture)
        payloads(capture, rows["data"])
        streams(capture, flows)
        capture.faults.text()
        assert len(capture.findings) >= 0
        repr(capture)
    return {name: len(table) for name, table in rows.items()}


def columns(capture) -> None:
    for mid in np.unique(capture.messages["mid"]).tolist():
        kind = next((kind for kind in mms.BY_NAME.values() if kind.mid == mid), None)
        if kind is None:
            continue
        table = capture[kind.name]
        for field in kind.fields:
            assert len(capture.column(kind.name, field.python_name)) == len(table)


def payloads(capture, data) -> None:
    for row in range(0, len(data), max(1, len(data) // 20)):
        assert len(capture.payload(row)) == int(data["length"][row]) - 8


def streams(capture, flows) -> None:
    for flow in range(min(len(flows), 20)):
        try:
            stream = capture.stream(flow, max_missing=MISSING_MAX)
        except LimitError:
            continue
        assert len(stream) == int(flows["length"][flow])
