"""pyarrow, Polars, pandas, DuckDB and nanoarrow take every table, and see the same in it."""

import math

import pytest

import mmscodec
from tests.tables.consumers import CHOSEN, capture, integers, library


def tables(path):
    cap = capture(path)
    return [(name, cap.table(name)) for name in cap.tables]


def arrow_columns(table):
    """Python values, times and durations as ns."""
    made = library("pyarrow").table(table)
    return {name: integers(made[name]) for name in made.column_names}


@pytest.mark.parametrize("path", CHOSEN)
def test_polars_takes_every_table(path):
    pl = library("polars")
    for name, table in tables(path):
        frame = pl.DataFrame(table)
        wanted = arrow_columns(table)
        assert frame.columns == list(wanted)
        for column, values in wanted.items():
            series = frame[column]
            if series.dtype.is_temporal():
                series = series.cast(pl.Int64)
            assert series.to_list() == values, (name, column)


@pytest.mark.parametrize("path", CHOSEN)
def test_duckdb_takes_every_table(path):
    duckdb = library("duckdb")
    connection = duckdb.connect()
    for name, taken in tables(path):
        wanted = arrow_columns(taken)
        relation = connection.sql("from taken")
        assert relation.columns == list(wanted)
        kinds = dict(zip(relation.columns, map(str, relation.types)))
        shown = [f'"{column}"' for column in kinds]
        for at, kind in enumerate(kinds.values()):
            if "TIMESTAMP" in kind:
                shown[at] = f"epoch_us({shown[at]}::TIMESTAMPTZ)"
            elif kind == "INTERVAL":
                shown[at] = f"epoch_us({shown[at]})"
            elif kind.startswith("ENUM"):
                shown[at] += "::VARCHAR"
        rows = connection.sql(f"select {', '.join(shown)} from taken").fetchall()
        for at, (column, values) in enumerate(wanted.items()):
            got = [row[at] for row in rows]
            if shown[at].startswith("epoch"):
                # microseconds; of times it rounds
                near = [v is not None and w is not None and 0 <= v * 1000 - w + 1000 <= 2000
                        for v, w in zip(got, values)]  # fmt: skip
                got = [w if close else v for v, w, close in zip(got, values, near)]
            assert got == values, (name, column)


@pytest.mark.parametrize("path", CHOSEN)
def test_pandas_takes_every_table(path):
    pd = library("pandas")
    library("pyarrow")
    for name, table in tables(path):
        frame = pd.DataFrame.from_arrow(table)
        wanted = arrow_columns(table)
        assert list(frame.columns) == list(wanted)
        assert len(frame) == len(table)
        for column, values in wanted.items():
            got = frame[column].tolist()
            if frame[column].dtype.kind in "mM":
                got = frame[column].astype("int64").tolist()
                values = [v if v is not None else pd.NaT.value for v in values]
            elif values and not isinstance(values[0], list):
                got = [None if isinstance(v, float) and math.isnan(v) else v for v in got]
                got = [None if v is pd.NA else v for v in got]
            else:
                got = [list(v) for v in got]
            assert got == values, (name, column)
        repr(frame)


@pytest.mark.parametrize("path", CHOSEN)
def test_nanoarrow_takes_every_table(path):
    na = library("nanoarrow")
    for _, table in tables(path):
        stream = na.ArrayStream(table)
        array = stream.read_all()
        assert len(array) == len(table)
        assert [field.name for field in array.schema.fields] == table.column_names
        for field in array.schema.fields:
            if field.name == "mid":
                at = table.column_names.index("mid")
                assert array.child(at).to_pylist() == arrow_columns(table)["mid"]


def test_metadata_has_units_and_sections():
    pa = library("pyarrow")
    table = capture("mms/vlc_udp.pcap").table("LinkMacToViewerReportOpenFile")
    schema = pa.schema(table)
    about = schema.field("file_bit_rate").metadata
    assert about[b"unit"] == b"bit/s"
    assert about[b"section"] == b"2.2.4.7"
    assert about[b"wire"] == b"fileBitRate"
    assert table.metadata["file_header_size"]["unit"] == "bytes"
    assert schema.field("time").type == pa.timestamp("ns", "UTC")
    assert schema.field("hr_name").type == pa.dictionary(pa.int32(), pa.string())
    assert schema.field("client").type == pa.string()


def test_durations_are_durations_and_what_is_not_known_is_null():
    pa = library("pyarrow")
    sessions = pa.table(capture("mms/ffmpeg_auth.pcap").table("sessions"))
    assert sessions.schema.field("start_up").type == pa.duration("ns")
    assert sessions["start_up"].to_pylist() == [None]
    assert sessions["file_name"].to_pylist() == ["sample.asf"]


def test_file_name_is_text_in_every_table():
    pa = library("pyarrow")
    cap = capture("mms/vlc_udp.pcap")
    found = {
        name: pa.schema(cap.table(name)).field("file_name").type
        for name in cap.tables
        if "file_name" in cap.table(name).column_names
    }
    assert len(found) > 3
    assert set(found.values()) == {pa.string()}


def test_tokens_are_masked_unless_asked_for():
    pa = library("pyarrow")
    cap = capture("own/own_ntlm.pcap")
    name = "LinkViewerToMacSecurityResponse"
    wanted = cap.column(name, "p_token").tolist()
    assert any(wanted)
    table = pa.table(cap.table(name))
    assert table["p_token"].to_pylist() == [b"*" * len(token) for token in wanted]
    assert table.schema.field("p_token").metadata[b"masked"] == b"true"
    shown = pa.table(cap.table(name, secrets=True))
    assert shown["p_token"].to_pylist() == wanted


def test_the_same_name_has_the_same_type_in_all_tables():
    pa = library("pyarrow")
    cap = capture("mms/vlc_udp.pcap")
    types = {}
    for name in cap.tables:
        for field in pa.schema(cap.table(name)):
            known = types.setdefault(field.name, field.type)
            # a count of faults, packets or gaps has the name of what it counts
            assert field.type == known, (name, field.name)
    assert len(cap.tables) > 80


def test_a_name_that_is_none_says_what_it_could_have_been():
    cap = capture("mms/vlc_udp.pcap")
    with pytest.raises(KeyError, match="did you mean 'messages'"):
        cap.table("mesages")
    with pytest.raises(KeyError, match="did you mean 'client_port'"):
        cap.table("messages").select(["client_prt"])
    with pytest.raises(KeyError, match="no message is called"):
        mmscodec.mms.decode(b"").table("mesages")
    with pytest.raises(KeyError, match="no packet is called"):
        mmscodec.winmx.decode(b"").table("mesages")
