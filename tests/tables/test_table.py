"""Tables without rows, slices, selections, lifetimes, threads; what a table holds on to."""

import gc
import pickle
import sys
import threading
import weakref

import numpy as np
import pytest

import mmscodec
from mmscodec import mms, winmx
from mmscodec.mms import arrow as mms_arrow
from mmscodec.tables import _arrow
from mmscodec.tables import table as table_module
from mmscodec.winmx import arrow as winmx_arrow
from tests.tables.consumers import CAPTURES, capture, library

EMPTY = bytes.fromhex("d4c3b2a1 0200 0400 00000000 00000000 00000400 01000000")


def test_tables_without_rows_are_good_arrow():
    pa = library("pyarrow")
    with mmscodec.open(EMPTY) as cap:
        for name in cap.tables:
            table = pa.table(cap.table(name, payload=True))
            table.validate(full=True)
            assert table.num_rows == 0
            assert table.column_names == cap.table(name, payload=True).column_names
            (array,) = [pa.record_batch(cap.table(name))]
            array.validate(full=True)


def test_tables_of_empty_batches_are_good_arrow():
    pa = library("pyarrow")
    for batch, names in (
        (mms.decode(b""), (*mms_arrow.TABLES, *mms_arrow.KINDS)),
        (winmx.decode(b""), (*winmx_arrow.TABLES, *winmx_arrow.KINDS)),
    ):
        for name in names:
            pa.table(batch.table(name)).validate(full=True)


def test_a_batch_gives_the_tables_of_its_rows():
    pa = library("pyarrow")
    cap = capture("own/own_ntlm.pcap")
    for flow in range(len(cap.flows)):
        batch = mms.decode(bytes(cap.stream(flow)))
        for name in mms_arrow.TABLES:
            table = pa.table(batch.table(name, payload=True))
            for column in getattr(batch, name).dtype.names:
                wanted = getattr(batch, name)[column].tolist()
                got = [-1 if v is None else v for v in table[column].to_pylist()]
                assert got == wanted
        payloads = pa.table(batch.table("data", payload=True))["payload"].to_pylist()
        assert payloads == [bytes(batch.payload(i)) for i in range(len(batch.data))]
        for name in mms_arrow.KINDS:
            assert len(pa.table(batch.table(name))) == len(batch[name])


def test_a_winmx_batch_gives_the_tables_of_its_rows():
    pa = library("pyarrow")
    (_, batch), *_ = capture("winmx/chat.pcap").winmx.batches
    assert len(batch.packets)
    packets = pa.table(batch.table("packets"))
    assert packets["type"].to_pylist() == batch.packets["type"].tolist()
    names = packets["type_name"].to_pylist()
    assert {name: names.count(name) for name in names} == batch.names
    for name in batch.names:
        if name in winmx_arrow.KINDS:
            assert len(pa.table(batch.table(name))) == len(batch[name])


def test_slices_and_selections():
    pa = library("pyarrow")
    table = capture("mms/vlc_udp.pcap").table("data", payload=True)
    whole = pa.table(table)
    for rows in (slice(3, 40), slice(-5, None), slice(90, 10), slice(0, 0), slice(100, 10_000)):
        assert pa.table(table[rows]).equals(whole[rows] if rows != slice(90, 10) else whole[:0])
    assert pa.table(table[10:50][5:10]).equals(whole[15:20])
    some = table.select(["payload", "time"])[7:9]
    assert pa.table(some).equals(whole.select(["payload", "time"])[7:9])
    assert len(some) == 2
    assert repr(some) == "<Table data: 2 rows, 2 columns>"
    with pytest.raises(ValueError, match="step"):
        table[::2]
    with pytest.raises(TypeError, match="slice"):
        table["time"]


def test_a_stream_is_cut_into_batches(monkeypatch):
    pa = library("pyarrow")
    table = capture("mms/vlc_udp.pcap").table("data", payload=True)
    whole = pa.table(table)
    monkeypatch.setattr(table_module, "BATCH_ROWS", 7)
    batches = list(pa.RecordBatchReader.from_stream(table))
    assert [len(batch) for batch in batches] == [7] * 15 + [4]
    assert pa.Table.from_batches(batches).combine_chunks().equals(whole.combine_chunks())


def test_what_does_not_fit_32_bit_offsets_is_halved(monkeypatch):
    pa = library("pyarrow")
    table = capture("mms/vlc_udp.pcap").table("data", payload=True)
    whole = pa.table(table)
    fetch = _arrow.spans

    def small(sources, which, starts, lengths, *more):
        if lengths.sum() > 20_000:
            raise OverflowError("too long")
        return fetch(sources, which, starts, lengths, *more)

    monkeypatch.setattr("mmscodec.tables.data.spans", small)
    batches = list(pa.RecordBatchReader.from_stream(table))
    assert 5 < len(batches) < 40
    assert pa.Table.from_batches(batches).combine_chunks().equals(whole.combine_chunks())
    with pytest.raises(mmscodec.errors.LimitError, match="take it as a stream"):
        table.__arrow_c_array__()


