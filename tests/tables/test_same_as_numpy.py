"""Every table of every capture, column by column beside the NumPy rows and the columns of str."""

import numpy as np
import pytest

from mmscodec.capture import DIRECTIONS
from mmscodec.capture.arrow import PLAIN
from mmscodec.mms.arrow import leaves
from mmscodec.mms.columns import struct_of
from mmscodec.schema.fields import ansi_decode
from mmscodec.schema.mms import message_name
from mmscodec.schema.values import HRESULTS
from mmscodec.schema.winmx import BY_NAME
from mmscodec.schema.winmx.dtypes import ITEM_TABLES
from tests.oracle.text_winmx import is_there
from tests.tables.consumers import capture, every_capture, integers, library

#: Numbers that say in the rows that there is none.
NONE = {-1, -1.0, -(1 << 63)}
#: Columns where 0 says so too: what a server does not know, a request that is not there.
ZERO_IS_NONE = {
    "duration", "packet_count", "bit_rate", "packet_size", "header_size", "received_bit_rate",
    "playing_bit_rate", "request_mid", "response_mid",
}  # fmt: skip
TEXT_COLUMNS = {"client", "server", "client_port", "server_port"}


def valid(text):
    """As UTF-8 can have it: half of a surrogate pair is U+FFFD."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def same_numbers(name, got, rows):
    for value, wanted in zip(got, rows.tolist(), strict=True):
        if value is None:
            assert wanted in NONE or (wanted == 0 and name in ZERO_IS_NONE), name
        else:
            assert value == wanted, name


def plain_rows(cap, name):
    found = cap
    for part in PLAIN[name][0].split(".") if name in PLAIN else [name]:
        found = getattr(found, part)
    return np.asarray(found)


def check_plain(cap, name, table):
    rows = plain_rows(cap, name)
    assert table.num_rows == len(rows)
    for field in rows.dtype.names:
        column = table[field]
        got = integers(column)
        if field == "direction" and name != "flows":
            assert [way or "" for way in got] == [DIRECTIONS[n] for n in rows[field].tolist()]
        elif rows.dtype[field].kind == "U":
            assert [text or "" for text in got] == rows[field].tolist()
        elif field in ("rtt_min", "rtt_max", "rtt_sum") and name == "flows":
            there = rows["rtt_count"].tolist()
            wanted = [v if n else None for v, n in zip(rows[field].tolist(), there)]
            assert got == wanted
        else:
            same_numbers(field, got, rows[field])


def check_mms(cap, name, table):
    rows, struct = cap[name], struct_of(name)[1]
    assert table.num_rows == len(rows)
    assert table["message"].to_pylist() == cap.rows(name).tolist()
    names = dict.fromkeys(table.column_names)
    for path, field, _ in leaves(struct):
        column = field.python_name
        if column == "file_name" and not field.variable:
            column = "file_name_number"
        if path[-2:] == ("info", "cb_size"):
            column = "info_cb_size"
        column = column if column in names else f"{column}_bytes"
        names.pop(column)
        got = table[column].to_pylist()
        if field.kind == "ansi":
            raw = rows
            for part in path:
                raw = raw[part]
            wanted = [ansi_decode(value.split(b"\0", 1)[0]) for value in raw.tolist()]
        else:
            wanted = plain_values(cap.column(name, ".".join(path)))
        if field.secret:
            got_, wanted = got, [None if v is None else b"*" * len(v) for v in wanted]
            got = got_
        assert got == wanted, column
    left = {key for key in names if not key.endswith(("_name", "_text"))}
    assert left == {"message", "time", "flow", "direction", *TEXT_COLUMNS}


def plain_values(column):
    out = []
    for value in np.ma.getdata(column).tolist():
        if isinstance(value, str):
            value = valid(value)
        if isinstance(value, np.ndarray):
            names = value.dtype.names
            value = [dict(zip(names, row)) if names else row for row in value.tolist()]
        out.append(bytes(value) if isinstance(value, memoryview) else value)
    if np.ma.is_masked(column):
        out = [None if masked else value for value, masked in zip(out, column.mask.tolist())]
    return out


def check_winmx(cap, name, table):
    rows = cap[name]
    assert table.num_rows == len(rows)
    item = BY_NAME.get(name)
    fields = item.fields if item else ITEM_TABLES[name].items.fields
    for field in fields:
        there = [is_there(field, row) for row in rows]
        values = cap.column(name, field.name).tolist()
        wanted = [value if yes else None for value, yes in zip(values, there)]
        known = [field.name, f"{field.name}_text", f"{field.name}_bytes"]
        column = next(name for name in known if name in table.column_names)
        assert table[column].to_pylist() == wanted, column


def check_names(table):
    columns = table.column_names
    for number, name, words in (
        ("mid", "mid_name", message_name),
        ("request_mid", "request_mid_name", message_name),
        ("hr", "hr_name", lambda v: HRESULTS[v][0] if v in HRESULTS else f"0x{v:08X}"),
    ):
        if name in columns:
            wanted = [None if v is None else words(v) for v in table[number].to_pylist()]
            assert table[name].to_pylist() == wanted


@pytest.mark.parametrize("path", every_capture())
def test_every_table_is_what_the_rows_are(path):
    pa = library("pyarrow")
    cap = capture(path)
    for name in cap.tables:
        taken = cap.table(name)
        table = pa.table(taken)
        table.validate(full=True)
        assert table.column_names == taken.column_names
        assert table.num_rows == len(taken)
        check_names(table)
        if name in PLAIN or name in ("flows", "sessions", "exchanges", "transitions"):
            check_plain(cap, name, table)
        elif name in BY_NAME or name in ITEM_TABLES:
            check_winmx(cap, name, table)
        else:
            check_mms(cap, name, table)


@pytest.mark.parametrize("path", every_capture())
def test_client_and_server_are_the_addresses_of_the_flow(path):
    pa = library("pyarrow")
    cap = capture(path)
    flows = cap.flows
    ends = {
        int(row["flow"]): [(str(row[s]), int(row[f"{s}_port"])) for s in ("src", "dst")]
        for row in flows
    }
    for name in ("flows", "messages", "data", "nodes", "LinkViewerToMacConnect", "faults", "gaps"):
        table = pa.table(cap.table(name))
        columns = ("flow", "direction", "client", "client_port", "server", "server_port")
        for flow, way, *got in zip(*(table[column].to_pylist() for column in columns)):
            if flow is None or way is None:
                assert got == [None] * 4
                continue
            client, server = ends[flow] if way == "C>S" else reversed(ends[flow])
            assert got == [*client, *server]


@pytest.mark.parametrize("path", every_capture())
def test_payload_is_the_same_as_a_copy_and_as_views(path):
    pa = library("pyarrow")
    cap = capture(path)
    wanted = [bytes(cap.payload(i)) for i in range(len(cap.data))]
    table = cap.table("data", payload=True)
    copied = pa.table(table)
    assert copied["payload"].type == pa.binary()
    assert copied["payload"].to_pylist() == wanted
    at = copied.schema.get_field_index("payload")
    asked = copied.schema.set(at, pa.field("payload", pa.binary_view()))
    viewed = pa.table(table, schema=asked)
    viewed.validate(full=True)
    assert viewed["payload"].type == pa.binary_view()
    assert viewed["payload"].to_pylist() == wanted
