"""Help, wrong values, and completion of the options that people expect."""

import csv
import io
import json
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from mmscodec.cli import main
from mmscodec.cli.main import COMMANDS, parser

ROOT = Path(__file__).resolve().parents[1] / "captures"
PATH = str(ROOT / "mms" / "libmms_playlist.pcap")


def help_of(command, capsys):
    with pytest.raises(SystemExit) as found:
        main([command, "--help"])
    assert found.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_has_examples(command, capsys):
    text = help_of(command, capsys)
    assert "examples:" in text
    assert f"mmscodec {command} " in text.partition("examples:")[2]


def test_sessions_as_csv_with_a_limit(capsys):
    assert main(["sessions", "--csv", "--limit", "1", PATH]) == 0
    (row,) = csv.DictReader(io.StringIO(capsys.readouterr().out))
    assert main(["sessions", "--json", PATH]) == 0
    first = json.loads(capsys.readouterr().out.splitlines()[0])
    assert set(row) == set(first)
    assert row["media_packets"] == str(first["media_packets"])


def test_sessions_and_media_of_a_port_flow_and_time(tmp_path, capsys):
    for words in (["--port", "9"], ["--from", "9999"], ["--flow", "77"]):
        main(["sessions", "--json", *words, PATH])
        assert capsys.readouterr().out == ""
        assert main(["extract", *words, "-o", str(tmp_path), PATH]) in (1, 3)
        assert not list(tmp_path.iterdir())
    capsys.readouterr()
    assert main(["sessions", "--json", "--port", "1755", "--from", "0", "--flow", "0", PATH]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.parametrize("command", ["decode", "sessions", "explain"])
@pytest.mark.parametrize("word", ["-1", "0", "x", "1.5", ""])
def test_wrong_limits(command, word, capsys):
    with pytest.raises(SystemExit) as found:
        main([command, "-c", word, PATH])
    assert found.value.code == 2
    assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize(
    "words",
    [
        ["--threads", "-1"], ["--port", "70000"], ["--from", "x"], ["--to", "2026-99-01"],
        ["--charset", "nonsense"], ["--idle", "-1"], ["--flow", "x"], ["--filter", "no such ((("],
    ],
)  # fmt: skip
def test_wrong_values_are_usage(words, capsys):
    with pytest.raises(SystemExit) as found:
        main(["decode", *words, PATH])
    assert found.value.code == 2
    error = capsys.readouterr().err
    assert error
    assert "Traceback" not in error


@pytest.mark.parametrize("shell", ["bash", "zsh", "tcsh"])
def test_completion(shell, capsys, tmp_path):
    pytest.importorskip("shtab")
    assert main(["completion", shell]) == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert command in text
    assert "--ignore-vlan" in text or shell == "tcsh"
    if shell == "bash":
        path = tmp_path / "mmscodec.bash"
        path.write_text(text)
        ask = (
            f"source {path}; COMP_WORDS=(mmscodec exp); COMP_CWORD=1; "
            "_shtab_mmscodec; echo ${COMPREPLY[@]}"
        )
        found = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=60)
        assert set(found.stdout.split()) == {"explain", "export"}


def test_every_command_has_one_line_in_the_help(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"    {command} " in text or f"    {command}\n" in text
    assert parser().prog == "mmscodec"


@pytest.mark.parametrize(
    "command", ["wireshark", "completion bash", f"export -o - {shlex.quote(PATH)}"]
)
def test_output_that_is_closed_is_one_sentence(command):
    words = f"{shlex.quote(sys.executable)} -m mmscodec {command} >&-"
    done = subprocess.run(["sh", "-c", words], capture_output=True, text=True, timeout=120)
    assert done.returncode == 1
    assert done.stderr == "mmscodec: standard output is closed\n"
