"""`write_parquet`, `convert` and the way back: what is on disk is what the tables hold."""

import json
import subprocess
import sys

import pytest

import mmscodec
from mmscodec import mms
from mmscodec.capture.arrow_stream import STREAMED
from mmscodec.cli import main
from mmscodec.convert import Options, convert, rows_from_arrow
from mmscodec.schema.mms import BY_NAME
from tests.tables.consumers import CAPTURES, capture, library

PATH = CAPTURES / "own/own_ntlm.pcap"


def opened():
    return mmscodec.open(PATH)


def parquet():
    library("pyarrow")
    return library("pyarrow.parquet")


def test_parquet_files_hold_every_table_that_has_rows(tmp_path):
    pa, pq = library("pyarrow"), parquet()
    cap = opened()
    written = cap.write_parquet(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}.parquet" for name in written
    )
    for name in cap.tables:
        table = pa.table(cap.table(name))
        assert written.get(name, 0) == len(table)
        if len(table):
            found = pq.read_table(tmp_path / f"{name}.parquet")
            assert found.column_names == table.column_names
            for field, wanted in zip(found.schema, table.schema):
                if not pa.types.is_list(field.type):  # Parquet names the items of lists otherwise
                    assert field.equals(wanted)
                kept = {key: field.metadata[key] for key in wanted.metadata or {}}
                assert kept == (wanted.metadata or {})
            assert found.unify_dictionaries().to_pydict() == table.to_pydict()


def test_batches_give_the_same_files_as_the_whole(tmp_path):
    pq = parquet()
    whole, batches = tmp_path / "whole", tmp_path / "batches"
    convert(opened(), whole, Options(whole=True))
    written = convert(opened(), batches, Options(whole=False))
    assert set(written) == {path.stem for path in whole.iterdir() if path.stem in STREAMED}
    for name in written:
        one, other = (pq.read_table(place / f"{name}.parquet") for place in (whole, batches))
        if name == "flows":
            one, other = one.sort_by("flow"), other.sort_by("flow")
        assert one.to_pydict() == other.to_pydict()


@pytest.mark.parametrize("form", ["arrow", "csv", "jsonl"])
def test_other_formats(tmp_path, form):
    pa = library("pyarrow")
    cap = opened()
    written = convert(cap, tmp_path, Options(form))
    for name, rows in written.items():
        path = tmp_path / f"{name}.{form}"
        table = pa.table(cap.table(name))
        if form == "arrow":
            found = pa.ipc.open_file(path).read_all()
            assert found.num_rows == rows
            assert found.column_names == table.column_names
            assert found["flow" if "flow" in found.column_names else "session"].to_pylist() == (
                table["flow" if "flow" in table.column_names else "session"].to_pylist()
            )
            continue
        if form == "csv":
            import csv

            with path.open(newline="", encoding="utf-8") as file:
                lines = list(csv.DictReader(file))
        else:
            lines = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        assert len(lines) == rows
        assert list(lines[0]) == table.column_names
        for column in ("mid", "client", "mid_name", "latency", "time", "p_token"):
            if column not in table.column_names:
                continue
            values = table[column]
            if column in ("latency", "time"):
                values = values.cast(pa.int64())
            for line, value in zip(lines, values.to_pylist()):
                check_text(form, column, line[column], value)


def check_text(form, column, got, value):
    if value is None:
        assert got == ("" if form == "csv" else None)
    elif column == "time":
        assert got.endswith(f".{value % 10**9:09}Z")
        assert got[10] == "T"
    elif isinstance(value, bytes):
        assert got == value.hex()
    else:
        assert str(got) == str(value)


@pytest.mark.parametrize("partition", ["date", "hour", "client", "flow", "direction"])
def test_partitions_hold_all_rows_once(tmp_path, partition):
    ds, pa = library("pyarrow.dataset"), library("pyarrow")
    paths = sorted((CAPTURES / "mms").glob("*.pcap"))
    cap = mmscodec.open(paths)
    written = cap.write_parquet(tmp_path, ["messages", "sessions", "flows"], partition=partition)
    for name in written:
        found = ds.dataset(tmp_path / name, partitioning="hive").to_table()
        table = pa.table(cap.table(name))
        assert found.num_rows == len(table)
        key = "time" if name == "messages" else "first_time" if name == "flows" else "start"
        assert sorted(found[key].cast(pa.int64()).to_pylist()) == sorted(
            table[key].cast(pa.int64()).to_pylist()
        )
    folders = [path.name for path in (tmp_path / "messages").iterdir()]
    assert all(folder.startswith(f"{partition}=") for folder in folders)


