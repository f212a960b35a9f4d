"""Messages by their short names: the same as by the whole ones, wherever a name is given."""

import json

import pytest

import mmscodec
from mmscodec import mms
from mmscodec.capture.arrow import NAMES
from mmscodec.cli import main
from mmscodec.schema.mms import BY_NAME, SHORT_NAMES, full_name, short_name
from mmscodec.schema.winmx import BY_NAME as WINMX
from tests.tables.consumers import CAPTURES, library

#: Fields without a default.
NEEDED = {
    "Connect": {"subscriber_name": "NSPlayer/7.0"}, "ConnectFunnel": {"funnel_name": "\\\\"},
    "OpenFile": {"file_name": "a.asf"}, "ReportConnectedEX": {"server_version_info": "9.0"},
}  # fmt: skip
CAPTURE = str(CAPTURES / "mms/ffmpeg_tcp.pcap")


def test_every_message_has_one_that_is_no_other_name():
    assert sorted(SHORT_NAMES.values()) == sorted(BY_NAME)
    assert set(SHORT_NAMES) & set(NAMES) == {"Ping"}  # a packet of WinMX is called so
    for short, whole in SHORT_NAMES.items():
        assert full_name(short) == full_name(whole) == whole
        assert short_name(whole) == short_name(short) == short


@pytest.mark.parametrize(("short", "whole"), SHORT_NAMES.items())
def test_encode_and_batches_take_both(short, whole):
    fields = NEEDED.get(short, {})
    assert mms.encode(short, **fields) == mms.encode(whole, **fields)
    batch = mms.decode(mms.encode([(short, fields), (whole, fields)]))
    assert repr(batch[short].tolist()) == repr(batch[whole].tolist())
    assert batch.rows(short).tolist() == batch.rows(whole).tolist() == [0, 1]
    assert batch.table(short).name == whole
    many = mms.Decoders()
    fed = many.feed([many.open()], [mms.encode(short, **fields)])
    assert len(fed[short]) == len(fed[whole]) == 1
    assert fed.table(short).name == whole


def test_captures_take_both():
    cap = mmscodec.open(CAPTURE)
    for short, whole in SHORT_NAMES.items():
        if short == "Ping":
            continue
        assert repr(cap[short].tolist()) == repr(cap[whole].tolist())
        assert cap.rows(short).tolist() == cap.rows(whole).tolist()
        assert cap.table(short).column_names == cap.table(whole).column_names
        assert cap.table(short).name == whole
    assert cap.column("OpenFile", "file_name").tolist() == ["sample.asf"]
    pa = library("pyarrow")
    with mmscodec.open(CAPTURE) as stream:
        assert len(pa.table(stream.stream_table("OpenFile"))) == 1


def test_ping_of_a_capture_is_that_of_winmx():
    cap = mmscodec.open(CAPTURE)
    assert "Ping" in WINMX
    assert cap.table("Ping").name == "Ping"
    assert "packet" in cap.table("Ping").column_names
    assert cap.table("LinkMacToViewerPing").name == "LinkMacToViewerPing"


def test_a_name_that_is_none_is_an_error_still():
    with pytest.raises(KeyError, match="did you mean 'OpenFile'"):
        mms.decode(b"")["OpenFil"]
    with pytest.raises(mms.EncodeError):
        mms.encode("OpenFil")


def test_tables_are_written_under_the_whole_name(tmp_path, capsys):
    library("pyarrow")
    words = ["convert", "-q", "--format", "jsonl", "--tables", "OpenFile,StartPlaying,flows"]
    assert main([*words, "-o", str(tmp_path / "out"), CAPTURE]) == 0
    names = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert names == [
        "LinkViewerToMacOpenFile.jsonl", "LinkViewerToMacStartPlaying.jsonl", "flows.jsonl",
    ]  # fmt: skip


@pytest.mark.parametrize("folder", [False, True])
def test_queries_take_both(tmp_path, capsys, folder):
    library("duckdb")
    path = CAPTURE
    if folder:
        library("pyarrow")
        mmscodec.open(CAPTURE).write_parquet(tmp_path / "tables")
        path = str(tmp_path / "tables")
    found = []
    for name in ("OpenFile", "openfile", "LinkViewerToMacOpenFile"):
        assert main(["sql", "-q", "--json", f"select * exclude (time) from {name}", path]) == 0
        found.append(json.loads(capsys.readouterr().out))
    assert found[0] == found[1] == found[2]
    assert found[0]["file_name"] == "sample.asf"
    query = "select b.file_name, a.token from OpenFile a, LinkViewerToMacOpenFile b"
    assert main(["sql", "-q", "--csv", query, path]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("sample.asf,")
