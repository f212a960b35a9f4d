"""Memory of what is read in batches does not depend on the size of the capture."""

import pytest

import mmscodec
from benchmarks.capture_corpus import capture as made
from tests import fresh
from tests.tables.consumers import library

SIZES = 200, 500  # megabytes of Data packets of 700 bytes


def stream(path):
    pa = library("pyarrow")
    table = mmscodec.open(path).stream_table("data")
    return sum(len(batch) for batch in pa.RecordBatchReader.from_stream(table)), fresh.peak()


def convert(path):
    from mmscodec.convert import Options, convert

    target = path.with_name(path.name + ".tables")
    rows = convert(mmscodec.open(path), target, Options(whole=False))
    return rows["data"], fresh.peak()


def write_parquet(path):
    with mmscodec.open(path) as cap:
        rows = cap.write_parquet(path.with_name(path.name + ".parquet"), ["data"])
    return rows["data"], fresh.peak()


def decode(path):
    from mmscodec.cli import main

    target = path.with_name("rows.jsonl")
    main(["decode", "--json", "-w", str(target), str(path)])
    with target.open() as lines:
        return sum('"data"' in line[:20] for line in lines), fresh.peak()


def whole(path):
    return len(mmscodec.open(path).data), fresh.peak()


@pytest.fixture(scope="module")
def captures(tmp_path_factory):
    folder = tmp_path_factory.mktemp("captures")
    out = {}
    for size in SIZES:
        corpus = made("media", 1, 700, size)
        path = folder / f"{size}.pcap"
        path.write_bytes(corpus.raw.data)
        out[path] = corpus.data
    return out


def megabytes_grown(paths):
    small, large = (path.stat().st_size >> 20 for path in paths)
    return large - small


@fresh.linux
@pytest.mark.parametrize("task", [stream, convert, write_parquet, decode])
def test_the_peak_is_that_of_a_smaller_capture(captures, task):
    peaks = []
    for path, count in captures.items():
        rows, peak = fresh.run(task, path)
        assert rows == count
        peaks.append(peak)
    assert (peaks[1] - peaks[0]) >> 10 < megabytes_grown(captures) // 10


@fresh.linux
def test_the_measure_sees_what_is_held(captures):
    peaks = [fresh.run(whole, path)[1] for path in captures]
    assert (peaks[1] - peaks[0]) >> 10 > megabytes_grown(captures) // 2


def test_a_capture_whose_tables_were_written_is_still_unread(tmp_path):
    library("pyarrow")
    path = tmp_path / "media.pcap"
    corpus = made("media", 1, 1456, 1)
    path.write_bytes(corpus.raw.data)
    with mmscodec.open(path) as cap:
        assert cap.write_parquet(tmp_path / "first", ["data", "flows"])["data"] == corpus.data
        assert cap.tables["data"] is None
        assert len(cap.data) == corpus.data
        assert cap.write_parquet(tmp_path / "second", ["data"]) == {"data": corpus.data}