def test_hostile_values_of_partitions_stay_in_the_folder(tmp_path):
    library("pyarrow")
    with pytest.raises(mmscodec.errors.LimitError, match="too long to name a folder"):
        capture("cases/file-name-cjk.pcap").write_parquet(
            tmp_path / "out", ["LinkViewerToMacOpenFile"], partition="file_name"
        )
    assert list((tmp_path / "out").iterdir()) == []
    stream = mms.encode("LinkViewerToMacOpenFile", file_name="../../../x/..\\y:\0z")
    table = mms.decode(stream).table("LinkViewerToMacOpenFile")
    from mmscodec.convert.dataset import Dataset

    folder = tmp_path / "hostile"
    folder.mkdir()
    made = Dataset(folder, "open", "parquet", "file_name")
    made.write(library("pyarrow").table(table))
    made.complete(library("pyarrow").schema(table))
    made.publish()
    assert {path.name for path in folder.iterdir()} == {"open"}
    (inner,) = (folder / "open").iterdir()
    assert inner.name == "file_name=..%2F..%2F..%2Fx%2F..%5Cy%3A"


def test_nothing_is_replaced_unless_asked_for(tmp_path):
    library("pyarrow")
    opened().write_parquet(tmp_path, ["messages"])
    before = (tmp_path / "messages.parquet").read_bytes()
    with pytest.raises(FileExistsError):
        opened().write_parquet(tmp_path, ["messages", "data"])
    assert [path.name for path in tmp_path.iterdir()] == ["messages.parquet"]
    opened().write_parquet(tmp_path, ["messages"], overwrite=True)
    assert (tmp_path / "messages.parquet").read_bytes() == before
    opened().write_parquet(tmp_path, ["messages"], partition="flow")
    opened().write_parquet(tmp_path, ["messages"], partition="date", overwrite=True)
    assert {path.name for path in tmp_path.iterdir()} == {"messages", "messages.parquet"}
    assert all(path.name.startswith("date=") for path in (tmp_path / "messages").iterdir())


def test_after_an_error_nothing_is_left(tmp_path):
    library("pyarrow")

    def fail(tables):
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        convert(opened(), tmp_path, Options(whole=False), fail)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(KeyError, match="did you mean 'messages'"):
        opened().write_parquet(tmp_path, ["mesages"])
    with pytest.raises(ValueError, match="no format"):
        convert(opened(), tmp_path, Options("xls"))
    assert list(tmp_path.iterdir()) == []


def killed(tmp_path, *words):
    """The folder after a conversion that was killed in its middle."""
    code = """
import os, signal, sys
from mmscodec.cli import main
from mmscodec.convert.dataset import Dataset

publish, left = Dataset.{method}, [{count}]

def stop(self, *given):
    left[0] -= 1
    if left[0] < 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return publish(self, *given)

Dataset.{method} = stop
main(sys.argv[1:])
"""
    out = tmp_path / "out"
    for method, count in (("complete", 1), ("publish", 0)):
        script = code.format(method=method, count=count)
        words_ = [sys.executable, "-c", script, "convert", "-q", *words, "-o", str(out), str(PATH)]
        assert subprocess.run(words_, capture_output=True).returncode < 0
    return out


