"""Many streams in one call: the rows of each are those of a decoder of its own."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmscodec import mms, winmx
from tests.embedding import many

SEEDS = st.lists(st.integers(0, 1 << 20), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None)
@given(SEEDS, many.STEPS)
def test_mms_rows_are_those_of_a_decoder_for_each(seeds, steps):
    streams = [many.sound_mms(seed) for seed in seeds]
    calls = many.interleaved(streams, steps)
    found = many.of_many(mms.Decoders(), streams, calls, many.MMS_TABLES)
    for i, stream in enumerate(streams):
        assert found[i] == many.of_one(mms.Decoder(), stream, calls, i, many.MMS_TABLES)


@settings(max_examples=40, deadline=None)
@given(SEEDS, many.STEPS)
def test_hostile_mms_streams_do_not_touch_each_other(seeds, steps):
    streams = [many.damaged_mms(seed) for seed in seeds]
    calls = many.interleaved(streams, steps)
    found = many.of_many(mms.Decoders(), streams, calls, many.MMS_TABLES)
    for i, stream in enumerate(streams):
        own = [[(0, chunk)] for call in calls for k, chunk in call if k == i]
        assert [found[i]] == many.of_many(mms.Decoders(), [stream], own, many.MMS_TABLES)


@settings(max_examples=40, deadline=None)
@given(SEEDS, many.STEPS)
def test_winmx_rows_are_those_of_a_decoder_for_each(seeds, steps):
    streams = [many.any_winmx(seed) for seed in seeds]
    calls = many.interleaved(streams, steps)
    found = many.of_many(winmx.Decoders(), streams, calls, many.WINMX_TABLES)
    for i, stream in enumerate(streams):
        one = winmx.Decoder()
        wanted = many.of_one(one, stream, calls, i, many.WINMX_TABLES)
        assert found[i]["packets"] == wanted["packets"]
        assert found[i]["nodes"] == wanted["nodes"]
        unfinished = [row for row in found[i]["faults"] if row["code"] == 3]
        assert [row["length"] for row in unfinished] == [one.buffered] * bool(one.buffered)
        faults = [row for row in found[i]["faults"] if row not in unfinished]
        assert sorted(map(str, faults)) == sorted(map(str, wanted["faults"]))


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 1 << 20), st.integers(1, 60))
def test_whole_chunks_and_small_ones_give_the_same_rows(seed, size):
    # the loop over whole packets and the judgement of each say the same
    stream = many.PING * 7 + many.damaged_mms(seed) + many.PING * 7
    cut = [[(0, stream[at : at + size])] for at in range(0, len(stream), size)]
    whole = many.of_many(mms.Decoders(), [stream], [[(0, stream)]], many.MMS_TABLES)
    assert many.of_many(mms.Decoders(), [stream], cut, many.MMS_TABLES) == whole


def test_winmx_fields_and_tables_are_those_of_a_batch():
    decoders = winmx.Decoders(link="secondary", direction="C>S")
    first, second = decoders.open(), decoders.open()
    decoders.feed([second, first], [many.LISTS[:50], many.LISTS[:7]], [1, 2])
    batch = decoders.feed([first, second], [many.LISTS[7:], many.LISTS[50:]], [3, 4])
    wanted = winmx.decode(many.LISTS, link="secondary", direction="C>S")
    assert batch.packets["time"].tolist() == [3] * 5 + [4] * 5
    assert batch.packets["direction"].tolist() == [1] * 10
    rows = batch["BrowseRequest"]
    assert rows[["flow", "time"]].tolist() == [(first, 3), (second, 4)]
    names = wanted.column("BrowseRequest", "user_name").tolist()
    assert batch.column("BrowseRequest", "user_name").tolist() == names * 2
    assert bytes(batch.payload(4)) == bytes(wanted.payload(4))
    assert len(batch.faults) == 2 * len(wanted.faults)
    assert batch.faults["packet"].tolist() == [3, 8]


def test_winmx_tables_begin_with_time_and_connection():
    pa = pytest.importorskip("pyarrow")
    decoders = winmx.Decoders()
    number = decoders.open()
    batch = decoders.feed([number], [many.LISTS], [7])
    wanted = winmx.decode(many.LISTS)
    for name in ("packets", "nodes", "faults", "BrowseRequest"):
        got = pa.table(batch.table(name))
        assert got.column_names[:2] == ["time", "flow"]
        assert got.drop_columns(["time", "flow"]).equals(pa.table(wanted.table(name)))
        assert set(got["flow"].to_pylist()) == {number}


def test_winmx_links_with_an_encoding_are_refused():
    with pytest.raises(ValueError, match="encoding"):
        winmx.Decoders(link="legacy")
