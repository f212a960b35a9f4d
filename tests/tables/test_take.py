"""Some rows of a table, and 8-bit text in an encoding that is named."""

import numpy as np
import pytest

import mmscodec
from mmscodec import mms, winmx
from tests.cli.places import CAPTURES
from tests.tables.consumers import library

FILES = [str(CAPTURES / "own" / "own_losses.pcap"), str(CAPTURES / "winmx" / "secondary.pcap")]
NAME = "日本語"


def some(count, seed):
    return np.random.default_rng(seed).random(count) < (0.05, 0.5, 0.98)[seed % 3]


@pytest.fixture(scope="module")
def capture():
    with mmscodec.open(FILES) as found:
        yield found


@pytest.mark.parametrize("name", list(mmscodec.open(FILES[0]).tables))
def test_rows_of_every_table_are_those_that_pyarrow_filters(capture, name):
    pa = library("pyarrow")
    table = capture.table(name, **({"payload": True} if name == "data" else {}))
    for seed in range(3):
        kept = some(len(table), seed)
        wanted = pa.table(table).filter(pa.array(kept))
        found = pa.table(table.where(kept))
        found.validate(full=True)
        assert found.to_pydict() == wanted.to_pydict()
        if len(kept) > 4:
            part = table[1:-1].where(kept[1:-1])[1:]
            assert pa.table(part).to_pydict() == pa.table(table[1:-1]).filter(
                pa.array(kept[1:-1])
            )[1:].to_pydict()  # fmt: skip


def test_views_stay_views(capture):
    pa = library("pyarrow")
    table = capture.table("data", payload=True).select(["payload"])
    kept = some(len(table), 1)
    schema = pa.schema([("payload", pa.binary_view())])
    found = pa.RecordBatchReader.from_stream(table.where(kept), schema).read_all()
    assert found["payload"].to_pylist() == [
        bytes(capture.payload(row)) for row in np.flatnonzero(kept).tolist()
    ]


@pytest.mark.parametrize("charset", ["cp932", "gbk", "utf-8", "koi8-r", "utf-16-le"])
def test_text_in_another_encoding(charset):
    """What the bytes say by Python's decoder; what it has not is written as its number."""
    library("pyarrow")
    raw = NAME.encode("cp932") + b"\xff"
    wanted = raw.decode(charset, "backslashreplace")
    frame = winmx.encode("UserInfo", base_user_name=raw, line_type=1, tcp_transfer_port=6699)
    table = winmx.decode(frame).table("UserInfo")
    assert texts(table, "base_user_name") == [raw.decode("latin-1")]
    assert texts(table.in_charset(charset), "base_user_name") == [wanted]
    named = mms.encode("LinkViewerToMacLogging", log={"sz_os": raw})
    batch = mms.decode(named)
    assert bytes(batch["LinkViewerToMacLogging"]["sz_os"][0]) == raw
    table = batch.table("LinkViewerToMacLogging").in_charset(charset)
    assert texts(table, "sz_os") == [wanted]
    assert texts(table[:1].where(np.ones(1, bool)), "sz_os") == [wanted]


def texts(table, name):
    return library("pyarrow").table(table)[name].to_pylist()