@pytest.mark.skipif(sys.platform == "win32", reason="there is no signal that kills")
@pytest.mark.parametrize("words", [(), ("--partition", "date"), ("--format", "jsonl")])
def test_a_conversion_that_is_killed_leaves_no_table(tmp_path, words):
    library("pyarrow")
    out = killed(tmp_path, *words)
    left = list(out.iterdir())
    assert left
    assert all(path.name.startswith(".") for path in left)
    half = [path for path in left if path.is_dir()]
    for path in half:  # what is left of it may be any bytes
        (path / "date=1999-01-01").mkdir()
        (path / "date=1999-01-01" / "part-0.parquet").write_bytes(b"PAR1")
    assert main(["convert", "-q", *words, "-o", str(out), str(PATH)]) == 0
    assert not [path for path in out.iterdir() if path.name.startswith(".")]
    assert not list(out.rglob("date=1999-01-01"))
    assert main(["convert", "-q", *words, "-o", str(tmp_path / "fresh"), str(PATH)]) == 0
    names = [sorted(p.relative_to(place).as_posix() for p in place.rglob("*"))
             for place in (out, tmp_path / "fresh")]  # fmt: skip
    assert names[0] == names[1]


def test_a_folder_that_was_about_to_be_replaced_is_back(tmp_path):
    library("pyarrow")
    opened().write_parquet(tmp_path, ["messages"], partition="flow")
    (tmp_path / "messages").rename(tmp_path / ".messages.old")
    with pytest.raises(FileExistsError):
        opened().write_parquet(tmp_path, ["messages"], partition="flow")
    assert [path.name for path in tmp_path.iterdir()] == ["messages"]


def test_a_table_that_is_named_is_written_without_rows_too(tmp_path):
    pq = parquet()
    assert opened().write_parquet(tmp_path, ["nodes", "gaps"]) == {"nodes": 0, "gaps": 0}
    assert pq.read_table(tmp_path / "nodes.parquet").num_rows == 0
    assert "ip_text" in pq.read_schema(tmp_path / "nodes.parquet").names


def test_the_command(tmp_path, capsys):
    pq = parquet()
    out = tmp_path / "out"
    assert main(["convert", "-q", "-o", str(out), str(PATH)]) == 0
    printed = capsys.readouterr().out
    assert "messages  21 rows" in printed
    assert pq.read_table(out / "messages.parquet").num_rows == 21
    assert not (out / "sessions.parquet").exists()
    assert main(["convert", "-q", "-o", str(out), str(PATH)]) == 1
    assert "exists already" in capsys.readouterr().err
    assert main(["convert", "-q", "--overwrite", "--tables", "all", "-o", str(out), str(PATH)]) == 0
    assert pq.read_table(out / "sessions.parquet").num_rows == 1
    assert main(["convert", "-q", "--tables", "mesages", "-o", str(out), str(PATH)]) == 2
    assert "did you mean" in capsys.readouterr().err


def test_damaged_input_gives_what_is_good_and_status_3(tmp_path):
    pq = parquet()
    cut = tmp_path / "cut.pcap"
    cut.write_bytes(PATH.read_bytes()[:-7])
    out = tmp_path / "out"
    assert main(["convert", "-q", "-o", str(out), str(cut)]) == 3
    assert pq.read_table(out / "messages.parquet").num_rows >= 20
    assert pq.read_table(out / "faults.parquet").num_rows >= 1


def test_without_pyarrow_the_extra_is_named(tmp_path):
    code = f"""
import sys
sys.modules["pyarrow"] = None
import mmscodec
cap = mmscodec.open({str(PATH)!r})
try:
    cap.write_parquet({str(tmp_path / "out")!r})
except ImportError as error:
    assert "mmscodec[arrow]" in str(error), error
else:
    raise SystemExit("no error")
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_from_arrow_to_rows_to_bytes(name):
    pa = library("pyarrow")
    for path in ("own/own_ntlm.pcap", "mms/vlc_udp.pcap", "cases/file-name-cjk.pcap"):
        cap = capture(path)
        rows, fields = rows_from_arrow(name, pa.table(cap.table(name, secrets=True)))
        wanted = {
            field.python_name: cap.column(name, field.python_name).tolist()
            for field in BY_NAME[name].variable
        }
        assert mms.encode(name, rows, **fields) == mms.encode(name, cap[name], **wanted)
        again = mms.decode(mms.encode(name, rows, **fields))
        assert again[name].tobytes() == rows.tobytes()


def test_masked_tokens_are_not_encoded():
    cap = capture("own/own_ntlm.pcap")
    with pytest.raises(ValueError, match="masked"):
        rows_from_arrow("LinkViewerToMacSecurityResponse",
                        cap.table("LinkViewerToMacSecurityResponse"))  # fmt: skip
