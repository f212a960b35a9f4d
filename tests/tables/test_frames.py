"""Every structured array goes straight into pandas and Polars, and through what people do there."""

import io
import random
import sys

import numpy as np
import pytest

import mmscodec
from mmscodec import mms, winmx
from mmscodec.rows import as_rows, as_structures, flat
from mmscodec.schema.dtypes import ROWS, in_capture
from mmscodec.schema.mms import BY_NAME as MESSAGES
from mmscodec.schema.winmx import BY_NAME
from mmscodec.schema.winmx.dtypes import ITEM_TABLES, layout
from tests.tables.consumers import CAPTURES, capture, library

TABLES = (
    "flows", "packets", "messages", "data", "faults", "findings", "gaps", "sessions", "exchanges",
    "transitions", "nodes",
)  # fmt: skip


def random_rows(dtype, seed, count=6):
    chance = random.Random(str(seed))
    raw = bytearray(chance.randbytes(dtype.itemsize * count))
    rows = np.frombuffer(raw, dtype).copy()
    for name in dtype.names:
        if rows[name].dtype.kind == "f":
            rows[name] = chance.random()
        if rows[name].dtype.kind == "S":
            rows[name] = b"text"
    return rows


def arrays():
    """(name, rows): gathered tables with random bytes in their fields, and those of captures."""
    for name, dtype in ROWS.items():
        yield name, as_rows(random_rows(in_capture(dtype), name))
    for name in (*BY_NAME, *ITEM_TABLES):
        plan = layout(ITEM_TABLES[name], True) if name in ITEM_TABLES else layout(BY_NAME[name])
        yield name, as_rows(random_rows(plan.dtype, name))
    for path in ("own/own_ntlm.pcap", "winmx/secondary.pcap"):
        cap = capture(path)
        for name in TABLES:
            yield f"{name} of {path}", getattr(cap, name)
        batch = mms.decode(bytes(cap.stream(0)))
        for name in ("packets", "messages", "data", "faults", "findings"):
            yield f"batch.{name} of {path}", getattr(batch, name)
    found = capture("winmx/secondary.pcap").winmx
    for name in ("packets", "nodes", "faults", "findings"):
        yield f"winmx.{name}", getattr(found, name)
    for name in ("history", "lists", "answers", "intervals"):
        yield f"winmx.{name}", getattr(found, name)()
    for _, batch in found.batches[:2]:
        for name in ("packets", "nodes", "faults", "findings"):
            yield f"winmx batch {name}", getattr(batch, name)
    yield "unique", winmx.unique_nodes(found.nodes)


EVERY = list(arrays())


@pytest.mark.parametrize(("name", "rows"), EVERY, ids=[name for name, _ in EVERY])
def test_pandas_does_everything_with_the_rows(name, rows):
    pd = library("pandas")
    library("pyarrow")
    frame = pd.DataFrame(rows)
    assert len(frame) == len(rows)
    repr(frame)
    frame.to_csv(io.StringIO())
    frame.to_parquet(io.BytesIO())
    frame.describe(include="all")
    frame.drop_duplicates()
    frame.iloc[::-1].sort_index()
    for column in frame.columns:
        assert frame.groupby(column).size().sum() == frame[column].count()
        frame.sort_values(column)
        assert len(frame.merge(frame[[column]].drop_duplicates(), on=column)) >= len(frame)


@pytest.mark.parametrize(("name", "rows"), EVERY, ids=[name for name, _ in EVERY])
def test_polars_does_everything_with_the_rows(name, rows):
    pl = library("polars")
    frame = pl.DataFrame(rows)
    assert len(frame) == len(rows)
    repr(frame)
    frame.write_parquet(io.BytesIO())
    for column in frame.columns:
        assert frame.group_by(column).len()["len"].sum() == len(frame)
        frame.sort(column)
        frame.join(frame.select(column).unique(), on=column)


