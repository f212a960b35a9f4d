"""`decode --follow`: a file that grows, a folder whose files rotate."""

import json
import os
import threading
from pathlib import Path

import pytest

from mmscodec.capture.follow import Follow
from mmscodec.cli import main
from tests.cli.places import run

CAPTURE = Path(__file__).resolve().parents[1] / "captures" / "mms" / "ffmpeg_tcp.pcap"
RAW = CAPTURE.read_bytes()


def records():
    """The records of the capture, header included."""
    at, out = 24, []
    while at < len(RAW):
        size = int.from_bytes(RAW[at + 8 : at + 12], "little")
        out.append(RAW[at : at + 16 + size])
        at += 16 + size
    return out


@pytest.fixture(scope="module")
def expected():
    return decoded([str(CAPTURE)])


def decoded(words):
    """Rows of `decode --json`, without the columns that a growing capture orders otherwise."""
    import contextlib
    import io

    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        assert main(["decode", "--json", *words]) == 0
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    return sorted((r["flow"], r["offset"], r["name"], r["length"]) for r in rows)


def test_a_file_that_grows(tmp_path, expected):
    path = tmp_path / "trace.pcap"
    path.write_bytes(RAW[:1000])
    begun = threading.Event()

    def grow():
        begun.wait(10)
        for at in range(1000, len(RAW), 50_000):
            with path.open("ab") as file:
                file.write(RAW[at : at + 50_000])

    writer = threading.Thread(target=grow)
    writer.start()
    begun.set()
    assert decoded(["--follow", "--idle", "1", str(path)]) == expected
    writer.join()


@pytest.mark.parametrize("parts", [2, 5])
def test_a_folder_whose_files_rotate(tmp_path, expected, parts):
    found = records()
    step = len(found) // parts + 1
    for number, at in enumerate(range(0, len(found), step)):
        path = tmp_path / f"trace.pcap{number or ''}"
        path.write_bytes(RAW[:24] + b"".join(found[at : at + step]))
        os.utime(path, (1000 + number, 1000 + number))
    (tmp_path / "notes.txt").write_text("no capture")
    assert decoded(["--follow", "--idle", "0.1", str(tmp_path)]) == expected


def test_a_file_under_the_same_name(tmp_path):
    path = tmp_path / "trace.pcap"
    found = records()
    path.write_bytes(RAW[:24] + found[0])
    stream = Follow(str(path), 0.1)
    assert stream.read1(1 << 20) == RAW[:24]
    assert stream.read1(1 << 20) == found[0]
    other = tmp_path / "new"
    other.write_bytes(RAW[:24] + found[1])
    other.replace(path)
    assert stream.read1(1 << 20) == found[1]
    path.write_bytes(RAW[:24] + found[2][:9])  # the same file, begun anew
    assert stream.read1(1 << 20) == found[2][:9]
    assert stream.read1(1 << 20) == b""


def test_files_that_are_used_again(tmp_path):
    found = records()
    names = [tmp_path / "a.pcap", tmp_path / "b.pcap"]
    for number, path in enumerate(names):
        path.write_bytes(RAW[:24] + found[number])
        os.utime(path, (1000 + number, 1000 + number))
    stream = Follow(str(tmp_path), 0.1)
    read = b"".join(stream.read1(1 << 20) for _ in range(3))
    assert read == RAW[:24] + found[0] + found[1]
    names[0].write_bytes(RAW[:24] + found[2])  # as tcpdump -W does
    assert stream.read1(1 << 20) == found[2]
    stream.close()


def test_wrong_use_is_one_sentence(tmp_path, capsys):
    other = bytearray(RAW[:24])
    other[20] = 113
    (tmp_path / "a.pcap").write_bytes(RAW[:5000])
    (tmp_path / "b.pcap").write_bytes(bytes(other))
    os.utime(tmp_path / "a.pcap", (1000, 1000))
    assert main(["decode", "--follow", "--idle", "0.1", str(tmp_path)]) == 1
    assert "another header" in capsys.readouterr().err
    assert main(["decode", "--follow", str(tmp_path / "none.pcap")]) == 1
    assert "none.pcap: No such file" in capsys.readouterr().err
    for words in (["--follow", "a", "b"], ["--follow", "-"]):
        with pytest.raises(SystemExit) as found:
            main(["decode", *words])
        assert found.value.code == 2
        assert "takes one file or folder" in capsys.readouterr().err


#: Commands that answer when the capture has ended.
AT_THE_END = {
    "stats": ["--json"], "sessions": ["--json"], "report": ["-o", "-"],
    "sql": ["--json", "from messages"], "convert": ["--format", "jsonl", "--overwrite", "-o"],
    "extract": ["--overwrite", "-o"], "export": ["-o", "-"],
    "explain": ["--json", "--frame", "9"],
}  # fmt: skip


@pytest.mark.parametrize("command", AT_THE_END)
def test_the_answer_at_the_end_is_that_of_the_whole_file(command, tmp_path):
    if needed := {"sql": "duckdb", "convert": "pyarrow", "report": "jinja2"}.get(command):
        pytest.importorskip(needed, reason=f"{needed} is not installed")
    path, out = tmp_path / "trace.pcap", tmp_path / "out"
    words = [command, *AT_THE_END[command]]
    words += [str(out)] if words[-1] == "-o" else []
    path.write_bytes(RAW)
    expected = run([*words, path]), contents(out)
    path.write_bytes(RAW[:1000])
    begun = threading.Event()

    def grow():
        begun.wait(10)
        for at in range(1000, len(RAW), 100_000):
            with path.open("ab") as file:
                file.write(RAW[at : at + 100_000])

    writer = threading.Thread(target=grow)
    writer.start()
    begun.set()
    found = run([*words, "--follow", "--idle", "1", path]), contents(out)
    writer.join()
    assert same(command, found) == same(command, expected)
    status, _, err = run([*words, "--follow", path])
    assert status == 2
    assert "--follow needs --idle" in err


def contents(folder):
    return {file.name: file.read_bytes() for file in folder.iterdir()} if folder.exists() else {}


def same(command, found):
    """What does not depend on when a batch came; rows are otherwise ordered."""
    (status, out, err), files = found
    if command == "report":  # two pages of one capture have it in common what they show of it
        return status, err
    return status, sorted(out.splitlines()) if command == "sql" else out, err, {
        name: sorted(content.splitlines()) for name, content in files.items()
    }  # fmt: skip
