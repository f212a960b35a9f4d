"""SIGKILL at any moment: what is finished is whole, and what was promised comes back.

MMSCODEC_KILLS=50 kills so often, all in all, as docs/collect.md speaks of; the usual suite less.
"""

import json
import os
import random
import signal
import subprocess
import threading

import pytest

from mmscodec.collect import Settings, collect
from mmscodec.collect.writing import Writing
from tests.collect.service import (
    CAPTURES,
    closed,
    differing,
    ended,
    fed,
    finished,
    joined,
    pause,
    piped,
    started,
    truth,
    until,
    written,
    wrong_references,
)

KILLS = int(os.environ.get("MMSCODEC_KILLS", "10"))
OFTEN = ("--roll-seconds", "0.02")


def killed(process, seconds):
    """Kill it so long from now; whether it was still there, and the events that it told of."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    if process.stdin is not None:
        process.stdin.close()
        process.stdin = None
    _, said = process.communicate()
    # the last line may be half a line
    events = [json.loads(line) for line in said.splitlines() if line.endswith(b"}")]
    return process.returncode == -signal.SIGKILL, events


def reading(process):
    """Wait until it has begun to read."""
    while b'"reading"' not in process.stderr.readline():
        assert process.poll() is None


def all_told(out, events):
    """Each part that was said to be finished is there, under its names."""
    for event in events:
        if event["event"] == "part finished":
            name = f"*/run={event['run']}/part-{event['part']:06}.parquet"
            assert len(list(out.glob(name))) == event["files"]


def grows(path, content, seconds):
    """A thread that writes a file in pieces, none of which is a whole record."""
    path.write_bytes(content[:1000])

    def write():
        step = len(content) * 0.05 / seconds
        for number in range(int(seconds / 0.05) + 1):
            with path.open("ab") as file:
                file.write(content[1000 + int(number * step) : 1000 + int((number + 1) * step)])
            pause(0.05)
        with path.open("ab") as file:
            file.write(content[path.stat().st_size :])

    thread = threading.Thread(target=write)
    thread.start()
    return thread


@pytest.mark.parametrize("protocol", ["mms", "winmx"])
def test_rows_of_a_growing_file_are_each_there_once_after_kills(protocol, tmp_path):
    path, out = tmp_path / "a.pcap", tmp_path / "out"
    whole = joined(tmp_path / "whole.pcap", protocol)
    chance, kills, wanted = random.Random(protocol), 0, -(-KILLS * 2 // 5)
    writer = grows(path, whole.read_bytes(), wanted * 0.9)
    before = []
    while kills < wanted:
        process = started("-o", out, "--follow", *OFTEN, path)
        if not before and kills:
            until(lambda: finished(out), 60)
        elif chance.random() > 0.2:  # otherwise it may be killed while it starts
            reading(process)
        hit, events = killed(process, chance.uniform(0, 0.7))
        kills += hit
        all_told(out, events)
        assert set(before) <= set(finished(out))
        before = finished(out)
        written(out)  # each finished file is whole
    writer.join()
    status, _ = ended(started("-o", out, "--follow", "--idle", "0.3", *OFTEN, path))
    assert status in (0, 3)
    assert before  # some were killed when they had written
    assert differing(written(out), truth(whole)) == []
    assert {found.parent.name for found in finished(out)} == {"run=1"}
    assert wrong_references(out) == 0
    assert not list(out.rglob("*.part"))


@pytest.mark.parametrize("protocol", ["mms", "winmx"])
def test_flows_come_also_when_all_else_was_written_before_a_kill(protocol, tmp_path):
    path, out = joined(tmp_path / "a.pcap", protocol), tmp_path / "out"
    process = started("-o", out, "--follow", *OFTEN, path)
    until(lambda: finished(out))
    pause(0.7)  # until it waits for more
    assert killed(process, 0)[0]
    assert "flows" not in written(out)
    assert ended(started("-o", out, "--follow", "--idle", "0.3", path))[0] in (0, 3)
    assert differing(written(out), truth(path)) == []


def test_what_comes_at_the_end_comes_once_when_the_end_could_not_be_said(tmp_path, monkeypatch):
    """Killed between the last rows and the state that says that the run has ended."""
    path, out, finish = joined(tmp_path / "a.pcap"), tmp_path / "out", Writing.finish

    def dies(self, why, ended=False):
        finish(self, why)
        if ended:
            raise KeyboardInterrupt

    monkeypatch.setattr(Writing, "finish", dies)
    with pytest.raises(KeyboardInterrupt):
        collect(Settings(str(path), str(out), log_level="error"))
    monkeypatch.undo()
    assert differing(written(out), truth(path)) == []
    assert ended(started("-o", out, path))[0] in (0, 3)
    assert differing(written(out), truth(path)) == []


def test_a_pipe_loses_no_more_than_the_part_in_hand(tmp_path):
    """And flows that had not ended: each killed run has the rows before it, and none is torn."""
    out = tmp_path / "out"
    capture = CAPTURES / "mms" / "ffmpeg_tcp.pcap"
    content, true = capture.read_bytes(), truth(capture)
    chance, kills, wanted = random.Random(1), 0, -(-KILLS // 5)
    while kills < wanted:
        process = piped(out, *OFTEN)
        fed(process, content[: chance.randrange(1000, len(content))])
        if kills % 2 == 0:
            before = len(finished(out))
            until(lambda before=before: len(finished(out)) > before)
        hit, events = killed(process, chance.uniform(0, 0.8))
        kills += hit
        all_told(out, events)
        for name, rows in written(out).items():
            assert set(rows) <= set(true[name])
        assert no_gaps(out)
    assert closed(fed_whole(piped(out), content))[0] == 0
    last = max(int(path.parent.name[4:]) for path in finished(out))
    alone = tmp_path / "alone"
    for path in finished(out):
        if path.parent.name == f"run={last}":
            (place := alone / path.relative_to(out)).parent.mkdir(parents=True, exist_ok=True)
            os.link(path, place)
    assert differing(written(alone), true) == []
    assert last > 1
    assert not list(out.rglob("*.part"))


def fed_whole(process, content):
    fed(process, content)
    return process


def no_gaps(out):
    """Rows of each table of each run begin with the first one and follow each other."""
    import pyarrow.parquet as parquet

    behind = {}
    for path in finished(out):  # in the order of parts
        about = parquet.ParquetFile(path).metadata.metadata
        for first, count in json.loads(about[b"mmscodec.rows"]):
            assert behind.get(path.parent, 0) == first
            behind[path.parent] = first + count
    return behind
