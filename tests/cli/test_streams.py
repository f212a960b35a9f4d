"""Closed, full and broken standard streams: a word and a status, never a traceback."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec.cli import main
from mmscodec.target import file_target

ROOT = Path(__file__).resolve().parent.parent
CAPTURE = ROOT / "captures" / "mms" / "ffmpeg_tcp.pcap"
COMMANDS = ["decode", "stats", "sessions"]


def shell(words: str, **options) -> subprocess.CompletedProcess:
    command = f'exec "{sys.executable}" -m mmscodec {words}'
    return subprocess.run(
        ["sh", "-c", command], capture_output=True, text=True, timeout=300, check=False, **options
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_closed_standard_output_is_an_error(command):
    done = shell(f'{command} "{CAPTURE}" >&-')
    assert (done.returncode, done.stderr) == (1, "mmscodec: standard output is closed\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_closed_standard_error_changes_nothing(command):
    usual = shell(f'{command} "{CAPTURE}"')
    done = shell(f'{command} "{CAPTURE}" 2>&-')
    assert (done.returncode, done.stdout) == (usual.returncode, usual.stdout)
    assert done.stdout


def test_messages_do_not_go_to_standard_output_where_standard_error_is_closed():
    done = shell("decode /there/is/none 2>&-")
    assert (done.returncode, done.stdout) == (1, "")


def test_closed_standard_input_is_an_error():
    done = shell("decode - <&-")
    assert done.returncode == 1
    assert done.stderr == "mmscodec: -: standard input is closed\n"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="this system has no /dev/full")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk_is_an_error(command):
    done = shell(f'{command} "{CAPTURE}" >/dev/full')
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "No space left on device" in done.stderr


@pytest.mark.parametrize("command", ["decode", "sessions --json"])
def test_a_reader_that_goes_away_ends_it_silently(command):
    words = f'"{sys.executable}" -m mmscodec {command} "{CAPTURE}" | head -n 1'
    done = subprocess.run(
        ["sh", "-c", words], capture_output=True, text=True, timeout=300, check=True
    )
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


@pytest.fixture
def interruptible():
    """What a shell starts in the background ignores SIGINT, and so would its children."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("command", COMMANDS)
def test_an_interrupt_is_status_130_without_a_traceback(command):
    with subprocess.Popen(
        [sys.executable, "-m", "mmscodec", command, "-"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as running:  # fmt: skip
        assert running.stdin is not None
        running.stdin.write(CAPTURE.read_bytes()[:-1])
        running.stdin.flush()
        if command == "decode":  # it reads when it has printed
            assert running.stdout.readline()
        else:
            wait_for_read(running.pid)
        running.send_signal(signal.SIGINT)
        _, err = running.communicate(timeout=300)
    assert (running.returncode, err) == (130, b"")


def wait_for_read(pid: int) -> None:
    """Until the process has taken all that the pipe held, and waits for more."""
    if not os.path.exists(f"/proc/{pid}/wchan"):
        pytest.skip("this system does not tell what a process waits for")
    for _ in range(1_000_000):
        if "pipe" in Path(f"/proc/{pid}/wchan").read_text():
            return
        os.sched_yield()
    pytest.skip("this system does not tell what a process waits for")


def test_output_into_a_file_is_there_whole_or_not_at_all(tmp_path, capsys, monkeypatch):
    target = tmp_path / "rows.jsonl"
    assert main(["decode", "--json", str(CAPTURE)]) == 0
    printed = capsys.readouterr().out
    assert main(["decode", "--json", "-w", str(target), str(CAPTURE)]) == 0
    assert capsys.readouterr().out == ""
    assert target.read_text(encoding="utf-8") == printed
    target.write_text("before")

    def fails(self, event):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mmscodec.cli.output.Machine.write", fails)
    assert main(["decode", "--json", "-w", str(target), str(CAPTURE)]) == 1
    assert target.read_text() == "before"
    assert [path.name for path in tmp_path.iterdir()] == ["rows.jsonl"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_pipe_stays_a_pipe_and_a_link_a_link(tmp_path, capsys):
    assert main(["decode", "--json", str(CAPTURE)]) == 0
    printed = capsys.readouterr().out
    pipe, link, file = (tmp_path / name for name in ("pipe", "link", "file"))
    os.mkfifo(pipe)
    end = os.open(pipe, os.O_RDWR)  # whose buffer holds what is written
    assert main(["decode", "-c", "1", "--json", "-w", str(pipe), str(CAPTURE)]) == 0
    assert os.read(end, 1 << 16).decode() == printed.splitlines(keepends=True)[0]
    os.close(end)
    assert pipe.is_fifo()
    link.symlink_to(file)
    assert main(["decode", "--json", "-w", str(link), str(CAPTURE)]) == 0
    assert link.is_symlink()
    assert file.read_text(encoding="utf-8") == printed
    with pytest.raises(OSError, match="not a regular file"):
        file_target(pipe)
    with pytest.raises(IsADirectoryError):
        file_target(tmp_path)
    assert file_target(link) == Path(os.path.realpath(file))


@pytest.mark.parametrize("word", ["-1", "0", "x"])
@pytest.mark.parametrize("option", ["-c", "--limit", "--count", "--threads"])
def test_a_number_that_is_none_is_wrong_usage(option, word, capsys):
    with pytest.raises(SystemExit) as exit:
        main(["decode", f"{option}={word}" if option[1] == "-" else option + word, str(CAPTURE)])
    assert exit.value.code == 2
    assert option in capsys.readouterr().err
