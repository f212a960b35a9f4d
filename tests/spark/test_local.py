"""Spark on one machine: the rows of `mmscodec.open`, whatever dies on the way."""

import os
from functools import partial

import pytest

import mmscodec
from tests.spark import equal, faults


@pytest.fixture(scope="module")
def expected(rotated):
    return equal.whole(rotated)


def test_one_part_has_exactly_the_tables_of_open(spark, rotated, expected, tmp_path):
    from mmscodec.spark import write

    counts = write(spark, rotated, tmp_path / "out", partitions=1)
    (part,) = equal.parts(tmp_path / "out")
    assert part.keys() == expected.keys()
    assert {"messages", "data", "sessions", "nodes", "winmx_packets", "findings"} <= part.keys()
    for name, table in expected.items():
        assert part[name].equals(table), name
        assert counts[name] == len(table)


def test_more_parts_have_each_row_once_and_number_their_own_rows(
    spark, rotated, expected, tmp_path
):
    from mmscodec.spark import write

    write(spark, rotated, tmp_path / "out", partitions=5)
    parts = equal.parts(tmp_path / "out")
    assert len(parts) > 2
    assert [name for name in os.listdir(tmp_path / "out") if name.startswith(".")] == []
    for name, table in expected.items():
        tables = [part[name] for part in parts if name in part]
        assert equal.content(tables) == equal.content([table]), name
    assert all(equal.refer_to_their_own(part) for part in parts if "messages" in part)
    with pytest.raises(FileExistsError):
        write(spark, rotated, tmp_path / "out")


def test_killed_processes_cost_no_row_and_double_none(
    spark, rotated, expected, tmp_path, monkeypatch
):
    from mmscodec.spark import decode, tasks

    folder = str(tmp_path)
    monkeypatch.setattr(tasks, "scanned", partial(faults.dying_scan, folder))
    rows = decode(spark, rotated, "data", partitions=3)
    rows = rows.mapInArrow(partial(faults.dying, folder, "decode"), rows.schema)
    found = rows.toArrow()
    assert {"scan", "decode"} <= set(os.listdir(folder))
    times = found["time_ns"].to_pylist()
    assert sorted(times) == sorted(expected["data"]["time"].cast("int64").to_pylist())
    assert set(found["partition"].to_pylist()) <= {0, 1, 2}


def test_damaged_empty_and_vanished_files_are_named_and_the_rest_is_decoded(
    spark, rotated, tmp_path
):
    from mmscodec.spark import decode

    files = sorted(rotated.iterdir())[:2]
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(files[1].read_bytes()[:-200])  # its last record is not whole
    empty, other = tmp_path / "empty.pcap", tmp_path / "other.pcap"
    empty.write_bytes(b"")
    other.write_text("no capture")
    given = [files[0], cut, empty, other, tmp_path / "vanished.pcap"]
    with pytest.warns(RuntimeWarning, match="of 5 files cannot be read") as said:
        rows = decode(spark, given, "data", partitions=2)
    (text,) = {str(item.message) for item in said if item.category is RuntimeWarning}
    assert "vanished.pcap" in text
    assert "other.pcap" in text
    with mmscodec.open([files[0], cut]) as capture:
        assert rows.count() == len(capture.data) > 0
    with pytest.raises(mmscodec.errors.CaptureError, match="vanished"):
        decode(spark, given, on_error="raise")


def test_the_data_source_reads_a_capture_as_a_whole_or_file_by_file(spark, rotated, expected):
    from mmscodec.spark import register

    register(spark)
    reader = spark.read.format("mmscodec").option("table", "messages")
    found = reader.load(str(rotated)).toArrow()
    assert found["mid_name"].to_pylist() == expected["messages"]["mid_name"].to_pylist()
    assert found["flow"].to_pylist() == expected["messages"]["flow"].to_pylist()
    times = expected["messages"]["time"].cast("int64").to_pylist()
    assert found["time_ns"].to_pylist() == times
    assert [int(t.timestamp()) for t in found["time"].to_pylist()] == [t // 10**9 for t in times]
    apart = reader.option("files", "apart").load(str(rotated))
    counts = dict(apart.groupBy("partition").count().collect())
    assert len(counts) > 3
    first = sorted(rotated.iterdir(), key=lambda path: path.name)[0]
    with mmscodec.open(first) as capture:
        assert sum(1 for _ in capture.messages) in counts.values()


def test_what_is_asked_for_wrongly_is_said(spark, rotated):
    from mmscodec.spark import decode, register

    register(spark)
    with pytest.raises(KeyError, match=r"nodess.*nodes"):
        decode(spark, rotated, "nodess")
    with pytest.raises(Exception, match="option files is together or apart, not 'all'"):
        spark.read.format("mmscodec").option("files", "all").load(str(rotated)).count()
