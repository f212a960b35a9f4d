"""Tables that are read in batches: the rows of the whole, with one batch in memory."""

import gc
import weakref

import pytest

import mmscodec
from mmscodec.capture.arrow_stream import STREAMED, WHOLE
from tests.tables.consumers import CAPTURES, capture, library

PATHS = (
    "own/own_ntlm.pcap", "mms/vlc_udp.pcap", "own/own_lost_middle.pcap", "winmx/chat.pcap",
    "winmx/secondary.pcap",
)  # fmt: skip


def in_order(table, name):
    # batches of WinMX hold all flows, and flows stand in the order of their end
    keys = [key for key in ("flow", "packet", "offset", "record") if key in table.column_names]
    if not len(table) or name in ("messages", "packets", "data", "faults", "gaps"):
        return table
    return table.sort_by([(key, "ascending") for key in keys])


@pytest.mark.parametrize("path", PATHS)
def test_a_stream_has_the_rows_of_the_whole(path):
    pa = library("pyarrow")
    whole = capture(path)
    for name in STREAMED:
        if not len(whole.table(name)) and name not in ("messages", "flows", "nodes"):
            continue
        stream = mmscodec.open(CAPTURES / path).stream_table(name, rows=10)
        taken = pa.table(stream)
        wanted = pa.table(whole.table(name))
        if name != "messages" and "packet" in wanted.column_names:
            # numbers of WinMX packets count in the order in which they became whole
            taken, wanted = taken.drop_columns(["packet"]), wanted.drop_columns(["packet"])
        assert taken.schema.equals(wanted.schema, check_metadata=True)
        got, wanted = in_order(taken, name), in_order(wanted, name)
        for column in wanted.column_names:
            assert got[column].to_pylist() == wanted[column].to_pylist(), (name, column)


def test_packets_of_winmx_rows_are_rows_of_the_streamed_packets():
    pa = library("pyarrow")
    path = CAPTURES / "winmx/secondary.pcap"
    packets = pa.table(mmscodec.open(path).stream_table("winmx_packets", rows=10)).to_pydict()
    nodes = pa.table(mmscodec.open(path).stream_table("nodes", rows=10)).to_pydict()
    assert len(nodes["packet"])
    for row, flow in zip(nodes["packet"], nodes["flow"]):
        assert packets["flow"][row] == flow


def test_payload_of_batches():
    pa = library("pyarrow")
    cap = capture("mms/vlc_udp.pcap")
    wanted = [bytes(cap.payload(i)) for i in range(len(cap.data))]
    stream = mmscodec.open(CAPTURES / "mms/vlc_udp.pcap").stream_table("data", rows=9, payload=True)
    reader = pa.RecordBatchReader.from_stream(stream)
    batches = list(reader)
    assert len(batches) > 1
    assert [v for batch in batches for v in batch["payload"].to_pylist()] == wanted


def test_one_batch_is_held_at_a_time(monkeypatch):
    pa = library("pyarrow")
    seen = []
    cap = mmscodec.open(sorted((CAPTURES / "mms").glob("*.pcap")))
    batches = cap.iter_batches

    def watched(rows):
        for batch in batches(rows):
            seen.append(weakref.ref(batch))
            yield batch

    monkeypatch.setattr(cap, "iter_batches", watched)
    for _ in pa.RecordBatchReader.from_stream(cap.stream_table("messages", rows=9)):
        gc.collect()
        assert sum(ref() is not None for ref in seen) <= 2
    assert len(seen) > 5


def test_columns_can_be_chosen_and_tables_iterated():
    pa = library("pyarrow")
    stream = mmscodec.open(CAPTURES / "mms/vlc_udp.pcap").stream_table("data", rows=9)
    stream = stream.select(["location_id", "time"])
    assert stream.column_names == ["location_id", "time"]
    assert repr(stream) == "<TableStream data: 2 columns>"
    pieces = list(stream)
    assert sum(map(len, pieces)) == len(capture("mms/vlc_udp.pcap").data)
    assert pa.table(pieces[0]).column_names == ["location_id", "time"]


@pytest.mark.parametrize("name", WHOLE)
def test_what_needs_the_whole_says_so(name):
    with pytest.raises(ValueError, match="needs the whole capture"):
        capture("mms/vlc_udp.pcap").stream_table(name)


def test_other_libraries_take_streams():
    pl, duckdb = library("polars"), library("duckdb")
    path = CAPTURES / "mms/vlc_udp.pcap"
    wanted = len(capture("mms/vlc_udp.pcap").data)
    assert len(pl.DataFrame(mmscodec.open(path).stream_table("data", rows=9))) == wanted
    connection = duckdb.connect()
    connection.register("stream", mmscodec.open(path).stream_table("data", rows=9))
    assert connection.sql("select count(*) from stream").fetchall() == [(wanted,)]
