"""A full disk: what stops, what is dropped and counted, and what is there afterwards."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec.collect import Settings, collect, files
from tests.collect.service import (
    CAPTURES,
    begun,
    closed,
    differing,
    ended,
    fed,
    finished,
    pause,
    piped,
    started,
    truth,
    until,
    written,
)
from tests.collect.traffic import capture

CAPTURE = CAPTURES / "mms" / "ffmpeg_tcp.pcap"
resource = pytest.importorskip("resource", reason="this system has no limits of files")
pytestmark = pytest.mark.skipif(
    not hasattr(resource, "prlimit"), reason="limits of another process are set by Linux alone"
)
NONE = resource.RLIM_INFINITY


def room(process, size):
    """No file of the process can be larger from now on."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, NONE))


def peak(process):
    """The most memory that the process ever had, in bytes."""
    lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def resting(out):
    """What is there that is no finished file."""
    return [path.name for path in out.rglob("*") if path.name.startswith(".part-")]


def test_block_ends_with_a_status_and_the_next_start_has_all(tmp_path):
    out = tmp_path / "out"
    process = started("-o", out, "--roll-bytes", "2K", CAPTURE)
    room(process, 4000)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"too large" in said
    assert b"Traceback" not in said
    assert resting(out) == []
    written(out)  # which looks at every file
    assert ended(started("-o", out, CAPTURE))[0] == 0
    assert differing(written(out), truth(CAPTURE)) == []


def test_drops_are_counted_until_there_is_room_again(tmp_path):
    pieces = [piece for _, piece in capture(4000, 125)]
    out = tmp_path / "out"
    words = ("--policy", "drop-oldest", "--queue-bytes", "1M", "--tables", "messages,flows")
    process = piped(out, *words, "--roll-seconds", "0.2", "--roll-bytes", "20K")
    half = len(pieces) // 2
    fed(process, b"".join(pieces[:half]))
    until(lambda: finished(out))
    before = peak(process)
    room(process, 4000)
    for piece in pieces[half:-8]:
        fed(process, piece)
        pause(0.05)
    assert peak(process) < before + (40 << 20)
    assert process.poll() is None
    room(process, NONE)
    pause(5.5)  # as long as it leaves the disk alone
    for piece in pieces[-8:]:
        fed(process, piece)
    status, events = closed(process)
    assert status == 3  # some connections are hostile
    assert resting(out) == []
    rows = written(out)
    there = sum(map(len, rows.values()))
    whole = tmp_path / "whole.pcap"
    whole.write_bytes(b"".join(pieces))
    true = truth(whole)
    assert events[-1]["dropped"] == sum(len(true[name]) for name in rows) - there
    assert events[-1]["dropped"] > 0
    assert events[-1]["rows"] == there
    assert set(rows["messages"]) <= set(true["messages"])
    lost = [event for event in events if event["event"] == "the part cannot be written"]
    assert 1 <= len(lost) <= 4  # it is tried every five seconds
    assert {path.parent.name for path in finished(out)} == {"run=1"}


def test_a_file_system_that_is_full(tmp_path):
    place = tmp_path / "small"
    place.mkdir()
    mount = shutil.which("mount")
    done = mount and subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=200k", "tmpfs", place], capture_output=True, check=False
    )
    if not done or done.returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        process = piped(place / "out", "--policy", "drop-newest", "--roll-bytes", "20K")
        raw = CAPTURE.read_bytes()
        fed(process, raw[:150_000])
        begun(place / "out")
        (place / "other").write_bytes(bytes(120_000))  # another program takes the rest
        fed(process, raw[150_000:])
        status, events = closed(process)
        assert status == 0
        assert any("No space left" in event.get("error", "") for event in events)
        assert events[-1]["dropped"] > 0
        assert resting(place / "out") == []
        rows = written(place / "out")
        true = truth(CAPTURE)
        assert all(set(found) <= set(true[name]) for name, found in rows.items())
        assert sum(map(len, rows.values())) == events[-1]["rows"]
    finally:
        subprocess.run(["umount", place], check=True)


def test_complete_files_that_cannot_take_their_names_take_them_later(tmp_path, monkeypatch):
    """Whatever the reason: they are named by the state, so they are never taken away."""
    out, rename, refused = tmp_path / "out", os.replace, []

    def replace(one, other):
        if str(other).endswith(".parquet") and len(refused) < 3:
            refused.append(other)
            raise OSError(28, "No space left on device", str(other))
        rename(one, other)

    monkeypatch.setattr(files.os, "replace", replace)
    words = {"policy": "drop-newest", "log_level": "error", "roll_bytes": 1}
    assert collect(Settings(str(CAPTURE), str(out), **words)) == 0
    assert refused
    monkeypatch.undo()
    assert ended(started("-o", out, CAPTURE))[0] == 0
    assert resting(out) == []
    assert differing(written(out), truth(CAPTURE)) == []


def test_a_full_disk_is_said_to_be_so_when_nothing_can_be_made(tmp_path):
    out = tmp_path / "out"
    limit = "import resource, sys; resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0));"
    code = limit + "from mmscodec.__main__ import main; sys.exit(main())"
    done = subprocess.run(
        [sys.executable, "-c", code, "collect", "-q", "-o", out, CAPTURE],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "too large" in done.stderr
    assert finished(out) == resting(out) == []