def test_columns_live_longer_than_the_capture():
    pa = library("pyarrow")
    cap = mmscodec.open(CAPTURES / "mms/vlc_udp.pcap")
    wanted = [bytes(cap.payload(i)) for i in range(len(cap.data))]
    table = cap.table("data", payload=True)
    schema = pa.schema(table)
    asked = schema.set(schema.get_field_index("payload"), pa.field("payload", pa.binary_view()))
    held = pa.table(table, schema=asked)
    reader = pa.RecordBatchReader.from_stream(cap.table("data"))
    gone = weakref.ref(cap)
    cap.close()
    del cap, table
    gc.collect()
    assert held["payload"].to_pylist() == wanted
    assert len(reader.read_all()) == len(wanted)  # the stream keeps what it reads from
    del reader
    gc.collect()
    assert gone() is None
    assert held["payload"].to_pylist() == wanted


def test_a_capsule_that_nobody_takes_is_given_back():
    owner = np.arange(1000)
    before = sys.getrefcount(owner)
    node = (1000, 0, (None, owner), (), None)
    whole = (1000, 0, (None,), (node,) * 3, None)
    capsules = [_arrow.array_capsule(whole) for _ in range(5)]
    assert sys.getrefcount(owner) > before
    del capsules, whole, node
    assert sys.getrefcount(owner) == before


def test_children_may_be_moved_out():
    pa = library("pyarrow")
    table = capture("mms/vlc_udp.pcap").table("messages")
    batch = pa.record_batch(table)
    column = batch.column(3)
    wanted = column.to_pylist()
    del batch
    gc.collect()
    assert column.to_pylist() == wanted


def test_many_exports_leave_nothing_behind():
    pa = library("pyarrow")
    cap = mmscodec.open(CAPTURES / "own/own_ntlm.pcap")
    names = ("messages", "data", "sessions", "LinkViewerToMacStreamSwitch", "faults")

    def take():
        for name in names:
            table = cap.table(name, payload=True)
            pa.table(table)
            table.__arrow_c_schema__()
            table.__arrow_c_array__()
            table.__arrow_c_stream__()

    for _ in range(3):
        take()
    gc.collect()
    references, blocks = sys.getrefcount(cap.messages), sys.getallocatedblocks()
    for _ in range(200):
        take()
    gc.collect()
    assert abs(sys.getrefcount(cap.messages) - references) < 5
    assert sys.getallocatedblocks() - blocks < 1000  # one object an export would be 4000


def test_an_error_in_a_stream_reaches_the_consumer():
    pa = library("pyarrow")

    def arrays():
        yield (1, 0, (None,), ((1, 0, (None, np.arange(1)), (), None),), None)
        raise ValueError("the disk is gone")

    schema = (b"+s", b"", None, 0, ((b"l", b"x", None, 2, (), None),), None)

    class Source:
        def __arrow_c_stream__(self, requested_schema=None):
            return _arrow.stream_capsule(schema, arrays())

    reader = pa.RecordBatchReader.from_stream(Source())
    assert reader.read_next_batch().to_pydict() == {"x": [0]}
    with pytest.raises((OSError, ValueError), match="the disk is gone"):
        reader.read_next_batch()


def test_nodes_that_are_none_raise_and_leave_nothing_behind():
    owner = np.arange(10)
    before = sys.getrefcount(owner)
    good = (10, 0, (None, owner), (), None)
    for bad in ((10, 0, (None, 5), (), None), (10, 0), (10, 0, (None, owner[::2]), (), None)):
        with pytest.raises((TypeError, BufferError, IndexError, ValueError)):
            _arrow.array_capsule((10, 0, (None,), (good, bad), None))
    with pytest.raises((TypeError, IndexError)):
        _arrow.schema_capsule((b"+s", b"", None, 0, ((b"l", "text", None, 2, (), None),), None))
    del good, bad
    gc.collect()
    assert sys.getrefcount(owner) == before
    with pytest.raises(TypeError, match="capsule"):
        _arrow.formats(object())


def test_threads_share_a_table():
    pa = library("pyarrow")
    table = capture("own/own_ntlm.pcap").table("messages")
    wanted = pa.table(table)
    found = []

    def take():
        found.extend(pa.table(table).equals(wanted) for _ in range(50))

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 200
    assert all(found)


def test_a_table_is_not_pickled():
    with pytest.raises(TypeError, match="cannot be pickled"):
        pickle.dumps(capture("mms/vlc_udp.pcap").table("messages"))


def test_names_with_the_number_of_rows_where_it_is_known():
    cap = mmscodec.open(CAPTURES / "mms/vlc_udp.pcap")
    assert set(cap.tables.values()) == {None}
    cap.table("messages").__len__()
    counts = cap.tables
    assert counts["messages"] == len(cap.messages)
    assert counts["LinkViewerToMacConnect"] == 1
    assert counts["sessions"] is None
    assert len(cap.sessions) == cap.tables["sessions"] == 1
    assert cap.tables["exchanges"] == len(cap.exchanges)
