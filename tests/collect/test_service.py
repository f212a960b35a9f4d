"""A person's day with the service: pipes, files, folders, signals, configuration."""

import os
import shutil
import signal
import subprocess

import pytest

from tests.collect.service import (
    CAPTURES,
    begun,
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
)

CAPTURE = CAPTURES / "mms" / "ffmpeg_tcp.pcap"
RAW = CAPTURE.read_bytes()


@pytest.fixture(scope="module")
def true():
    return truth(CAPTURE)


def test_all_protocols_come_out_as_from_a_whole_file(tmp_path):
    for protocol in ("mms", "winmx"):
        path = joined(tmp_path / f"{protocol}.pcap", protocol)
        assert ended(started("-o", tmp_path / protocol, path))[0] in (0, 3)
        assert differing(written(tmp_path / protocol), truth(path)) == []


def test_what_tcpdump_writes_into_a_pipe(tmp_path, true):
    tcpdump = shutil.which("tcpdump")
    if tcpdump is None:
        pytest.skip("tcpdump is not installed")
    with subprocess.Popen(
        [tcpdump, "-r", str(CAPTURE), "-U", "-w", "-"],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    ) as source:  # fmt: skip
        process = started("-o", tmp_path / "out", "-", stdin=source.stdout)
        assert ended(process)[0] == 0
    assert differing(written(tmp_path / "out"), true) == []


def test_sigterm_finishes_what_came_and_loses_nothing(tmp_path, true):
    process = piped(tmp_path / "out")
    fed(process, RAW[:-5000])
    pause(1.5)
    fed(process, RAW[-5000:])  # still in the pipe when the signal comes
    process.send_signal(signal.SIGTERM)
    status, events = ended(process)
    assert status == 0
    assert differing(written(tmp_path / "out"), true) == []
    assert events[-1]["event"] == "ended"


def test_sighup_finishes_the_present_files_and_goes_on(tmp_path, true):
    out = tmp_path / "out"
    process = piped(out)
    fed(process, RAW[:150_000])
    begun(out)
    assert finished(out) == []
    process.send_signal(signal.SIGHUP)
    until(lambda: finished(out))
    fed(process, RAW[150_000:])
    status, events = closed(process)
    assert status == 0
    assert [e["why"] for e in events if e["event"] == "part finished"] == ["SIGHUP", "end"]
    assert differing(written(out), true) == []


def test_ctrl_c_finishes_and_its_status_says_so(tmp_path):
    process = piped(tmp_path / "out")
    fed(process, RAW[:150_000])
    begun(tmp_path / "out")
    process.send_signal(signal.SIGINT)
    assert ended(process)[0] == 130
    assert finished(tmp_path / "out")


def test_parts_by_size_and_by_time(tmp_path, true):
    status, events = ended(started("-o", tmp_path / "a", "--roll-bytes", "1", CAPTURE))
    assert status == 0
    assert "size" in [e.get("why") for e in events]
    process = piped(tmp_path / "b", "--roll-seconds", "0.1")
    for at in range(0, len(RAW), 100_000):
        fed(process, RAW[at : at + 100_000])
        pause(0.7)
    events = closed(process)[1]
    assert len([e for e in events if e.get("why") == "time"]) > 1
    assert differing(written(tmp_path / "b"), true) == []


def test_a_file_that_is_left_in_the_middle_is_taken_up_again(tmp_path, true):
    path, out = tmp_path / "a.pcap", tmp_path / "out"
    path.write_bytes(RAW[:120_000])
    process = started("-o", out, "--follow", path)
    begun(out)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0
    assert finished(out)
    path.write_bytes(RAW)
    status, events = ended(started("-o", out, "--follow", "--idle", "0.3", path))
    assert (status, events[0]["how"]) == (0, "its files are read again")
    assert differing(written(out), true) == []
    before = finished(out)
    assert ended(started("-o", out, path))[0] == 0
    assert finished(out) == before


def test_a_folder_whose_oldest_files_are_gone_is_another_run(tmp_path, true):
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    cut = records(150)
    (folder / "1.pcap").write_bytes(RAW[:cut])
    (folder / "2.pcap").write_bytes(RAW[:24] + RAW[cut : records(250)])
    os.utime(folder / "1.pcap", (1000, 1000))
    os.utime(folder / "2.pcap", (2000, 2000))
    process = started("-o", out, "--follow", "--roll-seconds", "0.1", folder)
    until(lambda: finished(out))
    pause(0.5)
    process.send_signal(signal.SIGTERM)
    assert ended(process)[0] == 0
    (folder / "1.pcap").unlink()
    with (folder / "2.pcap").open("ab") as file:
        file.write(RAW[records(250) :])
    status, events = ended(started("-o", out, "--follow", "--idle", "0.3", folder))
    assert (status, events[0]["how"]) == (0, "behind what is written")
    assert {path.parent.name for path in finished(out)} == {"run=1", "run=2"}
    rows = written(out)
    times = [row.partition("'flow'")[0] for row in rows["messages"]]
    assert len(times) == len(set(times)) or len(rows["messages"]) <= len(true["messages"])


def records(number):
    """Where a record of the capture ends."""
    at = 24
    for _ in range(number):
        at += 16 + int.from_bytes(RAW[at + 8 : at + 12], "little")
    return at


def test_two_collectors_do_not_share_a_folder(tmp_path):
    process = piped(tmp_path / "out")
    fed(process, RAW[:150_000])
    begun(tmp_path / "out")
    other = started("-o", tmp_path / "out", CAPTURE)
    assert b"another collector" in other.communicate(timeout=30)[1]
    assert other.returncode == 1
    assert closed(process)[0] == 3  # which ended inside of a record


def test_settings_of_a_file_and_flags_over_them(tmp_path):
    config = tmp_path / "collect.toml"
    config.write_text(
        f'output = "{tmp_path / "out"}"\ntables = ["messages"]\nroll-bytes = "1M"\n'
        'log-format = "text"\n'
    )
    assert ended(started("--config", config, "--tables", "data", CAPTURE))[0] == 0
    assert {path.parts[-3] for path in finished(tmp_path / "out")} == {"data"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("polcy = 'block'", "did you mean 'policy'"),
        ("policy = 'lose'", "one of block"),
        ("port = 1755", "a list is needed"),
        ("follow = 1", "true or false"),
        ("roll-bytes = '5 apples'", "bytes like"),
        ("tables = ['massages']", "did you mean 'messages'"),
        ("= 3", "Invalid"),
    ],
)
def test_wrong_settings_are_one_sentence(line, said, tmp_path, capsys):
    from mmscodec.cli import main

    config = tmp_path / "collect.toml"
    config.write_text(line + "\n")
    words = ["collect", "--config", str(config), "-o", str(tmp_path / "out"), str(CAPTURE)]
    assert main(words) == 2
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