def test_no_column_of_a_row_is_lost_or_changed():
    for name, dtype in ROWS.items():
        rows = random_rows(in_capture(dtype), name)
        made = as_rows(rows)
        assert made.dtype.itemsize == rows.dtype.itemsize
        assert made.tobytes() == rows.tobytes()
        for column in made.dtype.names:
            assert made[column].dtype.names is None
        back = as_structures(made, in_capture(dtype))
        assert back.dtype == rows.dtype
        assert back.tobytes() == rows.tobytes()


def test_fields_of_inner_structures_stand_side_by_side():
    rows = random_rows(ROWS["LinkViewerToMacLogging"], 1)
    made = as_rows(rows)
    assert made["sz_url"].tolist() == rows["log"]["info"]["sz_url"].tolist()
    assert made["cb_size"].tolist() == rows["log"]["cb_size"].tolist()
    assert made["info_cb_size"].tolist() == rows["log"]["info"]["cb_size"].tolist()
    assert made["log"].tobytes() == rows["log"].tobytes()
    assert flat(made.dtype) == made.dtype


def test_raw_bytes_are_bytes_and_addresses_numbers():
    rows = random_rows(ROWS["LinkMacToViewerReportOpenFile"], 2)
    made = as_rows(rows)
    assert made["unused1"].tolist() == [row.tobytes() for row in rows["unused1"]]
    with pytest.raises(ValueError, match="read-only"):
        made["unused1"][0] = b""
    nodes = capture("winmx/secondary.pcap").nodes
    assert nodes["ip"].dtype.isnative
    (_, batch), *_ = [part for part in capture("winmx/secondary.pcap").winmx.batches
                      if len(part[1].nodes)]  # fmt: skip
    assert batch.nodes["ip"].dtype.isnative
    assert batch.nodes["ip"].tolist() == batch.records["ip"].tolist()


def swapped(dtype):
    """Columns of another byte order than this machine's."""
    found = []
    for name, (kind, *_) in dtype.fields.items():
        kind = kind.subdtype[0] if kind.subdtype else kind
        found += swapped(kind) if kind.names else [name] * (not kind.isnative)
    return found


@pytest.mark.skipif(sys.byteorder != "little", reason="numbers of the wire are little-endian")
@pytest.mark.parametrize(("name", "rows"), EVERY, ids=[name for name, _ in EVERY])
def test_gathered_tables_have_native_byte_order(name, rows):
    assert swapped(rows.dtype) == []


def test_addresses_are_numbers_in_every_row_and_octets_on_the_wire():
    ends = {"origin_ip": "192.0.2.1", "origin_udp_port": 1}
    frame = winmx.encode("PrimaryPacket", **ends, data=b"\x10")
    assert bytes([192, 0, 2, 1]) in frame
    rows = winmx.decode(frame, link="primary")["PrimaryPacket"]
    assert np.asarray(rows)["origin_ip"].tolist() == [0xC0000201]
    (_, batch), *_ = [part for part in capture("winmx/secondary.pcap").winmx.batches
                      if len(part[1].nodes)]  # fmt: skip
    assert swapped(batch.records.dtype) == ["ip"]  # a view of the wire
    assert winmx.encode(batch.nodes) == winmx.encode(batch.nodes.copy())
    assert winmx.decode(winmx.encode(batch.nodes)).records.tobytes() == batch.records.tobytes()


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_rows_go_back_to_the_bytes_they_came_from(name):
    for path in ("own/own_ntlm.pcap", "mms/vlc_udp.pcap"):
        cap = mmscodec.open(CAPTURES / path)
        rows = cap[name]
        fields = [field.python_name for field in MESSAGES[name].variable]
        variable = {field: cap.column(name, field).tolist() for field in fields}
        together = mms.encode(name, rows, packet=False, **variable)
        alone = b"".join(
            mms.encode(name, row, packet=False, **{key: v[i] for key, v in variable.items()})
            for i, row in enumerate(rows_on_wire(name, rows))
        )
        assert together == alone


def rows_on_wire(name, rows):
    wire = flat(ROWS[name])
    out = np.zeros(len(rows), wire)
    for column in wire.names:
        out[column] = rows.view(np.ndarray)[column]
    return out
