"""SIGKILL at any moment: what is finished is whole, and what was promised comes back."""

import os
import random
import signal
import subprocess
import threading

import pytest

from tests.collect.service import (
    CAPTURES,
    differing,
    ended,
    finished,
    joined,
    pause,
    started,
    truth,
    until,
    written,
    wrong_references,
)

pytest.importorskip("pyarrow", reason="pyarrow is not installed")
pytestmark = pytest.mark.skipif(os.name == "nt", reason="SIGKILL is a signal of POSIX")
#: Of each protocol; MMSCODEC_KILLS=60 is what docs/collect.md speaks of.
KILLS = int(os.environ.get("MMSCODEC_KILLS", "5"))
OFTEN = ("--roll-seconds", "0.02", "-q")


def killed_while_it_works(process, seconds):
    """Kill it so long after it has begun to read."""
    while b'"reading"' not in process.stderr.readline():
        assert process.poll() is None
    pause(seconds)
    return killed(process, 0)


def killed(process, seconds):
    """Whether it was still there when it was killed."""
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
    process.communicate()
    return process.returncode == -signal.SIGKILL


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
    chance, kills = random.Random(protocol), 0
    writer = grows(path, whole.read_bytes(), KILLS * 2.0)
    grown = 0
    while kills < KILLS:
        process = started("-o", out, "--follow", *OFTEN[:2], path)
        if not grown and kills:
            until(lambda: finished(out), 60)
            kills += killed(process, 0)
        elif chance.random() < 0.2:
            kills += killed(process, chance.uniform(0, 1))  # while it starts
        else:
            kills += killed_while_it_works(process, chance.uniform(0, 2))
        before, grown = grown, len(finished(out))
        assert grown >= before
        written(out)  # each finished file is whole
    writer.join()
    status, _ = ended(started("-o", out, "--follow", "--idle", "0.5", *OFTEN, path))
    assert status in (0, 3)
    assert differing(written(out), truth(whole)) == []
    assert {found.parent.name for found in finished(out)} == {"run=1"}
    assert wrong_references(out) == 0
    assert grown  # some were killed when they had written
    assert not list(out.rglob("*.part"))


def test_a_pipe_loses_no_more_than_what_is_in_hand(tmp_path):
    out = tmp_path / "out"
    content = (CAPTURES / "mms" / "ffmpeg_tcp.pcap").read_bytes()
    true = truth(CAPTURES / "mms" / "ffmpeg_tcp.pcap")
    process = started("-o", out, *OFTEN, "-", stdin=subprocess.PIPE)
    process.stdin.write(content[:200_000])
    process.stdin.flush()
    until(lambda: finished(out))
    pause(0.5)  # longer than a part takes
    assert killed(process, 0)
    found = written(out)
    for name, rows in found.items():
        assert set(rows) <= set(true[name])
    assert len(found["data"]) > 40
    process = started("-o", out, "-q", "-", stdin=subprocess.PIPE)
    process.stdin.write(content)
    process.stdin.close()
    process.stdin = None
    assert ended(process)[0] == 0
    assert {path.parent.name for path in finished(out)} == {"run=1", "run=2"}
