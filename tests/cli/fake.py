"""A capture made by hand, with the arrays that `mmscodec.open` gives."""

from typing import Any, ClassVar

import numpy as np

from mmscodec.capture import not_understood
from mmscodec.faulttable import fault_table
from mmscodec.schema import dtypes, mms
from mmscodec.tables.data import Spans

FLOWS = np.dtype(
    {
        "names": ["flow", "src", "dst", "src_port", "dst_port", "transport", "protocol", "peer"],
        "formats": ["<i4", "V16", "V16", "<u2", "<u2", "U3", "U5", "<i4"],
    }
)
GAPS = np.dtype(
    [("offset", "<i8"), ("length", "<i8"), ("time", "<i8"), ("flow", "<i4"), ("reason", "u1")]
)
START = 1_795_219_567_792_120_000


def v4(last: int) -> bytes:
    return bytes(10) + b"\xff\xff" + bytes([10, 0, 0, last])


class FakeCapture:
    """Messages, Data packets and faults are added in order, each a millisecond after the last."""

    skipped = ()
    size = None
    counts: ClassVar[dict[str, int]] = {"records": 9, "segments": 9}
    not_understood = not_understood.table([], [])

    def __init__(self) -> None:
        self.flows = np.array(
            [
                (0, v4(1), v4(2), 40000, 1755, "tcp", "mms", 1),
                (1, v4(2), v4(1), 1755, 40000, "tcp", "mms", 0),
            ],
            FLOWS,
        )
        self.rows: dict[str, list] = {"messages": [], "data": [], "faults": []}
        self.fixed: dict[str, list[dict[str, Any]]] = {}
        self.texts: dict[tuple[str, str], list] = {}
        self.clock = START

    def tick(self, flow: int) -> dict[str, int]:
        self.clock += 1_000_000
        row = {"time": self.clock, "flow": flow, "offset": self.clock - START, "packet": 0}
        return row | {"direction": flow + 1}

    def message(self, name: str, flow: int = 0, length: int = 40, **values: Any) -> None:
        kind = mms.BY_NAME[name]
        self.rows["messages"].append({**self.tick(flow), "mid": kind.mid, "length": length})
        fixed = {item.python_name for item in kind.fixed}
        self.fixed.setdefault(name, []).append({k: v for k, v in values.items() if k in fixed})
        for item in kind.variable:
            self.texts.setdefault((name, item.python_name), []).append(
                values.get(item.python_name, "" if item.kind == "utf16" else b"")
            )

    def packet(self, location: int, length: int = 1456, kind: int = 0) -> None:
        self.rows["data"].append(
            {**self.tick(1), "length": length, "location_id": location, "play_incarnation": 9}
            | {"kind": kind, "af_flags": location & 0xFF}
        )

    def fault(self, **values: int) -> None:
        self.rows["faults"].append({**self.tick(1), **values})

    def _table(self, name: str, dtype: np.dtype) -> np.ndarray:
        rows = self.rows[name]
        out = np.zeros(len(rows), dtypes.in_capture(dtype))
        for target, row in zip(out, rows):
            for key in out.dtype.names:
                target[key] = row.get(key, 0)
        return out

    @property
    def messages(self) -> np.ndarray:
        return self._table("messages", dtypes.MESSAGES)

    @property
    def data(self) -> np.ndarray:
        return self._table("data", dtypes.DATA)

    @property
    def gaps(self) -> np.ndarray:
        return np.zeros(0, GAPS)

    @property
    def faults(self) -> np.ndarray:
        return fault_table(self._table("faults", dtypes.FAULTS))

    def __getitem__(self, name: str) -> np.ndarray:
        out = np.zeros(len(self.fixed.get(name, [])), dtypes.in_capture(dtypes.ROWS[name]))
        for target, row in zip(out, self.fixed.get(name, [])):
            for key, value in row.items():
                target[key] = value
            target["chunk_len"] = 1000
        return out

    def column(self, name: str, field: str) -> list:
        return self.texts[name, field]

    def rows_of(self, name: str) -> np.ndarray:
        return np.flatnonzero(self.messages["mid"] == mms.BY_NAME[name].mid)

    def iter_batches(self):
        yield FakeTables(self)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        return None


class FakeTables:
    """A batch of a fake capture."""

    def __init__(self, capture: FakeCapture) -> None:
        for name in ("flows", "messages", "data", "faults", "gaps", "column"):
            setattr(self, name, getattr(capture, name))
        self.rows = capture.rows_of
        self.capture = capture
        self._by_message = FakeColumns(self)

    def __getitem__(self, name: str) -> np.ndarray:
        return self.capture[name]


class FakeColumns:
    """Where fields of variable length lie: one behind the other."""

    def __init__(self, tables: FakeTables) -> None:
        self.tables = tables
        self.bytes = b""
        self.positions = np.zeros(len(tables.messages), np.int64)

    def array(self, name: str) -> np.ndarray:
        return self.tables[name]

    def relative(self, name: str, field: str, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        values = self.tables.column(name, mms.BY_NAME[name][field].python_name)
        raw = [v.encode("utf-16-le") if isinstance(v, str) else v for v in values]
        starts = len(self.bytes) + np.cumsum([0, *map(len, raw)])[:-1]
        self.bytes += b"".join(raw)
        return starts, np.array([len(value) for value in raw], np.int64)

    def spans(self, places: np.ndarray, lengths: np.ndarray) -> Spans:
        return Spans([self.bytes], None, places, lengths)
