"""A spool: scanned, killed, scanned again, joined."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec import distributed
from mmscodec.distributed import engine
from mmscodec.errors import CaptureError
from tests.distributed.cutting import CAPTURES, cut, expected

pa = pytest.importorskip("pyarrow", reason="pyarrow is not installed")
dataset = pytest.importorskip("pyarrow.dataset", reason="pyarrow has no datasets here")


def failed(found: list[dict]) -> dict[str, str]:
    return {Path(about["name"]).name: about["failed"] for about in found if "failed" in about}


def table(out: Path, name: str) -> pa.Table:
    """Rows of all partitions, without the column of their number."""
    found = dataset.dataset(out / name, format="parquet").to_table()
    return found.replace_schema_metadata(None)


def same(found: pa.Table, wanted: pa.Table) -> bool:
    """Whether rows are equal; Parquet knows no durations."""
    return found.to_pylist() == wanted.cast(found.schema).to_pylist()


def files_of(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*") if path.is_file()
    }  # fmt: skip


@pytest.fixture
def rotated(tmp_path: Path) -> Path:
    """Two captures, MMS and WinMX, in files of a few records."""
    for name, step in (("own/own_redirect.pcap", 9), ("winmx/chat.pcap", 30)):
        folder = tmp_path / "captures" / Path(name).stem
        folder.mkdir(parents=True)
        cut(CAPTURES / name, list(range(step, step * 5, step)), folder)
    files = tmp_path / "rotated"
    files.mkdir()
    for path in (tmp_path / "captures").rglob("*.pcap"):
        path.rename(files / f"{path.parent.name}-{path.name}")
    return files


def test_a_spool_gives_the_rows_of_open(rotated: Path, tmp_path: Path) -> None:
    spool, out = str(tmp_path / "spool"), tmp_path / "out"
    assert not failed(distributed.scan([str(rotated)], spool, partitions=1))
    distributed.join(spool, str(out))
    wanted = expected(str(rotated))
    for name, rows in wanted.items():
        if len(rows):
            assert same(table(out, name), rows), name
    assert len(wanted["messages"])
    assert len(wanted["winmx_packets"])


def test_many_partitions_have_each_row_once(rotated: Path, tmp_path: Path) -> None:
    spool, out = str(tmp_path / "spool"), tmp_path / "out"
    shutil.copy(CAPTURES / "mms/ffmpeg_ipv6.pcapng", rotated)  # of other hosts
    distributed.scan([str(rotated)], spool, partitions=7)
    found = distributed.join(spool, str(out))
    assert len(found) > 1
    for name, rows in expected(str(rotated)).items():
        assert len(rows) == sum(about["rows"].get(name, 0) for about in found), name


def test_what_is_there_is_not_made_again(rotated: Path, tmp_path: Path) -> None:
    spool, out = tmp_path / "spool", tmp_path / "out"
    distributed.scan([str(rotated)], str(spool), partitions=2)
    distributed.join(str(spool), str(out))
    times = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.arrow")}
    times |= {path: path.stat().st_mtime_ns for path in out.rglob("*.parquet")}
    distributed.scan([str(rotated)], str(spool))
    distributed.join(str(spool), str(out))
    assert {path: path.stat().st_mtime_ns for path in times} == times


def test_a_file_that_comes_later_is_put_in_its_place(rotated: Path, tmp_path: Path) -> None:
    spool, out = str(tmp_path / "spool"), tmp_path / "out"
    late = rotated / "own_redirect-part0.pcap"  # with the handshake
    kept = tmp_path / late.name
    late.rename(kept)
    distributed.scan([str(rotated)], spool, partitions=1)
    distributed.join(spool, str(out))
    kept.rename(late)
    distributed.survey([str(late)], spool)
    with pytest.raises(CaptureError, match="run scan again"):
        distributed.join(spool, str(out))
    distributed.scan([str(rotated)], spool)
    distributed.join(spool, str(out))
    for name, rows in expected(str(rotated)).items():
        if len(rows):
            assert same(table(out, name), rows), name


def test_tables_of_partitions_that_are_empty_by_now_go(rotated: Path, tmp_path: Path) -> None:
    spool, out = tmp_path / "spool", tmp_path / "out"
    distributed.scan([str(rotated)], str(spool), partitions=5)
    distributed.join(str(spool), str(out))
    assert list(out.rglob("*.parquet"))
    for path in rotated.iterdir():
        path.unlink()
    empty = rotated / "none.pcap"
    cut(CAPTURES / "cases/served-over-http.pcap", [], tmp_path)
    (tmp_path / "part0.pcap").rename(empty)
    found = distributed.survey([str(empty)], str(spool))
    assert not failed(found)
    names = [json.loads(path.read_text())["name"] for path in (spool / "files").iterdir()]
    assert len(failed(distributed.scan([*names, str(empty)], str(spool)))) == len(names)
    distributed.join(str(spool), str(out))
    assert not list(out.rglob("*.parquet"))


def test_files_that_cannot_be_read_are_left_out_and_said(rotated: Path, tmp_path: Path) -> None:
    spool, out = str(tmp_path / "spool"), tmp_path / "out"
    (rotated / "words.txt").write_text("this is no capture\n")
    gone = rotated / "own_redirect-part4.pcap"
    names = [*map(str, sorted(rotated.iterdir())), str(rotated / "never.pcap")]
    distributed.survey(names, spool, partitions=1)
    gone.unlink()
    found = failed(distributed.scan(names, spool))
    assert set(found) == {"words.txt", "never.pcap", gone.name}
    distributed.join(spool, str(out))
    (rotated / "words.txt").unlink()
    for name, rows in expected(str(rotated)).items():
        if len(rows):
            assert same(table(out, name), rows), name


def test_a_file_that_ends_in_a_record_counts_as_far_as_it_goes(
    rotated: Path, tmp_path: Path
) -> None:
    spool, out = str(tmp_path / "spool"), tmp_path / "out"
    last = rotated / "chat-part4.pcap"
    last.write_bytes(last.read_bytes()[:-7])
    found = distributed.scan([str(rotated)], spool, partitions=1)
    assert not failed(found)
    assert [Path(about["name"]).name for about in found if about["faults"]] == [last.name]
    distributed.join(spool, str(out))
    for name, rows in expected(str(rotated)).items():
        if len(rows):
            assert same(table(out, name), rows), name


def test_a_spool_that_lost_bytes_is_not_decoded(rotated: Path, tmp_path: Path) -> None:
    spool, out = tmp_path / "spool", tmp_path / "out"
    distributed.scan([str(rotated)], str(spool), partitions=1)
    path = next((spool / "partition-000").iterdir())
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    (about,) = distributed.join(str(spool), str(out))
    assert path.name in about["failed"]
    assert not list(out.rglob("*.parquet"))


def test_another_number_of_partitions_is_refused(rotated: Path, tmp_path: Path) -> None:
    spool = str(tmp_path / "spool")
    distributed.scan([str(rotated)], spool, partitions=2)
    with pytest.raises(ValueError, match="2 partitions"):
        distributed.scan([str(rotated)], spool, partitions=3)


def test_join_without_a_spool_says_so(tmp_path: Path) -> None:
    with pytest.raises(CaptureError, match="no spool"):
        distributed.join(str(tmp_path / "spool"), str(tmp_path / "out"))


def test_a_worker_that_dies_is_said(tmp_path: Path) -> None:
    calls = [(os._exit, (1,)), (os._exit, (1,))]
    with pytest.raises(CaptureError, match="run it again"):
        list(engine._done(calls, 2, print))


def run(*words: str, **more) -> subprocess.Popen:
    command = [sys.executable, "-m", "mmscodec", *words]
    path = os.pathsep.join(path for path in sys.path if path)
    environment = {**os.environ, "PYTHONPATH": path}
    return subprocess.Popen(command, env=environment, text=True, start_new_session=True, **more)


@pytest.mark.skipif(sys.platform == "win32", reason="a group of processes is killed by a signal")
@pytest.mark.parametrize("after", [1, 4, 9])
def test_a_scan_and_a_join_that_are_killed_are_taken_up(
    rotated: Path, tmp_path: Path, after: int
) -> None:
    spool, out = tmp_path / "spool", tmp_path / "out"
    whole = tmp_path / "whole"
    distributed.scan([str(rotated)], str(whole), partitions=3)
    distributed.join(str(whole), str(tmp_path / "there"))
    steps = (
        (("scan", "-q", "--partitions", "3", "-o", str(spool), str(rotated)), spool),
        (("join", "-q", "-o", str(out), str(spool)), out),
    )
    for words, folder in steps:
        running = run(*words, "--workers", "1", stdout=subprocess.DEVNULL)
        while running.poll() is None and len(list(folder.rglob("*.*"))) < after:
            continue  # as often as it can be asked
        if running.poll() is None:
            os.killpg(running.pid, signal.SIGKILL)
        running.wait()
        assert run(*words, "--workers", "2", stdout=subprocess.DEVNULL).wait() == 0
    kept = {name: data for name, data in files_of(spool).items() if not name.endswith(".tmp")}
    assert kept.keys() == files_of(whole).keys()
    segments = [name for name in kept if name.startswith("partition-")]
    assert {name: kept[name] for name in segments} == {
        name: data for name, data in files_of(whole).items() if name in segments
    }
    for name, rows in files_of(tmp_path / "there").items():
        if name.endswith(".parquet"):
            assert (out / name).read_bytes() == rows, name


def test_the_commands_say_what_they_did(rotated: Path, tmp_path: Path) -> None:
    spool, out = tmp_path / "spool", tmp_path / "out"
    shutil.copy(__file__, rotated / "words.txt")
    scan = run("scan", "-q", "-o", str(spool), str(rotated), stdout=subprocess.PIPE,
               stderr=subprocess.PIPE)  # fmt: skip
    said, errors = scan.communicate()
    assert scan.returncode == 3
    assert said.startswith("10 files, 203 segments")
    assert "words.txt" in errors
    join = run("join", "-q", "-o", str(out), str(spool), "--tables", "messages,sessions",
               stdout=subprocess.PIPE)  # fmt: skip
    lines = dict(line.split("  ") for line in join.communicate()[0].splitlines())
    rows = {name: len(found) for name, found in expected(str(rotated)).items()}
    assert join.returncode == 0
    assert lines == {
        f"{out}/{name}": f"{rows[name]} rows" for name in ("messages", "sessions")
    }  # fmt: skip
    markers = [json.loads(path.read_text()) for path in (out / ".mmscodec-join").iterdir()]
    assert sum(about["rows"]["messages"] for about in markers) == rows["messages"]
